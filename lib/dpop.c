/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "dpop.h"

#include "b64.h"
#include "json.h"
#include "jws.h"
#include "protocol.h"
#include "str.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KEY_TEXT_MAX 4096U

/* The key of the header as a set of one, which judges it as any other key from outside: no private
 * member, no symmetric one, no weak one (RFC 9449 section 4.3, items 5 to 7). */
static int take_key(const struct aid_jws *jws, struct aid_jwk_set **ret_set, const struct aid_jwk **ret_key,
	struct aid_error *err)
{
	AID_AUTO(aid_json) *header = NULL;
	const struct aid_json *jwk;
	char text[KEY_TEXT_MAX];
	size_t length;
	int r;

	r = aid_jws_header(jws, &header, err);
	if (r == AID_OK && aid_json_object(header, "jwk", &jwk, NULL) != AID_OK)
		r = aid_fail(err, AID_E_PROTOCOL, "the header has no object 'jwk'");
	if (r != AID_OK)
		return r;
	length = strlen("{\"keys\":[");
	memcpy(text, "{\"keys\":[", length);
	r = aid_json_render(jwk, text + length, sizeof(text) - length - sizeof("]}"), &length);
	if (r != AID_OK)
		return aid_fail(err, r, "'jwk' of over %u bytes", KEY_TEXT_MAX);
	length = strlen(text);
	memcpy(text + length, "]}", sizeof("]}"));
	r = aid_jwk_set_parse(text, length + 2, ret_set, err);
	if (r != AID_OK)
		return r;
	if (aid_jwk_set_count(*ret_set) != 1)
		return aid_fail(err, AID_E_UNTRUSTED, "'jwk' cannot be used: %s",
			aid_jwk_set_skip_reason(*ret_set));
	if (aid_jwk_set_find(*ret_set, NULL, jws->alg, ret_key, NULL) != AID_OK)
		return aid_fail(err, AID_E_UNTRUSTED, "'jwk' is not for %s", aid_alg_info(jws->alg)->name);
	return AID_OK;
}

static int check_key(const struct aid_jwk *key, const char *wanted, struct aid_error *err)
{
	char thumbprint[AID_THUMBPRINT_SIZE];
	int r = aid_jwk_thumbprint(key, thumbprint);

	if (r != AID_OK)
		return aid_fail(err, r, "the key cannot be hashed");
	if (!aid_streq(thumbprint, wanted))
		return aid_fail(err, AID_E_DENIED, "its key %s is not that of the token's cnf.jkt, %s",
			thumbprint, wanted);
	return AID_OK;
}

static int claim(const struct aid_json *claims, const char *name, size_t max, const char **ret_text,
	struct aid_error *err)
{
	if (aid_json_text(claims, name, 1, max, ret_text, NULL) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "'%s' is no string of 1 to %zu bytes", name, max);
	return AID_OK;
}

static int check_method(const struct aid_json *claims, const char *wanted, struct aid_error *err)
{
	const char *seen;
	int r = claim(claims, "htm", AID_DPOP_METHOD_MAX, &seen, err);

	if (r == AID_OK && !aid_streq(seen, wanted))
		return aid_fail(err, AID_E_DENIED, "htm '%.32s' is not the request's method '%.32s'", seen,
			wanted);
	return r;
}

static int check_uri(const struct aid_json *claims, const char *wanted, struct aid_error *err)
{
	char request[AID_DPOP_URI_MAX + 2], stated[AID_DPOP_URI_MAX + 2];
	struct aid_error why = AID_ERROR_INIT;
	const char *seen;
	int r;

	if (aid_dpop_normalise(wanted, request, &why) != AID_OK)
		return aid_fail(err, AID_E_INVALID, "the request's URI: %s", why.text);
	r = claim(claims, "htu", AID_DPOP_URI_MAX, &seen, err);
	if (r == AID_OK)
		r = aid_dpop_normalise(seen, stated, err);
	if (r == AID_OK && !aid_streq(stated, request))
		return aid_fail(err, AID_E_DENIED, "htu '%.80s' is not the request's '%.80s'", stated,
			request);
	return r;
}

static int check_token(const struct aid_json *claims, const struct aid_secret *token,
	struct aid_error *err)
{
	uint8_t digest[AID_SHA256_BYTES];
	char wanted[AID_B64_SIZE(AID_SHA256_BYTES)];
	const char *seen;
	int r = claim(claims, "ath", AID_THUMBPRINT_SIZE - 1, &seen, err);

