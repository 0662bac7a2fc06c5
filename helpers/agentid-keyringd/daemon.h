/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The one state of the process. main() owns it; everything gets it passed. */
#ifndef KD_DAEMON_H
#define KD_DAEMON_H

#include "agent.h"
#include "client.h"
#include "configuration.h"
#include "fetchlink.h"
#include "hostkey.h"
#include "keyring.h"
#include "sink.h"
#include "loop.h"
#include "notify.h"
#include "quota.h"
#include "retire.h"
#include "rotation.h"
#include "sessions.h"
#include "verify.h"

#include <stdint.h>

struct kd_daemon {
	struct kd_log log;
	struct kd_loop loop;
	struct kd_sessions sessions;
	struct kd_agents agents;
	struct kd_clients clients;
	struct kd_fetch fetch;
	struct kd_retire retire;
	struct kd_verify verify;
	struct kd_rotations rotations;
	struct kd_admission admission;
	struct kd_host_key host_key;
	struct aid_config *config;        /* NULL: none could be loaded since the start */
	char config_error[256];           /* "": the last load found no problem */
	char *config_problems;            /* all of them, to see a change; NULL: none */
	struct kd_timer recheck;          /* looks again while there are any */
	const char *credentials_dir;      /* NULL: none */
	aid_serial anchor;
	int64_t started_wall_ms;
	struct aid_notify notify;
	struct kd_timer watchdog;
	struct kd_timer recovery;         /* for rings that could not be taken up at once */
	struct kd_watch supervisor;       /* pidfd; -1: fetch is somebody else's */
	bool failed;                      /* to exit with an error */
};

/* Somebody set the wall clock by step_ms, or the host slept: keys get their timeouts from the boot
 * clock again and every token is replaced within about a second. */
void kd_daemon_clock_stepped(struct kd_daemon *daemon, int64_t step_ms);
/* SIGHUP. */
void kd_daemon_reload(struct kd_daemon *daemon);
/* Frees everything; the sessions stay in the kernel. Also after a start that failed half-way. */
void kd_daemon_done(struct kd_daemon *daemon);
/* Tells the service manager what is going on. */
void kd_daemon_status(struct kd_daemon *daemon);

#endif
