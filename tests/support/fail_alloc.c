/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Preloaded: allocation number FAIL_AT finds no memory, once, and standard error tells. Counted is
 * within pam_open_session() and pam_close_session(), by both together; in a daemon, from the first
 * connection that it takes on. A look into the account database and each call of libeconf count as
 * one: neither glibc (nss_database.c) nor libeconf 0.5 survives every lack of memory within. */
#include "str.h"

#include <dlfcn.h>
#include <errno.h>
#include <libeconf.h>
#include <security/pam_appl.h>
#include <security/pam_modutil.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define NOTE "no memory\n"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

static uint64_t left;
static bool counting;

static bool out_of_memory(void)
{
	if (!counting || left == 0 || --left != 0)
		return false;
	(void)!write(STDERR_FILENO, NOTE, sizeof(NOTE) - 1);
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return out_of_memory() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return out_of_memory() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
	return out_of_memory() ? NULL : __libc_realloc(memory, size);
}

/* libeconf is not among the program's own libraries: the module brings it. */
static void *next(const char *name)
{
	void *real = dlsym(RTLD_NEXT, name);
	bool was_counting = counting;

	counting = false;
	if (real == NULL)
		real = dlsym(dlopen("libeconf.so.0", RTLD_LAZY | RTLD_NOLOAD), name);
	if (real == NULL)
		abort();
	counting = was_counting;
	return real;
}

static void start_counting(void)
{
	static bool known;
	const char *number = secure_getenv("FAIL_AT");

	if (!known && (number == NULL || aid_str_parse_uint(number, 1, UINT32_MAX, &left) != AID_OK))
		abort();
	known = true;
	counting = true;
}

static int call_pam(const char *name, pam_handle_t *pamh, int flags)
{
	int (*real)(pam_handle_t *pamh, int flags);
	int code;

	*(void **)&real = next(name);
	start_counting();
	code = real(pamh, flags);
	counting = false;
	return code;
}

int pam_open_session(pam_handle_t *pamh, int flags)
{
	return call_pam("pam_open_session", pamh, flags);
}

int pam_close_session(pam_handle_t *pamh, int flags)
{
	return call_pam("pam_close_session", pamh, flags);
}

struct passwd *pam_modutil_getpwnam(pam_handle_t *pamh, const char *user)
{
	struct passwd *(*real)(pam_handle_t *pamh, const char *user);
	struct passwd *entry = NULL;
	bool was_counting = counting;

	*(void **)&real = next("pam_modutil_getpwnam");
	if (!out_of_memory()) {
		counting = false;
		entry = real(pamh, user);
		counting = was_counting;
	}
	return entry;
}

econf_err econf_readFile(econf_file **result, const char *file_name, const char *delim,
	const char *comment)
{
	econf_err (*real)(econf_file **result, const char *file_name, const char *delim,
		const char *comment);
	bool was_counting = counting;
	econf_err e = ECONF_NOMEM;

	*(void **)&real = next("econf_readFile");
	if (!out_of_memory()) {
		counting = false;
		e = real(result, file_name, delim, comment);
		counting = was_counting;
	}
	return e;
}

econf_err econf_getStringValue(econf_file *file, const char *group, const char *key, char **result)
{
	econf_err (*real)(econf_file *file, const char *group, const char *key, char **result);
	bool was_counting = counting;
	econf_err e = ECONF_NOMEM;

	*(void **)&real = next("econf_getStringValue");
	if (!out_of_memory()) {
		counting = false;
		e = real(file, group, key, result);
		counting = was_counting;
	}
	return e;
}

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
	int (*real)(int fd, struct sockaddr *address, socklen_t *size, int flags);

	*(void **)&real = next("accept4");
	start_counting();
	return real(fd, address, size, flags);
}
