/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "form.h"

#include "client_auth.h"
#include "clock.h"
#include "oauth.h"

#include <string.h>

#define FORM_FIXED 4096U /* names, grant, an assertion of a large RSA key */

static size_t length_of(const char *text)
{
	return text != NULL ? strlen(text) : 0;
}

static size_t secret_length(const struct aid_secret *secret)
{
	return secret != NULL ? aid_secret_length(secret) : 0;
}

static int fill(const struct request *request, struct aid_secret *form, struct aid_error *err)
{
	const struct aid_grant grant = {
		.scope = request->scope,
		.audience = request->send_audience ? request->audience : NULL,
		.resource = request->resource,
	};

	const struct aid_exchange_grant exchange = {
		.subject_token = request->subject_token,
		.subject_type = request->subject_type,
		.actor_token = request->actor_token,
		.actor_type = request->actor_type,
		.requested_type = request->requested_type,
		.scope = request->scope,
		.audience = request->audience,
		.resource = request->resource,
	};

	if (request->retired != NULL)
		return aid_oauth_revocation_form(request->retired, form, err);
	if (request->requested_type != NULL)
		return aid_oauth_exchange_form(&exchange, form, err);
	return aid_oauth_form(&grant, form, err);
}

int form_make(const struct request *request, struct aid_secret **ret_form, struct aid_error *err)
{
	struct aid_secret *form = aid_secret_new(FORM_FIXED +
		3 * (length_of(request->scope) + length_of(request->audience) +
			length_of(request->resource) + length_of(request->client_id) +
			length_of(request->host_issuer) + length_of(request->host_subject) +
			length_of(request->issuer) + secret_length(request->secret) +
			secret_length(request->subject_token) +
			secret_length(request->actor_token) + secret_length(request->retired)));
	int r;

	if (form == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	r = fill(request, form, err);
	if (r != AID_OK) {
		aid_secret_free(form);
		return r;
	}
	*ret_form = form;
	return AID_OK;
}

int form_authenticate(struct fetch *fetch, const struct request *request, const char *endpoint,
	struct aid_secret *form, struct aid_secret **ret_authorization, struct aid_error *err)
{
	struct aid_client_auth_params params = {
		.method = request->method,
		.client_id = request->client_id,
		.secret = request->secret,
		.alg = request->alg,
		.audience = request->assertion_audience == AID_ASSERTION_AUD_TOKEN_ENDPOINT
			? endpoint : request->issuer,
		.host_issuer = request->host_issuer,
		.host_subject = request->host_subject,
		.now_wall_ms = aid_clock_wall_ms(),
	};
	int r = AID_OK;

	if (request->key_fd >= 0)
		r = key_cache_get(fetch->keys, request->key_fd, &params.key, err);
	if (r != AID_OK)
		return r;
	return aid_client_auth_apply(&params, form, ret_authorization, err);
}
