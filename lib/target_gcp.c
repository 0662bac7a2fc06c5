/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Google Cloud: the token exchange, then with a service account its impersonation, then with an access
 * boundary the exchange for a narrower token. */
#include "exchange_private.h"

#include "oauth.h"
#include "str.h"
#include "timestamp.h"

#include <stdio.h>
#include <string.h>

#define FORM_FIXED 2048U
#define RULES_MAX 10U
#define TOKEN_TYPE "urn:ietf:params:oauth:token-type:"
#define CLOUD_PLATFORM "https://www.googleapis.com/auth/cloud-platform"

enum step { STEP_FEDERATE, STEP_IMPERSONATE, STEP_NARROW };

static bool is_set(const struct aid_exchange *x, const char *name)
{
	return aid_target_get(x->options, name) != NULL;
}

static int check(const struct aid_exchange *x, struct aid_error *err)
{
	const char *boundary = aid_target_get(x->options, "access_boundary");
	AID_AUTO(aid_json) *document = NULL;
	struct aid_error why = AID_ERROR_INIT;
	const struct aid_json *inner, *rules;
	size_t count;

	if (boundary == NULL)
		return AID_OK;
	if (aid_json_parse(boundary, strlen(boundary), AID_TARGET_TEXT_MAX, &document, &why) != AID_OK)
		return aid_fail(err, AID_E_CONFIG, "access_boundary: %s", why.text);
	if (aid_json_object(document, "accessBoundary", &inner, NULL) != AID_OK ||
		aid_json_array(inner, "accessBoundaryRules", &rules, NULL) != AID_OK)
		return aid_fail(err, AID_E_CONFIG, "access_boundary: no accessBoundary.accessBoundaryRules");
	count = aid_json_array_count(rules);
	if (count == 0 || count > RULES_MAX)
		return aid_fail(err, AID_E_CONFIG, "access_boundary: %zu rules; 1 to %u are allowed", count,
			RULES_MAX);
	return AID_OK;
}

/* Both exchanges are one form; what differs is the token and its type. */
static int call_exchange(const struct aid_exchange *x, struct aid_exchange_call *call,
	struct aid_error *err)
{
	const struct aid_secret *subject = x->step == STEP_NARROW ? x->between : x->assertion;
	const char *project = aid_target_get(x->options, "user_project");
	const char *options = NULL;
	char project_json[64];
	int r;

	if (subject == NULL)
		return aid_fail(err, AID_E_INVALID, "no token to exchange");
	if (project != NULL) {
		(void)snprintf(project_json, sizeof(project_json), "{\"userProject\":\"%s\"}", project);
		options = project_json;
	}
	if (x->step == STEP_NARROW)
		options = aid_target_get(x->options, "access_boundary");
	call->content_type = "application/x-www-form-urlencoded";
	r = aid_call_url(call, err, aid_target_get(x->options, "sts_url"), NULL);
	if (r == AID_OK)
		r = aid_call_room(call, FORM_FIXED + 3 * (aid_secret_length(subject) +
			(options != NULL ? strlen(options) : 0) +
			strlen(aid_target_get(x->options, "scopes"))), err);
	if (r == AID_OK)
		r = aid_call_add(call, "grant_type", "urn:ietf:params:oauth:grant-type:token-exchange", err);
	if (r == AID_OK && x->step == STEP_FEDERATE)
		r = aid_call_add(call, "audience", aid_target_get(x->options, "provider"), err);
	/* To impersonate, the federated token needs this one; the scopes are for the token after it. */
	if (r == AID_OK && x->step == STEP_FEDERATE)
		r = aid_call_add(call, "scope", is_set(x, "service_account")
			? CLOUD_PLATFORM : aid_target_get(x->options, "scopes"), err);
	if (r == AID_OK)
		r = aid_call_add(call, "requested_token_type", TOKEN_TYPE "access_token", err);
	if (r == AID_OK)
		r = aid_call_add(call, "subject_token_type", x->step == STEP_NARROW
			? TOKEN_TYPE "access_token" : TOKEN_TYPE "jwt", err);
	if (r == AID_OK)
		r = aid_call_add_secret(call, "subject_token", subject, err);
	return r == AID_OK ? aid_call_add(call, "options", options, err) : r;
}

