/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "bearer.h"

#include "b64.h"
#include "jws.h"
#include "protocol.h"
#include "str.h"

#include <string.h>

#define ISSUER_MAX 1024U

static int read_issuer(const struct aid_jws *jws, struct aid_json **ret_claims, const char **ret_issuer,
	struct aid_error *err)
{
	size_t encoded = jws->signature_at - 1 - jws->payload_at;
	AID_AUTO(aid_secret) *payload = aid_secret_new(encoded);
	size_t room, length;
	char *tail;
	int r;

	if (payload == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	tail = aid_secret_tail(payload, &room);
	r = aid_b64_decode(jws->token + jws->payload_at, encoded, tail, room, &length);
	if (r != AID_OK)
		return aid_fail(err, r, "token payload: not base64url");
	r = aid_json_parse(tail, length, AID_TOKEN_MAX, ret_claims, err);
	if (r != AID_OK)
		return aid_prefix(err, "token claims");
	r = aid_json_text(*ret_claims, "iss", 1, ISSUER_MAX, ret_issuer, err);
	if (r != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "token 'iss' is no string of 1 to %u bytes", ISSUER_MAX);
	return AID_OK;
}

int aid_bearer_issuer(const struct aid_secret *token, const char *const *issuers, size_t count,
	size_t *ret_index, struct aid_error *err)
{
	AID_AUTO(aid_json) *claims = NULL;
	const char *issuer;
	struct aid_jws jws;
	int r;

	r = aid_jws_parse(aid_secret_peek(token), aid_secret_length(token), AID_ALGS_ALL, &jws, err);
	if (r == AID_OK)
		r = read_issuer(&jws, &claims, &issuer, err);
	if (r != AID_OK)
		return r;
	for (size_t i = 0; i < count; i++) {
		if (!aid_streq(issuers[i], issuer))
			continue;
		*ret_index = i;
		return AID_OK;
	}
	if (count == 1)
		return aid_fail(err, AID_E_UNTRUSTED, "token issuer '%.96s' is not the accepted one, '%.80s'",
			issuer, issuers[0]);
	return aid_fail(err, AID_E_UNTRUSTED, "token issuer '%.96s' is none of the %zu accepted ones",
		issuer, count);
}

static int read_thumbprint(const struct aid_json *cnf, const char *name, char out[AID_THUMBPRINT_SIZE],
	struct aid_error *err)
{
	uint8_t digest[AID_SHA256_BYTES];
	const char *text;
	size_t length;
	int r = aid_json_text(cnf, name, AID_THUMBPRINT_SIZE - 1, AID_THUMBPRINT_SIZE - 1, &text, err);

	if (r == AID_E_NOTFOUND)
		return AID_OK;
	if (r != AID_OK ||
		aid_b64_decode(text, strlen(text), digest, sizeof(digest), &length) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "token cnf '%s' is no SHA-256 in base64url", name);
	memcpy(out, text, AID_THUMBPRINT_SIZE);
	return AID_OK;
}

int aid_bearer_binding(const struct aid_json *claims, struct aid_binding *ret_binding,
	struct aid_error *err)
{
	struct aid_binding binding = {"", ""};
	const struct aid_json *cnf;
	size_t known = 0;
	int r = aid_json_object(claims, "cnf", &cnf, err);

	if (r == AID_E_NOTFOUND) {
		*ret_binding = binding;
		return AID_OK;
	}
	if (r != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "token 'cnf' is no object");
	r = read_thumbprint(cnf, "jkt", binding.jkt, err);
	if (r == AID_OK)
		r = read_thumbprint(cnf, "x5t#S256", binding.x5t, err);
	if (r != AID_OK)
		return r;
	known = (binding.jkt[0] != '\0' ? 1U : 0U) + (binding.x5t[0] != '\0' ? 1U : 0U);
	if (known == 0 || aid_json_member_count(cnf) != known)
		return aid_fail(err, AID_E_UNTRUSTED,
			"the token is bound (cnf) in a way that cannot be checked here; jkt and x5t#S256 can");
	*ret_binding = binding;
	return AID_OK;
}
