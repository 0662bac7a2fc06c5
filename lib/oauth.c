/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "oauth.h"

#include "json.h"
#include "protocol.h"
#include "str.h"

#include <stdio.h>
#include <string.h>

#define ERROR_BODY_MAX 65536U
#define DESCRIPTION_SHOWN 96
#define TOKEN_TYPE "urn:ietf:params:oauth:token-type:"

static bool is_kept(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
		c == '.' || c == '_' || c == '*';
}

int aid_form_encode(struct aid_secret *out, const void *value, size_t length)
{
	static const char digits[] = "0123456789ABCDEF";
	const unsigned char *in = value;

	for (size_t i = 0; i < length; i++) {
		char encoded[3] = {'%', digits[in[i] >> 4], digits[in[i] & 15]};
		const char *bytes = encoded;
		size_t n = sizeof(encoded);

		if (in[i] == ' ') {
			encoded[0] = '+';
			n = 1;
		} else if (is_kept(in[i])) {
			bytes = (const char *)&in[i];
			n = 1;
		}
		if (aid_secret_append(out, bytes, n) != AID_OK)
			return AID_E_TOOBIG;
	}
	return AID_OK;
}

int aid_form_add(struct aid_secret *form, const char *name, const void *value, size_t length)
{
	if (aid_secret_length(form) > 0 && aid_secret_append(form, "&", 1) != AID_OK)
		return AID_E_TOOBIG;
	if (aid_secret_append(form, name, strlen(name)) != AID_OK ||
		aid_secret_append(form, "=", 1) != AID_OK)
		return AID_E_TOOBIG;
	return aid_form_encode(form, value, length);
}

int aid_oauth_form(const struct aid_grant *grant, struct aid_secret *form, struct aid_error *err)
{
	const struct {
		const char *name;
		const char *value;
	} members[] = {
		{"grant_type", "client_credentials"},
		{"scope", grant->scope},
		{"audience", grant->audience},
		{"resource", grant->resource},
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const char *value = members[i].value;

		if (value == NULL || value[0] == '\0')
			continue;
		if (aid_form_add(form, members[i].name, value, strlen(value)) != AID_OK)
			return aid_fail(err, AID_E_TOOBIG, "token request over %zu bytes",
				aid_secret_capacity(form));
	}
	return AID_OK;
}

static int add_token(struct aid_secret *form, const char *name, const struct aid_secret *token,
	const char *type_name, const char *type)
{
	char urn[128];

	if (token == NULL)
		return AID_OK;
	(void)snprintf(urn, sizeof(urn), "%s%s", TOKEN_TYPE, type);
	if (aid_form_add(form, name, aid_secret_peek(token), aid_secret_length(token)) != AID_OK)
		return AID_E_TOOBIG;
	return aid_form_add(form, type_name, urn, strlen(urn));
}

int aid_oauth_exchange_form(const struct aid_exchange_grant *grant, struct aid_secret *form,
	struct aid_error *err)
{
	static const char type[] = "urn:ietf:params:oauth:grant-type:token-exchange";
	char requested[128];
	const char *members[][2] = {
		{"requested_token_type", requested},
		{"scope", grant->scope},
		{"audience", grant->audience},
		{"resource", grant->resource},
	};
	int r = aid_form_add(form, "grant_type", type, sizeof(type) - 1);

	(void)snprintf(requested, sizeof(requested), "%s%s", TOKEN_TYPE, grant->requested_type);
	if (r == AID_OK)
		r = add_token(form, "subject_token", grant->subject_token, "subject_token_type",
			grant->subject_type);
	if (r == AID_OK)
		r = add_token(form, "actor_token", grant->actor_token, "actor_token_type",
			grant->actor_type);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]) && r == AID_OK; i++) {
		if (members[i][1] != NULL)
			r = aid_form_add(form, members[i][0], members[i][1], strlen(members[i][1]));
	}
	return r == AID_OK ? AID_OK : aid_fail(err, AID_E_TOOBIG, "token request over %zu bytes",
		aid_secret_capacity(form));
}

