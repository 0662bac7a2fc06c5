/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Without a service manager: the process that starts agentid-fetch, restarts it with growing
 * pauses, and ends one that no longer answers its watchdog. Forked before privileges are dropped. */
#ifndef KD_SUPERVISE_H
#define KD_SUPERVISE_H

#include "error.h"
#include "sink.h"

#include <sys/types.h>

struct kd_supervise_params {
	const char *program;     /* agentid-fetch */
	const char *user;        /* account it runs as */
	const char *socket_path; /* its listening socket, made here with mode 0600 */
	const char *notify_path; /* where it reports that it lives */
	const char *journal_stream; /* $JOURNAL_STREAM handed on; NULL: unset */
	int lock;                /* closed in the supervisor, so that it goes with this process */
};

/* Makes the sockets and forks the supervisor, which ends when this process does. *ret_pidfd tells
 * the supervisor's own end. AID_E_CONFIG when there is no such user. */
int kd_supervise_start(const struct kd_supervise_params *params, const struct kd_log *log,
	int *ret_pidfd, struct aid_error *err) AID_WUR;

#endif
