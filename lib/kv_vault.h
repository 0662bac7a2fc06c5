/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Vault and OpenBao as a secrets manager: logging in, the KV secrets engine of both versions. For each
 * step a function that makes the request and one that says what the answer means. Pure: no network, no
 * clock, nothing kept.
 *
 * A request is ended with aid_exchange_call_done(), also on failure. Refusals have the status that says
 * what can be done, and repeat no secret:
 *   AID_E_DENIED       403: the token is not valid (any more), or its policies do not allow this
 *   AID_E_NOTFOUND     404: no such secret, or the newest version is deleted
 *   AID_E_CONFIG       the request is not one that is understood there
 *   AID_E_BUSY         sealed, standby, rate-limited: later
 *   AID_E_UNREACHABLE  the server is broken: later
 *   AID_E_PROTOCOL     no answer of the documented form */
#ifndef AID_KV_VAULT_H
#define AID_KV_VAULT_H

#include "exchange.h"
#include "json.h"
#include "secret_manager.h"

#define AID_KV_VERSION_MAX INT64_C(4294967295)

/* A server, and who asks it. */
struct aid_vault {
	const char *address;            /* URL without '/' at its end */
	const char *namespace_path;     /* NULL: none */
	const struct aid_secret *token; /* NULL: for logging in */
};

/* ---- logging in ---- */

int aid_vault_login_jwt(const struct aid_vault *vault, const char *mount, const char *role,
	const struct aid_secret *jwt, struct aid_exchange_call *ret_call, struct aid_error *err) AID_WUR;
int aid_vault_login_approle(const struct aid_vault *vault, const char *mount, const char *role_id,
	const struct aid_secret *secret_id, struct aid_exchange_call *ret_call, struct aid_error *err) AID_WUR;
int aid_vault_renew(const struct aid_vault *vault, struct aid_exchange_call *ret_call,
	struct aid_error *err) AID_WUR;
int aid_vault_revoke(const struct aid_vault *vault, struct aid_exchange_call *ret_call,
	struct aid_error *err) AID_WUR;

struct aid_vault_token {
	struct aid_secret *token; /* owned */
	int64_t lease_s;          /* 0: it does not expire */
	bool renewable;
};
/* Of a login or a renewal. sent: what the sentence must not repeat; NULL: nothing. */
int aid_vault_token_answer(const struct aid_exchange_answer *answer, const struct aid_secret *sent,
	struct aid_vault_token *ret_token, struct aid_error *err) AID_WUR;

/* A standby sends on (answer->location, HTTP 307) to the active node: its address into out, where it is
 * a host of the list allowed_hosts (NULL: none) and path of url is kept. section is for the sentence.
 * AID_E_UNTRUSTED. */
int aid_vault_redirect(const char *url, const struct aid_exchange_answer *answer,
	const char *allowed_hosts, const char *section, char *out, size_t size, struct aid_error *err) AID_WUR;

/* ---- KV ---- */

struct aid_kv_place {
	unsigned int version;              /* of the engine: 1 or 2 */
	char mount[AID_VAULT_PATH_MAX + 1]; /* "kv"; may have several segments */
	char path[AID_VAULT_PATH_MAX + 1];  /* below it */
};

/* Which engine is mounted where path begins. A server that does not say (404) has version 1, mounted at
 * the first segment. */
int aid_kv_detect(const struct aid_vault *vault, const char *path, struct aid_exchange_call *ret_call,
	struct aid_error *err) AID_WUR;
int aid_kv_detect_answer(const struct aid_vault *vault, const struct aid_exchange_answer *answer,
	const char *path, struct aid_kv_place *ret_place, struct aid_error *err) AID_WUR;

/* version 0: the newest; with an engine of version 1 there is no other. */
int aid_kv_read(const struct aid_vault *vault, const struct aid_kv_place *place, int64_t version,
	struct aid_exchange_call *ret_call, struct aid_error *err) AID_WUR;

struct aid_kv_secret {
	struct aid_json *document;   /* owned */
	const struct aid_json *data; /* the fields, within it */
	int64_t version;             /* 0: the engine has none */
};
int aid_kv_read_answer(const struct aid_vault *vault, const struct aid_kv_place *place,
	const struct aid_exchange_answer *answer, struct aid_kv_secret *ret_secret, struct aid_error *err)
	AID_WUR;
/* A field that is to be a client secret. host is for the sentence. AID_E_NOTFOUND, AID_E_CREDENTIAL
 * (empty), AID_E_PROTOCOL (no text), AID_E_TOOBIG. */
int aid_kv_field(const struct aid_kv_secret *secret, const char *field, const char *host,
	struct aid_secret **ret_value, struct aid_error *err) AID_WUR;
void aid_kv_secret_done(struct aid_kv_secret *secret);

/* Replaces all fields by those of data. cas: only if this is the newest version, 0: only if there is
 * none; -1: whatever is there. An engine of version 1 knows no cas: AID_E_INVALID. */
int aid_kv_write(const struct aid_vault *vault, const struct aid_kv_place *place,
	const struct aid_json *data, int64_t cas, struct aid_exchange_call *ret_call, struct aid_error *err)
	AID_WUR;
struct aid_kv_written {
	bool conflict;   /* somebody else wrote meanwhile, and nothing was written: read again */
	int64_t version; /* that was made; 0: the engine has none */
};
/* data as it was sent: what the sentence must not repeat is looked for in it. */
int aid_kv_write_answer(const struct aid_vault *vault, const struct aid_kv_place *place,
	const struct aid_exchange_answer *answer, struct aid_kv_written *ret_written, struct aid_error *err)
	AID_WUR;

/* Of an engine of version 2: what is known of the secret without reading it. */
int aid_kv_metadata(const struct aid_vault *vault, const struct aid_kv_place *place,
	struct aid_exchange_call *ret_call, struct aid_error *err) AID_WUR;
struct aid_kv_metadata {
	bool cas_required;
	int64_t max_versions;    /* 0: the engine's own */
	int64_t current_version; /* 0: none yet */
	bool deleted;            /* the current one is deleted or destroyed */
};
int aid_kv_metadata_answer(const struct aid_vault *vault, const struct aid_exchange_answer *answer,
	struct aid_kv_metadata *ret_metadata, struct aid_error *err) AID_WUR;

/* Brings a deleted version back. */
int aid_kv_undelete(const struct aid_vault *vault, const struct aid_kv_place *place, int64_t version,
	struct aid_exchange_call *ret_call, struct aid_error *err) AID_WUR;
/* An answer that has nothing but a success to say: 200 or 204. Of _undelete and aid_vault_revoke(). */
int aid_vault_done_answer(const struct aid_vault *vault, const struct aid_exchange_answer *answer,
	struct aid_error *err) AID_WUR;

#endif