int aid_oauth_revocation_form(const struct aid_secret *token, struct aid_secret *form,
	struct aid_error *err)
{
	static const char hint[] = "access_token";

	if (aid_form_add(form, "token", aid_secret_peek(token), aid_secret_length(token)) != AID_OK ||
		aid_form_add(form, "token_type_hint", hint, sizeof(hint) - 1) != AID_OK)
		return aid_fail(err, AID_E_TOOBIG, "revocation request over %zu bytes",
			aid_secret_capacity(form));
	return AID_OK;
}

/* Some providers write the number as text; everything else that is no whole positive number of
 * seconds leaves the lifetime to guessing. */
static int take_expires_in(const struct aid_json *document, int64_t *ret_s, struct aid_error *err)
{
	const char *text;
	uint64_t parsed;
	int64_t value;
	int r;

	if (!aid_json_has(document, "expires_in")) {
		*ret_s = -1;
		return AID_OK;
	}
	r = aid_json_int(document, "expires_in", 1, AID_EXPIRES_IN_MAX_S, &value, NULL);
	if (r == AID_OK) {
		*ret_s = value;
		return AID_OK;
	}
	if (aid_json_text(document, "expires_in", 1, 9, &text, NULL) == AID_OK &&
		aid_str_parse_uint(text, 1, AID_EXPIRES_IN_MAX_S, &parsed) == AID_OK) {
		*ret_s = (int64_t)parsed;
		return AID_OK;
	}
	return aid_fail(err, AID_E_PROTOCOL,
		"token response: expires_in is no whole number of seconds from 1 to %d",
		AID_EXPIRES_IN_MAX_S);
}

/* wanted NULL: no exchange. What is not an access token need not be a bearer token (RFC 8693 section
 * 2.2.1). */
static int check_type(const struct aid_json *document, const char *wanted, struct aid_error *err)
{
	const char *type;

	if (aid_json_text(document, "token_type", 1, 64, &type, NULL) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "token response: no token_type that is text");
	if (wanted != NULL && !aid_streq(wanted, "access_token") && aid_streq_nocase(type, "N_A"))
		return AID_OK;
	if (!aid_streq_nocase(type, "Bearer"))
		return aid_fail(err, AID_E_PROTOCOL,
			"token response: token_type is '%.64s', only Bearer is used", type);
	return AID_OK;
}

static int check_issued_type(const struct aid_json *document, const char *wanted, struct aid_error *err)
{
	const char *type;

	if (wanted == NULL)
		return AID_OK;
	if (aid_json_text(document, "issued_token_type", 1, 256, &type, NULL) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "token response: no issued_token_type that is text");
	if (!aid_str_has_prefix(type, TOKEN_TYPE) || !aid_streq(type + sizeof(TOKEN_TYPE) - 1, wanted))
		return aid_fail(err, AID_E_PROTOCOL, "token response: issued_token_type is '%.64s', not "
			TOKEN_TYPE "%s", type, wanted);
	return AID_OK;
}

static int read_response(const struct aid_secret *body, const char *wanted,
	struct aid_token_response *ret_response, struct aid_error *err)
{
	AID_AUTO(aid_json) *document = NULL;
	struct aid_token_response out = {.expires_in_s = -1};
	const char *token;
	int r;

