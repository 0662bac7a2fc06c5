/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "client_auth.h"
#include "json.h"
#include "oauth.h"
#include "secret_source.h"

#include "forge.h"

#include <stdlib.h>

#define NOW INT64_C(1700000000000)
#define ASSERTION "client_assertion="

static struct aid_client_auth_params standard(enum aid_client_auth method)
{
	return (struct aid_client_auth_params){
		.method = method,
		.client_id = "my:client",
		.alg = AID_ALG_ES256,
		.audience = "https://idp.example/r",
		.host_issuer = "https://host.example",
		.host_subject = "agent:a",
		.now_wall_ms = NOW,
	};
}

static void test_basic(void **state)
{
	struct aid_client_auth_params params = standard(AID_CLIENT_SECRET_BASIC);
	AID_AUTO(aid_secret) *secret = aid_secret_from("p w+:%\xc3\xa9", 8);
	AID_AUTO(aid_secret) *form = aid_secret_new(100);
	AID_AUTO(aid_secret) *line = NULL;
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	params.secret = secret;
	assert_ok(aid_client_auth_apply(&params, form, &line, &err), &err);
	/* my%3Aclient:p+w%2B%3A%25%C3%A9 */
	assert_string_equal(aid_secret_peek(line),
		"Authorization: Basic bXklM0FjbGllbnQ6cCt3JTJCJTNBJTI1JUMzJUE5");
	assert_int_equal(aid_secret_length(form), 0);
}

static void test_post(void **state)
{
	struct aid_client_auth_params params = standard(AID_CLIENT_SECRET_POST);
	AID_AUTO(aid_secret) *secret = aid_secret_from("a&b=\n", 5);
	AID_AUTO(aid_secret) *form = aid_secret_new(100);
	AID_AUTO(aid_secret) *small = aid_secret_new(20);
	AID_AUTO(aid_secret) *line = NULL;
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	params.secret = secret;
	assert_ok(aid_client_auth_apply(&params, form, &line, &err), &err);
	assert_string_equal(aid_secret_peek(form), "client_id=my%3Aclient&client_secret=a%26b%3D%0A");
	assert_null(line);
	assert_failed(aid_client_auth_apply(&params, small, &line, &err), AID_E_TOOBIG, &err, "not fit");
}

static void test_secrets(void **state)
{
	static const enum aid_client_auth methods[] = {AID_CLIENT_SECRET_BASIC, AID_CLIENT_SECRET_POST};
	AID_AUTO(aid_secret) *form = aid_secret_new(100);
	AID_AUTO(aid_secret) *empty = aid_secret_new(10);
	AID_AUTO(aid_secret) *big = aid_secret_new(AID_CLIENT_SECRET_MAX + 1);
	AID_AUTO(aid_secret) *line = NULL;
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	aid_secret_grown(big, AID_CLIENT_SECRET_MAX + 1);
	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		struct aid_client_auth_params params = standard(methods[i]);

		assert_failed(aid_client_auth_apply(&params, form, &line, &err), AID_E_CREDENTIAL, &err,
			"empty");
		params.secret = empty;
		assert_failed(aid_client_auth_apply(&params, form, &line, &err), AID_E_CREDENTIAL, &err,
			"empty");
		params.secret = big;
		assert_failed(aid_client_auth_apply(&params, form, &line, &err), AID_E_CREDENTIAL, &err,
			"4097 bytes");
	}
	assert_int_equal(aid_secret_length(form), 0);
}

static void test_tls(void **state)
{
	const struct aid_client_auth_params params = standard(AID_TLS_CLIENT_AUTH);
	AID_AUTO(aid_secret) *form = aid_secret_new(100);
	AID_AUTO(aid_secret) *line = NULL;
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	assert_ok(aid_client_auth_apply(&params, form, &line, &err), &err);
	assert_string_equal(aid_secret_peek(form), "client_id=my%3Aclient");
	assert_null(line);
}

/* The payload of the assertion at the end of the form, verified; the caller frees. */
static struct aid_json *assertion_of(const struct aid_secret *form, enum aid_alg alg,
	struct aid_jws *ret_jws)
{
	const char *token = strstr(aid_secret_peek(form), ASSERTION) + sizeof(ASSERTION) - 1;
	AID_AUTO(aid_secret) *payload = NULL;
	struct aid_json *claims = NULL;
	const struct aid_jwk *key;
	struct aid_error err = AID_ERROR_INIT;

