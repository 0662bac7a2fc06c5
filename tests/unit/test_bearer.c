/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "bearer.h"
#include "forge.h"
#include "jwt.h"

#include <stdio.h>

#define NOW INT64_C(1700000000000)
#define HEADER "{\"alg\":\"ES256\"}"
#define HASH "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"

static struct aid_secret *make(const char *payload)
{
	char text[FORGE_MAX];

	forge_token(forge.ec, AID_ALG_ES256, HEADER, payload, text);
	return aid_secret_from(text, strlen(text));
}

static void test_issuer(void **state)
{
	static const char *const issuers[] = {"https://a.example", "https://b.example"};
	static const struct {
		const char *payload;
		size_t count;
		int status;
		const char *sentence;
	} rows[] = {
		{"{\"iss\":\"https://b.example\"}", 2, AID_OK, NULL},
		{"{\"iss\":\"https://b.example\"}", 1, AID_E_UNTRUSTED,
			"token issuer 'https://b.example' is not the accepted one, 'https://a.example'"},
		{"{\"iss\":\"https://b.example/\"}", 2, AID_E_UNTRUSTED,
			"token issuer 'https://b.example/' is none of the 2 accepted ones"},
		{"{\"iss\":\"https://B.example\"}", 2, AID_E_UNTRUSTED, "is none of the 2"},
		{"{\"iss\":5}", 2, AID_E_PROTOCOL, "token 'iss' is no string"},
		{"{}", 2, AID_E_PROTOCOL, "token 'iss' is no string"},
		{"[]", 2, AID_E_PROTOCOL, "token claims: JSON"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AID_AUTO(aid_secret) *token = make(rows[i].payload);
		struct aid_error err = AID_ERROR_INIT;
		size_t index = 7;
		int r = aid_bearer_issuer(token, issuers, rows[i].count, &index, &err);

		if (rows[i].status == AID_OK) {
			assert_ok(r, &err);
			assert_int_equal(index, 1);
			continue;
		}
		assert_failed(r, rows[i].status, &err, rows[i].sentence);
		assert_int_equal(index, 7);
	}
}

static void test_form(void **state)
{
	AID_AUTO(aid_secret) *token = aid_secret_from("x.y", 3);
	static const char *const issuers[] = {"i"};
	struct aid_error err = AID_ERROR_INIT;
	size_t index;

	(void)state;
	assert_failed(aid_bearer_issuer(token, issuers, 1, &index, &err), AID_E_PROTOCOL, &err,
		"the token is no JWT");
}

static void test_binding(void **state)
{
	static const struct {
		const char *claims, *jkt, *x5t;
		int status;
		const char *sentence;
	} rows[] = {
		{"{}", "", "", AID_OK, NULL},
		{"{\"cnf\":{\"jkt\":\"" HASH "\"}}", HASH, "", AID_OK, NULL},
		{"{\"cnf\":{\"x5t#S256\":\"" HASH "\"}}", "", HASH, AID_OK, NULL},
		{"{\"cnf\":{\"jkt\":\"" HASH "\",\"x5t#S256\":\"" HASH "\"}}", HASH, HASH, AID_OK, NULL},
		{"{\"cnf\":{}}", NULL, NULL, AID_E_UNTRUSTED, "cannot be checked here"},
		{"{\"cnf\":{\"kid\":\"k\"}}", NULL, NULL, AID_E_UNTRUSTED, "cannot be checked here"},
		{"{\"cnf\":{\"jkt\":\"" HASH "\",\"kid\":\"k\"}}", NULL, NULL, AID_E_UNTRUSTED,
			"cannot be checked here"},
		{"{\"cnf\":5}", NULL, NULL, AID_E_PROTOCOL, "token 'cnf' is no object"},
		{"{\"cnf\":null}", NULL, NULL, AID_E_PROTOCOL, "token 'cnf' is no object"},
		{"{\"cnf\":{\"jkt\":\"short\"}}", NULL, NULL, AID_E_PROTOCOL, "cnf 'jkt' is no SHA-256"},
		{"{\"cnf\":{\"jkt\":5}}", NULL, NULL, AID_E_PROTOCOL, "cnf 'jkt' is no SHA-256"},
		{"{\"cnf\":{\"jkt\":\"0ZcOCORZNYy+DWpqq30jZyJGHTN0d2HglBV3uiguA4I\"}}", NULL, NULL,
			AID_E_PROTOCOL, "cnf 'jkt' is no SHA-256"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AID_AUTO(aid_json) *claims = NULL;
		struct aid_binding binding;
		struct aid_error err = AID_ERROR_INIT;
		int r;

		assert_ok(aid_json_parse(rows[i].claims, strlen(rows[i].claims), 1024, &claims, &err), &err);
		r = aid_bearer_binding(claims, &binding, &err);
		if (rows[i].status != AID_OK) {
			assert_failed(r, rows[i].status, &err, rows[i].sentence);
			continue;
		}
		assert_ok(r, &err);
		assert_string_equal(binding.jkt, rows[i].jkt);
		assert_string_equal(binding.x5t, rows[i].x5t);
	}
}

/* The sentences of a peer's token name what its judge can change. */
static void test_peer(void **state)
{
	const struct aid_jwt_params params = {.issuer = "i", .audience = "a", .algs = AID_ALGS_ALL,
		.max_lifetime_ms = 60000, .now_wall_ms = NOW, .skew_ms = AID_JWT_SKEW_MS, .is_peer = true};
	struct aid_jwt_params pinned = params;
	AID_AUTO(aid_secret) *good = make(
		"{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\",\"iat\":1700000000,\"exp\":1700000060,\"x\":[1]}");
	AID_AUTO(aid_secret) *lasting = make(
		"{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\",\"iat\":1700000000,\"exp\":1700000061}");
	AID_AUTO(aid_json) *document = NULL;
	struct aid_claims claims;
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	assert_ok(aid_jwt_verify_all(good, &params, forge.keys, &claims, &document, &err), &err);
	assert_true(aid_json_has(document, "x"));
	aid_json_free(document);
	document = NULL;
	assert_failed(aid_jwt_verify_all(lasting, &params, forge.keys, &claims, &document, &err),
		AID_E_DENIED, &err, "token lifetime 61 s exceeds the limit of 60 s (--max-lifetime)");
	pinned.subject = "t";
	assert_failed(aid_jwt_verify_all(good, &pinned, forge.keys, &claims, &document, &err), AID_E_DENIED,
		&err, "token subject 's' is not 't' (--subject)");
	assert_null(document);
	pinned = params;
	pinned.is_peer = false;
	assert_failed(aid_jwt_verify_all(good, &pinned, forge.keys, &claims, &document, &err),
		AID_E_INVALID, &err, "subject must be pinned");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_issuer),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_binding),
		cmocka_unit_test(test_peer),
	};

	return cmocka_run_group_tests(tests, forge_set_up, forge_tear_down);
}
