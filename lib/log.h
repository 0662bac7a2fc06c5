/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Formats one log line; no sink, level or state: programs and the module bring the sink. */
#ifndef AID_LOG_H
#define AID_LOG_H

#include <stddef.h>

/* Foreign text made fit for a log line: control and non-ASCII bytes and quotes as \xHH, at most 128
 * bytes of it. out holds size bytes and is always terminated. Returns out. */
const char *aid_log_quote(const char *text, char *out, size_t size);

#endif
