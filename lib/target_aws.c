/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* AWS STS AssumeRoleWithWebIdentity: an unsigned POST, an answer in XML, and the JSON that the SDKs'
 * credential_process reads. */
#include "exchange_private.h"

#include "protocol.h"
#include "str.h"
#include "syntax.h"
#include "timestamp.h"
#include "xml.h"

#include <stdio.h>
#include <string.h>

#define SESSION_NAME_MAX 64U
#define SESSION_ID_PART AID_SESSION_ID_SIZE /* ".0123456789abcdef" */
#define FORM_FIXED 1024U
#define ROOT "AssumeRoleWithWebIdentityResponse/AssumeRoleWithWebIdentityResult/Credentials/"

static int check(const struct aid_exchange *x, struct aid_error *err)
{
	const char *policy = aid_target_get(x->options, "session_policy");
	AID_AUTO(aid_json) *document = NULL;
	struct aid_error why = AID_ERROR_INIT;

	if (policy == NULL)
		return AID_OK;
	if (aid_json_parse(policy, strlen(policy), AID_SESSION_POLICY_MAX, &document, &why) != AID_OK)
		return aid_fail(err, AID_E_CONFIG, "session_policy: %s", why.text);
	if (!aid_json_has(document, "Statement"))
		return aid_fail(err, AID_E_CONFIG, "session_policy: no Statement in it");
	return AID_OK;
}

/* STS allows 2 to 64 of these characters. Of a long agent's name the end goes, never the session. */
static void make_session_name(const char *wanted, char out[SESSION_NAME_MAX + 1])
{
	size_t length = strlen(wanted);

	if (length > SESSION_NAME_MAX) {
		memcpy(out, wanted, SESSION_NAME_MAX - SESSION_ID_PART);
		memcpy(out + SESSION_NAME_MAX - SESSION_ID_PART, wanted + length - SESSION_ID_PART,
			SESSION_ID_PART);
		length = SESSION_NAME_MAX;
	} else {
		memcpy(out, wanted, length);
	}
	while (length < 2)
		out[length++] = '-';
	out[length] = '\0';
	for (size_t i = 0; i < length; i++) {
		if (!aid_syntax_only((char[]){out[i], '\0'}, AID_ALNUM "_+=,.@-"))
			out[i] = '-';
	}
}

static int add_policies(const struct aid_exchange *x, struct aid_exchange_call *call,
	struct aid_error *err)
{
	const char *at = aid_target_get(x->options, "policy_arns");
	unsigned int number = 0;
	int r = AID_OK;

	while (r == AID_OK && at != NULL && *at != '\0') {
		size_t length = strcspn(at, ", \t");
		char name[32];

		if (length > 0) {
			(void)snprintf(name, sizeof(name), "PolicyArns.member.%u.arn", ++number);
			r = aid_call_add_bytes(call, name, at, length, err);
		}
		at += length + (at[length] != '\0' ? 1 : 0);
	}
	return r;
}

static int set_url(const struct aid_exchange *x, struct aid_exchange_call *call, struct aid_error *err)
{
	const char *endpoint = aid_target_get(x->options, "endpoint");
	const char *region = aid_target_get(x->options, "region");

	if (endpoint != NULL)
		return aid_call_url(call, err, endpoint, "/", NULL);
	return aid_call_url(call, err, "https://sts.", region, ".amazonaws.com",
		aid_str_has_prefix(region, "cn-") ? ".cn/" : "/", NULL);
}

static size_t length_of(const struct aid_exchange *x, const char *name)
{
	const char *value = aid_target_get(x->options, name);

	return value != NULL ? strlen(value) : 0;
}

