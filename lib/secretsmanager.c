/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The requests of secretsmanager.h, and what all answers share. */
#include "secretsmanager.h"

#include "manager_private.h"
#include "str.h"
#include "syntax.h"

#include <stdio.h>
#include <string.h>

#define CONTENT_TYPE "application/x-amz-json-1.1"
#define TARGET "secretsmanager."
#define BODY_FIXED 4096U

/* The authority as it is sent: lower case, without the port that the scheme implies. */
static int take_authority(const struct aid_sm *sm, const char **ret_scheme, char *out, size_t size,
	struct aid_error *err)
{
	bool plain = sm->endpoint != NULL && aid_str_has_prefix(sm->endpoint, "http://");
	const char *port = plain ? ":80" : ":443";
	size_t length;
	int n;

	*ret_scheme = plain ? "http://" : "https://";
	if (sm->endpoint == NULL)
		n = snprintf(out, size, "secretsmanager.%s.amazonaws.com%s", sm->region,
			aid_str_has_prefix(sm->region, "cn-") ? ".cn" : "");
	else
		n = snprintf(out, size, "%s", sm->endpoint + strlen(*ret_scheme));
	if (n < 0 || (size_t)n >= size)
		return aid_fail(err, AID_E_TOOBIG, "the endpoint is over %zu bytes", size - 1);
	length = strcspn(out, "/");
	if (out[length] != '\0')
		return aid_fail(err, AID_E_CONFIG, "the endpoint has a path, which none of AWS has");
	if (length > strlen(port) && aid_streq(out + length - strlen(port), port))
		out[length - strlen(port)] = '\0';
	for (char *c = out; *c != '\0'; c++)
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
	return AID_OK;
}

static int sign(const struct aid_sm *sm, const char *host, const char *target,
	struct aid_exchange_call *call, struct aid_error *err)
{
	const struct aid_sigv4_header headers[] = {
		{"content-type", CONTENT_TYPE}, {"host", host}, {"x-amz-target", target}};
	const struct aid_sigv4_request request = {
		.method = "POST", .path = "/",
		.headers = headers, .n_headers = sizeof(headers) / sizeof(headers[0]),
		.body = aid_secret_peek(call->body), .body_length = aid_secret_length(call->body),
		.region = sm->region, .service = "secretsmanager", .now_wall_ms = sm->now_wall_ms,
	};
	struct aid_sigv4_signed made = {.authorization = NULL};
	int r = aid_sigv4_sign(sm->keys, &request, &made, err);

	if (r == AID_OK)
		r = aid_call_header(call, "X-Amz-Target: ", target, strlen(target), err);
	if (r == AID_OK)
		r = aid_call_header(call, "X-Amz-Date: ", made.date, strlen(made.date), err);
	if (r == AID_OK && sm->keys->token != NULL)
		r = aid_call_header(call, "X-Amz-Security-Token: ", aid_secret_peek(sm->keys->token),
			aid_secret_length(sm->keys->token), err);
	if (r == AID_OK)
		r = aid_call_header(call, "Authorization: ", aid_secret_peek(made.authorization),
			aid_secret_length(made.authorization), err);
	aid_secret_free(made.authorization);
	return r;
}

struct member {
	const char *name;
	const char *value; /* NULL: left out */
};

/* Most of what is asked: an operation on a secret, with members that are text. */
static int begin(const char *id, const struct member *members, size_t count, size_t room,
	struct aid_exchange_call *call, struct aid_error *err)
{
	int r;

	*call = (struct aid_exchange_call){.content_type = CONTENT_TYPE, .accept = "application/json"};
	r = aid_call_room(call, BODY_FIXED + room, err);
	if (r == AID_OK)
		r = aid_call_text(call, "{", err);
	if (r == AID_OK)
		r = aid_call_member(call, "SecretId", id, err);
	for (size_t i = 0; i < count && r == AID_OK; i++)
		r = aid_call_member(call, members[i].name, members[i].value, err);
	return r;
}

static int end(const struct aid_sm *sm, const char *operation, struct aid_exchange_call *call,
	struct aid_error *err)
{
	char host[256], target[64];
	const char *scheme;
	int r = aid_call_text(call, "}", err);

	if (r == AID_OK)
		r = take_authority(sm, &scheme, host, sizeof(host), err);
	if (r == AID_OK)
		r = aid_call_url(call, err, scheme, host, "/", NULL);
	(void)snprintf(target, sizeof(target), TARGET "%s", operation);
	return r == AID_OK ? sign(sm, host, target, call, err) : r;
}

static int make(const struct aid_sm *sm, const char *operation, const char *id,
	const struct member *members, size_t count, struct aid_exchange_call *call, struct aid_error *err)
{
	int r = begin(id, members, count, 0, call, err);

	return r == AID_OK ? end(sm, operation, call, err) : r;
}

int aid_sm_get(const struct aid_sm *sm, const char *id, const char *stage,
	struct aid_exchange_call *ret_call, struct aid_error *err)
{
	const struct member members[] = {{"VersionStage", stage}};

	return make(sm, "GetSecretValue", id, members, 1, ret_call, err);
}

static bool is_version(const char *text)
{
	size_t length = strlen(text);

	return length >= AID_SM_VERSION_MIN && length <= AID_SM_VERSION_MAX &&
		aid_syntax_only(text, AID_ALNUM "-");
}

int aid_sm_put(const struct aid_sm *sm, const char *id, const char *version_id,
	const struct aid_secret *value, const char *stage, struct aid_exchange_call *ret_call,
	struct aid_error *err)
{
	const struct member members[] = {{"ClientRequestToken", version_id}};
	int r;

	*ret_call = (struct aid_exchange_call){.body = NULL};
	if (!is_version(version_id))
		return aid_fail(err, AID_E_INVALID, "a version id has %u to %u letters, digits and '-'",
			AID_SM_VERSION_MIN, AID_SM_VERSION_MAX);
	if (aid_secret_length(value) == 0 || aid_secret_length(value) > 65536)
		return aid_fail(err, AID_E_TOOBIG, "a value of %zu bytes, 1 to 65536 are allowed",
			aid_secret_length(value));
	r = begin(id, members, 1, 6 * aid_secret_length(value), ret_call, err);
	if (r == AID_OK)
		r = aid_call_text(ret_call, ",\"SecretString\":", err);
	if (r == AID_OK)
		r = aid_call_json(ret_call, aid_secret_peek(value), aid_secret_length(value), err);
	if (r == AID_OK)
		r = aid_call_text(ret_call, ",\"VersionStages\":[", err);
	if (r == AID_OK)
		r = aid_call_json(ret_call, stage, strlen(stage), err);
	if (r == AID_OK)
		r = aid_call_text(ret_call, "]", err);
	return r == AID_OK ? end(sm, "PutSecretValue", ret_call, err) : r;
}

int aid_sm_move_stage(const struct aid_sm *sm, const char *id, const char *stage, const char *to,
	const char *from, struct aid_exchange_call *ret_call, struct aid_error *err)
{
	const struct member members[] = {
		{"VersionStage", stage}, {"MoveToVersionId", to}, {"RemoveFromVersionId", from}};

	return make(sm, "UpdateSecretVersionStage", id, members, 3, ret_call, err);
}

int aid_sm_describe(const struct aid_sm *sm, const char *id, struct aid_exchange_call *ret_call,
	struct aid_error *err)
{
	return make(sm, "DescribeSecret", id, NULL, 0, ret_call, err);
}
