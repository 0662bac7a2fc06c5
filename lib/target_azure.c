/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Entra ID: client credentials with the assertion in the place of a client secret. */
#include "exchange_private.h"

#include "oauth.h"
#include "str.h"

#include <stdio.h>
#include <string.h>

#define FORM_FIXED 2048U

static int call(const struct aid_exchange *x, struct aid_exchange_call *ret_call, struct aid_error *err)
{
	const char *names[] = {"client_id", "scope", "grant_type", "client_assertion_type"};
	const char *values[] = {
		aid_target_get(x->options, "client_id"),
		aid_target_get(x->options, "scope"),
		"client_credentials",
		"urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
	};
	int r;

	if (x->assertion == NULL)
		return aid_fail(err, AID_E_INVALID, "no assertion to exchange");
	ret_call->content_type = "application/x-www-form-urlencoded";
	r = aid_call_url(ret_call, err, aid_target_get(x->options, "authority"), "/",
		aid_target_get(x->options, "tenant"), "/oauth2/v2.0/token", NULL);
	if (r == AID_OK)
		r = aid_call_room(ret_call, FORM_FIXED + 3 * aid_secret_length(x->assertion), err);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && r == AID_OK; i++)
		r = aid_call_add(ret_call, names[i], values[i], err);
	if (r == AID_OK)
		r = aid_call_add_secret(ret_call, "client_assertion", x->assertion, err);
	return r;
}

/* AADSTS numbers, by what can be done about them. */
static const struct {
	int64_t number;
	int status;
	const char *hint;
} codes[] = {
	{70021, AID_E_DENIED, "a new federated credential takes up to 10 minutes to be known"},
	{700211, AID_E_DENIED, "a new federated credential takes up to 10 minutes to be known"},
	{700212, AID_E_DENIED, "no federated credential has this audience"},
	{700213, AID_E_DENIED, "a new federated credential takes up to 10 minutes to be known"},
	{700024, AID_E_EXPIRED, NULL},
	{700016, AID_E_CONFIG, "the tenant has no such client_id"},
	{700236, AID_E_CONFIG, "tokens of Entra itself are no assertions"},
	{50027, AID_E_DENIED, NULL},
	{700027, AID_E_DENIED, NULL},
	{90002, AID_E_CONFIG, "no such tenant"},
	{90013, AID_E_CONFIG, NULL},
	{7000215, AID_E_DENIED, NULL},
	{70011, AID_E_CONFIG, NULL},
	{1002012, AID_E_CONFIG, NULL},
	{500011, AID_E_CONFIG, "the tenant has no such resource"},
	{50196, AID_E_BUSY, NULL},
	{90033, AID_E_BUSY, NULL},
};

static int first_number(const struct aid_json *document)
{
	const char *text;
	uint64_t number;
	char digits[12];
	size_t length;

	/* error_codes says the same, but is an array of numbers; the text is documented, too. */
	if (aid_json_text(document, "error_description", 1, AID_EXCHANGE_ANSWER_MAX, &text, NULL) != AID_OK ||
		!aid_str_has_prefix(text, "AADSTS"))
		return 0;
	text += strlen("AADSTS");
	length = strspn(text, "0123456789");
	if (length == 0 || length >= sizeof(digits))
		return 0;
	memcpy(digits, text, length);
	digits[length] = '\0';
	return aid_str_parse_uint(digits, 1, 99999999, &number) == AID_OK ? (int)number : 0;
}

static const char *optional(const struct aid_json *document, const char *name)
{
	const char *text;

	return aid_json_text(document, name, 1, 64, &text, NULL) == AID_OK ? text : "";
}

/* "AADSTS70021, correlation id X: a hint", of which any part may be missing. */
static void put_message(char *out, size_t size, int number, const char *correlation, const char *hint)
{
	size_t used = 0;

	if (number != 0)
		used = (size_t)snprintf(out, size, "AADSTS%d%s", number, correlation[0] != '\0' ? ", " : "");
	if (correlation[0] != '\0')
		used += (size_t)snprintf(out + used, size - used, "correlation id %.40s", correlation);
	if (hint != NULL)
		(void)snprintf(out + used, size - used, ": %s", hint);
}

static int refuse(const struct aid_exchange *x, const struct aid_exchange_answer *answer,
	struct aid_error *err)
{
	struct aid_exchange_refusal refusal = {.status = AID_OK};
	AID_AUTO(aid_json) *document = NULL;
	char message[200] = "";
	const char *hint = NULL;
	int number;

	if (aid_answer_json(answer, &document, NULL) != AID_OK || !aid_json_has(document, "error"))
		return aid_exchange_refuse(x, answer, &refusal, err);
	number = first_number(document);
	refusal.code = optional(document, "error");
	if (answer->status == 400 || answer->status == 401)
		refusal.status = AID_E_DENIED;
	if (aid_streq(refusal.code, "temporarily_unavailable"))
		refusal.status = AID_E_BUSY;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (number == codes[i].number) {
			refusal.status = codes[i].status;
			hint = codes[i].hint;
		}
	}
	put_message(message, sizeof(message), number, optional(document, "correlation_id"), hint);
	refusal.message = message;
	return aid_exchange_refuse(x, answer, &refusal, err);
}

static int answer(struct aid_exchange *x, const struct aid_exchange_answer *seen,
	struct aid_exchange_result *ret_result, bool *ret_more, struct aid_error *err)
{
	struct aid_token_response response = {.expires_in_s = -1};
	int64_t expires;
	int r;

	(void)ret_more;
	if (seen->status != 200)
		return refuse(x, seen, err);
	if (aid_answer_has_body(seen, err) != AID_OK)
		return AID_E_PROTOCOL;
	if (aid_oauth_response(seen->body, &response, err) != AID_OK)
		return aid_prefix(err, "host '%.64s'", seen->host);
	expires = seen->asked_wall_ms + response.expires_in_s * 1000;
	if (response.expires_in_s < 0)
		r = aid_fail(err, AID_E_PROTOCOL, "host '%.64s': no expires_in", seen->host);
	else
		r = aid_answer_expiry(x, seen, expires, err);
	if (r != AID_OK) {
		aid_secret_free(response.token);
		return r;
	}
	ret_result->payload = response.token;
	ret_result->expires_wall_ms = expires;
	return AID_OK;
}

const struct aid_exchange_kind aid_exchange_azure = {
	AID_TARGET_AZURE_WIF, false, NULL, call, answer};
