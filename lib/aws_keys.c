/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "aws_keys.h"

#include "manager_private.h"
#include "protocol.h"
#include "str.h"
#include "syntax.h"
#include "timestamp.h"

#include <string.h>

#define TOKEN_TTL_HEADER "X-aws-ec2-metadata-token-ttl-seconds: "
#define TOKEN_TTL_S "21600"
#define TOKEN_HEADER "X-aws-ec2-metadata-token: "
#define ROLES "/latest/meta-data/iam/security-credentials/"
#define TEXT_MAX 4096U

void aid_aws_keys_done(struct aid_aws_keys *keys)
{
	aid_secret_free(keys->secret);
	aid_secret_free(keys->token);
	*keys = (struct aid_aws_keys){.secret = NULL};
}

/* Goes into header lines and hashes as it is. */
static int take_secret(const struct aid_json *document, const char *name, const char *host,
	struct aid_secret **ret_secret, struct aid_error *err)
{
	const char *text;

	if (aid_json_text(document, name, 1, AID_TOKEN_MAX, &text, NULL) != AID_OK ||
		!aid_str_is_b64token(text, strlen(text)))
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': no %s that is one in the answer", host, name);
	*ret_secret = aid_secret_from(text, strlen(text));
	return *ret_secret != NULL ? AID_OK : aid_fail(err, AID_E_NOMEM, "out of memory");
}

static int take_id_and_end(const struct aid_json *document, const char *host, struct aid_aws_keys *keys,
	struct aid_error *err)
{
	const char *text;

	if (aid_json_text(document, "AccessKeyId", 1, AID_AWS_KEY_ID_MAX, &text, NULL) != AID_OK ||
		!aid_syntax_only(text, AID_ALNUM "_"))
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': no AccessKeyId that is one in the answer",
			host);
	memcpy(keys->id, text, strlen(text) + 1);
	if (aid_json_text(document, "Expiration", 1, 40, &text, NULL) != AID_OK ||
		aid_timestamp_parse(text, &keys->expires_wall_ms) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': Expiration is no UTC time of ISO 8601", host);
	return AID_OK;
}

static int take_keys(const struct aid_json *document, const char *token, const char *host,
	struct aid_aws_keys *ret_keys, struct aid_error *err)
{
	struct aid_aws_keys keys = {.secret = NULL};
	int r = take_id_and_end(document, host, &keys, err);

	if (r == AID_OK)
		r = take_secret(document, "SecretAccessKey", host, &keys.secret, err);
	if (r == AID_OK)
		r = take_secret(document, token, host, &keys.token, err);
	if (r != AID_OK) {
		aid_aws_keys_done(&keys);
		return r;
	}
	*ret_keys = keys;
	return AID_OK;
}

int aid_aws_keys_of_process(const struct aid_secret *json, struct aid_aws_keys *ret_keys,
	struct aid_error *err)
{
	AID_AUTO(aid_json) *document = NULL;
	int r = aid_json_parse(aid_secret_peek(json), aid_secret_length(json), AID_EXCHANGE_ANSWER_MAX,
		&document, err);

	return r == AID_OK ? take_keys(document, "SessionToken", "sts", ret_keys, err) : r;
}

static void begin(struct aid_exchange_call *call, bool link_local)
{
	*call = (struct aid_exchange_call){.accept = "*/*", .is_instance = link_local};
}

int aid_imds_token(const char *address, struct aid_exchange_call *ret_call, struct aid_error *err)
{
	int r;

	begin(ret_call, true);
	ret_call->is_put = true;
	r = aid_call_url(ret_call, err, address, "/latest/api/token", NULL);
	return r == AID_OK ? aid_call_header(ret_call, TOKEN_TTL_HEADER, TOKEN_TTL_S,
		strlen(TOKEN_TTL_S), err) : r;
}

static int refuse(const struct aid_exchange_answer *answer, struct aid_error *err)
{
	const struct aid_manager_refusal refusal = {
		.status = answer->status == 404 ? AID_E_NOTFOUND : AID_OK,
		.message = answer->status == 404 ? "no role is attached" : NULL};

	return aid_manager_refuse(answer, &refusal, err);
}

int aid_imds_token_answer(const struct aid_exchange_answer *answer, struct aid_secret **ret_token,
	struct aid_error *err)
{
	const char *text;
	size_t length;

