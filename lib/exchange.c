/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "exchange_private.h"

#include "oauth.h"
#include "protocol.h"
#include "str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_SHOWN 128U
#define CODE_MAX 64U

static const struct aid_exchange_kind *const kinds[] = {
	&aid_exchange_aws,
	&aid_exchange_azure,
	&aid_exchange_gcp,
	&aid_exchange_vault,
};

static const struct aid_exchange_kind *find(enum aid_target_kind kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i]->kind == kind)
			return kinds[i];
	}
	return NULL;
}

bool aid_exchange_can_revoke(enum aid_target_kind kind)
{
	const struct aid_exchange_kind *row = find(kind);

	return row != NULL && row->can_revoke;
}

static int find_of(const struct aid_exchange *exchange, const struct aid_exchange_kind **ret_kind,
	struct aid_error *err)
{
	*ret_kind = find(exchange->options->target->kind);
	if (*ret_kind == NULL)
		return aid_fail(err, AID_E_INVALID, "type %s is not exchanged",
			exchange->options->target->name);
	return AID_OK;
}

int aid_exchange_check(const struct aid_exchange *exchange, struct aid_error *err)
{
	const struct aid_exchange_kind *kind;
	int r = find_of(exchange, &kind, err);

	return r != AID_OK || kind->check == NULL ? r : kind->check(exchange, err);
}

bool aid_exchange_needs_assertion(const struct aid_exchange *exchange)
{
	return !exchange->revoke && (exchange->previous == NULL || exchange->step > 0);
}

int aid_exchange_call(const struct aid_exchange *exchange, struct aid_exchange_call *ret_call,
	struct aid_error *err)
{
	const struct aid_exchange_kind *kind;
	int r = find_of(exchange, &kind, err);

	*ret_call = (struct aid_exchange_call){.accept = "application/json"};
	return r == AID_OK ? kind->call(exchange, ret_call, err) : r;
}

void aid_exchange_call_done(struct aid_exchange_call *call)
{
	aid_secret_free(aid_steal(&call->body));
	for (size_t i = 0; i < AID_HTTP_LINES_MAX; i++)
		aid_secret_free(aid_steal(&call->headers[i]));
}

static bool repeats_secret(const struct aid_exchange *exchange, const char *text)
{
	return aid_secret_repeats(exchange->assertion, text) ||
		aid_secret_repeats(exchange->previous, text) || aid_secret_repeats(exchange->between, text);
}

int aid_exchange_answer(struct aid_exchange *exchange, const struct aid_exchange_answer *answer,
	struct aid_exchange_result *ret_result, bool *ret_more, struct aid_error *err)
{
	struct aid_exchange_result result = {.payload = NULL};
	const struct aid_exchange_kind *kind;
	bool more = false;
	int r = find_of(exchange, &kind, err);

	if (r == AID_OK)
		r = kind->answer(exchange, answer, &result, &more, err);
	if (r == AID_OK && result.payload != NULL && aid_secret_length(result.payload) > AID_TOKEN_MAX)
		r = aid_fail(err, AID_E_TOOBIG, "the credential has %zu bytes, at most %d are allowed",
			aid_secret_length(result.payload), AID_TOKEN_MAX);
	if (r != AID_OK) {
		aid_secret_free(result.payload);
		/* Whatever of the answer got into it, such as the host of a redirect. */
		if (err != NULL && repeats_secret(exchange, err->text))
			return aid_fail(err, r, "host '%.64s': left out: it repeats a secret", answer->host);
		return r;
	}
	*ret_result = result;
	*ret_more = more;
	return AID_OK;
}

void aid_exchange_done(struct aid_exchange *exchange)
{
	aid_secret_free(aid_steal(&exchange->between));
}

int aid_call_room(struct aid_exchange_call *call, size_t bytes, struct aid_error *err)
{
	call->body = aid_secret_new(bytes);
	return call->body != NULL ? AID_OK : aid_fail(err, AID_E_NOMEM, "out of memory");
}

static int too_big(struct aid_error *err)
{
	return aid_fail(err, AID_E_TOOBIG, "the request does not fit");
}

int aid_call_add_bytes(struct aid_exchange_call *call, const char *name, const char *bytes,
	size_t length, struct aid_error *err)
{
	return aid_form_add(call->body, name, bytes, length) == AID_OK ? AID_OK : too_big(err);
}

int aid_call_add(struct aid_exchange_call *call, const char *name, const char *value,
	struct aid_error *err)
{
	return value == NULL ? AID_OK : aid_call_add_bytes(call, name, value, strlen(value), err);
}

int aid_call_add_secret(struct aid_exchange_call *call, const char *name,
	const struct aid_secret *value, struct aid_error *err)
{
	if (value == NULL)
		return aid_fail(err, AID_E_INVALID, "the exchange has no %s", name);
	return aid_call_add_bytes(call, name, aid_secret_peek(value), aid_secret_length(value), err);
}

int aid_call_header(struct aid_exchange_call *call, const char *start, const char *bytes, size_t length,
	struct aid_error *err)
{
	AID_AUTO(aid_secret) *line = aid_secret_new(strlen(start) + length + 1);
	size_t i = 0;

	while (i < AID_HTTP_LINES_MAX && call->headers[i] != NULL)
		i++;
	if (line == NULL || i == AID_HTTP_LINES_MAX)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	if (aid_secret_append(line, start, strlen(start)) != AID_OK ||
		aid_secret_append(line, bytes, length) != AID_OK)
		return too_big(err);
	call->headers[i] = aid_steal(&line);
	return AID_OK;
}

