/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Included before every file but those that define these functions, by ci/analyze only. An analyzer that looks at one file cannot know that
 * aid_fail() and its kin never return AID_OK, and then follows paths that do not exist. */
#ifndef AID_ANALYZER_H
#define AID_ANALYZER_H

#include "error.h"
#include "keyring_private.h"

static inline int aid_analyzer_status(int status)
{
	if (status == AID_OK)
		__builtin_unreachable();
	return status;
}

#define aid_fail(err, status, ...)                                                                 \
	((void)aid_fail(err, status, __VA_ARGS__), aid_analyzer_status(status))
#define aid_fail_errno(err, status, sys_errno, ...)                                                \
	((void)aid_fail_errno(err, status, sys_errno, __VA_ARGS__), aid_analyzer_status(status))
#define aid_key_fail(err, sys_errno, what)                                                         \
	((void)aid_key_fail(err, sys_errno, what), aid_analyzer_status(AID_E_IO))
#define aid_prefix(err, ...) aid_analyzer_status(aid_prefix(err, __VA_ARGS__))

#endif
