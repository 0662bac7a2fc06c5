/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "jws.h"

#include "b64.h"
#include "json.h"
#include "protocol.h"
#include "str.h"

#include <string.h>

#define HEADER_MAX 4096U /* bytes, decoded: room for a certificate chain nobody reads */

static size_t count_dots(const char *token, size_t length)
{
	size_t dots = 0;

	for (size_t i = 0; i < length; i++)
		dots += token[i] == '.';
	return dots;
}

static int split(const char *token, size_t length, struct aid_jws *jws, struct aid_error *err)
{
	const char *first, *second;
	size_t dots;

	if (length > AID_TOKEN_MAX)
		return aid_fail(err, AID_E_TOOBIG, "token of %zu bytes, at most %d", length,
			AID_TOKEN_MAX);
	dots = count_dots(token, length);
	if (dots == 4)
		return aid_fail(err, AID_E_PROTOCOL, "the token is encrypted (JWE); a signed one is needed");
	if (dots != 2)
		return aid_fail(err, AID_E_PROTOCOL,
			"the token is no JWT: %zu dots, 2 are needed ([token] format = opaque accepts it "
			"unread)", dots);
	first = memchr(token, '.', length);
	second = memchr(first + 1, '.', length - (size_t)(first + 1 - token));
	jws->token = token;
	jws->length = length;
	jws->payload_at = (size_t)(first - token) + 1;
	jws->signature_at = (size_t)(second - token) + 1;
	if (jws->payload_at == 1 || jws->signature_at == jws->payload_at + 1 ||
		jws->signature_at == length)
		return aid_fail(err, AID_E_PROTOCOL, "the token has an empty header, payload or signature");
	return AID_OK;
}

int aid_jws_header(const struct aid_jws *jws, struct aid_json **ret_header, struct aid_error *err)
{
	char bytes[HEADER_MAX];
	size_t length;
	int r;

	r = aid_b64_decode(jws->token, jws->payload_at - 1, bytes, sizeof(bytes), &length);
	if (r == AID_E_TOOBIG)
		return aid_fail(err, r, "token header of %zu characters, at most %u bytes",
			jws->payload_at - 1, HEADER_MAX);
	if (r != AID_OK)
		return aid_fail(err, r, "token header: not base64url");
	r = aid_json_parse(bytes, length, HEADER_MAX, ret_header, err);
	if (r != AID_OK)
		(void)aid_prefix(err, "token header");
	return r;
}

static int read_alg(const struct aid_json *header, unsigned int algs, struct aid_jws *jws,
	struct aid_error *err)
{
	const struct aid_alg_info *info;
	const char *name;
	int r;

	r = aid_json_text(header, "alg", 1, 64, &name, err);
	if (r != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "token header: 'alg' is no string of 1 to 64 bytes");
	info = aid_alg_by_name(name);
	if (info == NULL)
		return aid_fail(err, AID_E_UNTRUSTED,
			"token alg '%s' is no asymmetric signature known here", name);
	if (((unsigned int)info->alg & algs) == 0)
		return aid_fail(err, AID_E_UNTRUSTED,
			"token alg '%s' is not among the accepted ones ([token] algorithms)", name);
	jws->alg = info->alg;
	return AID_OK;
}

/* RFC 7515 sections 4.1.4 and 4.1.9. */
static int read_names(const struct aid_json *header, struct aid_jws *jws, struct aid_error *err)
{
	const char *text;
	int r;

	r = aid_json_text(header, "kid", 1, AID_KID_MAX, &text, err);
	if (r == AID_OK) {
		memcpy(jws->kid, text, strlen(text) + 1);
		jws->has_kid = true;
	} else if (r != AID_E_NOTFOUND) {
		return aid_fail(err, AID_E_PROTOCOL, "token header: 'kid' is no string of 1 to %u bytes",
			AID_KID_MAX);
	}
	r = aid_json_text(header, "typ", 1, sizeof(jws->typ) - 1, &text, err);
	if (r == AID_OK)
		memcpy(jws->typ, text, strlen(text) + 1);
	else if (r != AID_E_NOTFOUND)
		return aid_fail(err, AID_E_PROTOCOL, "token header: 'typ' is no string of 1 to %zu bytes",
			sizeof(jws->typ) - 1);
	return AID_OK;
}

static int read_header(const struct aid_json *header, unsigned int algs, struct aid_jws *jws,
	struct aid_error *err)
{
	/* Each changes what is signed or how; whoever does not act on them must refuse (RFC 7515
	 * section 4.1.11, RFC 7797, RFC 7516). */
	static const char *const refused[] = {"crit", "b64", "zip", "enc"};
	int r;

	r = read_alg(header, algs, jws, err);
	if (r != AID_OK)
		return r;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (aid_json_has(header, refused[i]))
			return aid_fail(err, AID_E_PROTOCOL, "token header: '%s' is not supported",
				refused[i]);
	}
	return read_names(header, jws, err);
}

int aid_jws_parse(const char *token, size_t length, unsigned int algs, struct aid_jws *ret_jws,
	struct aid_error *err)
{
	AID_AUTO(aid_json) *header = NULL;
	struct aid_jws jws = {0};
	int r;

	r = split(token, length, &jws, err);
	if (r == AID_OK)
		r = aid_jws_header(&jws, &header, err);
	if (r == AID_OK)
		r = read_header(header, algs, &jws, err);
	if (r == AID_OK)
		*ret_jws = jws;
	return r;
}

static int check_signature(const struct aid_jws *jws, const struct aid_jwk *key,
	struct aid_error *err)
{
	uint8_t signature[AID_SIGNATURE_MAX];
	size_t length;
	int r;

	r = aid_b64_decode(jws->token + jws->signature_at, jws->length - jws->signature_at, signature,
		sizeof(signature), &length);
	if (r == AID_E_TOOBIG)
		return aid_fail(err, AID_E_UNTRUSTED, "token signature of %zu characters, at most %u bytes",
			jws->length - jws->signature_at, AID_SIGNATURE_MAX);
	if (r != AID_OK)
		return aid_fail(err, r, "token signature: not base64url");
	return aid_jwk_verify(key, jws->alg, jws->token, jws->signature_at - 1, signature, length, err);
}

int aid_jws_verify(const struct aid_jws *jws, const struct aid_jwk *key,
	struct aid_secret **ret_payload, struct aid_error *err)
{
	size_t encoded = jws->signature_at - 1 - jws->payload_at;
	AID_AUTO(aid_secret) *payload = NULL;
	size_t room, length;
	char *tail;
	int r;

	r = check_signature(jws, key, err);
	if (r != AID_OK)
		return r;
	payload = aid_secret_new(encoded);
	if (payload == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	tail = aid_secret_tail(payload, &room);
	r = aid_b64_decode(jws->token + jws->payload_at, encoded, tail, room, &length);
	if (r != AID_OK)
		return aid_fail(err, r, "token payload: not base64url");
	aid_secret_grown(payload, length);
	*ret_payload = aid_steal(&payload);
	return AID_OK;
}
