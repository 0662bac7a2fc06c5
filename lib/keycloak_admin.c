/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "keycloak_admin.h"

#include "json.h"
#include "manager_private.h"
#include "oauth.h"
#include "secret_source.h"
#include "str.h"
#include "syntax.h"

#include <stdio.h>
#include <string.h>

#define EXPIRES "client.secret.expiration.time"
#define CREATED "client.secret.creation.time"
#define ROTATED "client.secret.rotated"
#define ROTATED_CREATED "client.secret.rotated.creation.time"
#define ROTATED_EXPIRES "client.secret.rotated.expiration.time"
#define TIME_MAX_S INT64_C(99999999999)
#define BODY_ROOM 1024U
/* As JSON writes the rarest character: \u00XX. */
#define ESCAPED_MAX 6U

static int authorize(const struct aid_keycloak *keycloak, struct aid_exchange_call *call,
	struct aid_error *err)
{
	if (!aid_str_is_b64token(aid_secret_peek(keycloak->token), aid_secret_length(keycloak->token)))
		return aid_fail(err, AID_E_INVALID, "the admin client's token is no bearer token");
	call->accept = "application/json";
	return aid_call_header(call, "Authorization: Bearer ", aid_secret_peek(keycloak->token),
		aid_secret_length(keycloak->token), err);
}

int aid_keycloak_find(const struct aid_keycloak *keycloak, struct aid_exchange_call *ret_call,
	struct aid_error *err)
{
	AID_AUTO(aid_secret) *encoded = aid_secret_new(3 * strlen(keycloak->client_id) + 1);
	int r;

	*ret_call = (struct aid_exchange_call){.accept = NULL};
	if (encoded == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	if (aid_form_encode(encoded, keycloak->client_id, strlen(keycloak->client_id)) != AID_OK)
		return aid_fail(err, AID_E_TOOBIG, "the request does not fit");
	r = aid_call_url(ret_call, err, keycloak->url, "/clients?clientId=", aid_secret_peek(encoded), NULL);
	return r == AID_OK ? authorize(keycloak, ret_call, err) : r;
}

/* Members as Keycloak has them: {"error": "...", "error_description": "..."}. */
static int refuse(const struct aid_keycloak *keycloak, const struct aid_exchange_answer *answer,
	const struct aid_secret *sent, const char *what, struct aid_error *err)
{
	AID_AUTO(aid_json) *document = NULL;
	struct aid_manager_refusal refusal = {.first = keycloak->token, .second = sent};
	int r;

	if (answer->body != NULL && aid_answer_json(answer, &document, NULL) == AID_OK) {
		(void)!aid_json_text(document, "error", 1, 256, &refusal.code, NULL);
		(void)!aid_json_text(document, "error_description", 1, 1024, &refusal.message, NULL);
	}
	if (answer->status == 404)
		refusal.status = AID_E_DENIED;
	r = aid_manager_refuse(answer, &refusal, err);
	if (answer->status == 401 || answer->status == 403)
		(void)aid_prefix(err, "%s: the admin client needs the role manage-clients, or query-clients and "
			"a permission to view and manage this client", what);
	else
		(void)aid_prefix(err, "%s", what);
	return r;
}

static int64_t attribute_time(const struct aid_json *client, const char *name)
{
	const struct aid_json *attributes;
	const char *text;
	uint64_t time_s;

	if (aid_json_object(client, "attributes", &attributes, NULL) != AID_OK ||
		aid_json_text(attributes, name, 1, 20, &text, NULL) != AID_OK ||
		aid_str_parse_uint(text, 1, TIME_MAX_S, &time_s) != AID_OK)
		return 0;
	return (int64_t)time_s;
}

/* An exact name was asked for; what is not exactly that client is none of ours to change. */
static int take_client(const struct aid_keycloak *keycloak, const char *host,
	const struct aid_json *list, struct aid_keycloak_client *ret_client, struct aid_error *err)
{
	const struct aid_json *client = aid_json_array_object(list, 0);
	size_t count = aid_json_array_count(list);
	const char *id, *name;

	if (count == 0)
		return aid_fail(err, AID_E_DENIED, "host '%.64s': the admin client sees no client '%.64s': there "
			"is none in this realm, or it may not view it", host, keycloak->client_id);
	if (count > 1 || client == NULL)
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': %zu clients where one was asked for", host,
			count);
	if (aid_json_text(client, "clientId", 1, 255, &name, NULL) != AID_OK ||
		!aid_streq(name, keycloak->client_id) ||
		aid_json_text(client, "id", 1, AID_KEYCLOAK_ID_MAX, &id, NULL) != AID_OK ||
		!aid_syntax_only(id, AID_ALNUM "-_"))
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': another client than '%.64s' in the answer",
			host, keycloak->client_id);
	*ret_client = (struct aid_keycloak_client){.created_s = attribute_time(client, CREATED),
		.expires_s = attribute_time(client, EXPIRES)};
	memcpy(ret_client->id, id, strlen(id) + 1);
	return AID_OK;
}

