/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Composes JSON (RFC 8259) in memory, so that a failure halfway prints nothing. Every function takes the
 * member's name, or NULL in an array and at the top. The caller keeps the nesting right. */
#ifndef AID_JSONOUT_H
#define AID_JSONOUT_H

#include "error.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct jsonout {
	FILE *stream;
	char *text;
	size_t length;
	bool comma; /* a value stands before the next one on this level */
};

/* AID_E_NOMEM. */
int jsonout_begin(struct jsonout *json, struct aid_error *err) AID_WUR;
/* Prints what was composed, and a newline. AID_E_NOMEM, and nothing printed. */
int jsonout_print(struct jsonout *json, struct aid_error *err) AID_WUR;
/* Also without jsonout_begin(). */
void jsonout_done(struct jsonout *json);

void jsonout_object(struct jsonout *json, const char *name);
void jsonout_object_end(struct jsonout *json);
void jsonout_array(struct jsonout *json, const char *name);
void jsonout_array_end(struct jsonout *json);
/* NULL and "" are null. Bytes that are not printable ASCII are escaped. */
void jsonout_text(struct jsonout *json, const char *name, const char *text);
void jsonout_int(struct jsonout *json, const char *name, int64_t value);
void jsonout_bool(struct jsonout *json, const char *name, bool value);
/* Wall-clock milliseconds as an RFC 3339 time in UTC; null for 0 and below. */
void jsonout_time(struct jsonout *json, const char *name, int64_t wall_ms);

#endif
