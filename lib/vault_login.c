/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The half of kv_vault.h that is about tokens, and what all requests to such a server share. */
#include "vault_private.h"

#include "manager_private.h"
#include "str.h"

#include <string.h>

#define LEASE_MAX_S INT64_C(31622400) /* 366 days */

void aid_vault_begin(struct aid_exchange_call *ret_call)
{
	/* A standby may send on to the active node; where to is judged when it does. */
	*ret_call = (struct aid_exchange_call){.content_type = "application/json",
		.accept = "application/json", .take_redirect = true};
}

int aid_vault_headers(const struct aid_vault *vault, struct aid_exchange_call *call,
	struct aid_error *err)
{
	const char *namespace = vault->namespace_path;
	int r = aid_call_header(call, "X-Vault-Request: ", "true", 4, err);

	if (r == AID_OK && namespace != NULL)
		r = aid_call_header(call, "X-Vault-Namespace: ", namespace, strlen(namespace), err);
	if (r == AID_OK && vault->token != NULL)
		r = aid_call_header(call, "X-Vault-Token: ", aid_secret_peek(vault->token),
			aid_secret_length(vault->token), err);
	return r;
}

static int status_of(int http_status)
{
	switch (http_status) {
	case 401:
	case 403:
		return AID_E_DENIED;
	case 404:
		return AID_E_NOTFOUND;
	case 400:
	case 405:
		return AID_E_CONFIG;
	case 412: /* a standby that does not know the newest state */
	case 429:
	case 472: /* standby */
	case 473:
	case 501: /* not initialized */
	case 503: /* sealed */
		return AID_E_BUSY;
	default:
		return AID_OK;
	}
}

int aid_vault_refuse(const struct aid_exchange_answer *answer, const struct aid_secret *first,
	const struct aid_secret *second, struct aid_error *err)
{
	struct aid_manager_refusal refusal = {
		.status = status_of(answer->status), .first = first, .second = second};
	AID_AUTO(aid_json) *document = NULL;
	const struct aid_json *errors;

	if (aid_answer_json(answer, &document, NULL) == AID_OK &&
		aid_json_array(document, "errors", &errors, NULL) == AID_OK)
		refusal.message = aid_json_array_text(errors, 0);
	return aid_manager_refuse(answer, &refusal, err);
}

bool aid_vault_says(const struct aid_exchange_answer *answer, const char *text)
{
	AID_AUTO(aid_json) *document = NULL;
	const struct aid_json *errors;
	bool found = false;

	if (aid_answer_json(answer, &document, NULL) != AID_OK ||
		aid_json_array(document, "errors", &errors, NULL) != AID_OK)
		return false;
	for (size_t i = 0; i < aid_json_array_count(errors); i++) {
		const char *error = aid_json_array_text(errors, i);

		found = found || (error != NULL && strstr(error, text) != NULL);
	}
	return found;
}

static int begin_login(const struct aid_vault *vault, const char *mount, size_t room,
	struct aid_exchange_call *call, struct aid_error *err)
{
	int r;

	aid_vault_begin(call);
	r = aid_call_url(call, err, vault->address, "/v1/auth/", mount, "/login", NULL);
	if (r == AID_OK)
		r = aid_call_room(call, room, err);
	return r == AID_OK ? aid_call_text(call, "{", err) : r;
}

static int end_login(const struct aid_vault *vault, struct aid_exchange_call *call, int r,
	struct aid_error *err)
{
	const struct aid_vault nobody = {vault->address, vault->namespace_path, NULL};

	if (r == AID_OK)
		r = aid_call_text(call, "}", err);
	return r == AID_OK ? aid_vault_headers(&nobody, call, err) : r;
}

int aid_vault_login_jwt(const struct aid_vault *vault, const char *mount, const char *role,
	const struct aid_secret *jwt, struct aid_exchange_call *ret_call, struct aid_error *err)
{
	int r = begin_login(vault, mount, 1024 + aid_secret_length(jwt), ret_call, err);

	if (r == AID_OK)
		r = aid_call_member(ret_call, "role", role, err);
	if (r == AID_OK)
		r = aid_call_member(ret_call, "jwt", aid_secret_peek(jwt), err);
	return end_login(vault, ret_call, r, err);
}