int aid_keycloak_find_answer(const struct aid_keycloak *keycloak,
	const struct aid_exchange_answer *answer, struct aid_keycloak_client *ret_client,
	struct aid_error *err)
{
	AID_AUTO(aid_json) *list = NULL;

	if (answer->status != 200)
		return refuse(keycloak, answer, NULL, "find the client", err);
	if (aid_answer_has_body(answer, err) != AID_OK)
		return AID_E_PROTOCOL;
	if (aid_json_parse_array(aid_secret_peek(answer->body), aid_secret_length(answer->body),
		    AID_EXCHANGE_ANSWER_MAX, &list, err) != AID_OK)
		return aid_prefix(err, "host '%.64s'", answer->host);
	return take_client(keycloak, answer->host, list, ret_client, err);
}

int aid_keycloak_read(const struct aid_keycloak *keycloak, const struct aid_keycloak_client *client,
	struct aid_exchange_call *ret_call, struct aid_error *err)
{
	int r;

	*ret_call = (struct aid_exchange_call){.accept = NULL};
	r = aid_call_url(ret_call, err, keycloak->url, "/clients/", client->id, "/client-secret", NULL);
	return r == AID_OK ? authorize(keycloak, ret_call, err) : r;
}

int aid_keycloak_read_answer(const struct aid_keycloak *keycloak,
	const struct aid_exchange_answer *answer, struct aid_secret **ret_secret, struct aid_error *err)
{
	AID_AUTO(aid_json) *document = NULL;
	int r;

	if (answer->status != 200)
		return refuse(keycloak, answer, NULL, "read the client's secret", err);
	r = aid_answer_json(answer, &document, err);
	if (r == AID_OK && !aid_json_has(document, "value"))
		return aid_fail(err, AID_E_DENIED, "host '%.64s': client '%.64s' has no secret", answer->host,
			keycloak->client_id);
	return r == AID_OK ? aid_manager_value(document, "value", answer->host, ret_secret, err) : r;
}

static int add_secret(struct aid_exchange_call *call, const char *name, const struct aid_secret *secret,
	struct aid_error *err)
{
	return aid_call_member(call, name, aid_secret_peek(secret), err);
}

static int add_time(struct aid_exchange_call *call, const char *name, int64_t time_s,
	struct aid_error *err)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)time_s);
	return aid_call_member(call, name, text, err);
}

/* The policy counts from the last change; it is told of this one, with the period that it had. Else it
 * would hold the new secret for as old as the one before. */
static int add_times(const struct aid_keycloak_client *client, const struct aid_keycloak_change *change,
	struct aid_exchange_call *call, struct aid_error *err)
{
	int64_t period = client->expires_s - client->created_s;
	int r = add_time(call, CREATED, change->now_s, err);

	if (r == AID_OK && client->created_s > 0 && period > 0)
		r = add_time(call, EXPIRES, change->now_s + period, err);
	if (r != AID_OK || change->old == NULL)
		return r;
	r = add_secret(call, ROTATED, change->old, err);
	if (r == AID_OK)
		r = add_time(call, ROTATED_CREATED, change->now_s, err);
	return r == AID_OK ? add_time(call, ROTATED_EXPIRES, change->now_s + change->overlap_s, err) : r;
}

static int fill(const struct aid_keycloak *keycloak, const struct aid_keycloak_client *client,
	const struct aid_keycloak_change *change, struct aid_exchange_call *call, struct aid_error *err)
{
	size_t old = change->old != NULL ? aid_secret_length(change->old) : 0;
	int r = aid_call_room(call, BODY_ROOM + ESCAPED_MAX *
			(aid_secret_length(change->fresh) + old + strlen(keycloak->client_id)), err);

	if (r == AID_OK)
		r = aid_call_text(call, "{", err);
	if (r == AID_OK)
		r = aid_call_member(call, "clientId", keycloak->client_id, err);
	if (r == AID_OK)
		r = add_secret(call, "secret", change->fresh, err);
	/* Without attributes a policy that wants to note a time in them breaks the request (HTTP 500). */
	if (r == AID_OK)
		r = aid_call_text(call, ",\"attributes\":{", err);
	if (r == AID_OK)
		r = add_times(client, change, call, err);
	return r == AID_OK ? aid_call_text(call, "}}", err) : r;
}

int aid_keycloak_set(const struct aid_keycloak *keycloak, const struct aid_keycloak_client *client,
	const struct aid_keycloak_change *change, struct aid_exchange_call *ret_call, struct aid_error *err)
{
	int r;

	*ret_call = (struct aid_exchange_call){.content_type = "application/json", .is_put = true};
	r = aid_call_url(ret_call, err, keycloak->url, "/clients/", client->id, NULL);
	if (r == AID_OK)
		r = fill(keycloak, client, change, ret_call, err);
	return r == AID_OK ? authorize(keycloak, ret_call, err) : r;
}

int aid_keycloak_set_answer(const struct aid_keycloak *keycloak,
	const struct aid_keycloak_change *change, const struct aid_exchange_answer *answer,
	struct aid_error *err)
{
	if (answer->status == 204 || answer->status == 200)
		return AID_OK;
	return refuse(keycloak, answer, change->fresh, "set the client's secret", err);
}