	if (answer->status != 200)
		return refuse(answer, err);
	if (aid_answer_has_body(answer, err) != AID_OK)
		return AID_E_PROTOCOL;
	text = aid_secret_peek(answer->body);
	length = aid_secret_length(answer->body);
	if (length > TEXT_MAX || !aid_str_is_b64token(text, length))
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': no token in the answer", answer->host);
	*ret_token = aid_secret_from(text, length);
	return *ret_token != NULL ? AID_OK : aid_fail(err, AID_E_NOMEM, "out of memory");
}

static int with_token(const char *address, const char *role, const struct aid_secret *token,
	struct aid_exchange_call *call, struct aid_error *err)
{
	int r;

	begin(call, true);
	r = aid_call_url(call, err, address, ROLES, role, NULL);
	return r == AID_OK ? aid_call_header(call, TOKEN_HEADER, aid_secret_peek(token),
		aid_secret_length(token), err) : r;
}

int aid_imds_role(const char *address, const struct aid_secret *token, struct aid_exchange_call *ret_call,
	struct aid_error *err)
{
	return with_token(address, "", token, ret_call, err);
}

int aid_imds_role_answer(const struct aid_exchange_answer *answer, char out[AID_AWS_ROLE_MAX + 1],
	struct aid_error *err)
{
	size_t length;

	if (answer->status != 200)
		return refuse(answer, err);
	if (aid_answer_has_body(answer, err) != AID_OK)
		return AID_E_PROTOCOL;
	length = strcspn(aid_secret_peek(answer->body), "\r\n");
	if (length == 0 || length > AID_AWS_ROLE_MAX)
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': a role has 1 to %u characters", answer->host,
			AID_AWS_ROLE_MAX);
	memcpy(out, aid_secret_peek(answer->body), length);
	out[length] = '\0';
	if (!aid_syntax_only(out, AID_ALNUM "_+=,.@-"))
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': a role has letters, digits and '_+=,.@-'",
			answer->host);
	return AID_OK;
}

int aid_imds_keys(const char *address, const struct aid_secret *token, const char *role,
	struct aid_exchange_call *ret_call, struct aid_error *err)
{
	return with_token(address, role, token, ret_call, err);
}

int aid_container_check(const char *url, struct aid_error *err)
{
	static const char *const hosts[] = {"http://169.254.170.2/", "http://169.254.170.23/"};
	struct aid_url parsed;

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		if (aid_str_has_prefix(url, hosts[i]))
			return strlen(url) <= 255 && aid_syntax_only(url, AID_ALNUM "-._~/:?=&%")
				? AID_OK
				: aid_fail(err, AID_E_CONFIG, "at most 255 letters, digits and '-._~/:?=&%%' are "
					"allowed");
	}
	if (aid_url_parse(url, &parsed, NULL) == AID_OK && parsed.is_loopback)
		return AID_OK;
	return aid_fail(err, AID_E_CONFIG, "keys of a container are served at http://169.254.170.2/, "
		"http://169.254.170.23/ or a loopback host");
}

int aid_container_keys(const char *url, const struct aid_secret *token, struct aid_exchange_call *ret_call,
	struct aid_error *err)
{
	int r;

	begin(ret_call, aid_str_has_prefix(url, "http://169.254.170."));
	r = aid_container_check(url, err);
	if (r == AID_OK)
		r = aid_call_url(ret_call, err, url, NULL);
	if (r == AID_OK && token != NULL)
		r = aid_call_header(ret_call, "Authorization: ", aid_secret_peek(token),
			aid_secret_length(token), err);
	return r;
}

int aid_aws_keys_answer(const struct aid_exchange_answer *answer, struct aid_aws_keys *ret_keys,
	struct aid_error *err)
{
	AID_AUTO(aid_json) *document = NULL;
	const char *code;
	int r;

	if (answer->status != 200)
		return refuse(answer, err);
	r = aid_answer_json(answer, &document, err);
	if (r != AID_OK)
		return r;
	/* Only instance metadata has a Code, and says there what is wrong with the role. */
	if (aid_json_text(document, "Code", 1, 64, &code, NULL) == AID_OK && !aid_streq(code, "Success"))
		return aid_fail(err, AID_E_DENIED, "host '%.64s': the role's keys are not to be had (%.64s)",
			answer->host, aid_str_is_printable(code) ? code : "?");
	r = take_keys(document, "Token", answer->host, ret_keys, err);
	if (r == AID_OK && ret_keys->expires_wall_ms <= answer->asked_wall_ms) {
		aid_aws_keys_done(ret_keys);
		return aid_fail(err, AID_E_EXPIRED, "host '%.64s': the keys have expired already", answer->host);
	}
	return r;
}
