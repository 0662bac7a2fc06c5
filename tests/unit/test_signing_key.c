/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "b64.h"
#include "signing_key.h"
#include "test_keys.h"

#include <stdio.h>

static int parse(const char *pem, struct aid_signing_key **ret_key, struct aid_error *err)
{
	return aid_signing_key_parse(pem, strlen(pem), ret_key, err);
}

#define CERTIFICATE "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"

static void test_forms(void **state)
{
	static const struct {
		const char *pem;
		enum aid_alg alg;
	} rows[] = {
		{TEST_RSA_PEM, AID_ALG_RS256},
		{TEST_RSA_PKCS1_PEM, AID_ALG_RS256},
		{TEST_P256_PEM, AID_ALG_ES256},
		{TEST_P256_SEC1_PEM, AID_ALG_ES256},
		{CERTIFICATE TEST_P256_PEM, AID_ALG_ES256},
		{"some text before\n" TEST_RSA_PEM "and after\n", AID_ALG_RS256},
	};
	char first[AID_THUMBPRINT_SIZE] = "";

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AID_AUTO(aid_signing_key) *key = NULL;
		struct aid_error err = AID_ERROR_INIT;

		assert_ok(parse(rows[i].pem, &key, &err), &err);
		assert_int_equal(aid_signing_key_default_alg(key), rows[i].alg);
		assert_int_equal(aid_signing_key_algs(key), rows[i].alg == AID_ALG_ES256 ?
			AID_ALG_ES256 : AID_ALG_RS256 | AID_ALG_PS256);
		assert_int_equal(strlen(aid_signing_key_thumbprint(key)), 43);
		if (i == 0)
			memcpy(first, aid_signing_key_thumbprint(key), sizeof(first));
		/* The two forms hold one key. */
		if (i == 1)
			assert_string_equal(aid_signing_key_thumbprint(key), first);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *pem, *sentence;
	} rows[] = {
		{"", "no unencrypted PEM private key in 0 bytes"},
		{"not a key", "no unencrypted PEM private key"},
		{CERTIFICATE, "no unencrypted PEM private key"},
		{TEST_ENCRYPTED_PEM, "no unencrypted PEM private key"},
		{TEST_PUBLIC_PEM, "no unencrypted PEM private key"},
		{TEST_RSA1024_PEM, "RSA key of 1024 bits, allowed 2048 to 8192"},
		{TEST_P384_PEM, "RSA and P-256 keys only"},
		{TEST_ED25519_PEM, "RSA and P-256 keys only"},
		{"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", "no unencrypted PEM"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct aid_signing_key *key = NULL;
		struct aid_error err = AID_ERROR_INIT;

		assert_failed(parse(rows[i].pem, &key, &err), AID_E_CREDENTIAL, &err, rows[i].sentence);
		assert_null(key);
	}
}

/* A file that is being written. */
static void test_cut(void **state)
{
	(void)state;
	for (size_t n = 0; n + 2 < strlen(TEST_P256_PEM); n += 3) {
		struct aid_signing_key *key = NULL;
		struct aid_error err = AID_ERROR_INIT;

		assert_failed(aid_signing_key_parse(TEST_P256_PEM, n, &key, &err), AID_E_CREDENTIAL, &err,
			"PEM private key");
	}
}

static void round_trip(enum aid_alg alg)
{
	AID_AUTO(aid_signing_key) *key = NULL, *again = NULL;
	AID_AUTO(aid_secret) *pem = NULL;
	struct aid_error err = AID_ERROR_INIT;

	assert_ok(aid_signing_key_generate(alg, &key, &err), &err);
	assert_ok(aid_signing_key_write(key, &pem, &err), &err);
	assert_ptr_equal(strstr(aid_secret_peek(pem), "-----BEGIN PRIVATE KEY-----\n"), aid_secret_peek(pem));
	assert_ok(aid_signing_key_parse(aid_secret_peek(pem), aid_secret_length(pem), &again, &err), &err);
	assert_string_equal(aid_signing_key_thumbprint(key), aid_signing_key_thumbprint(again));
}

static void test_generate(void **state)
{
	struct aid_signing_key *key = NULL;
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	round_trip(AID_ALG_RS256);
	round_trip(AID_ALG_ES256);
	assert_failed(aid_signing_key_generate(AID_ALG_ES384, &key, &err), AID_E_INVALID, &err,
		"RS256, PS256 and ES256 only");
	assert_null(key);
	aid_signing_key_free(NULL);
}

static void test_public_jwk(void **state)
{
	AID_AUTO(aid_signing_key) *rsa = NULL, *ec = NULL;
	AID_AUTO(aid_json) *rsa_jwk = NULL, *ec_jwk = NULL;
	struct aid_error err = AID_ERROR_INIT;
	char text[1024], start[160];
	size_t length;

	(void)state;
	assert_ok(parse(TEST_RSA_PEM, &rsa, &err), &err);
	assert_ok(parse(TEST_P256_PEM, &ec, &err), &err);
	rsa_jwk = aid_signing_key_public_jwk(rsa);
	ec_jwk = aid_signing_key_public_jwk(ec);
	assert_int_equal(aid_json_render(rsa_jwk, text, sizeof(text), &length), AID_OK);
	(void)snprintf(start, sizeof(start),
		"{\"kty\":\"RSA\",\"use\":\"sig\",\"alg\":\"RS256\",\"kid\":\"%s\",\"n\":\"",
		aid_signing_key_thumbprint(rsa));
	assert_memory_equal(text, start, strlen(start));
	assert_string_equal(text + strlen(start) + 342, "\",\"e\":\"AQAB\"}");
	assert_int_equal(aid_json_render(ec_jwk, text, sizeof(text), &length), AID_OK);
	(void)snprintf(start, sizeof(start),
		"{\"kty\":\"EC\",\"use\":\"sig\",\"alg\":\"ES256\",\"kid\":\"%s\",\"crv\":\"P-256\",\"x\":\"",
		aid_signing_key_thumbprint(ec));
	assert_memory_equal(text, start, strlen(start));
	assert_memory_equal(text + strlen(start) + 43, "\",\"y\":\"", 7);
	assert_int_equal(length, strlen(start) + 43 + 7 + 43 + 2);
}

static void test_wrong_alg(void **state)
{
	AID_AUTO(aid_signing_key) *ec = NULL;
	uint8_t out[AID_SIGNATURE_MAX];
	struct aid_error err = AID_ERROR_INIT;
	size_t length = 7;

	(void)state;
	assert_ok(parse(TEST_P256_PEM, &ec, &err), &err);
	assert_failed(aid_signing_key_sign(ec, AID_ALG_RS256, "", 0, out, &length, &err), AID_E_CONFIG, &err,
		"a key of type EC P-256 cannot sign with RS256");
	assert_failed(aid_signing_key_sign(ec, AID_ALG_ES384, "", 0, out, &length, &err), AID_E_CONFIG, &err,
		"cannot sign with ES384");
	assert_int_equal(length, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_cut), cmocka_unit_test(test_generate),
		cmocka_unit_test(test_public_jwk), cmocka_unit_test(test_wrong_alg),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