	assert_ok(aid_jws_parse(token, strlen(token), (unsigned int)alg, ret_jws, &err), &err);
	assert_ok(aid_jwk_set_find(forge.keys, NULL, alg, &key, &err), &err);
	assert_ok(aid_jws_verify(ret_jws, key, &payload, &err), &err);
	assert_ok(aid_json_parse(aid_secret_peek(payload), aid_secret_length(payload), 4096, &claims,
			  &err), &err);
	return claims;
}

static void assert_text(const struct aid_json *claims, const char *name, const char *want)
{
	struct aid_error err = AID_ERROR_INIT;
	const char *text;

	assert_ok(aid_json_text(claims, name, 1, 256, &text, &err), &err);
	assert_string_equal(text, want);
}

static void assert_seconds(const struct aid_json *claims, const char *name, int64_t want)
{
	struct aid_error err = AID_ERROR_INIT;
	int64_t value;

	assert_ok(aid_json_int(claims, name, 0, INT64_MAX, &value, &err), &err);
	assert_int_equal(value, want);
}

static void test_private_key_jwt(void **state)
{
	static const enum aid_alg algs[] = {AID_ALG_RS256, AID_ALG_PS256, AID_ALG_ES256};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(algs); i++) {
		struct aid_client_auth_params params = standard(AID_PRIVATE_KEY_JWT);
		AID_AUTO(aid_secret) *form = aid_secret_new(4096);
		AID_AUTO(aid_secret) *line = NULL;
		AID_AUTO(aid_json) *claims = NULL;
		struct aid_error err = AID_ERROR_INIT;
		struct aid_jws jws;

		params.alg = algs[i];
		params.key = algs[i] == AID_ALG_ES256 ? forge.ec : forge.rsa;
		assert_ok(aid_client_auth_apply(&params, form, &line, &err), &err);
		assert_null(line);
		assert_non_null(strstr(aid_secret_peek(form),
			"client_id=my%3Aclient&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3A"
			"client-assertion-type%3Ajwt-bearer&client_assertion="));
		claims = assertion_of(form, algs[i], &jws);
		assert_false(jws.has_kid);
		assert_text(claims, "iss", "my:client");
		assert_text(claims, "sub", "my:client");
		assert_text(claims, "aud", "https://idp.example/r");
		assert_seconds(claims, "iat", NOW / 1000);
		assert_seconds(claims, "exp", NOW / 1000 + 60);
		assert_false(aid_json_has(claims, "nbf"));
	}
}

static void test_federated_jwt(void **state)
{
	struct aid_client_auth_params params = standard(AID_FEDERATED_JWT);
	AID_AUTO(aid_secret) *form = aid_secret_new(4096);
	AID_AUTO(aid_secret) *line = NULL;
	AID_AUTO(aid_json) *claims = NULL;
	struct aid_error err = AID_ERROR_INIT;
	struct aid_jws jws;

	(void)state;
	params.key = forge.rsa;
	assert_ok(aid_client_auth_apply(&params, form, &line, &err), &err);
	claims = assertion_of(form, AID_ALG_RS256, &jws);
	assert_string_equal(jws.kid, aid_signing_key_thumbprint(forge.rsa));
	assert_text(claims, "iss", "https://host.example");
	assert_text(claims, "sub", "agent:a");
	assert_text(claims, "aud", "https://idp.example/r");
	assert_seconds(claims, "exp", NOW / 1000 + 60);
}

static void test_keys(void **state)
{
	struct aid_client_auth_params params = standard(AID_PRIVATE_KEY_JWT);
	AID_AUTO(aid_secret) *form = aid_secret_new(4096);
	AID_AUTO(aid_secret) *line = NULL;
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	assert_failed(aid_client_auth_apply(&params, form, &line, &err), AID_E_CREDENTIAL, &err,
		"without a key");
	params.key = forge.rsa;
	assert_failed(aid_client_auth_apply(&params, form, &line, &err), AID_E_CREDENTIAL, &err,
		"cannot sign with signing_alg ES256");
	params.method = AID_FEDERATED_JWT;
	params.key = NULL;
	assert_failed(aid_client_auth_apply(&params, form, &line, &err), AID_E_CREDENTIAL, &err,
		"host's key");
	params.method = (enum aid_client_auth)99;
	assert_failed(aid_client_auth_apply(&params, form, &line, &err), AID_E_INVALID, &err, "99");
	assert_true(aid_client_auth_is_timed(AID_PRIVATE_KEY_JWT));
	assert_true(aid_client_auth_is_timed(AID_FEDERATED_JWT));
	assert_false(aid_client_auth_is_timed(AID_CLIENT_SECRET_BASIC));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_basic),
		cmocka_unit_test(test_post),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_private_key_jwt),
		cmocka_unit_test(test_federated_jwt),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, forge_set_up, forge_tear_down);
}
