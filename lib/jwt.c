/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The verifying half of jwt.h. */
#include "jwt.h"

#include "protocol.h"
#include "str.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CLAIM_TEXT_MAX 1024U /* bytes of iss, sub, azp, client_id */
#define LIFETIME_MAX_MS (INT64_C(24) * 3600 * 1000)

static int check_params(const struct aid_jwt_params *params, struct aid_error *err)
{
	if (params->issuer == NULL || params->audience == NULL ||
		(params->subject == NULL && !params->is_peer))
		return aid_fail(err, AID_E_INVALID, "issuer, audience and subject must be pinned");
	if (params->skew_ms < 0 || params->skew_ms > AID_JWT_SKEW_MAX_MS)
		return aid_fail(err, AID_E_INVALID, "clock skew %" PRId64 " ms, allowed 0 to %d",
			params->skew_ms, AID_JWT_SKEW_MAX_MS);
	if (params->max_lifetime_ms <= 0 || params->max_lifetime_ms > LIFETIME_MAX_MS)
		return aid_fail(err, AID_E_INVALID, "max_lifetime %" PRId64 " ms, allowed up to 24 h",
			params->max_lifetime_ms);
	return AID_OK;
}

/* RFC 8725 section 3.11: a token of another kind (logout, DPoP proof, ...) is not taken for this
 * one. RFC 9068 section 2.1 has at+jwt; most providers say JWT or nothing. */
static int check_typ(const struct aid_jws *jws, struct aid_error *err)
{
	static const char *const accepted[] = {"", "JWT", "application/jwt", "at+jwt",
		"application/at+jwt"};

	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
		if (aid_streq_nocase(jws->typ, accepted[i]))
			return AID_OK;
	}
	return aid_fail(err, AID_E_PROTOCOL, "token typ '%s' is none of JWT, at+jwt", jws->typ);
}

static int claim_text(const struct aid_json *claims, const char *name, const char **ret_text,
	struct aid_error *err)
{
	int r = aid_json_text(claims, name, 1, CLAIM_TEXT_MAX, ret_text, err);

	if (r == AID_E_NOTFOUND)
		return aid_fail(err, AID_E_PROTOCOL, "the token has no '%s'", name);
	if (r != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "token '%s' is no string of 1 to %u bytes", name,
			CLAIM_TEXT_MAX);
	return AID_OK;
}

static int check_issuer(const struct aid_json *claims, const char *wanted, struct aid_error *err)
{
	const char *seen;
	int r = claim_text(claims, "iss", &seen, err);

	if (r != AID_OK)
		return r;
	if (!aid_streq(seen, wanted))
		return aid_fail(err, AID_E_UNTRUSTED, "token issuer '%.80s' is not '%.80s'", seen, wanted);
	return AID_OK;
}

static const char *section_of(const struct aid_jwt_params *params)
{
	return params->section != NULL ? params->section : "token";
}

static int check_subject(const struct aid_json *claims, const struct aid_jwt_params *params,
	struct aid_error *err)
{
	const char *seen;
	int r = claim_text(claims, "sub", &seen, err);

	if (r != AID_OK)
		return r;
	if (params->subject == NULL || aid_streq(seen, params->subject))
		return AID_OK;
	if (params->is_peer)
		return aid_fail(err, AID_E_DENIED, "token subject '%.80s' is not '%.80s' (--subject)", seen,
			params->subject);
	return aid_fail(err, AID_E_DENIED, "token subject '%.80s' is not '%.80s' ([%s] subject)", seen,
		params->subject, section_of(params));
}

/* 'account', or ["account","other"]. */
static void describe_audience(const struct aid_json *claims, char *out, size_t size)
{
	const char *text;
	size_t length;

	if (aid_json_text(claims, "aud", 0, size - 3, &text, NULL) == AID_OK)
		(void)snprintf(out, size, "'%s'", text);
	else if (aid_json_render(aid_json_get(claims, "aud"), out, size, &length) != AID_OK)
		(void)snprintf(out, size, "(long)");
}

