/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* One session of an agent, and the table of all: by slot, id, cookie and ring. A session is a few
 * hundred bytes, because there may be ten thousand of them. */
#ifndef KD_SESSIONS_H
#define KD_SESSIONS_H

#include "error.h"
#include "heap.h"
#include "keyring.h"
#include "list.h"
#include "loop.h"
#include "protocol.h"
#include "record.h"

#include <stdbool.h>
#include <stdint.h>

#define KD_SESSIONS_MAX (1U << 20) /* what a request id has room for, see fetchlink.h */
#define KD_TOKEN_ID_SIZE 17

struct kd_agent;
struct kd_job;

enum kd_state {
	KD_OPENING = 1, /* the first token is being got; the opener waits */
	KD_LIVE,
	KD_TAMPERED     /* the ring is gone though the leader lives: given up */
};

enum kd_index { KD_BY_ID = 0, KD_BY_COOKIE, KD_BY_RING, KD_N_INDEXES };

struct kd_session {
	uint8_t id[AID_SESSION_ID_BYTES];
	uint8_t cookie[AID_COOKIE_BYTES];
	uint32_t slot;
	enum kd_state state;
	struct kd_session *chain[KD_N_INDEXES];
	struct kd_agent *agent;
	struct kd_list of_agent;
	struct kd_list waiting; /* for the issuer's breaker */
	struct kd_list clients; /* who wait for the job under way */
	struct kd_list credentials; /* those that it has or tried to get, see credential.h */
	uint32_t opens;         /* of them, how many the opener waits for */
	struct kd_job *job;     /* NULL: none under way (single flight) */
	struct kd_issuer *token_issuer; /* whose token is in the ring; NULL: not known after a restart */
	struct kd_timer timer;
	struct kd_watch leader; /* pidfd */
	pid_t leader_pid;
	uid_t uid;
	int64_t leader_start;
	aid_serial ring, token, meta, cookie_key;
	aid_serial holder;      /* of the ring in the anchor; 0: none, or not known after a restart */
	char *texts;            /* service, rhost, tty and invocation, one after the other */
	char *last_error;       /* NULL after a success */
	int64_t opened_wall_ms;
	int64_t expires_wall_ms;
	int64_t expires_boot_ms;
	int64_t lifetime_ms;
	int64_t received_boot_ms;
	int64_t open_until_ms;  /* boot clock: when the opener must have its answer */
	int64_t asked_boot_ms;  /* when its owner last asked for a refresh */
	uint32_t refreshes;
	uint32_t failures;      /* in a row */
	char token_id[KD_TOKEN_ID_SIZE];
};

enum kd_text { KD_SERVICE = 0, KD_RHOST, KD_TTY, KD_INVOCATION, KD_N_TEXTS };

/* NULL without memory. The strings may be NULL or "". */
struct kd_session *kd_session_new(const char *const texts[KD_N_TEXTS]);
/* Frees what it owns in memory; the session must be in no table, list, heap or loop. */
void kd_session_free(struct kd_session *session);
const char *kd_session_text(const struct kd_session *session, enum kd_text which);
void kd_session_set_error(struct kd_session *session, const char *text);
/* "opening", "fresh", "retrying", "expired", "tampered". */
const char *kd_session_state_name(const struct kd_session *session, int64_t now_boot_ms);
/* What agentid:meta shall hold. */
void kd_session_record(const struct kd_session *session, struct aid_record *ret_record);

struct kd_sessions {
	struct kd_session **slots; /* NULL: free */
	uint32_t n_slots;
	uint32_t first_free;       /* no free slot is below */
	uint32_t count;
	struct kd_session **buckets[KD_N_INDEXES];
	uint32_t n_buckets;        /* a power of two */
};

/* AID_E_NOMEM, AID_E_TOOBIG. */
int kd_sessions_add(struct kd_sessions *table, struct kd_session *session) AID_WUR;
void kd_sessions_remove(struct kd_sessions *table, struct kd_session *session);
struct kd_session *kd_sessions_by_id(const struct kd_sessions *table,
	const uint8_t id[AID_SESSION_ID_BYTES]);
/* The comparison of the cookie takes the same time wherever it differs. */
struct kd_session *kd_sessions_by_cookie(const struct kd_sessions *table,
	const uint8_t cookie[AID_COOKIE_BYTES]);
struct kd_session *kd_sessions_by_ring(const struct kd_sessions *table, aid_serial ring);
/* NULL: nobody there. */
struct kd_session *kd_sessions_by_slot(const struct kd_sessions *table, uint32_t slot);
void kd_sessions_done(struct kd_sessions *table);

#endif