static int call(const struct aid_exchange *x, struct aid_exchange_call *ret_call, struct aid_error *err)
{
	const char *policy = aid_target_get(x->options, "session_policy");
	char session_name[SESSION_NAME_MAX + 1];
	char duration[24];
	int r;

	if (x->assertion == NULL)
		return aid_fail(err, AID_E_INVALID, "no assertion to exchange");
	make_session_name(x->session_name, session_name);
	(void)snprintf(duration, sizeof(duration), "%lld",
		(long long)(aid_target_number(x->options, "duration") / 1000));
	ret_call->content_type = "application/x-www-form-urlencoded";
	/* For JSON, STS answers in a form that is not documented. */
	ret_call->accept = "text/xml";
	r = set_url(x, ret_call, err);
	if (r == AID_OK)
		r = aid_call_room(ret_call, FORM_FIXED + 3 * (aid_secret_length(x->assertion) +
			length_of(x, "role_arn") + length_of(x, "session_policy")) +
			6 * length_of(x, "policy_arns"), err);
	if (r == AID_OK)
		r = aid_call_add(ret_call, "Action", "AssumeRoleWithWebIdentity", err);
	if (r == AID_OK)
		r = aid_call_add(ret_call, "Version", "2011-06-15", err);
	if (r == AID_OK)
		r = aid_call_add(ret_call, "RoleArn", aid_target_get(x->options, "role_arn"), err);
	if (r == AID_OK)
		r = aid_call_add(ret_call, "RoleSessionName", session_name, err);
	if (r == AID_OK)
		r = aid_call_add_secret(ret_call, "WebIdentityToken", x->assertion, err);
	if (r == AID_OK)
		r = aid_call_add(ret_call, "DurationSeconds", duration, err);
	if (r == AID_OK)
		r = aid_call_add(ret_call, "Policy", policy, err);
	return r == AID_OK ? add_policies(x, ret_call, err) : r;
}

/* The documented errors, by what can be done about them. */
static const struct {
	const char *code;
	int status;
} codes[] = {
	{"ExpiredTokenException", AID_E_EXPIRED},
	{"ExpiredToken", AID_E_EXPIRED},
	{"IDPCommunicationError", AID_E_UNREACHABLE},
	{"IDPRejectedClaim", AID_E_DENIED},
	{"InvalidIdentityToken", AID_E_DENIED},
	{"AccessDenied", AID_E_DENIED},
	{"AccessDeniedException", AID_E_DENIED},
	{"MalformedPolicyDocument", AID_E_CONFIG},
	{"PackedPolicyTooLarge", AID_E_CONFIG},
	{"RegionDisabledException", AID_E_CONFIG},
	{"ValidationError", AID_E_CONFIG},
	{"InvalidParameterValue", AID_E_CONFIG},
	{"Throttling", AID_E_BUSY},
	{"ThrottlingException", AID_E_BUSY},
	{"RequestLimitExceeded", AID_E_BUSY},
	{"ServiceUnavailable", AID_E_BUSY},
	{"InternalFailure", AID_E_UNREACHABLE},
};

static int refuse(const struct aid_exchange *x, const struct aid_exchange_answer *answer,
	struct aid_error *err)
{
	struct aid_xml_text texts[] = {
		{.path = "ErrorResponse/Error/Code", .max = 64},
		{.path = "ErrorResponse/Error/Message", .max = 8192},
	};
	struct aid_exchange_refusal refusal = {.status = AID_OK};
	int r;

	if (answer->body != NULL && aid_xml_read(aid_secret_peek(answer->body),
		aid_secret_length(answer->body), AID_EXCHANGE_ANSWER_MAX, texts, 2, NULL) == AID_OK) {
		refusal.code = texts[0].text != NULL ? aid_secret_peek(texts[0].text) : NULL;
		refusal.message = texts[1].text != NULL ? aid_secret_peek(texts[1].text) : NULL;
	}
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (aid_streq(codes[i].code, refusal.code))
			refusal.status = codes[i].status;
	}
	r = aid_exchange_refuse(x, answer, &refusal, err);
	aid_xml_texts_done(texts, 2);
	return r;
}

enum { KEY_ID, KEY, TOKEN, EXPIRATION, N_TEXTS };

static int check_texts(const struct aid_xml_text *texts, const char *host, int64_t *ret_expires_ms,
	struct aid_error *err)
{
	for (size_t i = 0; i < N_TEXTS; i++) {
		const char *name = strrchr(texts[i].path, '/') + 1;
		const struct aid_secret *text = texts[i].text;

		if (text == NULL)
			return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': no %s in the answer", host, name);
		if (i != EXPIRATION &&
			!aid_str_is_b64token(aid_secret_peek(text), aid_secret_length(text)))
			return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': %s has a character that none has",
				host, name);
	}
	if (!aid_syntax_only(aid_secret_peek(texts[KEY_ID].text), AID_ALNUM "_"))
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': AccessKeyId has a character that none has",
			host);
	if (aid_timestamp_parse(aid_secret_peek(texts[EXPIRATION].text), ret_expires_ms) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': Expiration is no UTC time of ISO 8601",
			host);
	return AID_OK;
}

