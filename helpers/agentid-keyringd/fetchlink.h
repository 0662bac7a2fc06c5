/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The connection to agentid-fetch. Jobs wait in a queue until the socket takes them, then fly until
 * the answer with their id comes. When fetch goes away, each job in flight is sent once more. */
#ifndef KD_FETCHLINK_H
#define KD_FETCHLINK_H

#include "error.h"
#include "heap.h"
#include "ipc.h"
#include "list.h"
#include "loop.h"
#include "secret.h"

#include <stdbool.h>
#include <stdint.h>

#define KD_FETCH_SLOT_BITS 20U /* of a request's id: KD_SESSIONS_MAX fits */

struct kd_credential;
struct kd_issuer;
struct kd_session;

/* One request for a token or a credential. Its id is the slot of the session in the low 20 bits and a running
 * number above, so an answer finds its job without another table. */
struct kd_job {
	struct kd_list node;
	struct kd_session *session;
	struct kd_credential *credential; /* NULL: it is for the session's token */
	struct kd_issuer *issuer; /* whose breaker counts the outcome; NULL: none */
	struct kd_issuer *asked;  /* whom the request sent names: a reload may lie between */
	struct kd_timer deadline;
	int64_t deadline_ms;
	uint32_t id;
	unsigned int version;     /* that the request was sent in */
	uint8_t sends;
	bool reopened; /* the secret was opened again after AID_E_CREDENTIAL */
	bool probe;    /* of the issuer's breaker */
};

struct kd_fetch {
	struct kd_watch watch;
	struct kd_list queue;
	struct kd_list flying;
	struct kd_timer reconnect;
	struct aid_secret *buffer; /* one frame; wiped after each */
	struct aid_secret *out;    /* the same, of requests */
	const char *path;
	unsigned int failures;     /* to connect, in a row */
	uint32_t number;
	unsigned int version;      /* spoken on this connection */
	bool flushing;
	bool send_due; /* something was submitted in this turn of the loop */
};

int kd_fetch_init(struct kd_fetch *fetch, const char *path, struct aid_error *err) AID_WUR;
void kd_fetch_done(struct kd_fetch *fetch);
/* Connects now, or later when nobody listens. */
void kd_fetch_start(struct kd_daemon *daemon);
/* Sends what was submitted since the last call; the loop does before it waits, so that whoever submits
 * is not called back from within. */
void kd_fetch_send_due(struct kd_daemon *daemon);
bool kd_fetch_is_up(const struct kd_fetch *fetch);
/* Why a request had no answer when its time was up. */
void kd_fetch_was_silent(const struct kd_fetch *fetch, struct aid_error *err);
/* Queues a new job for the session, which must have none for the same thing. kd_refresh_answered() gets the answer,
 * never before this returns. NULL without memory. */
struct kd_job *kd_fetch_submit(struct kd_daemon *daemon, struct kd_session *session,
	int64_t deadline_boot_ms);
/* Sends a job again, in front of the others, with its files opened anew. */
void kd_fetch_again(struct kd_daemon *daemon, struct kd_job *job);
/* The error of an ERROR answer to a request that was sent in a version. True: fetch refused only that
 * version, and the request is to be sent again, in the one that the connection has now. */
bool kd_fetch_refused(struct kd_daemon *daemon, const struct aid_frame *frame, unsigned int sent,
	struct aid_error *err);
/* Forgets a job; a late answer is thrown away. */
void kd_fetch_drop(struct kd_daemon *daemon, struct kd_job *job);

#endif