	if (r != AID_OK)
		return r;
	r = aid_sha256(aid_secret_peek(token), aid_secret_length(token), digest);
	if (r != AID_OK)
		return aid_fail(err, r, "the token cannot be hashed");
	(void)aid_b64_encode(digest, sizeof(digest), wanted);
	if (!aid_streq(seen, wanted))
		return aid_fail(err, AID_E_DENIED, "ath is not the hash of this token");
	return AID_OK;
}

static int check_time(const struct aid_json *claims, const struct aid_dpop_params *params,
	struct aid_error *err)
{
	int64_t iat, age;

	if (aid_json_date_ms(claims, "iat", &iat, NULL) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "'iat' is no time in seconds from 0 to 2^53");
	age = params->now_wall_ms - iat;
	if (age > AID_DPOP_AGE_MS)
		return aid_fail(err, AID_E_EXPIRED, "it is %" PRId64 " s old, at most %d s are allowed",
			age / 1000, AID_DPOP_AGE_MS / 1000);
	if (age < -AID_DPOP_AHEAD_MS)
		return aid_fail(err, AID_E_EXPIRED,
			"'iat' is %" PRId64 " s in the future, %d s are allowed: compare the clocks",
			-age / 1000, AID_DPOP_AHEAD_MS / 1000);
	if (age > params->remembered_ms)
		return aid_fail(err, AID_E_EXPIRED,
			"it is from before agentid-fetch started, who cannot tell if it was used: make a new one");
	return AID_OK;
}

static int check_claims(const struct aid_secret *payload, const struct aid_dpop_params *params,
	struct aid_dpop_proof *ret_proof, struct aid_error *err)
{
	AID_AUTO(aid_json) *claims = NULL;
	struct aid_dpop_proof proof = {0};
	const char *jti;
	int r;

	r = aid_json_parse(aid_secret_peek(payload), aid_secret_length(payload), AID_DPOP_MAX, &claims,
		err);
	if (r == AID_OK)
		r = check_method(claims, params->method, err);
	if (r == AID_OK)
		r = check_uri(claims, params->uri, err);
	if (r == AID_OK)
		r = check_token(claims, params->token, err);
	if (r == AID_OK)
		r = check_time(claims, params, err);
	if (r == AID_OK)
		r = claim(claims, "jti", AID_JTI_MAX, &jti, err);
	if (r != AID_OK)
		return r;
	memcpy(proof.jti, jti, strlen(jti) + 1);
	*ret_proof = proof;
	return AID_OK;
}

static int verify(const struct aid_secret *proof, const struct aid_dpop_params *params,
	struct aid_dpop_proof *ret_proof, struct aid_error *err)
{
	AID_AUTO(aid_secret) *payload = NULL;
	AID_AUTO(aid_jwk_set) *keys = NULL;
	const struct aid_jwk *key;
	struct aid_jws jws;
	int r;

	if (aid_secret_length(proof) > AID_DPOP_MAX)
		return aid_fail(err, AID_E_TOOBIG, "%zu bytes, at most %u are allowed",
			aid_secret_length(proof), AID_DPOP_MAX);
	r = aid_jws_parse(aid_secret_peek(proof), aid_secret_length(proof), AID_ALGS_ALL, &jws, err);
	if (r == AID_OK && !aid_streq_nocase(jws.typ, "dpop+jwt"))
		r = aid_fail(err, AID_E_PROTOCOL, "typ '%s' is not dpop+jwt", jws.typ);
	if (r == AID_OK)
		r = take_key(&jws, &keys, &key, err);
	if (r == AID_OK)
		r = aid_jws_verify(&jws, key, &payload, err);
	if (r == AID_OK)
		r = check_key(key, params->thumbprint, err);
	if (r == AID_OK)
		r = check_claims(payload, params, ret_proof, err);
	return r;
}

int aid_dpop_verify(const struct aid_secret *proof, const struct aid_dpop_params *params,
	struct aid_dpop_proof *ret_proof, struct aid_error *err)
{
	int r = verify(proof, params, ret_proof, err);

	if (r != AID_OK)
		(void)aid_prefix(err, "DPoP proof");
	return r;
}
