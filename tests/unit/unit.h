/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What every unit test includes: cmocka with what it needs before it, and assertions about the status
 * and the sentence of a failure. */
#ifndef UNIT_H
#define UNIT_H

#include "error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The call failed with this status and said so, in a sentence that holds part. */
static inline void unit_assert_failed(int seen, int status, const struct aid_error *err,
	const char *part, const char *file, int line)
{
	if (seen == status && err->status == status && strstr(err->text, part) != NULL)
		return;
	print_error("status %d (error %d: \"%s\"), expected %d and \"%s\"\n", seen, err->status,
		err->text, status, part);
	_fail(file, line);
}
#define assert_failed(seen, status, err, part)                                                     \
	unit_assert_failed((seen), (status), (err), (part), __FILE__, __LINE__)

/* The call succeeded; if not, its sentence is shown. */
static inline void unit_assert_ok(int seen, const struct aid_error *err, const char *file, int line)
{
	if (seen == AID_OK)
		return;
	print_error("status %d: \"%s\"\n", seen, err->text);
	_fail(file, line);
}
#define assert_ok(seen, err) unit_assert_ok((seen), (err), __FILE__, __LINE__)

#endif
