/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Vault and OpenBao: log in with the assertion; renew the token in hand while the server lets it live
 * on; revoke it. */
#include "exchange_private.h"

#include "kv_vault.h"
#include "str.h"

#include <stdio.h>
#include <string.h>

/* A renewal that gives less is the end of a token's longest life: a new one is wanted. */
#define RENEWAL_MIN_S 60
#define LEASE_MAX_S INT64_C(31622400) /* 366 days */

enum step { STEP_BEGIN, STEP_LOGIN, STEP_REVOKE };

static bool renews(const struct aid_exchange *x)
{
	return x->step == STEP_BEGIN && x->previous != NULL && !x->revoke;
}

/* The session's token, or one that was given and refused here: nobody else would end it. */
static bool revokes(const struct aid_exchange *x)
{
	return x->revoke || x->step == STEP_REVOKE;
}

static int set_url(const struct aid_exchange *x, struct aid_exchange_call *call, struct aid_error *err)
{
	const char *address = x->redirect[0] != '\0' ? x->redirect
						     : aid_target_get(x->options, "address");

	if (revokes(x))
		return aid_call_url(call, err, address, "/v1/auth/token/revoke-self", NULL);
	if (renews(x))
		return aid_call_url(call, err, address, "/v1/auth/token/renew-self", NULL);
	return aid_call_url(call, err, address, "/v1/auth/", aid_target_get(x->options, "mount"), "/login",
		NULL);
}

static int append(struct aid_exchange_call *call, const char *text, struct aid_error *err)
{
	return aid_secret_append(call->body, text, strlen(text)) == AID_OK
		? AID_OK : aid_fail(err, AID_E_TOOBIG, "the request does not fit");
}

/* Roles and tokens are of characters that need no escaping: their checks have seen to it. */
static int fill_login(const struct aid_exchange *x, struct aid_exchange_call *call, struct aid_error *err)
{
	const char *parts[] = {"{\"role\":\"", aid_target_get(x->options, "role"), "\",\"jwt\":\"",
		NULL, "\"}"};
	int r;

	if (x->assertion == NULL ||
		!aid_str_is_b64token(aid_secret_peek(x->assertion), aid_secret_length(x->assertion)))
		return aid_fail(err, AID_E_INVALID, "no assertion to log in with");
	parts[3] = aid_secret_peek(x->assertion);
	r = aid_call_room(call, 256 + aid_secret_length(x->assertion), err);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && r == AID_OK; i++)
		r = append(call, parts[i], err);
	return r;
}

static int fill_renewal(const struct aid_exchange *x, struct aid_exchange_call *call,
	struct aid_error *err)
{
	int64_t increment = aid_target_number(x->options, "increment");
	char text[64] = "{}";
	int r = aid_call_room(call, sizeof(text), err);

	if (increment > 0 && !revokes(x))
		(void)snprintf(text, sizeof(text), "{\"increment\":\"%llds\"}", (long long)(increment / 1000));
	return r == AID_OK ? append(call, text, err) : r;
}

static int call(const struct aid_exchange *x, struct aid_exchange_call *ret_call, struct aid_error *err)
{
	const char *namespace = aid_target_get(x->options, "namespace");
	const struct aid_secret *token = x->step == STEP_REVOKE ? x->between : x->previous;
	bool with_token = renews(x) || revokes(x);
	int r;

	if (revokes(x) && token == NULL)
		return aid_fail(err, AID_E_INVALID, "no token to revoke");
	ret_call->content_type = "application/json";
	/* A standby may send on to the active node; where to is judged when it does. */
	ret_call->take_redirect = x->redirect[0] == '\0';
	r = set_url(x, ret_call, err);
	if (r == AID_OK)
		r = with_token ? fill_renewal(x, ret_call, err) : fill_login(x, ret_call, err);
	if (r == AID_OK)
		r = aid_call_header(ret_call, "X-Vault-Request: ", "true", 4, err);
	if (r == AID_OK && namespace != NULL)
		r = aid_call_header(ret_call, "X-Vault-Namespace: ", namespace, strlen(namespace), err);
	if (r == AID_OK && with_token)
		r = aid_call_header(ret_call, "X-Vault-Token: ", aid_secret_peek(token),
			aid_secret_length(token), err);
	return r;
}

static int status_of(int http_status)
{
	switch (http_status) {
	case 400:
	case 403:
		return AID_E_DENIED;
	case 404: /* nothing is mounted there */
	case 405:
		return AID_E_CONFIG;
	case 412: /* a standby that does not know the newest state */
	case 429:
	case 472: /* standby */
	case 473:
	case 503: /* sealed */
		return AID_E_BUSY;
	default:
		return AID_OK;
	}
}

static int refuse(const struct aid_exchange *x, const struct aid_exchange_answer *answer,
	struct aid_error *err)
{
	struct aid_exchange_refusal refusal = {.status = status_of(answer->status)};
	AID_AUTO(aid_json) *document = NULL;
	const struct aid_json *errors;