int aid_vault_login_approle(const struct aid_vault *vault, const char *mount, const char *role_id,
	const struct aid_secret *secret_id, struct aid_exchange_call *ret_call, struct aid_error *err)
{
	int r = begin_login(vault, mount, 4096 + 6 * aid_secret_length(secret_id), ret_call, err);

	if (r == AID_OK)
		r = aid_call_member(ret_call, "role_id", role_id, err);
	if (r == AID_OK)
		r = aid_call_member(ret_call, "secret_id", aid_secret_peek(secret_id), err);
	return end_login(vault, ret_call, r, err);
}

static int about_self(const struct aid_vault *vault, const char *what, struct aid_exchange_call *call,
	struct aid_error *err)
{
	int r;

	aid_vault_begin(call);
	if (vault->token == NULL)
		return aid_fail(err, AID_E_INVALID, "no token to %s", what);
	r = aid_call_url(call, err, vault->address, "/v1/auth/token/", what, "-self", NULL);
	if (r == AID_OK)
		r = aid_call_room(call, 8, err);
	if (r == AID_OK)
		r = aid_call_text(call, "{}", err);
	return r == AID_OK ? aid_vault_headers(vault, call, err) : r;
}

int aid_vault_renew(const struct aid_vault *vault, struct aid_exchange_call *ret_call,
	struct aid_error *err)
{
	return about_self(vault, "renew", ret_call, err);
}

int aid_vault_revoke(const struct aid_vault *vault, struct aid_exchange_call *ret_call,
	struct aid_error *err)
{
	return about_self(vault, "revoke", ret_call, err);
}

int aid_vault_token_answer(const struct aid_exchange_answer *answer, const struct aid_secret *sent,
	struct aid_vault_token *ret_token, struct aid_error *err)
{
	struct aid_vault_token token = {.token = NULL};
	AID_AUTO(aid_json) *document = NULL;
	const struct aid_json *auth;
	int r;

	if (answer->status != 200)
		return aid_vault_refuse(answer, sent, NULL, err);
	r = aid_answer_json(answer, &document, err);
	if (r != AID_OK)
		return r;
	if (aid_json_object(document, "auth", &auth, NULL) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': no auth in the answer", answer->host);
	if (aid_json_int(auth, "lease_duration", 0, LEASE_MAX_S, &token.lease_s, NULL) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL,
			"host '%.64s': lease_duration is no whole number of seconds from 0 to %lld",
			answer->host, (long long)LEASE_MAX_S);
	if (aid_json_bool(auth, "renewable", &token.renewable, NULL) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': renewable is not true or false",
			answer->host);
	r = aid_answer_token(answer, auth, "client_token", &token.token, err);
	if (r == AID_OK)
		*ret_token = token;
	return r;
}

int aid_vault_done_answer(const struct aid_vault *vault, const struct aid_exchange_answer *answer,
	struct aid_error *err)
{
	if (answer->status == 200 || answer->status == 204)
		return AID_OK;
	return aid_vault_refuse(answer, vault->token, NULL, err);
}

/* "a, b": host is one of them. */
static bool is_listed(const char *list, const char *host)
{
	while (list != NULL && *list != '\0') {
		size_t length = strcspn(list, ", \t");
		char name[256];

		if (length > 0 && length < sizeof(name)) {
			memcpy(name, list, length);
			name[length] = '\0';
			if (aid_streq_nocase(name, host))
				return true;
		}
		list += length + (list[length] != '\0' ? 1 : 0);
	}
	return false;
}

int aid_vault_redirect(const char *url, const struct aid_exchange_answer *answer,
	const char *allowed_hosts, const char *section, char *out, size_t size, struct aid_error *err)
{
	const char *path = strstr(url, "/v1/");
	struct aid_url to;
	size_t length, base;

	if (aid_url_parse(answer->location, &to, err) != AID_OK)
		return AID_E_UNTRUSTED;
	if (!is_listed(allowed_hosts, to.host))
		return aid_fail(err, AID_E_UNTRUSTED, "host '%.64s': redirect to host '%.64s', which is not "
			"in [%s] allowed_hosts", answer->host, to.host, section);
	length = strlen(answer->location);
	if (path == NULL || length < strlen(path))
		return aid_fail(err, AID_E_UNTRUSTED, "host '%.64s': redirect to another path", answer->host);
	base = length - strlen(path);
	if (!aid_streq(answer->location + base, path) || base >= size)
		return aid_fail(err, AID_E_UNTRUSTED, "host '%.64s': redirect to another path", answer->host);
	memcpy(out, answer->location, base);
	out[base] = '\0';
	return AID_OK;
}
