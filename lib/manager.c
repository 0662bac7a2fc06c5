/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "manager_private.h"

#include "secret_source.h"
#include "str.h"

#include <stdio.h>
#include <string.h>

static int put(struct aid_exchange_call *call, const char *bytes, size_t length, struct aid_error *err)
{
	return aid_secret_append(call->body, bytes, length) == AID_OK
		? AID_OK : aid_fail(err, AID_E_TOOBIG, "the request does not fit");
}

int aid_call_text(struct aid_exchange_call *call, const char *text, struct aid_error *err)
{
	return put(call, text, strlen(text), err);
}

/* How many bytes the character at bytes has; 0: it is no UTF-8 (RFC 3629 section 4). */
static size_t utf8_length(const unsigned char *bytes, size_t length)
{
	static const struct {
		unsigned char first, last, low, high;
		size_t count;
	} forms[] = {
		{0x00, 0x7f, 0, 0, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
		{0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (bytes[0] < forms[i].first || bytes[0] > forms[i].last)
			continue;
		if (length < forms[i].count)
			return 0;
		if (forms[i].count > 1 && (bytes[1] < forms[i].low || bytes[1] > forms[i].high))
			return 0;
		for (size_t j = 2; j < forms[i].count; j++) {
			if ((bytes[j] & 0xc0) != 0x80)
				return 0;
		}
		return forms[i].count;
	}
	return 0;
}

int aid_call_json(struct aid_exchange_call *call, const char *bytes, size_t length, struct aid_error *err)
{
	int r = put(call, "\"", 1, err);

	for (size_t i = 0, step; i < length && r == AID_OK; i += step) {
		unsigned char c = (unsigned char)bytes[i];
		char escaped[8];

		step = utf8_length((const unsigned char *)bytes + i, length - i);
		if (step == 0)
			return aid_fail(err, AID_E_INVALID, "byte %zu of a text is no UTF-8", i);
		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
			r = put(call, bytes + i, step, err);
			continue;
		}
		(void)snprintf(escaped, sizeof(escaped), "\\u%04x", (unsigned int)c);
		r = put(call, escaped, 6, err);
		explicit_bzero(escaped, sizeof(escaped));
	}
	return r == AID_OK ? put(call, "\"", 1, err) : r;
}

int aid_call_member(struct aid_exchange_call *call, const char *name, const char *value,
	struct aid_error *err)
{
	size_t used = aid_secret_length(call->body);
	int r = AID_OK;

	if (value == NULL)
		return AID_OK;
	if (used > 0 && aid_secret_peek(call->body)[used - 1] != '{')
		r = put(call, ",", 1, err);
	if (r == AID_OK)
		r = aid_call_json(call, name, strlen(name), err);
	if (r == AID_OK)
		r = put(call, ":", 1, err);
	return r == AID_OK ? aid_call_json(call, value, strlen(value), err) : r;
}

int aid_manager_refuse(const struct aid_exchange_answer *answer,
	const struct aid_manager_refusal *refusal, struct aid_error *err)
{
	const struct aid_exchange hidden = {.assertion = refusal->first, .previous = refusal->second};
	const struct aid_exchange_refusal told = {refusal->status, refusal->code, refusal->message};

	return aid_exchange_refuse(&hidden, answer, &told, err);
}

int aid_manager_value(const struct aid_json *object, const char *name, const char *host,
	struct aid_secret **ret_value, struct aid_error *err)
{
	const char *text;
	int r = aid_json_text(object, name, 0, AID_EXCHANGE_ANSWER_MAX, &text, NULL);
	size_t length;

	if (r == AID_E_NOTFOUND)
		return aid_fail(err, r, "host '%.64s': the secret has no field '%.64s'", host, name);
	if (r != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "host '%.64s': field '%.64s' of the secret is no text",
			host, name);
	length = strlen(text);
	if (length == 0)
		return aid_fail(err, AID_E_CREDENTIAL, "host '%.64s': field '%.64s' of the secret is empty",
			host, name);
	if (length > AID_CLIENT_SECRET_MAX)
		return aid_fail(err, AID_E_TOOBIG,
			"host '%.64s': field '%.64s' of the secret has %zu bytes, at most %u are allowed", host,
			name, length, AID_CLIENT_SECRET_MAX);
	*ret_value = aid_secret_from(text, length);
	return *ret_value != NULL ? AID_OK : aid_fail(err, AID_E_NOMEM, "out of memory");
}
