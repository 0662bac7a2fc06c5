/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* An assertion for a credential, in one to three HTTP requests: what each request says and what its
 * answer means. One file target_KIND.c per kind, one row in the table of exchange.c. Pure: no network,
 * no clock. rfc8693 and oidc are not here: they are token requests (oauth.h). */
#ifndef AID_EXCHANGE_H
#define AID_EXCHANGE_H

#include "error.h"
#include "http.h"
#include "secret.h"
#include "target.h"

#include <stdint.h>

#define AID_EXCHANGE_ANSWER_MAX 65536U /* bytes */
#define AID_EXCHANGE_SKEW_MS 30000     /* what clocks may differ where an answer names a time */

/* What is known at the start, and what one step leaves for the next. */
struct aid_exchange {
	const struct aid_target_values *options;
	const char *name;                   /* of the credential, for sentences */
	const char *session_name;
	const struct aid_secret *assertion; /* NULL: not needed */
	const struct aid_secret *previous;  /* vault: the token to renew or to revoke; NULL: none */
	bool revoke;
	/* of the steps; zero at the start */
	unsigned int step;
	struct aid_secret *between;         /* a token that is only for the next step */
	int64_t between_expires_ms;
	struct aid_error refused;           /* vault: why the token that is now revoked is not taken */
	char redirect[256];                 /* vault: where the active node is; "": not said */
};

/* One request. */
struct aid_exchange_call {
	char url[AID_URL_MAX + 1];
	const char *content_type;
	const char *accept;
	struct aid_secret *body;
	struct aid_secret *headers[AID_HTTP_LINES_MAX]; /* whole lines; secrets may stand in them */
	bool take_redirect;
	bool is_put;
	bool is_instance;   /* the host is where a cloud serves an instance's own credentials */
};

struct aid_exchange_answer {
	int status;
	const struct aid_secret *body; /* NULL: empty */
	const char *host;
	const char *location;          /* of a redirect that was asked for; NULL: none */
	int retry_after_s;
	int64_t asked_wall_ms;         /* when the request was sent: lifetimes count from there */
};

struct aid_exchange_result {
	struct aid_secret *payload;    /* what the consumer reads; owned. NULL after a revocation */
	int64_t expires_wall_ms;
	bool renewable;
	char id[129];                  /* how the target's own log names it; "" */
};

/* True for a kind whose credentials can be revoked here. */
bool aid_exchange_can_revoke(enum aid_target_kind kind);

/* What needs JSON to be checked: the files among the options. AID_E_CONFIG. */
int aid_exchange_check(const struct aid_exchange *exchange, struct aid_error *err) AID_WUR;
/* True when the step that is due needs the assertion: a token in hand is first renewed, or revoked,
 * without. */
bool aid_exchange_needs_assertion(const struct aid_exchange *exchange);
/* The request of the step that is due. AID_E_TOOBIG, AID_E_NOMEM. The caller frees it with _done, also
 * on failure. */
int aid_exchange_call(const struct aid_exchange *exchange, struct aid_exchange_call *ret_call,
	struct aid_error *err) AID_WUR;
void aid_exchange_call_done(struct aid_exchange_call *call);
/* What the answer to it means. AID_OK and *ret_more: another step is due; or the result. Refusals say
 * host, status, code and what the server said, and no part of a secret:
 *   AID_E_DENIED       trust policy, claims, role
 *   AID_E_EXPIRED      the assertion is too old or too new there
 *   AID_E_CONFIG       what stands in the options is wrong there
 *   AID_E_BUSY         throttled, sealed, standby: later
 *   AID_E_UNREACHABLE  the server is broken, or it could not reach the issuer: later
 *   AID_E_PROTOCOL     no answer of the documented form
 *   AID_E_NOTFOUND     of a revocation: the server lets nobody revoke that token
 *   AID_E_DENIED       a lifetime over max_lifetime, too */
int aid_exchange_answer(struct aid_exchange *exchange, const struct aid_exchange_answer *answer,
	struct aid_exchange_result *ret_result, bool *ret_more, struct aid_error *err) AID_WUR;
/* Wipes what the steps left. */
void aid_exchange_done(struct aid_exchange *exchange);

#endif
