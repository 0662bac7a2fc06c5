/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "client_auth.h"

#include "b64.h"
#include "oauth.h"
#include "secret_source.h"

#include <string.h>

static const char assertion_type[] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

struct method {
	enum aid_client_auth method;
	bool is_timed;
	int (*apply)(const struct aid_client_auth_params *, struct aid_secret *form,
		struct aid_secret **ret_authorization, struct aid_error *);
};

static int too_big(struct aid_error *err)
{
	return aid_fail(err, AID_E_TOOBIG, "client authentication does not fit the token request");
}

static int check_secret(const struct aid_client_auth_params *params, struct aid_error *err)
{
	if (params->secret == NULL || aid_secret_length(params->secret) == 0)
		return aid_fail(err, AID_E_CREDENTIAL, "the client secret is empty");
	if (aid_secret_length(params->secret) > AID_CLIENT_SECRET_MAX)
		return aid_fail(err, AID_E_CREDENTIAL, "the client secret has %zu bytes, at most %u are "
			"allowed", aid_secret_length(params->secret), AID_CLIENT_SECRET_MAX);
	return AID_OK;
}

static int add_text(struct aid_secret *form, const char *name, const char *value)
{
	return aid_form_add(form, name, value, strlen(value));
}

/* Both halves are form-encoded before they are joined: a colon in the id would else move the border,
 * and strict providers refuse it raw. */
static int join_basic(const struct aid_client_auth_params *params, struct aid_secret *pair)
{
	if (aid_form_encode(pair, params->client_id, strlen(params->client_id)) != AID_OK ||
		aid_secret_append(pair, ":", 1) != AID_OK)
		return AID_E_TOOBIG;
	return aid_form_encode(pair, aid_secret_peek(params->secret), aid_secret_length(params->secret));
}

static int apply_basic(const struct aid_client_auth_params *params, struct aid_secret *form,
	struct aid_secret **ret_authorization, struct aid_error *err)
{
	static const char prefix[] = "Authorization: Basic ";
	AID_AUTO(aid_secret) *pair = NULL;
	AID_AUTO(aid_secret) *line = NULL;
	size_t room;
	char *tail;
	int r;

	(void)form;
	r = check_secret(params, err);
	if (r != AID_OK)
		return r;
	room = 3 * (strlen(params->client_id) + aid_secret_length(params->secret)) + 1;
	pair = aid_secret_new(room);
	line = aid_secret_new(sizeof(prefix) + AID_B64_SIZE(room));
	if (pair == NULL || line == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	if (join_basic(params, pair) != AID_OK ||
		aid_secret_append(line, prefix, sizeof(prefix) - 1) != AID_OK)
		return too_big(err);
	tail = aid_secret_tail(line, &room);
	aid_secret_grown(line,
		aid_b64_encode_basic(aid_secret_peek(pair), aid_secret_length(pair), tail));
	*ret_authorization = aid_steal(&line);
	return AID_OK;
}

static int apply_post(const struct aid_client_auth_params *params, struct aid_secret *form,
	struct aid_secret **ret_authorization, struct aid_error *err)
{
	int r;

	(void)ret_authorization;
	r = check_secret(params, err);
	if (r != AID_OK)
		return r;
	if (add_text(form, "client_id", params->client_id) != AID_OK ||
		aid_form_add(form, "client_secret", aid_secret_peek(params->secret),
			aid_secret_length(params->secret)) != AID_OK)
		return too_big(err);
	return AID_OK;
}

static int add_assertion(const struct aid_client_auth_params *params,
	const struct aid_jwt_request *request, enum aid_alg alg, struct aid_secret *form,
	struct aid_error *err)
{
	struct aid_jwt_signed assertion = {0};
	int r;

	r = aid_jwt_sign(params->key, alg, request, &assertion, err);
	if (r != AID_OK)
		return aid_prefix(err, "client assertion");
	r = add_text(form, "client_id", params->client_id);
	if (r == AID_OK)
		r = add_text(form, "client_assertion_type", assertion_type);
	if (r == AID_OK)
		r = aid_form_add(form, "client_assertion", aid_secret_peek(assertion.token),
			aid_secret_length(assertion.token));
	aid_jwt_signed_done(&assertion);
	return r == AID_OK ? AID_OK : too_big(err);
}

/* No kid: the provider knows our key under a name of its own choice, and one it does not know would
 * make it find no key. */
static int apply_private_key_jwt(const struct aid_client_auth_params *params,
	struct aid_secret *form, struct aid_secret **ret_authorization, struct aid_error *err)
{
	const struct aid_jwt_request request = {
		.issuer = params->client_id,
		.subject = params->client_id,
		.audience = params->audience,
		.now_wall_ms = params->now_wall_ms,
		.lifetime_ms = AID_ASSERTION_LIFETIME_MS,
	};

	(void)ret_authorization;
	if (params->key == NULL)
		return aid_fail(err, AID_E_CREDENTIAL, "private_key_jwt without a key");
	if ((aid_signing_key_algs(params->key) & params->alg) == 0)
		return aid_fail(err, AID_E_CREDENTIAL, "client_key cannot sign with signing_alg %s",
			aid_alg_info(params->alg)->name);
	return add_assertion(params, &request, params->alg, form, err);
}

static int apply_federated_jwt(const struct aid_client_auth_params *params, struct aid_secret *form,
	struct aid_secret **ret_authorization, struct aid_error *err)
{
	struct aid_jwt_request request = {
		.issuer = params->host_issuer,
		.subject = params->host_subject,
		.audience = params->audience,
		.now_wall_ms = params->now_wall_ms,
		.lifetime_ms = AID_ASSERTION_LIFETIME_MS,
		.with_not_before = true,
	};

	(void)ret_authorization;
	if (params->key == NULL)
		return aid_fail(err, AID_E_CREDENTIAL, "federated_jwt without the host's key");
	request.kid = aid_signing_key_thumbprint(params->key);
	return add_assertion(params, &request, aid_signing_key_default_alg(params->key), form, err);
}

/* RFC 8705 section 2: the certificate is in the TLS handshake, client_id says whose it should be. */
static int apply_tls(const struct aid_client_auth_params *params, struct aid_secret *form,
	struct aid_secret **ret_authorization, struct aid_error *err)
{
	(void)ret_authorization;
	return add_text(form, "client_id", params->client_id) == AID_OK ? AID_OK : too_big(err);
}

static const struct method methods[] = {
	{AID_CLIENT_SECRET_BASIC, false, apply_basic},
	{AID_CLIENT_SECRET_POST, false, apply_post},
	{AID_PRIVATE_KEY_JWT, true, apply_private_key_jwt},
	{AID_TLS_CLIENT_AUTH, false, apply_tls},
	{AID_FEDERATED_JWT, true, apply_federated_jwt},
};

static const struct method *find(enum aid_client_auth method)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (methods[i].method == method)
			return &methods[i];
	}
	return NULL;
}

int aid_client_auth_apply(const struct aid_client_auth_params *params, struct aid_secret *form,
	struct aid_secret **ret_authorization, struct aid_error *err)
{
	const struct method *method = find(params->method);

	if (method == NULL)
		return aid_fail(err, AID_E_INVALID, "client authentication method %d is unknown",
			(int)params->method);
	return method->apply(params, form, ret_authorization, err);
}

bool aid_client_auth_is_timed(enum aid_client_auth method)
{
	const struct method *found = find(method);

	return found != NULL && found->is_timed;
}
