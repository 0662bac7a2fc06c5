/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What happens once, before the first event: the environment, the run directory, the sockets and
 * giving up every privilege but ownership. */
#ifndef KD_STARTUP_H
#define KD_STARTUP_H

#include "daemon.h"

#include <stdbool.h>

struct kd_options {
	bool standalone;
	bool end_sessions;
	const char *fetch_program;
};

/* The environment, read once in main(). NULL: not set. */
struct kd_environment {
	const char *credentials_dir;
	const char *listen_fds;
	const char *listen_pid;
	const char *notify_socket;
	const char *watchdog_usec;
	const char *watchdog_pid;
	const char *journal_stream;
};

/* Everything up to serving. On failure err says why and the process should end. */
int kd_startup(struct kd_daemon *daemon, const struct kd_options *options,
	const struct kd_environment *environment, struct aid_error *err) AID_WUR;

/* In place of a daemon: ends every session that one left, and forgets the kill switches that only the
 * kernel holds. AID_E_BUSY while one runs. */
int kd_end_sessions(size_t *ret_count, struct aid_error *err) AID_WUR;

#endif
