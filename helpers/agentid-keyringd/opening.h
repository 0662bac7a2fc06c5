/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* OPEN: from the request of a login to its answer. Nothing half-made stays behind. */
#ifndef KD_OPENING_H
#define KD_OPENING_H

#include "client.h"
#include "daemon.h"
#include "ipc.h"
#include "sessions.h"

/* Answers at once with an error, or later through the two below. */
void kd_opening_begin(struct kd_daemon *daemon, struct kd_client *client,
	const struct aid_frame *frame);
/* The request for its token is on the way: does meanwhile what needs no token. On failure the session has
 * ended when this returns. */
void kd_opening_prepare(struct kd_daemon *daemon, struct kd_session *session);
/* The token is in the ring, and what else is waited for is done with: answers OPENED. */
void kd_opening_finish(struct kd_daemon *daemon, struct kd_session *session);
/* Answers err and ends the session. */
void kd_opening_failed(struct kd_daemon *daemon, struct kd_session *session,
	const struct aid_error *err);

#endif