	r = aid_json_parse(aid_secret_peek(body), aid_secret_length(body), AID_TOKEN_RESPONSE_MAX,
		&document, err);
	if (r != AID_OK)
		return aid_prefix(err, "token response");
	r = aid_json_text(document, "access_token", 1, AID_TOKEN_RESPONSE_MAX, &token, err);
	if (r != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "token response: no access_token that is text");
	if (strlen(token) > AID_TOKEN_MAX)
		return aid_fail(err, AID_E_TOOBIG, "token response: access_token has %zu bytes, at most %d "
			"are allowed", strlen(token), AID_TOKEN_MAX);
	if (!aid_str_is_b64token(token, strlen(token)))
		return aid_fail(err, AID_E_PROTOCOL, "token response: access_token has a character that no "
			"bearer token has (RFC 6750 section 2.1)");
	r = check_issued_type(document, wanted, err);
	if (r == AID_OK)
		r = check_type(document, wanted, err);
	if (r == AID_OK)
		r = take_expires_in(document, &out.expires_in_s, err);
	if (r != AID_OK)
		return r;
	out.token = aid_secret_from(token, strlen(token));
	if (out.token == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	*ret_response = out;
	return AID_OK;
}

int aid_oauth_response(const struct aid_secret *body, struct aid_token_response *ret_response,
	struct aid_error *err)
{
	return read_response(body, NULL, ret_response, err);
}

int aid_oauth_exchange_response(const struct aid_secret *body, const char *wanted,
	struct aid_token_response *ret_response, struct aid_error *err)
{
	return read_response(body, wanted, ret_response, err);
}

static bool is_error_code(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((*text < 'a' || *text > 'z') && *text != '_')
			return false;
	}
	return true;
}

/* false when the body is no error object. */
static bool read_error(const struct aid_refusal *refusal, char code[32], char description[128])
{
	AID_AUTO(aid_json) *document = NULL;
	const char *text;

	if (refusal->body == NULL ||
		aid_json_parse(aid_secret_peek(refusal->body), aid_secret_length(refusal->body),
			ERROR_BODY_MAX, &document, NULL) != AID_OK)
		return false;
	if (aid_json_text(document, "error", 1, 31, &text, NULL) != AID_OK || !is_error_code(text))
		return false;
	(void)snprintf(code, 32, "%s", text);
	if (aid_json_text(document, "error_description", 1, ERROR_BODY_MAX, &text, NULL) != AID_OK)
		return true;
	for (size_t i = 0; i < AID_REFUSAL_SECRETS; i++) {
		if (aid_secret_repeats(refusal->secrets[i], text))
			text = "left out: it repeats a secret";
	}
	(void)snprintf(description, 128, " (%.*s)", DESCRIPTION_SHOWN, text);
	return true;
}

static int classify(int http_status, const char *code)
{
	if (http_status == 429 || http_status == 503)
		return AID_E_BUSY;
	if (http_status >= 500)
		return AID_E_UNREACHABLE;
	if (code[0] == '\0')
		return AID_E_PROTOCOL;
	if (aid_streq(code, "invalid_client") ||
		(http_status == 401 && aid_streq(code, "unauthorized_client")))
		return AID_E_CREDENTIAL;
	return AID_E_DENIED;
}

int aid_oauth_refusal(const struct aid_refusal *refusal, struct aid_error *err)
{
	char description[128] = "";
	char code[32] = "";
	int status;

	if (!read_error(refusal, code, description))
		code[0] = '\0';
	status = classify(refusal->http_status, code);
	if (err == NULL)
		return status;
	if (code[0] == '\0')
		(void)aid_fail(err, status, "host '%.64s': HTTP %d without an OAuth error object",
			refusal->host, refusal->http_status);
	else
		(void)aid_fail(err, status, "host '%.64s': HTTP %d %s%s", refusal->host,
			refusal->http_status, code, description);
	err->http_status = refusal->http_status;
	err->retry_after_s = refusal->retry_after_s;
	memcpy(err->oauth_code, code, sizeof(code));
	return status;
}

int aid_oauth_revoked(const struct aid_refusal *answer, struct aid_error *err)
{
	struct aid_error why = AID_ERROR_INIT;

	if (answer->http_status == 200)
		return AID_OK;
	if (aid_oauth_refusal(answer, &why) == AID_E_DENIED &&
		aid_streq(why.oauth_code, "unsupported_token_type"))
		why.status = AID_E_NOTFOUND;
	if (err != NULL)
		*err = why;
	return why.status;
}
