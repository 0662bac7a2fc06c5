/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "forge.h"
#include "jwt.h"

#include <stdio.h>

#define NOW INT64_C(1700000000000)
#define S(n) (NOW / 1000 + (n))

static const struct aid_jwt_params standard = {
	.issuer = "https://idp.example/r",
	.audience = "orders-api",
	.subject = "agent:a",
	.client_id = "my-ai-agent",
	.algs = AID_ALGS_ALL,
	.max_lifetime_ms = 600000,
	.now_wall_ms = NOW,
	.skew_ms = AID_JWT_SKEW_MS,
};

static int verify_with(const char *header, const char *payload, const struct aid_jwt_params *params,
	struct aid_claims *ret_claims, struct aid_error *err)
{
	AID_AUTO(aid_secret) *token = NULL;
	char text[FORGE_MAX];

	forge_token(forge.ec, AID_ALG_ES256, header, payload, text);
	token = aid_secret_from(text, strlen(text));
	return aid_jwt_verify(token, params, forge.keys, ret_claims, err);
}

#define ISS "\"iss\":\"https://idp.example/r\""
#define AUD "\"aud\":\"orders-api\""
#define SUB "\"sub\":\"agent:a\""
#define TIMES "\"iat\":1699999990,\"exp\":1700000290"
#define GOOD ISS "," AUD "," SUB