static int put_scopes(struct aid_json *object, const char *scopes)
{
	struct aid_json *list = aid_json_new_array();
	int r = list != NULL ? AID_OK : AID_E_NOMEM;

	while (r == AID_OK && *scopes != '\0') {
		size_t length = strcspn(scopes, " \t");
		char scope[256];

		if (length > 0) {
			(void)snprintf(scope, sizeof(scope), "%.*s", (int)length, scopes);
			r = aid_json_append_text(list, scope);
		}
		scopes += length + (scopes[length] != '\0' ? 1 : 0);
	}
	if (r != AID_OK) {
		aid_json_free(list);
		return r;
	}
	return aid_json_put(object, "scope", list);
}

static int call_impersonate(const struct aid_exchange *x, struct aid_exchange_call *call,
	struct aid_error *err)
{
	const char *project = aid_target_get(x->options, "user_project");
	AID_AUTO(aid_json) *object = aid_json_new_object();
	char lifetime[24], body[4096];
	size_t length = 0;
	int r;

	(void)snprintf(lifetime, sizeof(lifetime), "%llds",
		(long long)(aid_target_number(x->options, "lifetime") / 1000));
	call->content_type = "application/json";
	r = aid_call_url(call, err, aid_target_get(x->options, "iam_url"),
		"/v1/projects/-/serviceAccounts/", aid_target_get(x->options, "service_account"),
		":generateAccessToken", NULL);
	if (r != AID_OK)
		return r;
	if (put_scopes(object, aid_target_get(x->options, "scopes")) != AID_OK ||
		aid_json_put_text(object, "lifetime", lifetime) != AID_OK ||
		aid_json_render(object, body, sizeof(body), &length) != AID_OK)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	call->body = aid_secret_from(body, length);
	if (call->body == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	if (project != NULL)
		r = aid_call_header(call, "x-goog-user-project: ", project, strlen(project), err);
	if (r == AID_OK)
		r = aid_call_header(call, "Authorization: Bearer ", aid_secret_peek(x->between),
			aid_secret_length(x->between), err);
	return r;
}

static int call(const struct aid_exchange *x, struct aid_exchange_call *ret_call, struct aid_error *err)
{
	if (x->step == STEP_IMPERSONATE)
		return call_impersonate(x, ret_call, err);
	return call_exchange(x, ret_call, err);
}

/* google.rpc.Code and the errors of RFC 6749 section 5.2. */
static const struct {
	const char *code;
	int status;
} codes[] = {
	{"UNAVAILABLE", AID_E_BUSY},
	{"RESOURCE_EXHAUSTED", AID_E_BUSY},
	{"DEADLINE_EXCEEDED", AID_E_TIMEOUT},
	{"INTERNAL", AID_E_UNREACHABLE},
	{"UNKNOWN", AID_E_UNREACHABLE},
	{"ABORTED", AID_E_UNREACHABLE},
	{"PERMISSION_DENIED", AID_E_DENIED},
	{"UNAUTHENTICATED", AID_E_DENIED},
	{"INVALID_ARGUMENT", AID_E_CONFIG},
	{"NOT_FOUND", AID_E_CONFIG},
	{"FAILED_PRECONDITION", AID_E_CONFIG},
	{"invalid_grant", AID_E_DENIED},
	{"unauthorized_client", AID_E_DENIED},
	{"access_denied", AID_E_DENIED},
	{"invalid_client", AID_E_DENIED},
	{"invalid_target", AID_E_CONFIG},
	{"invalid_request", AID_E_CONFIG},
	{"invalid_scope", AID_E_CONFIG},
	{"temporarily_unavailable", AID_E_BUSY},
};

static int refuse(const struct aid_exchange *x, const struct aid_exchange_answer *answer,
	struct aid_error *err)
{
	struct aid_exchange_refusal refusal = {.status = AID_OK};
	AID_AUTO(aid_json) *document = NULL;
	const struct aid_json *error;

