/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Between exchange.c and the target_KIND.c files of the network half. */
#ifndef AID_EXCHANGE_PRIVATE_H
#define AID_EXCHANGE_PRIVATE_H

#include "exchange.h"
#include "json.h"

struct aid_exchange_kind {
	enum aid_target_kind kind;
	bool can_revoke;
	int (*check)(const struct aid_exchange *, struct aid_error *); /* NULL: nothing to check */
	int (*call)(const struct aid_exchange *, struct aid_exchange_call *, struct aid_error *);
	int (*answer)(struct aid_exchange *, const struct aid_exchange_answer *,
		struct aid_exchange_result *, bool *ret_more, struct aid_error *);
};

extern const struct aid_exchange_kind aid_exchange_aws, aid_exchange_azure, aid_exchange_gcp,
	aid_exchange_vault;

/* Makes call->body with room for bytes. */
int aid_call_room(struct aid_exchange_call *call, size_t bytes, struct aid_error *err) AID_WUR;
/* name=value of a form. */
int aid_call_add_bytes(struct aid_exchange_call *call, const char *name, const char *bytes,
	size_t length, struct aid_error *err) AID_WUR;
/* The same; a NULL value is left out. */
int aid_call_add(struct aid_exchange_call *call, const char *name, const char *value,
	struct aid_error *err) AID_WUR;
/* The same; a NULL value is AID_E_INVALID. */
int aid_call_add_secret(struct aid_exchange_call *call, const char *name,
	const struct aid_secret *value, struct aid_error *err) AID_WUR;
/* A header line: start, which has the name, and bytes. */
int aid_call_header(struct aid_exchange_call *call, const char *start, const char *bytes, size_t length,
	struct aid_error *err) AID_WUR;
/* The parts one after another; NULL ends them. AID_E_TOOBIG. */
int aid_call_url(struct aid_exchange_call *call, struct aid_error *err, ...) AID_WUR
	__attribute__((sentinel));

/* A refusal: "host 'H': HTTP 403 CODE (MESSAGE)". What the server wrote is shown without control
 * characters, shortened, and not at all where it repeats a secret. Fills http_status, retry_after_s and
 * oauth_code. Returns status. */
struct aid_exchange_refusal {
	int status;          /* AID_OK: by the HTTP status alone */
	const char *code;    /* NULL: none */
	const char *message; /* NULL: none */
};
int aid_exchange_refuse(const struct aid_exchange *exchange, const struct aid_exchange_answer *answer,
	const struct aid_exchange_refusal *refusal, struct aid_error *err);

/* The answer as JSON. AID_E_PROTOCOL. */
int aid_answer_has_body(const struct aid_exchange_answer *answer, struct aid_error *err) AID_WUR;
int aid_answer_json(const struct aid_exchange_answer *answer, struct aid_json **ret_document,
	struct aid_error *err) AID_WUR;
/* The member as a bearer token; sentences name it. */
int aid_answer_token(const struct aid_exchange_answer *answer, const struct aid_json *object,
	const char *member, struct aid_secret **ret_token, struct aid_error *err) AID_WUR;
/* AID_E_EXPIRED or, naming the setting, AID_E_DENIED. */
int aid_answer_expiry(const struct aid_exchange *exchange, const struct aid_exchange_answer *answer,
	int64_t expires_wall_ms, struct aid_error *err) AID_WUR;

#endif
