/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The life of a credential that a session's identity is exchanged for: made when it is first asked for,
 * or at open; kept fresh while somebody uses it; in its own key of the ring. In step with the breaker of
 * its target. */
#ifndef KD_CREDENTIAL_H
#define KD_CREDENTIAL_H

#include "configuration.h"
#include "heap.h"
#include "keyring.h"
#include "list.h"
#include "sessions.h"
#include "target.h"

#include <stdbool.h>
#include <stdint.h>

#define KD_TARGET_NAME_SIZE 832 /* of a target as an issuer, see kd_credential_target() */

struct aid_error;
struct kd_agent;
struct kd_answer;
struct kd_client;
struct kd_daemon;
struct kd_issuer;
struct kd_job;

/* One that a session has, or tried to get. Which options it has is looked up by its name each time: a
 * reload may have changed them. */
struct kd_credential {
	struct kd_list node;
	struct kd_session *session;
	struct kd_list clients;    /* who wait for the exchange under way */
	struct kd_job *job;        /* NULL: none under way (single flight) */
	struct kd_issuer *target;  /* who was asked last, for its breaker; NULL: nobody since the start */
	struct kd_issuer *from;    /* whose credential is in the key; NULL: none is, or it is not known */
	struct kd_timer timer;
	aid_serial key;            /* 0: none yet */
	enum aid_target_kind kind;
	bool used;                 /* since the last exchange */
	bool renewable;
	bool opens;                /* the opener waits for it */
	int64_t expires_wall_ms;
	int64_t expires_boot_ms;
	int64_t lifetime_ms;
	int64_t received_boot_ms;
	int64_t asked_boot_ms;     /* when it was last asked for; 0: never */
	uint32_t refreshes;
	uint32_t failures;         /* in a row */
	int last_status;
	char *last_error;          /* NULL after a success */
	char id[KD_TOKEN_ID_SIZE];
	char name[AID_CREDENTIAL_NAME_MAX + 1];
};

/* ---- of a session (credentials.c) ---- */

/* NULL when it has none of that name. */
struct kd_credential *kd_credential_find(const struct kd_session *session, const char *name);
/* Finds or makes; NULL without memory. */
struct kd_credential *kd_credential_make(struct kd_session *session, const char *name,
	enum aid_target_kind kind);
void kd_credential_free(struct kd_credential *credential);
/* NULL when its agent is not configured or has no such credential any more. */
const struct aid_credential *kd_credential_config(const struct kd_credential *credential);
void kd_credential_set_error(struct kd_credential *credential, const struct aid_error *err);
/* By both clocks: it can be read for another second at least. */
bool kd_credential_is_there(const struct kd_credential *credential);
/* "unused", "getting", "fresh", "retrying", "failing", "lapsed"; credential may be NULL. */
const char *kd_credential_state(const struct kd_credential *credential);
/* The index-th one of a session: those that it has, then those that are only configured. False past the
 * end. Either pointer may become NULL. */
bool kd_credential_at(const struct kd_session *session, uint32_t index,
	const struct kd_credential **ret_credential, const struct aid_credential **ret_config);

/* ---- its life (credential.c) ---- */

/* Whose breaker counts for it: the target's host, as asked with assertions of the provider or of this host.
 * The agent is configured. NULL without memory. */
struct kd_issuer *kd_credential_target(struct kd_daemon *daemon, const struct kd_agent *agent,
	const struct aid_credential *config);
/* Answers, or has the client wait for the exchange. */
void kd_credential_get(struct kd_daemon *daemon, struct kd_client *client, struct kd_session *session,
	const char *name);
/* Asks for those with at_open = yes; session->opening counts how many are waited for. */
void kd_credentials_open(struct kd_daemon *daemon, struct kd_session *session);
/* The answer to a job of a credential, which this takes over. */
void kd_credential_answered(struct kd_daemon *daemon, struct kd_job *job, const struct kd_answer *answer);
/* Plans the next exchange of one that is as it is (after recovery). */
void kd_credential_plan(struct kd_daemon *daemon, struct kd_credential *credential);
/* Asks again within window_ms those that are used, or, with failing_only, those that fail. */
void kd_credentials_soon(struct kd_daemon *daemon, struct kd_session *session, int64_t window_ms,
	bool failing_only);
/* After a reload: those that are no longer configured, or are of another type now, end, and the session with
 * them when it waited for nothing else and cannot be opened. */
void kd_credentials_reload(struct kd_daemon *daemon, struct kd_session *session);
/* The session ends, for this reason: forgets them all. */
void kd_credentials_drop(struct kd_daemon *daemon, struct kd_session *session, const struct aid_error *err);

#endif