/* Nothing in these values needs escaping: check_texts() has seen to it. */
static int make_payload(const struct aid_exchange *x, const struct aid_xml_text *texts,
	int64_t expires_ms, struct aid_secret **ret_payload, struct aid_error *err)
{
	AID_AUTO(aid_secret) *payload = aid_secret_new(256 + aid_secret_length(texts[KEY_ID].text) +
		aid_secret_length(texts[KEY].text) + aid_secret_length(texts[TOKEN].text));
	/* arn:PARTITION:iam::ACCOUNT:... */
	const char *account = strstr(aid_target_get(x->options, "role_arn"), "::") + 2;
	char expiration[AID_TIMESTAMP_SIZE];
	bool fits = payload != NULL;

	aid_timestamp_format(expires_ms, expiration);
	const struct {
		const char *before;
		const char *value;
		size_t length;
	} parts[] = {
		{"{\"Version\":1,\"AccessKeyId\":\"", aid_secret_peek(texts[KEY_ID].text),
			aid_secret_length(texts[KEY_ID].text)},
		{"\",\"SecretAccessKey\":\"", aid_secret_peek(texts[KEY].text),
			aid_secret_length(texts[KEY].text)},
		{"\",\"SessionToken\":\"", aid_secret_peek(texts[TOKEN].text),
			aid_secret_length(texts[TOKEN].text)},
		{"\",\"Expiration\":\"", expiration, strlen(expiration)},
		{"\",\"AccountId\":\"", account, strcspn(account, ":")},
		{"\"}", "", 0},
	};
	for (size_t i = 0; fits && i < sizeof(parts) / sizeof(parts[0]); i++)
		fits = aid_secret_append(payload, parts[i].before, strlen(parts[i].before)) == AID_OK &&
			aid_secret_append(payload, parts[i].value, parts[i].length) == AID_OK;
	if (!fits)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	*ret_payload = aid_steal(&payload);
	return AID_OK;
}

static int answer(struct aid_exchange *x, const struct aid_exchange_answer *seen,
	struct aid_exchange_result *ret_result, bool *ret_more, struct aid_error *err)
{
	struct aid_xml_text texts[] = {
		[KEY_ID] = {.path = ROOT "AccessKeyId", .max = 128},
		[KEY] = {.path = ROOT "SecretAccessKey", .max = 256},
		[TOKEN] = {.path = ROOT "SessionToken", .max = AID_TOKEN_MAX},
		[EXPIRATION] = {.path = ROOT "Expiration", .max = 40},
	};
	int64_t expires;
	int r;

	(void)ret_more;
	if (seen->status != 200)
		return refuse(x, seen, err);
	if (aid_answer_has_body(seen, err) != AID_OK)
		return AID_E_PROTOCOL;
	r = aid_xml_read(aid_secret_peek(seen->body), aid_secret_length(seen->body),
		AID_EXCHANGE_ANSWER_MAX, texts, N_TEXTS, err);
	if (r != AID_OK)
		return aid_prefix(err, "host '%.64s'", seen->host);
	r = check_texts(texts, seen->host, &expires, err);
	if (r == AID_OK)
		r = aid_answer_expiry(x, seen, expires, err);
	if (r == AID_OK)
		r = make_payload(x, texts, expires, &ret_result->payload, err);
	if (r == AID_OK) {
		ret_result->expires_wall_ms = expires;
		(void)snprintf(ret_result->id, sizeof(ret_result->id), "%s",
			aid_secret_peek(texts[KEY_ID].text));
	}
	aid_xml_texts_done(texts, N_TEXTS);
	return r;
}

const struct aid_exchange_kind aid_exchange_aws = {
	AID_TARGET_AWS_STS, false, check, call, answer};
