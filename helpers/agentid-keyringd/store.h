/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The keys of one session: written, renewed, re-timed and revoked, in an order in which a crash at
 * any point leaves nothing that outlives its token and nothing that recovery takes for whole. */
#ifndef KD_STORE_H
#define KD_STORE_H

#include "daemon.h"
#include "sessions.h"

#include <stddef.h>
#include <stdint.h>

/* Ring, record and cookie hold no token and live this much longer than it: a session is still found after
 * a long outage of the provider or of the daemon, and when the wall clock, by which the kernel ends keys,
 * steps from the year in which a host without a clock starts to the right one. An expired ring can
 * never be had back. What is left when no daemon ever starts again is less than a kilobyte for each
 * session of the last one. */
#define KD_RING_GRACE_MS (INT64_C(60) * 365 * 24 * 3600 * 1000)

/* What a session needs beside its token: anchors the ring and puts the cookie in. On failure of this and
 * the next the caller revokes the ring. */
int kd_store_prepare(struct kd_daemon *daemon, struct kd_session *session, struct aid_error *err) AID_WUR;
/* The first token, into a ring that was prepared: token and info. */
int kd_store_open(struct kd_session *session, const void *token, size_t length, struct aid_error *err)
	AID_WUR;
/* The record, last: a ring without one is an open that was not finished. */
int kd_store_finish(struct kd_session *session, struct aid_error *err) AID_WUR;
/* The next token, in place. *ret_recreated: the key was gone before its time. AID_E_NOTFOUND: the
 * ring itself is gone. */
int kd_store_refresh(struct kd_daemon *daemon, struct kd_session *session, const void *token,
	size_t length, bool *ret_recreated, struct aid_error *err) AID_WUR;
/* Sets the timeout of every key and of the ring anew from the session's deadlines; a token that is
 * due is revoked. Also for keys that lost theirs in a crash. */
void kd_store_set_timeouts(struct kd_session *session);
/* Keeps ring, record and cookie through an outage. */
void kd_store_renew_ring(struct kd_session *session);
/* When the token must be gone, on the wall clock of now: as the provider said, or as the boot clock
 * has it, whichever is earlier. */
int64_t kd_store_expiry(const struct kd_session *session);
/* The same of a credential. */
int64_t kd_store_credential_expiry(const struct kd_credential *credential);
/* When ring, records and cookie end if nobody renews them. */
int64_t kd_store_ring_expiry(void);
/* Writes agentid:info: when the token and each other credential expires. */
int kd_store_info(const struct kd_session *session, struct aid_error *err) AID_WUR;

#endif
