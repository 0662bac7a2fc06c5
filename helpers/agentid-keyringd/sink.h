/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The sink of log lines: stderr, with the priority in front where the journal reads it. One line for
 * each failed operation and each change of state. A reader of stderr that hangs costs lines, which
 * are counted, and never time. */
#ifndef KD_SINK_H
#define KD_SINK_H

#include "error.h"

#include <stdint.h>
#include <syslog.h>

enum kd_log_kind { KD_LOG_UNKNOWN = 0, KD_LOG_SOCKET, KD_LOG_FILE, KD_LOG_OTHER };

struct kd_log {
	int fd;
	bool prefix;      /* "<N>" in front, as sd-daemon(3) has it */
	enum kd_log_kind kind; /* found out at the first line */
	uint64_t dropped; /* lines lost so far and not yet told */
};

#define KD_LOG_LINE_MAX 2048

/* priority as in syslog.h; a full line without its newline. */
void kd_log_line(struct kd_log *log, int priority, const char *fmt, ...) AID_PRINTF(3, 4);

#endif