int aid_call_url(struct aid_exchange_call *call, struct aid_error *err, ...)
{
	size_t used = 0;
	const char *part;
	va_list parts;
	int r = AID_OK;

	va_start(parts, err);
	while (r == AID_OK && (part = va_arg(parts, const char *)) != NULL) {
		size_t length = strlen(part);

		if (length > AID_URL_MAX - used) {
			r = too_big(err);
		} else {
			memcpy(call->url + used, part, length);
			used += length;
		}
	}
	va_end(parts);
	call->url[used] = '\0';
	return r;
}

/* What a server wrote, for a sentence of ours. */
static void quote(const struct aid_exchange *exchange, const char *text, size_t max, char *out)
{
	size_t length = strnlen(text, max);

	if (repeats_secret(exchange, text)) {
		(void)snprintf(out, max + 1, "%s", "left out: it repeats a secret");
		return;
	}
	for (size_t i = 0; i < length; i++)
		out[i] = (char)(text[i] >= 0x20 && text[i] <= 0x7e ? text[i] : ' ');
	out[length] = '\0';
}

static int status_of(int http_status)
{
	if (http_status == 429 || http_status == 503)
		return AID_E_BUSY;
	if (http_status >= 500)
		return AID_E_UNREACHABLE;
	if (http_status == 401 || http_status == 403)
		return AID_E_DENIED;
	return AID_E_PROTOCOL;
}

int aid_exchange_refuse(const struct aid_exchange *exchange, const struct aid_exchange_answer *answer,
	const struct aid_exchange_refusal *refusal, struct aid_error *err)
{
	int status = refusal->status != AID_OK ? refusal->status : status_of(answer->status);
	char message[MESSAGE_SHOWN + 1] = "";
	char code[CODE_MAX + 1] = "";

	if (err == NULL)
		return status;
	if (refusal->code != NULL)
		quote(exchange, refusal->code, CODE_MAX, code);
	if (refusal->message != NULL)
		quote(exchange, refusal->message, MESSAGE_SHOWN, message);
	(void)aid_fail(err, status, "host '%.64s': HTTP %d%s%s%s%s%s", answer->host, answer->status,
		code[0] != '\0' ? " " : "", code, message[0] != '\0' ? " (" : "", message,
		message[0] != '\0' ? ")" : "");
	err->http_status = answer->status;
	err->retry_after_s = answer->retry_after_s;
	if (aid_str_is_printable(code) && strlen(code) < sizeof(err->oauth_code))
		memcpy(err->oauth_code, code, strlen(code) + 1);
	return status;
}

int aid_answer_has_body(const struct aid_exchange_answer *answer, struct aid_error *err)
{
	return answer->body != NULL ? AID_OK
				    : aid_fail(err, AID_E_PROTOCOL, "host '%.64s': empty answer", answer->host);
}

int aid_answer_json(const struct aid_exchange_answer *answer, struct aid_json **ret_document,
	struct aid_error *err)
{
	if (aid_answer_has_body(answer, err) != AID_OK)
		return AID_E_PROTOCOL;
	if (aid_json_parse(aid_secret_peek(answer->body), aid_secret_length(answer->body),
		    AID_EXCHANGE_ANSWER_MAX, ret_document, err) != AID_OK)
		return aid_prefix(err, "host '%.64s'", answer->host);
	return AID_OK;
}

int aid_answer_token(const struct aid_exchange_answer *answer, const struct aid_json *object,
	const char *member, struct aid_secret **ret_token, struct aid_error *err)
{
	const char *text;
	int r = aid_json_text(object, member, 1, AID_EXCHANGE_ANSWER_MAX, &text, err);

	if (r == AID_E_NOMEM)
		return r;
	if (r != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': no %s that is text", answer->host,
			member);
	if (strlen(text) > AID_TOKEN_MAX)
		return aid_fail(err, AID_E_TOOBIG, "host '%.64s': %s has %zu bytes, at most %d are allowed",
			answer->host, member, strlen(text), AID_TOKEN_MAX);
	if (!aid_str_is_b64token(text, strlen(text)))
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': %s has a character that no bearer "
			"token has (RFC 6750 section 2.1)", answer->host, member);
	*ret_token = aid_secret_from(text, strlen(text));
	return *ret_token != NULL ? AID_OK : aid_fail(err, AID_E_NOMEM, "out of memory");
}

int aid_answer_expiry(const struct aid_exchange *exchange, const struct aid_exchange_answer *answer,
	int64_t expires_wall_ms, struct aid_error *err)
{
	int64_t lifetime = expires_wall_ms - answer->asked_wall_ms;
	int64_t limit = aid_target_max_lifetime_ms(exchange->options);

	if (lifetime <= 0)
		return aid_fail(err, AID_E_EXPIRED, "host '%.64s': the credential has expired already",
			answer->host);
	if (lifetime <= limit + AID_EXCHANGE_SKEW_MS)
		return AID_OK;
	return aid_fail(err, AID_E_DENIED, "credential lifetime %lld s exceeds max_lifetime %lld s: let "
		"host '%.64s' give a shorter one or raise [credential %s] max_lifetime",
		(long long)(lifetime / 1000), (long long)(limit / 1000), answer->host, exchange->name);
}