static int check_audience(const struct aid_json *claims, const char *wanted, struct aid_error *err)
{
	char seen[96];
	bool found;
	int r = aid_json_text_or_list_has(claims, "aud", wanted, &found, err);

	if (r == AID_E_NOTFOUND)
		return aid_fail(err, AID_E_DENIED, "the token has no audience, '%.80s' is needed", wanted);
	if (r != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL,
			"token 'aud' is neither a string nor an array of strings");
	if (found)
		return AID_OK;
	describe_audience(claims, seen, sizeof(seen));
	return aid_fail(err, AID_E_DENIED, "token audience %s lacks '%.80s'", seen, wanted);
}

static int check_client(const struct aid_json *claims, const char *wanted, struct aid_error *err)
{
	static const char *const names[] = {"azp", "client_id"};

	for (size_t i = 0; wanted != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
		const char *seen;
		int r;

		if (!aid_json_has(claims, names[i]))
			continue;
		r = claim_text(claims, names[i], &seen, err);
		if (r != AID_OK)
			return r;
		if (!aid_streq(seen, wanted))
			return aid_fail(err, AID_E_DENIED, "token %s '%.80s' is not our client '%.80s'",
				names[i], seen, wanted);
	}
	return AID_OK;
}

/* *ret_ms is fallback where the claim may be absent (fallback -1: it may not). */
static int claim_date(const struct aid_json *claims, const char *name, int64_t fallback,
	int64_t *ret_ms, struct aid_error *err)
{
	int r = aid_json_date_ms(claims, name, ret_ms, err);

	if (r == AID_E_NOTFOUND && fallback >= 0) {
		*ret_ms = fallback;
		return AID_OK;
	}
	if (r == AID_E_NOTFOUND)
		return aid_fail(err, AID_E_PROTOCOL, "the token has no '%s'", name);
	if (r != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "token '%s' is no time in seconds from 0 to 2^53",
			name);
	return AID_OK;
}

static int check_not_future(const char *name, int64_t ms, const struct aid_jwt_params *params,
	struct aid_error *err)
{
	if (ms <= params->now_wall_ms + params->skew_ms)
		return AID_OK;
	return aid_fail(err, AID_E_EXPIRED,
		"token '%s' is %" PRId64 " s in the future, %" PRId64 " s are allowed: compare the clocks",
		name, (ms - params->now_wall_ms) / 1000, params->skew_ms / 1000);
}

static int check_lifetime(int64_t lifetime_ms, const struct aid_jwt_params *params,
	struct aid_error *err)
{
	int64_t value = (lifetime_ms + 999) / 1000;
	int64_t limit = params->max_lifetime_ms / 1000;

	if (lifetime_ms <= params->max_lifetime_ms)
		return AID_OK;
	if (params->is_peer)
		return aid_fail(err, AID_E_DENIED,
			"token lifetime %" PRId64 " s exceeds the limit of %" PRId64 " s (--max-lifetime)",
			value, limit);
	if (params->client_id == NULL)
		return aid_fail(err, AID_E_DENIED,
			"token lifetime %" PRId64 " s exceeds max_lifetime %" PRId64
			" s: lower it at the issuer or raise [%s] max_lifetime", value, limit,
			section_of(params));
	return aid_fail(err, AID_E_DENIED,
		"token lifetime %" PRId64 " s exceeds max_lifetime %" PRId64
		" s: lower the access token lifespan of client '%.64s' at the provider (Keycloak: "
		"Advanced > Access Token Lifespan) or raise [%s] max_lifetime",
		value, limit, params->client_id, section_of(params));
}

static int check_times(const struct aid_json *json, const struct aid_jwt_params *params,
	struct aid_claims *claims, struct aid_error *err)
{
	int64_t now = params->now_wall_ms;
	int64_t exp, nbf, iat;
	int r;

