/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const status_names[] = {
	"ok", "no-memory", "io", "timeout", "unreachable", "protocol", "denied", "expired",
	"untrusted", "not-found", "config", "too-big", "quota", "credential", "busy", "version",
	"revoked", "invalid", "unsafe",
};
_Static_assert(sizeof(status_names) / sizeof(status_names[0]) == 1 - AID_E_LAST_WK,
	"every status has a name");

/* Foreign text ends up here through %s: keep what a log line and a terminal can bear. */
static void make_printable(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
	}
}

AID_PRINTF(2, 0)
static void set_text(struct aid_error *err, const char *fmt, va_list args)
{
	(void)vsnprintf(err->text, sizeof(err->text), fmt, args);
	make_printable(err->text);
}

int aid_fail(struct aid_error *err, int status, const char *fmt, ...)
{
	va_list args;

	if (err == NULL)
		return status;
	*err = AID_ERROR_INIT;
	err->status = status;
	va_start(args, fmt);
	set_text(err, fmt, args);
	va_end(args);
	return status;
}

int aid_fail_errno(struct aid_error *err, int status, int sys_errno, const char *fmt, ...)
{
	va_list args;
	size_t used;

	if (err == NULL)
		return status;
	*err = AID_ERROR_INIT;
	err->status = status;
	err->sys_errno = sys_errno;
	va_start(args, fmt);
	set_text(err, fmt, args);
	va_end(args);
	used = strlen(err->text);
	(void)snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerrordesc_np(sys_errno));
	make_printable(err->text);
	return status;
}

int aid_prefix(struct aid_error *err, const char *fmt, ...)
{
	char old[sizeof(err->text)];
	va_list args;
	size_t used;

	if (err == NULL)
		return AID_E_INVALID;
	memcpy(old, err->text, sizeof(old));
	va_start(args, fmt);
	set_text(err, fmt, args);
	va_end(args);
	used = strlen(err->text);
	(void)snprintf(err->text + used, sizeof(err->text) - used, ": %.*s",
		(int)(sizeof(old) - 1), old);
	return err->status;
}

const char *aid_status_name(int status)
{
	if (status > 0 || status < AID_E_LAST_WK)
		return "unknown";
	return status_names[-status];
}

bool aid_status_is_transient(int status)
{
	return status == AID_E_TIMEOUT || status == AID_E_UNREACHABLE || status == AID_E_BUSY;
}