	if (aid_answer_json(answer, &document, NULL) == AID_OK &&
		aid_json_array(document, "errors", &errors, NULL) == AID_OK)
		refusal.message = aid_json_array_text(errors, 0);
	return aid_exchange_refuse(x, answer, &refusal, err);
}

/* To the same path at a host of allowed_hosts, once: the request is then made anew for that host. */
static int take_redirect(struct aid_exchange *x, const struct aid_exchange_answer *answer,
	struct aid_error *err)
{
	struct aid_exchange_call here = {.body = NULL};
	char section[64];
	int r = set_url(x, &here, err);

	if (r != AID_OK)
		return r;
	(void)snprintf(section, sizeof(section), "credential %s", x->name);
	return aid_vault_redirect(here.url, answer, aid_target_get(x->options, "allowed_hosts"), section,
		x->redirect, sizeof(x->redirect), err);
}

static int read_auth(const struct aid_exchange_answer *answer, const struct aid_json *document,
	const struct aid_json **ret_auth, int64_t *ret_lease_s, bool *ret_renewable, struct aid_error *err)
{
	if (aid_json_object(document, "auth", ret_auth, NULL) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': no auth in the answer", answer->host);
	if (aid_json_int(*ret_auth, "lease_duration", 0, LEASE_MAX_S, ret_lease_s, NULL) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL,
			"host '%.64s': lease_duration is no whole number of seconds from 0 to %lld",
			answer->host, (long long)LEASE_MAX_S);
	if (aid_json_bool(*ret_auth, "renewable", ret_renewable, NULL) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': renewable is not true or false",
			answer->host);
	return AID_OK;
}

static int check_life(const struct aid_exchange *x, const struct aid_exchange_answer *seen,
	int64_t lease_s, struct aid_error *err)
{
	if (lease_s == 0)
		return aid_fail(err, AID_E_DENIED, "host '%.64s': the token never expires; give the role a "
			"token_ttl", seen->host);
	return aid_answer_expiry(x, seen, seen->asked_wall_ms + lease_s * 1000, err);
}

/* One of a login is revoked first; one that was renewed is still the session's. */
static int refuse_token(struct aid_exchange *x, struct aid_secret **token, const struct aid_error *why,
	bool *ret_more, struct aid_error *err)
{
	if (renews(x)) {
		if (err != NULL)
			*err = *why;
		return why->status;
	}
	x->refused = *why;
	aid_secret_free(x->between);
	x->between = aid_steal(token);
	x->step = STEP_REVOKE;
	*ret_more = true;
	return AID_OK;
}

static int read_token(struct aid_exchange *x, const struct aid_exchange_answer *seen,
	struct aid_exchange_result *ret_result, bool *ret_more, struct aid_error *err)
{
	AID_AUTO(aid_json) *document = NULL;
	AID_AUTO(aid_secret) *token = NULL;
	const struct aid_json *auth;
	struct aid_error why = AID_ERROR_INIT;
	int64_t lease_s;
	bool renewable;
	int r = aid_answer_json(seen, &document, err);

	if (r == AID_OK)
		r = read_auth(seen, document, &auth, &lease_s, &renewable, err);
	if (r == AID_OK)
		r = aid_answer_token(seen, auth, "client_token", &token, err);
	if (r != AID_OK)
		return r;
	if (renews(x) && lease_s > 0 && (lease_s < RENEWAL_MIN_S || !aid_secret_equal(token, x->previous))) {
		x->step = STEP_LOGIN;
		*ret_more = true;
		return AID_OK;
	}
	if (check_life(x, seen, lease_s, &why) != AID_OK)
		return refuse_token(x, &token, &why, ret_more, err);
	ret_result->payload = aid_steal(&token);
	ret_result->expires_wall_ms = seen->asked_wall_ms + lease_s * 1000;
	ret_result->renewable = renewable;
	return AID_OK;
}

static int read_revocation(const struct aid_exchange *x, const struct aid_exchange_answer *seen,
	struct aid_error *err)
{
	if (seen->status == 204 || seen->status == 200)
		return AID_OK;
	if (seen->status == 403)
		return aid_fail(err, AID_E_NOTFOUND, "host '%.64s': HTTP 403: the token had ended, or its "
			"policies do not allow auth/token/revoke-self", seen->host);
	return refuse(x, seen, err);
}

static int answer(struct aid_exchange *x, const struct aid_exchange_answer *seen,
	struct aid_exchange_result *ret_result, bool *ret_more, struct aid_error *err)
{
	if (seen->location != NULL) {
		int r = take_redirect(x, seen, err);

		*ret_more = r == AID_OK;
		return r;
	}
	if (x->step == STEP_REVOKE) {
		if (err != NULL)
			*err = x->refused;
		return x->refused.status;
	}
	if (x->revoke)
		return read_revocation(x, seen, err);
	if (renews(x) && (seen->status == 400 || seen->status == 403)) {
		x->step = STEP_LOGIN;
		*ret_more = true;
		return AID_OK;
	}
	if (seen->status != 200)
		return refuse(x, seen, err);
	return read_token(x, seen, ret_result, ret_more, err);
}

const struct aid_exchange_kind aid_exchange_vault = {AID_TARGET_VAULT, true, NULL, call, answer};
