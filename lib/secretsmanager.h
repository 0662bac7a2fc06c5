/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* AWS Secrets Manager: for each operation a function that makes the signed request and one that says what
 * the answer means. Pure: no network, no clock, nothing kept.
 *
 * A request is ended with aid_exchange_call_done(), also on failure. Refusals have the status that says
 * what can be done, the part of __type that names the error in oauth_code, and repeat no secret:
 *   AID_E_NOTFOUND     there is no such secret or version, or it is marked for deletion
 *   AID_E_DENIED       the policies do not allow this, or the key that encrypts it
 *   AID_E_CREDENTIAL   the AWS keys that signed it are not valid (any more): see aid_sm_keys_refused()
 *   AID_E_EXPIRED      the signature is too old or too new there: a clock is wrong
 *   AID_E_CONFIG       the request is not one that is understood there
 *   AID_E_BUSY         throttled: later
 *   AID_E_UNREACHABLE  the service is broken: later
 *   AID_E_PROTOCOL     no answer of the documented form */
#ifndef AID_SECRETSMANAGER_H
#define AID_SECRETSMANAGER_H

#include "exchange.h"
#include "secret_manager.h"
#include "sigv4.h"

#define AID_SM_VERSION_MIN 32U  /* characters of a ClientRequestToken, which becomes the VersionId */
#define AID_SM_VERSION_MAX 64U
#define AID_SM_VERSIONS_MAX 128U

#define AID_SM_CURRENT "AWSCURRENT"
#define AID_SM_PENDING "AWSPENDING"
#define AID_SM_PREVIOUS "AWSPREVIOUS"

/* The service, and who asks it. */
struct aid_sm {
	const char *region;
	const char *endpoint; /* URL without '/' at its end; NULL: the public one of the region */
	const struct aid_sigv4_keys *keys;
	int64_t now_wall_ms;
};

/* The version that has this stage; always say which. */
int aid_sm_get(const struct aid_sm *sm, const char *id, const char *stage,
	struct aid_exchange_call *ret_call, struct aid_error *err) AID_WUR;

struct aid_sm_secret {
	struct aid_secret *value;                /* SecretString, whole; owned */
	char version_id[AID_SM_VERSION_MAX + 1];
};
int aid_sm_get_answer(const struct aid_sm *sm, const struct aid_exchange_answer *answer,
	struct aid_sm_secret *ret_secret, struct aid_error *err) AID_WUR;
/* What is to be a client secret: a member of the JSON that value is, or with field NULL all of it.
 * host is for the sentence. AID_E_NOTFOUND, AID_E_CREDENTIAL (empty), AID_E_PROTOCOL, AID_E_TOOBIG. */
int aid_sm_field(const struct aid_sm_secret *secret, const char *field, const char *host,
	struct aid_secret **ret_value, struct aid_error *err) AID_WUR;
void aid_sm_secret_done(struct aid_sm_secret *secret);

/* Makes a version that has this stage. version_id: 32 to 64 characters of the caller's choice; the same
 * again with the same value changes nothing, with another it is AID_E_DENIED (ResourceExistsException). */
int aid_sm_put(const struct aid_sm *sm, const char *id, const char *version_id,
	const struct aid_secret *value, const char *stage, struct aid_exchange_call *ret_call,
	struct aid_error *err) AID_WUR;
/* value: what the sentence must not repeat. AID_E_PROTOCOL where another version was made. */
int aid_sm_put_answer(const struct aid_sm *sm, const struct aid_exchange_answer *answer,
	const char *version_id, const struct aid_secret *value, struct aid_error *err) AID_WUR;

/* Moves a stage to a version, or takes it away (to NULL); from: the version that has it now, NULL:
 * none. When AWSCURRENT moves, AWSPREVIOUS moves by itself. */
int aid_sm_move_stage(const struct aid_sm *sm, const char *id, const char *stage, const char *to,
	const char *from, struct aid_exchange_call *ret_call, struct aid_error *err) AID_WUR;
int aid_sm_done_answer(const struct aid_sm *sm, const struct aid_exchange_answer *answer,
	struct aid_error *err) AID_WUR;

int aid_sm_describe(const struct aid_sm *sm, const char *id, struct aid_exchange_call *ret_call,
	struct aid_error *err) AID_WUR;
/* The version of each stage; "" where none has it. */
struct aid_sm_stages {
	char current[AID_SM_VERSION_MAX + 1];
	char pending[AID_SM_VERSION_MAX + 1];
	char previous[AID_SM_VERSION_MAX + 1];
	bool rotates; /* AWS itself rotates it */
	bool deleted; /* marked for deletion */
};
int aid_sm_describe_answer(const struct aid_sm *sm, const struct aid_exchange_answer *answer,
	struct aid_sm_stages *ret_stages, struct aid_error *err) AID_WUR;

/* Whether the refusal was about the AWS keys, so that new ones may help. */
bool aid_sm_keys_refused(const struct aid_error *err);

#endif
