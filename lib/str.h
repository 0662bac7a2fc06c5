/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Strict parsers and small string helpers. A parser takes the whole text or fails. */
#ifndef AID_STR_H
#define AID_STR_H

#include "error.h"

#include <stddef.h>
#include <stdint.h>

/* Equality; NULL equals only NULL. The project's sole string comparison for decisions. */
bool aid_streq(const char *a, const char *b);
/* For sorting only: byte order, NULL first. */
int aid_str_order(const char *a, const char *b);
/* Equality but for the case of ASCII letters: media types, token_type, host names. */
bool aid_streq_nocase(const char *a, const char *b);
bool aid_str_has_prefix(const char *text, const char *prefix);

/* Decimal digits only, min to max inclusive. */
int aid_str_parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value) AID_WUR;
/* "yes" or "no". */
int aid_str_parse_bool(const char *text, bool *ret_value) AID_WUR;
/* A number with unit s, m, h or d ("300s", "10m"); a bare number is refused. Milliseconds out. */
int aid_str_parse_duration(const char *text, int64_t *ret_ms) AID_WUR;
/* "1%" to "99%". */
int aid_str_parse_percent(const char *text, unsigned int *ret_percent) AID_WUR;
/* Agent names: [a-z0-9][a-z0-9._-]{0,62}. */
bool aid_str_is_agent_id(const char *text);
/* RFC 6750 section 2.1 b64token: what may be a bearer token. */
bool aid_str_is_b64token(const char *text, size_t length);
/* Printable ASCII without space at either end; what may stand in a pin (iss, sub, aud). */
bool aid_str_is_printable(const char *text);
/* Lower-case hexadecimal of bytes into out, which holds 2 * length + 1. */
void aid_str_hex(const void *bytes, size_t length, char *out);
/* The same back: exactly 2 * length digits, lower case. */
int aid_str_unhex(const char *text, void *ret_bytes, size_t length) AID_WUR;

#endif
