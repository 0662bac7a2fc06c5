/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The forms that values of the configuration and of the options of a credential have. Each check takes
 * the whole text or says in one sentence what is allowed (AID_E_CONFIG); the caller puts the name and
 * the value before it. */
#ifndef AID_SYNTAX_H
#define AID_SYNTAX_H

#include "error.h"

#include <stddef.h>
#include <stdint.h>

#define AID_DIGITS "0123456789"
#define AID_LOWER "abcdefghijklmnopqrstuvwxyz"
#define AID_UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define AID_ALNUM AID_DIGITS AID_LOWER AID_UPPER

#define AID_LIST_MAX 64U   /* parts of a list */
#define AID_PATH_MAX 1023U /* bytes */

/* Not empty and made of the characters of set alone. */
bool aid_syntax_only(const char *text, const char *set);

/* Printable, at most max bytes, no wildcard: a pin that could match two things is none. */
int aid_syntax_pin(const char *value, size_t max, struct aid_error *err) AID_WUR;
/* A pin that is an https URL, or http to a loopback host. */
int aid_syntax_url(const char *value, size_t max, struct aid_error *err) AID_WUR;
/* An absolute URI without fragment (RFC 8707 section 2). */
int aid_syntax_uri(const char *value, size_t max, struct aid_error *err) AID_WUR;
/* RFC 6749 section 3.3. */
int aid_syntax_scope(const char *value, size_t max, struct aid_error *err) AID_WUR;
int aid_syntax_path(const char *value, struct aid_error *err) AID_WUR;
int aid_syntax_host(const char *value, struct aid_error *err) AID_WUR;
int aid_syntax_bool(const char *value, bool *ret_flag, struct aid_error *err) AID_WUR;
int aid_syntax_duration(const char *value, int64_t min_ms, int64_t max_ms, int64_t *ret_ms,
	struct aid_error *err) AID_WUR;
int aid_syntax_percent(const char *value, int64_t min, int64_t max, unsigned int *ret_percent,
	struct aid_error *err) AID_WUR;
/* One of names, which NULL ends: its place, counted from 1. */
int aid_syntax_choice(const char *value, const char *const *names, unsigned int *ret_place,
	struct aid_error *err) AID_WUR;

/* The parts of value, which commas separate or else blanks; NULL ends them. No part is empty or stands
 * twice, and check, given data, holds for each. AID_E_CONFIG, AID_E_NOMEM. */
typedef int (*aid_syntax_part)(const void *data, const char *part, struct aid_error *err);
int aid_syntax_list(const char *value, aid_syntax_part check, const void *data, char ***ret_parts,
	struct aid_error *err) AID_WUR;
void aid_syntax_list_free(char **parts);

#endif