/* Now is 1700000000; 30 s of skew; at most 600 s; client my-ai-agent. */
static const struct {
	const char *payload;
	int status;
	const char *sentence;
} claims[] = {
	{"{" GOOD "," TIMES "}", AID_OK, NULL},
	{"{" GOOD "," TIMES ",\"unknown\":{\"deep\":[1,{}]},\"jti\":5}", AID_OK, NULL},
	/* iss */
	{"{" AUD "," SUB "," TIMES "}", AID_E_PROTOCOL, "the token has no 'iss'"},
	{"{\"iss\":\"https://idp.example/r/\"," AUD "," SUB "," TIMES "}", AID_E_UNTRUSTED,
		"token issuer 'https://idp.example/r/' is not 'https://idp.example/r'"},
	{"{\"iss\":\"https://IDP.example/r\"," AUD "," SUB "," TIMES "}", AID_E_UNTRUSTED, "is not"},
	{"{\"iss\":[\"https://idp.example/r\"]," AUD "," SUB "," TIMES "}", AID_E_PROTOCOL,
		"token 'iss' is no string"},
	{"{\"iss\":null," AUD "," SUB "," TIMES "}", AID_E_PROTOCOL, "token 'iss' is no string"},
	{"{\"iss\":\"\"," AUD "," SUB "," TIMES "}", AID_E_PROTOCOL, "token 'iss' is no string"},
	/* aud */
	{"{" ISS "," SUB "," TIMES "}", AID_E_DENIED, "the token has no audience, 'orders-api' is needed"},
	{"{" ISS ",\"aud\":\"account\"," SUB "," TIMES "}", AID_E_DENIED,
		"token audience 'account' lacks 'orders-api'"},
	{"{" ISS ",\"aud\":[\"account\",\"orders\"]," SUB "," TIMES "}", AID_E_DENIED,
		"token audience [\"account\",\"orders\"] lacks 'orders-api'"},
	{"{" ISS ",\"aud\":[]," SUB "," TIMES "}", AID_E_DENIED, "token audience [] lacks"},
	{"{" ISS ",\"aud\":\"orders-api2\"," SUB "," TIMES "}", AID_E_DENIED, "lacks"},
	{"{" ISS ",\"aud\":\"Orders-api\"," SUB "," TIMES "}", AID_E_DENIED, "lacks"},
	{"{" ISS ",\"aud\":[\"account\",\"orders-api\"]," SUB "," TIMES "}", AID_OK, NULL},
	{"{" ISS ",\"aud\":[\"orders-api\",5]," SUB "," TIMES "}", AID_E_PROTOCOL, "token 'aud' is neither"},
	{"{" ISS ",\"aud\":[[\"orders-api\"]]," SUB "," TIMES "}", AID_E_PROTOCOL, "token 'aud' is neither"},
	{"{" ISS ",\"aud\":{\"orders-api\":1}," SUB "," TIMES "}", AID_E_PROTOCOL, "token 'aud' is neither"},
	{"{" ISS ",\"aud\":null," SUB "," TIMES "}", AID_E_PROTOCOL, "token 'aud' is neither"},
	/* sub */
	{"{" ISS "," AUD "," TIMES "}", AID_E_PROTOCOL, "the token has no 'sub'"},
	{"{" ISS "," AUD ",\"sub\":\"agent:b\"," TIMES "}", AID_E_DENIED,
		"token subject 'agent:b' is not 'agent:a' ([token] subject)"},
	{"{" ISS "," AUD ",\"sub\":5," TIMES "}", AID_E_PROTOCOL, "token 'sub' is no string"},
	/* client */
	{"{" GOOD "," TIMES ",\"azp\":\"my-ai-agent\",\"client_id\":\"my-ai-agent\"}", AID_OK, NULL},
	{"{" GOOD "," TIMES ",\"azp\":\"other\"}", AID_E_DENIED,
		"token azp 'other' is not our client 'my-ai-agent'"},
	{"{" GOOD "," TIMES ",\"azp\":\"my-ai-agent\",\"client_id\":\"other\"}", AID_E_DENIED,
		"token client_id 'other' is not our client"},
	{"{" GOOD "," TIMES ",\"azp\":null}", AID_E_PROTOCOL, "token 'azp' is no string"},
	{"{" GOOD "," TIMES ",\"client_id\":[\"my-ai-agent\"]}", AID_E_PROTOCOL, "'client_id' is no string"},
	/* exp */
	{"{" GOOD ",\"iat\":1699999990}", AID_E_PROTOCOL, "the token has no 'exp'"},
	{"{" GOOD ",\"exp\":\"1700000290\"}", AID_E_PROTOCOL, "token 'exp' is no time"},
	{"{" GOOD ",\"exp\":true}", AID_E_PROTOCOL, "token 'exp' is no time"},
	{"{" GOOD ",\"exp\":null}", AID_E_PROTOCOL, "token 'exp' is no time"},
	{"{" GOOD ",\"exp\":-1}", AID_E_PROTOCOL, "token 'exp' is no time"},
	{"{" GOOD ",\"exp\":1e300}", AID_E_PROTOCOL, "token 'exp' is no time"},
	{"{" GOOD ",\"exp\":9007199254740992}", AID_E_PROTOCOL, "token 'exp' is no time"},
	{"{" GOOD ",\"exp\":1699999970}", AID_E_EXPIRED,
		"the token expired 30 s ago, 30 s of clock skew are allowed"},
	{"{" GOOD ",\"exp\":1699999971}", AID_OK, NULL},
	{"{" GOOD ",\"exp\":0}", AID_E_EXPIRED, "the token expired 1700000000 s ago"},
	{"{" GOOD ",\"exp\":1700000290.5}", AID_OK, NULL},
	{"{" GOOD ",\"exp\":1.70000029e9}", AID_OK, NULL},
	/* nbf, iat */
	{"{" GOOD "," TIMES ",\"nbf\":1700000030}", AID_OK, NULL},
	{"{" GOOD "," TIMES ",\"nbf\":1700000031}", AID_E_EXPIRED,
		"token 'nbf' is 31 s in the future, 30 s are allowed: compare the clocks"},
	{"{" GOOD "," TIMES ",\"nbf\":\"x\"}", AID_E_PROTOCOL, "token 'nbf' is no time"},
	{"{" GOOD ",\"iat\":1700000030,\"exp\":1700000290}", AID_OK, NULL},
	{"{" GOOD ",\"iat\":1700000031,\"exp\":1700000290}", AID_E_EXPIRED,
		"token 'iat' is 31 s in the future"},
	{"{" GOOD ",\"iat\":\"x\",\"exp\":1700000290}", AID_E_PROTOCOL, "token 'iat' is no time"},
	{"{" GOOD ",\"iat\":1700000010,\"exp\":1700000010}", AID_E_PROTOCOL, "'exp' is not after 'iat'"},
	/* lifetime */
	{"{" GOOD ",\"iat\":1700000000,\"exp\":1700000600}", AID_OK, NULL},
	{"{" GOOD ",\"iat\":1700000000,\"exp\":1700000600.001}", AID_E_DENIED,
		"token lifetime 601 s exceeds max_lifetime 600 s"},
	{"{" GOOD ",\"iat\":1699999800,\"exp\":1700000700}", AID_E_DENIED,
		"token lifetime 900 s exceeds max_lifetime 600 s: lower the access token lifespan of client "
		"'my-ai-agent' at the provider (Keycloak: Advanced > Access Token Lifespan) or raise [token] "
		"max_lifetime"},
	{"{" GOOD ",\"exp\":1700000601}", AID_E_DENIED, "token lifetime 601 s exceeds"},
	{"{" GOOD ",\"iat\":0,\"exp\":1700000060}", AID_E_DENIED, "token lifetime 1700000060 s exceeds"},
	/* form */
	{"[]", AID_E_PROTOCOL, "token claims: JSON: not an object"},
	{"\"x\"", AID_E_PROTOCOL, "token claims: JSON"},
	{"{" GOOD "," TIMES "," SUB "}", AID_E_PROTOCOL, "token claims: JSON: duplicate member"},
	{"{" GOOD "," TIMES ",\"\\u0065xp\":1800000000}", AID_E_PROTOCOL, "duplicate member"},
	{"{" GOOD "," TIMES "} x", AID_E_PROTOCOL, "something follows"},
	{"{" GOOD "," TIMES ",\"x\":\"\\u0000\"}", AID_E_PROTOCOL, "a NUL character"},
	{"{" GOOD "," TIMES ",\"x\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}", AID_E_PROTOCOL, "nested over 16"},
	{"{" GOOD "," TIMES ",\"x\":\"\xff\"}", AID_E_PROTOCOL, "not UTF-8"},
};

