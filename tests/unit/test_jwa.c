/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "jwa.h"

static void test_names(void **state)
{
	static const char *const unknown[] = {"none", "None", "NONE", "HS256", "HS384", "HS512", "rs256",
		"RS256 ", "RS1", "ES256K", "RSA-OAEP", "A128KW", "dir", "", "EdDSA2"};

	(void)state;
	for (unsigned int bit = 1; bit <= AID_ALGS_ALL; bit <<= 1) {
		const struct aid_alg_info *info = aid_alg_info((enum aid_alg)bit);

		assert_non_null(info);
		assert_ptr_equal(aid_alg_by_name(info->name), info);
		assert_true((aid_algs_of_key(info->kty, info->crv) & bit) != 0);
	}
	for (size_t i = 0; i < COUNT_OF(unknown); i++)
		assert_null(aid_alg_by_name(unknown[i]));
	assert_null(aid_alg_by_name(NULL));
	assert_null(aid_alg_info((enum aid_alg)(AID_ALGS_ALL + 1)));
	assert_null(aid_alg_info((enum aid_alg)(AID_ALG_RS256 | AID_ALG_ES256)));
}

static void test_keys(void **state)
{
	(void)state;
	assert_int_equal(aid_algs_of_key("RSA", NULL), AID_ALGS_RSA);
	assert_int_equal(aid_algs_of_key("EC", "P-256"), AID_ALG_ES256);
	assert_int_equal(aid_algs_of_key("EC", "P-384"), AID_ALG_ES384);
	assert_int_equal(aid_algs_of_key("EC", "P-521"), AID_ALG_ES512);
	assert_int_equal(aid_algs_of_key("OKP", "Ed25519"), AID_ALG_EDDSA);
	assert_int_equal(aid_algs_of_key("OKP", "Ed448"), 0);
	assert_int_equal(aid_algs_of_key("EC", "secp256k1"), 0);
	assert_int_equal(aid_algs_of_key("EC", NULL), 0);
	assert_int_equal(aid_algs_of_key("RSA", "P-256"), 0);
	assert_int_equal(aid_algs_of_key("oct", NULL), 0);
}

static void test_lists(void **state)
{
	static const char *const bad[] = {",", "RS256,", ",RS256", "RS256,,ES256", "HS256", "none",
		"RS256,none", "*", "RS256;ES256", " "};
	struct aid_error err = AID_ERROR_INIT;
	unsigned int algs = 0;

	(void)state;
	assert_ok(aid_algs_parse(NULL, &algs, &err), &err);
	assert_int_equal(algs, AID_ALGS_ALL);
	assert_ok(aid_algs_parse("RS256", &algs, &err), &err);
	assert_int_equal(algs, AID_ALG_RS256);
	assert_ok(aid_algs_parse(" RS256 ,\tES256", &algs, &err), &err);
	assert_int_equal(algs, AID_ALG_RS256 | AID_ALG_ES256);
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_failed(aid_algs_parse(bad[i], &algs, &err), AID_E_CONFIG, &err, "is not a JWS algorithm");
	assert_failed(aid_algs_parse("RS256 ES256", &algs, &err), AID_E_CONFIG, &err, "commas");
	assert_int_equal(algs, AID_ALG_RS256 | AID_ALG_ES256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
