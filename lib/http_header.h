/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The values of the few HTTP response headers that are read (RFC 9110, RFC 9111). Total functions:
 * what cannot be read counts as absent. */
#ifndef AID_HTTP_HEADER_H
#define AID_HTTP_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AID_RETRY_AFTER_MAX_S 120

/* Date, in each of the three forms of RFC 9110 section 5.6.7: seconds since 1970; 0 when absent. */
int64_t aid_http_date(const char *value);
/* Retry-After, a number of seconds or a date: 0 to AID_RETRY_AFTER_MAX_S; -1 when absent. */
int aid_http_retry_after(const char *value, int64_t now_s);
/* Cache-Control: its max-age; 0 with no-store or no-cache; -1 when absent. */
int64_t aid_http_max_age(const char *value);
/* If line is the header called name (lower case), copies its value without surrounding blanks into
 * value, cut to size; else false. */
bool aid_http_header_is(const char *line, size_t length, const char *name, char *value, size_t size);

#endif
