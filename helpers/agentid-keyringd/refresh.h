/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* One credential's life: ask fetch, store the answer or try again, in step with the issuer's
 * breaker. The first token of a session and every later one come this way. */
#ifndef KD_REFRESH_H
#define KD_REFRESH_H

#include "daemon.h"
#include "fetchlink.h"
#include "sessions.h"

/* What became of a request: either frame or err. from_provider is false where the request never got
 * as far as the provider, which then says nothing about the provider's health. */
struct kd_answer {
	const struct aid_frame *frame;
	const struct aid_error *err;
	bool from_provider;
};

/* Asks for a token now. No-op while a request is under way. A breaker that is open makes a running
 * session wait for it and an opening one fail. AID_OK when asked or waiting. */
int kd_refresh_start(struct kd_daemon *daemon, struct kd_session *session, struct aid_error *err)
	AID_WUR;
/* The answer to a job, which this takes over. */
void kd_refresh_answered(struct kd_daemon *daemon, struct kd_job *job,
	const struct kd_answer *answer);
/* Plans the next refresh of a session as it is (after recovery). */
void kd_refresh_plan(struct kd_daemon *daemon, struct kd_session *session);
/* Asks within window_ms, whatever was planned. */
void kd_refresh_soon(struct kd_daemon *daemon, struct kd_session *session, int64_t window_ms);
/* For a session's timer. */
void kd_refresh_due(struct kd_daemon *daemon, struct kd_timer *timer);
/* The session ends: forgets its request. */
void kd_refresh_cancel(struct kd_daemon *daemon, struct kd_session *session);

#endif