static void test_claims(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(claims); i++) {
		struct aid_claims seen = {.expires_wall_ms = -7};
		struct aid_error err = AID_ERROR_INIT;
		int r = verify_with("{\"alg\":\"ES256\"}", claims[i].payload, &standard, &seen, &err);

		if (claims[i].status == AID_OK) {
			assert_ok(r, &err);
			assert_true(seen.expires_wall_ms > 0);
		} else {
			assert_failed(r, claims[i].status, &err, claims[i].sentence);
			assert_int_equal(seen.expires_wall_ms, -7);
		}
	}
}

static void test_values(void **state)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_claims seen;

	(void)state;
	assert_ok(verify_with("{\"alg\":\"ES256\"}", "{" GOOD "," TIMES ",\"jti\":\"t-1\"}", &standard, &seen,
		&err), &err);
	assert_int_equal(seen.expires_wall_ms, INT64_C(1700000290000));
	assert_int_equal(seen.issued_wall_ms, INT64_C(1699999990000));
	assert_string_equal(seen.jti, "t-1");
	assert_ok(verify_with("{\"alg\":\"ES256\"}", "{" GOOD ",\"exp\":1700000290.5,\"jti\":\"a\\nb\"}",
		&standard, &seen, &err), &err);
	assert_int_equal(seen.expires_wall_ms, INT64_C(1700000290500));
	assert_int_equal(seen.issued_wall_ms, NOW);
	assert_string_equal(seen.jti, "");
}

static const struct {
	const char *typ;
	int status;
} typs[] = {
	{"JWT", AID_OK}, {"jwt", AID_OK}, {"at+jwt", AID_OK}, {"AT+JWT", AID_OK},
	{"application/at+jwt", AID_OK}, {"application/jwt", AID_OK},
	{"dpop+jwt", AID_E_PROTOCOL}, {"logout+jwt", AID_E_PROTOCOL}, {"secevent+jwt", AID_E_PROTOCOL},
	{"client-authentication+jwt", AID_E_PROTOCOL}, {"JOSE", AID_E_PROTOCOL}, {"text/plain", AID_E_PROTOCOL},
};

static void test_typ(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(typs); i++) {
		struct aid_error err = AID_ERROR_INIT;
		struct aid_claims seen;
		char header[128];
		int r;

		(void)snprintf(header, sizeof(header), "{\"alg\":\"ES256\",\"typ\":\"%s\"}", typs[i].typ);
		r = verify_with(header, "{" GOOD "," TIMES "}", &standard, &seen, &err);
		if (typs[i].status == AID_OK)
			assert_ok(r, &err);
		else
			assert_failed(r, AID_E_PROTOCOL, &err, "is none of JWT, at+jwt");
	}
}

static void test_params(void **state)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_claims seen;
	struct aid_jwt_params bad[] = {standard, standard, standard, standard, standard, standard, standard};

	(void)state;
	bad[0].issuer = NULL;
	bad[1].audience = NULL;
	bad[2].subject = NULL;
	bad[3].skew_ms = -1;
	bad[4].skew_ms = AID_JWT_SKEW_MAX_MS + 1;
	bad[5].max_lifetime_ms = 0;
	bad[6].max_lifetime_ms = INT64_C(86400001);
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(verify_with("{\"alg\":\"ES256\"}", "{" GOOD "," TIMES "}", &bad[i], &seen,
			&err), AID_E_INVALID);
}