	if (aid_answer_json(answer, &document, NULL) != AID_OK)
		return aid_exchange_refuse(x, answer, &refusal, err);
	if (aid_json_object(document, "error", &error, NULL) == AID_OK) {
		(void)!aid_json_text(error, "status", 1, 64, &refusal.code, NULL);
		(void)!aid_json_text(error, "message", 1, AID_EXCHANGE_ANSWER_MAX, &refusal.message, NULL);
	} else if (aid_json_text(document, "error", 1, 64, &refusal.code, NULL) == AID_OK) {
		(void)!aid_json_text(document, "error_description", 1, AID_EXCHANGE_ANSWER_MAX,
			&refusal.message, NULL);
	}
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (aid_streq(codes[i].code, refusal.code))
			refusal.status = codes[i].status;
	}
	return aid_exchange_refuse(x, answer, &refusal, err);
}

/* A narrowed token lives as long as the one it was made from, and its answer may leave that out. */
static int read_exchange(const struct aid_exchange *x, const struct aid_exchange_answer *answer,
	struct aid_secret **ret_token, int64_t *ret_expires_ms, struct aid_error *err)
{
	struct aid_token_response response = {.expires_in_s = -1};

	if (aid_answer_has_body(answer, err) != AID_OK)
		return AID_E_PROTOCOL;
	if (aid_oauth_exchange_response(answer->body, "access_token", &response, err) != AID_OK)
		return aid_prefix(err, "host '%.64s'", answer->host);
	if (response.expires_in_s < 0 && x->step != STEP_NARROW) {
		aid_secret_free(response.token);
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': no expires_in", answer->host);
	}
	*ret_expires_ms = answer->asked_wall_ms + response.expires_in_s * 1000;
	if (x->step == STEP_NARROW && (response.expires_in_s < 0 || *ret_expires_ms > x->between_expires_ms))
		*ret_expires_ms = x->between_expires_ms;
	*ret_token = response.token;
	return AID_OK;
}

static int read_impersonate(const struct aid_exchange_answer *answer, struct aid_secret **ret_token,
	int64_t *ret_expires_ms, struct aid_error *err)
{
	AID_AUTO(aid_json) *document = NULL;
	const char *expires;
	int r = aid_answer_json(answer, &document, err);

	if (r != AID_OK)
		return r;
	if (aid_json_text(document, "expireTime", 20, 40, &expires, NULL) != AID_OK ||
		aid_timestamp_parse(expires, ret_expires_ms) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': expireTime is no UTC time of RFC 3339",
			answer->host);
	return aid_answer_token(answer, document, "accessToken", ret_token, err);
}

static bool step_after(const struct aid_exchange *x, unsigned int *ret_step)
{
	if (x->step == STEP_FEDERATE && is_set(x, "service_account"))
		*ret_step = STEP_IMPERSONATE;
	else if (x->step != STEP_NARROW && is_set(x, "access_boundary"))
		*ret_step = STEP_NARROW;
	else
		return false;
	return true;
}

static int answer(struct aid_exchange *x, const struct aid_exchange_answer *seen,
	struct aid_exchange_result *ret_result, bool *ret_more, struct aid_error *err)
{
	AID_AUTO(aid_secret) *token = NULL;
	int64_t expires;
	int r;

	if (seen->status != 200)
		return refuse(x, seen, err);
	if (x->step == STEP_IMPERSONATE)
		r = read_impersonate(seen, &token, &expires, err);
	else
		r = read_exchange(x, seen, &token, &expires, err);
	if (r != AID_OK)
		return r;
	if (step_after(x, &x->step)) {
		aid_secret_free(x->between);
		x->between = aid_steal(&token);
		x->between_expires_ms = expires;
		*ret_more = true;
		return AID_OK;
	}
	r = aid_answer_expiry(x, seen, expires, err);
	if (r != AID_OK)
		return r;
	ret_result->payload = aid_steal(&token);
	ret_result->expires_wall_ms = expires;
	return AID_OK;
}

const struct aid_exchange_kind aid_exchange_gcp = {AID_TARGET_GCP_WIF, false, check, call, answer};
