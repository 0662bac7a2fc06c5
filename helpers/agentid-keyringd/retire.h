/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* After a session's keys are revoked here, its token is revoked at the provider (RFC 7009), in the
 * background. Nothing waits for it and it goes after everything that somebody waits for. What fails is
 * tried again until the token expires by itself. The queue is bounded and lives in memory only. */
#ifndef KD_RETIRE_H
#define KD_RETIRE_H

#include "error.h"
#include "fetchlink.h"
#include "list.h"
#include "retire_store.h"

#include <stdint.h>

#define KD_RETIRE_MAX 4096U         /* waiting and flying; more are left to expire */
#define KD_RETIRE_FLYING_MAX 64U
#define KD_RETIRE_FLYING_BUSY 2U    /* of one issuer while logins come all the time */
#define KD_RETIRE_FLYING_ISSUER 8U  /* half of fetch's connections to a host: logins have the rest */
/* In place of a session's slot in the id of a request. */
#define KD_RETIRE_SLOT ((1U << KD_FETCH_SLOT_BITS) - 1U)

struct aid_frame;
struct kd_credential;
struct kd_daemon;
struct kd_session;

struct kd_retire {
	struct kd_list flying;
	struct kd_retire_store store;
	unsigned int count;   /* waiting and flying */
	unsigned int n_flying;
	unsigned int refused; /* for want of room, since the last report */
	unsigned int expired; /* since the last report */
	uint32_t number;
};

void kd_retire_init(struct kd_retire *retire);
/* Wipes and forgets everything. */
void kd_retire_done(struct kd_daemon *daemon);
/* The session ends: keeps its token, where its agent wants it revoked and it is known whose it is, and
 * its credentials that can be revoked.
 * Before the keys are revoked, as nobody can read them afterwards. */
void kd_retire_take(struct kd_daemon *daemon, const struct kd_session *session);
/* A login asks its issuer, or has its answer: what nobody waits for stays out of the way of the next. */
void kd_retire_make_way(const struct kd_session *session);
/* Sends what may be sent now. AID_E_BUSY: the socket is full; AID_E_UNREACHABLE: it is gone. */
int kd_retire_flush(struct kd_daemon *daemon) AID_WUR;
void kd_retire_answered(struct kd_daemon *daemon, const struct aid_frame *frame);
/* What was under way is sent once more. */
void kd_retire_disconnected(struct kd_daemon *daemon);
/* One line for all tokens that were left to expire since the last one. */
void kd_retire_report(struct kd_daemon *daemon);

#endif
