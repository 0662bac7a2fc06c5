/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Times as RFC 3339 writes them, in UTC. */
#ifndef AID_TIMESTAMP_H
#define AID_TIMESTAMP_H

#include "error.h"

#include <stdint.h>

#define AID_TIMESTAMP_SIZE 21 /* "2026-01-02T03:04:05Z" and a NUL */

/* With or without a fraction of up to nine digits, ending in Z or +00:00; 1970 to 9999. Milliseconds
 * since 1970, rounded down. AID_E_INVALID. */
int aid_timestamp_parse(const char *text, int64_t *ret_ms) AID_WUR;
/* Whole seconds, rounded down. */
void aid_timestamp_format(int64_t ms, char out[AID_TIMESTAMP_SIZE]);

#endif
