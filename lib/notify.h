/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The service manager's notification protocol (sd_notify(3)), as far as the daemons need it. The
 * library reads no environment: a program hands in $NOTIFY_SOCKET, $WATCHDOG_USEC and
 * $WATCHDOG_PID. agentid-keyringd's supervisor speaks the same to agentid-fetch. */
#ifndef AID_NOTIFY_H
#define AID_NOTIFY_H

#include "error.h"

#include <stdint.h>

struct aid_notify {
	int fd;              /* -1: nobody listens, and every call is a success */
	int64_t watchdog_ms; /* 0: no watchdog; else ping at least this often (half the limit) */
};

/* socket_path may be NULL or "", or name a socket that is not there (nobody listens); "@name" is an abstract socket. watchdog_usec and
 * watchdog_pid may be NULL; a watchdog meant for another process is none. AID_E_CONFIG, AID_E_IO. */
int aid_notify_init(struct aid_notify *notify, const char *socket_path, const char *watchdog_usec,
	const char *watchdog_pid, struct aid_error *err) AID_WUR;
void aid_notify_done(struct aid_notify *notify);

/* Sends one message of "NAME=value" lines, such as "READY=1\nSTATUS=3 sessions". A full or vanished
 * listener is no reason to stop working: nothing is returned. */
void aid_notify_send(const struct aid_notify *notify, const char *state);
/* The watchdog ping, where there is a watchdog: to be called after the event loop made progress. */
void aid_notify_ping(const struct aid_notify *notify);

#endif