static void test_no_client(void **state)
{
	struct aid_jwt_params params = standard;
	struct aid_error err = AID_ERROR_INIT;
	struct aid_claims seen;

	(void)state;
	params.client_id = NULL;
	assert_ok(verify_with("{\"alg\":\"ES256\"}", "{" GOOD "," TIMES ",\"azp\":\"x\"}", &params, &seen,
		&err), &err);
	assert_failed(verify_with("{\"alg\":\"ES256\"}", "{" GOOD ",\"exp\":1700000900}", &params, &seen,
		&err), AID_E_DENIED, &err,
		"token lifetime 900 s exceeds max_lifetime 600 s: lower it at the issuer or raise [token] "
		"max_lifetime");
}

/* The sentences name the section of what was asked for. */
static void test_section(void **state)
{
	struct aid_jwt_params params = standard;
	struct aid_error err = AID_ERROR_INIT;
	struct aid_claims seen;

	(void)state;
	params.section = "credential orders";
	assert_failed(verify_with("{\"alg\":\"ES256\"}", "{" GOOD ",\"exp\":1700000900}", &params, &seen,
		&err), AID_E_DENIED, &err, "or raise [credential orders] max_lifetime");
	params.client_id = NULL;
	assert_failed(verify_with("{\"alg\":\"ES256\"}", "{" GOOD ",\"exp\":1700000900}", &params, &seen,
		&err), AID_E_DENIED, &err, "or raise [credential orders] max_lifetime");
	params.subject = "agent:b";
	assert_failed(verify_with("{\"alg\":\"ES256\"}", "{" GOOD "," TIMES "}", &params, &seen, &err),
		AID_E_DENIED, &err, "is not 'agent:b' ([credential orders] subject)");
}

/* The caller fetches the key set again for this status alone. */
static void test_unknown_kid(void **state)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_claims seen;

	(void)state;
	assert_failed(verify_with("{\"alg\":\"ES256\",\"kid\":\"rotated\"}", "{" GOOD "," TIMES "}", &standard,
		&seen, &err), AID_E_NOTFOUND, &err, "kid 'rotated' is not in the key set of 2 keys");
}

/* A claim counts for nothing before the signature does. */
static void test_signature_first(void **state)
{
	AID_AUTO(aid_secret) *token = NULL;
	struct aid_error err = AID_ERROR_INIT;
	struct aid_claims seen;
	uint8_t signature[64] = {1};
	char text[FORGE_MAX];

	(void)state;
	forge_signed("{\"alg\":\"ES256\",\"typ\":\"odd\"}", "{\"iss\":\"evil\"}", signature, 64, text);
	token = aid_secret_from(text, strlen(text));
	assert_failed(aid_jwt_verify(token, &standard, forge.keys, &seen, &err), AID_E_UNTRUSTED, &err,
		"the ES256 signature is wrong");
}

static const struct aid_jwt_request request = {
	.issuer = "https://idp.example/r",
	.subject = "agent:a",
	.audience = "orders-api",
	.now_wall_ms = NOW + 999,
	.lifetime_ms = 300000,
	.with_not_before = true,
};

static void sign_and_verify(const struct aid_signing_key *key, enum aid_alg alg, const char *kid)
{
	struct aid_jwt_request with_kid = request;
	struct aid_error err = AID_ERROR_INIT;
	struct aid_jwt_signed made;
	struct aid_claims seen;

	with_kid.kid = kid;
	assert_ok(aid_jwt_sign(key, alg, &with_kid, &made, &err), &err);
	assert_int_equal(made.expires_wall_ms, NOW + 300000);
	assert_int_equal(strlen(made.jti), 22);
	assert_ok(aid_jwt_verify(made.token, &standard, forge.keys, &seen, &err), &err);
	assert_int_equal(seen.expires_wall_ms, made.expires_wall_ms);
	assert_int_equal(seen.issued_wall_ms, NOW);
	assert_string_equal(seen.jti, made.jti);
	aid_jwt_signed_done(&made);
	aid_jwt_signed_done(&made);
}