	r = claim_date(json, "exp", -1, &exp, err);
	if (r == AID_OK)
		r = claim_date(json, "nbf", 0, &nbf, err);
	if (r == AID_OK)
		r = claim_date(json, "iat", now, &iat, err);
	if (r != AID_OK)
		return r;
	if (exp + params->skew_ms <= now)
		return aid_fail(err, AID_E_EXPIRED,
			"the token expired %" PRId64 " s ago, %" PRId64 " s of clock skew are allowed",
			(now - exp) / 1000, params->skew_ms / 1000);
	r = check_not_future("nbf", nbf, params, err);
	if (r == AID_OK)
		r = check_not_future("iat", iat, params, err);
	if (r != AID_OK)
		return r;
	if (exp <= iat && aid_json_has(json, "iat"))
		return aid_fail(err, AID_E_PROTOCOL, "token 'exp' is not after 'iat'");
	r = check_lifetime(exp - iat, params, err);
	if (r != AID_OK)
		return r;
	claims->expires_wall_ms = exp;
	claims->issued_wall_ms = iat;
	return AID_OK;
}

static void keep_jti(const struct aid_json *json, struct aid_claims *claims)
{
	const char *jti;

	if (aid_json_text(json, "jti", 1, AID_JTI_MAX, &jti, NULL) == AID_OK &&
		aid_str_is_printable(jti))
		memcpy(claims->jti, jti, strlen(jti) + 1);
}

static int check_claims(const struct aid_secret *payload, const struct aid_jwt_params *params,
	struct aid_claims *ret_claims, struct aid_json **ret_document, struct aid_error *err)
{
	AID_AUTO(aid_json) *json = NULL;
	struct aid_claims claims = {0};
	int r;

	r = aid_json_parse(aid_secret_peek(payload), aid_secret_length(payload), AID_TOKEN_MAX, &json,
		err);
	if (r != AID_OK) {
		(void)aid_prefix(err, "token claims");
		return r;
	}
	r = check_issuer(json, params->issuer, err);
	if (r == AID_OK)
		r = check_audience(json, params->audience, err);
	if (r == AID_OK)
		r = check_subject(json, params, err);
	if (r == AID_OK)
		r = check_client(json, params->client_id, err);
	if (r == AID_OK)
		r = check_times(json, params, &claims, err);
	if (r != AID_OK)
		return r;
	keep_jti(json, &claims);
	*ret_claims = claims;
	*ret_document = aid_steal(&json);
	return AID_OK;
}

int aid_jwt_verify_all(const struct aid_secret *token, const struct aid_jwt_params *params,
	const struct aid_jwk_set *keys, struct aid_claims *ret_claims, struct aid_json **ret_document,
	struct aid_error *err)
{
	AID_AUTO(aid_secret) *payload = NULL;
	const struct aid_jwk *key;
	struct aid_jws jws;
	int r;

	r = check_params(params, err);
	if (r == AID_OK)
		r = aid_jws_parse(aid_secret_peek(token), aid_secret_length(token), params->algs, &jws,
			err);
	if (r == AID_OK)
		r = aid_jwk_set_find(keys, jws.has_kid ? jws.kid : NULL, jws.alg, &key, err);
	if (r == AID_OK)
		r = aid_jws_verify(&jws, key, &payload, err);
	if (r == AID_OK)
		r = check_typ(&jws, err);
	if (r == AID_OK)
		r = check_claims(payload, params, ret_claims, ret_document, err);
	return r;
}

int aid_jwt_verify(const struct aid_secret *token, const struct aid_jwt_params *params,
	const struct aid_jwk_set *keys, struct aid_claims *ret_claims, struct aid_error *err)
{
	AID_AUTO(aid_json) *document = NULL;

	return aid_jwt_verify_all(token, params, keys, ret_claims, &document, err);
}

int aid_token_id(const struct aid_secret *token, char out[AID_TOKEN_ID_SIZE])
{
	uint8_t digest[AID_SHA256_BYTES];
	int r = aid_sha256(aid_secret_peek(token), aid_secret_length(token), digest);

	if (r == AID_OK)
		aid_str_hex(digest, (AID_TOKEN_ID_SIZE - 1) / 2, out);
	return r;
}
