/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Scope-exit ownership: AID_AUTO(aid_x) *p frees p with aid_x_free() at the end of its scope. */
#ifndef AID_CLEANUP_H
#define AID_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define AID_DEFINE_AUTO(type)                                                                      \
	static inline void type##_autofree(struct type **p)                                        \
	{                                                                                          \
		type##_free(*p);                                                                   \
	}
#define AID_AUTO(type) __attribute__((cleanup(type##_autofree))) struct type

static inline void aid_free_autofree(void *p)
{
	free(*(void **)p);
}
#define AID_FREE __attribute__((cleanup(aid_free_autofree)))

static inline void aid_fd_autoclose(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}
/* Declares an owned descriptor, closed at the end of the scope unless taken with aid_steal_fd(). */
#define AID_FD(name) __attribute__((cleanup(aid_fd_autoclose))) int name = -1

/* Hands an owned pointer on; the variable no longer owns it. */
#define aid_steal(p)                                                                               \
	__extension__({                                                                            \
		__typeof__(*(p)) aid_steal_value = *(p);                                           \
		*(p) = NULL;                                                                       \
		aid_steal_value;                                                                   \
	})

static inline int aid_steal_fd(int *fd)
{
	int value = *fd;

	*fd = -1;
	return value;
}

#endif