static void test_sign(void **state)
{
	(void)state;
	for (size_t again = 0; again < 3; again++) {
		sign_and_verify(forge.rsa, AID_ALG_RS256, NULL);
		sign_and_verify(forge.rsa, AID_ALG_PS256, aid_signing_key_thumbprint(forge.rsa));
		sign_and_verify(forge.ec, AID_ALG_ES256, aid_signing_key_thumbprint(forge.ec));
	}
}

/* Exactly these members: verifiers act on azp, nonce and the like. */
static void test_members(void **state)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_jwt_signed made;
	char text[2048], expected[512];
	const char *dot, *second;

	(void)state;
	assert_ok(aid_jwt_sign(forge.ec, AID_ALG_ES256, &request, &made, &err), &err);
	dot = strchr(aid_secret_peek(made.token), '.');
	second = strchr(dot + 1, '.');
	forge_decode(aid_secret_peek(made.token), dot, text, sizeof(text));
	assert_string_equal(text, "{\"alg\":\"ES256\",\"typ\":\"JWT\"}");
	forge_decode(dot + 1, second, text, sizeof(text));
	(void)snprintf(expected, sizeof(expected),
		"{\"iss\":\"https://idp.example/r\",\"sub\":\"agent:a\",\"aud\":\"orders-api\",\"iat\":%lld,"
		"\"exp\":%lld,\"jti\":\"%s\",\"nbf\":%lld}", (long long)S(0), (long long)S(300), made.jti,
		(long long)S(-5));
	assert_string_equal(text, expected);
	aid_jwt_signed_done(&made);
}

static void test_jti_differs(void **state)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_jwt_signed first, second;
	char a[AID_TOKEN_ID_SIZE], b[AID_TOKEN_ID_SIZE];

	(void)state;
	assert_ok(aid_jwt_sign(forge.ec, AID_ALG_ES256, &request, &first, &err), &err);
	assert_ok(aid_jwt_sign(forge.ec, AID_ALG_ES256, &request, &second, &err), &err);
	assert_string_not_equal(first.jti, second.jti);
	assert_int_equal(aid_token_id(first.token, a), AID_OK);
	assert_int_equal(aid_token_id(second.token, b), AID_OK);
	assert_int_equal(strlen(a), 16);
	assert_string_not_equal(a, b);
	aid_jwt_signed_done(&first);
	aid_jwt_signed_done(&second);
}

static void test_token_id(void **state)
{
	AID_AUTO(aid_secret) *token = aid_secret_from("abc", 3);
	char out[AID_TOKEN_ID_SIZE];

	(void)state;
	/* FIPS 180-2 appendix B.1 */
	assert_int_equal(aid_token_id(token, out), AID_OK);
	assert_string_equal(out, "ba7816bf8f01cfea");
}

static void test_bad_requests(void **state)
{
	struct aid_jwt_request bad[] = {request, request, request, request, request, request, request};
	static char big[5000];
	struct aid_error err = AID_ERROR_INIT;
	struct aid_jwt_signed made = {0};

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	bad[0].issuer = NULL;
	bad[1].subject = NULL;
	bad[2].audience = NULL;
	bad[3].lifetime_ms = 999;
	bad[4].lifetime_ms = 1500;
	bad[5].lifetime_ms = INT64_C(86401000);
	bad[6].audience = big;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(aid_jwt_sign(forge.ec, AID_ALG_ES256, &bad[i], &made, &err), AID_E_INVALID);
	assert_failed(aid_jwt_sign(forge.ec, AID_ALG_RS256, &request, &made, &err), AID_E_CONFIG, &err,
		"a key for ES256 cannot sign with RS256");
	assert_failed(aid_jwt_sign(forge.rsa, AID_ALG_RS384, &request, &made, &err), AID_E_CONFIG, &err,
		"a key for RS256 cannot sign with RS384");
	assert_null(made.token);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_claims), cmocka_unit_test(test_values),
		cmocka_unit_test(test_typ), cmocka_unit_test(test_params),
		cmocka_unit_test(test_no_client), cmocka_unit_test(test_section),
		cmocka_unit_test(test_unknown_kid),
		cmocka_unit_test(test_signature_first), cmocka_unit_test(test_sign),
		cmocka_unit_test(test_members), cmocka_unit_test(test_jti_differs),
		cmocka_unit_test(test_token_id), cmocka_unit_test(test_bad_requests),
	};

	return cmocka_run_group_tests(tests, forge_set_up, forge_tear_down);
}
