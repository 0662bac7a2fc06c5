/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "b64.h"
#include "forge.h"
#include "jwk.h"

#include <stdio.h>

/* RFC 7517 appendix A.1, and the key of RFC 7638 section 3.1 and its thumbprint. */
#define EC_X "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"
#define EC_Y "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
#define EC "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\""
#define RSA_N                                                                                      \
	"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_B"     \
	"JECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_F"     \
	"DW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4"     \
	"vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
#define RSA "\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\""
#define RSA_E(e) "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"" e "\"}"
#define EC_XY(crv, x, y) "{\"kty\":\"EC\",\"crv\":\"" crv "\",\"x\":\"" x "\",\"y\":\"" y "\"}"
#define THUMBPRINT "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
#define ED "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""

static const struct {
	const char *jwk, *reason; /* NULL: usable */
} rows[] = {
	{"{" EC "}", NULL},
	{"{" RSA "}", NULL},
	{"{" ED "}", NULL},
	{"{" EC ",\"use\":\"sig\",\"key_ops\":[\"verify\"],\"alg\":\"ES256\",\"kid\":\"k\"}", NULL},
	{"{" RSA ",\"alg\":\"PS512\",\"x5c\":[\"unread\"],\"x5t\":5,\"unknown\":null}", NULL},
	{RSA_E("Aw"), NULL},
	{RSA_E("AQAAAAE"), NULL},
	/* type and purpose */
	{"{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ\"}", "kty 'oct' is none of RSA, EC, OKP"},
	{"{\"kty\":\"oct\",\"kid\":\"k\",\"alg\":\"HS256\",\"k\":\"AyM\"}", "kty 'oct'"},
	{"{\"kty\":\"rsa\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}", "kty 'rsa'"},
	{"{\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}", "'kty' is missing"},
	{"{\"kty\":5}", "'kty' is not a string"},
	{"{}", "'kty' is missing"},
	{"5", "it is no object"},
	{"null", "it is no object"},
	{"[]", "it is no object"},
	{"{" EC ",\"use\":\"enc\"}", "use is 'enc', not 'sig'"},
	{"{" EC ",\"use\":\"SIG\"}", "use is 'SIG'"},
	{"{" EC ",\"use\":[\"sig\"]}", "'use' is not a string"},
	{"{" EC ",\"key_ops\":[\"sign\"]}", "key_ops has no 'verify'"},
	{"{" EC ",\"key_ops\":[]}", "key_ops has no 'verify'"},
	{"{" EC ",\"key_ops\":\"verify\"}", "'key_ops' is not an array"},
	{"{" EC ",\"key_ops\":[1,\"verify\"]}", "'key_ops' is not a string or an array of strings"},
	{"{" EC ",\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\"}", "private member 'd'"},
	{"{" EC ",\"alg\":\"ES384\"}", "alg 'ES384' is not one of a key of type EC"},
	{"{" EC ",\"alg\":\"RS256\"}", "alg 'RS256' is not one of a key of type EC"},
	{"{" RSA ",\"alg\":\"RSA-OAEP\"}", "alg 'RSA-OAEP' is not one of a key of type RSA"},
	{"{" RSA ",\"alg\":\"HS256\"}", "alg 'HS256' is not one of a key of type RSA"},
	{"{" RSA ",\"alg\":\"none\"}", "alg 'none'"},
	{"{" RSA ",\"alg\":\"\"}", "'alg' has 0 bytes"},
	{"{" EC ",\"kid\":7}", "'kid' is not a string"},
	/* RSA: RFC 7518 section 3.3, RFC 8725 section 3.5 */
	{RSA_E("AQ"), "RSA exponent of 1 bits"},
	{RSA_E("Ag"), "RSA exponent of 2 bits"},
	{RSA_E("AQAA"), "RSA exponent of 17 bits"},
	{RSA_E("AwAAAAE"), "RSA exponent of 34 bits, an odd one from 3 and of at most 33"},
	{RSA_E("AA"), "RSA exponent of 0 bits"},
	{RSA_E(""), "'e' has 0 bytes"},
	{RSA_E("AQAB="), "'e' is not base64url"},
	{"{\"kty\":\"RSA\",\"n\":\"" RSA_N "\"}", "'e' is missing"},
	{"{\"kty\":\"RSA\",\"e\":\"AQAB\"}", "'n' is missing"},
	{"{\"kty\":\"RSA\",\"n\":65537,\"e\":\"AQAB\"}", "'n' is not a string"},
	{"{\"kty\":\"RSA\",\"n\":\"Aw\",\"e\":\"AQAB\"}", "RSA key of 2 bits, allowed 2048 to 8192"},
	{"{\"kty\":\"RSA\",\"n\":\"+" RSA_N "\",\"e\":\"AQAB\"}", "'n' is not base64url"},
	/* EC: RFC 7518 section 6.2 */
	{EC_XY("P-256", EC_X, EC_X), "the point is not on P-256"},
	{EC_XY("P-256", EC_Y, EC_X), "the point is not on P-256"},
	{EC_XY("P-256", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), "the point is not on P-256"},
	{EC_XY("P-256", "_____wAAAAEAAAAAAAAAAAAAAAD_______________8", EC_Y), "the point is not on P-256"},
	{EC_XY("P-384", EC_X, EC_Y), "coordinates of 32 and 32 bytes, P-384 has 48"},
	{EC_XY("P-256", "AA" EC_X, EC_Y), "'x' is not base64url"},
	{EC_XY("P-256", "AQ", EC_Y), "coordinates of 1 and 32 bytes, P-256 has 32"},
	{EC_XY("secp256k1", EC_X, EC_Y), "curve is none of P-256, P-384, P-521"},
	{EC_XY("prime256v1", EC_X, EC_Y), "curve is none of P-256, P-384, P-521"},
	{EC_XY("p-256", EC_X, EC_Y), "curve is none of"},
	{EC_XY("", EC_X, EC_Y), "'crv' has 0 bytes"},
	{"{\"kty\":\"EC\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}", "'crv' is missing"},
	{"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\"}", "'y' is missing"},
	/* OKP: RFC 8037 */
	{"{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
		"OKP curve is not Ed25519"},
	{"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
		"OKP curve is not Ed25519"},
	{"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQ\"}", "Ed25519 key of 1 bytes, 32 are needed"},
};

static void test_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AID_AUTO(aid_jwk_set) *set = forge_set(rows[i].jwk, NULL);
		const char *reason = aid_jwk_set_skip_reason(set);

		if (rows[i].reason == NULL && aid_jwk_set_count(set) != 1)
			fail_msg("row %zu left out: %s", i, reason);
		if (rows[i].reason != NULL && (aid_jwk_set_count(set) != 0 ||
			aid_jwk_set_skipped(set) != 1 || strstr(reason, rows[i].reason) == NULL))
			fail_msg("row %zu: '%s', expected '%s'", i, reason, rows[i].reason);
	}
}

/* A modulus of so many bits, in base64url. */
static void modulus_jwk(size_t bits, uint8_t last, char *out, size_t size)
{
	uint8_t n[1100] = {0};
	char text[1500];
	size_t bytes = (bits + 7) / 8;

	n[0] = (uint8_t)(1 << ((bits - 1) % 8));
	n[bytes - 1] |= last;
	(void)aid_b64_encode(n, bytes, text);
	(void)snprintf(out, size, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQAB\"}", text);
}

static void test_rsa_size(void **state)
{
	static const struct {
		size_t bits;
		uint8_t last;
		const char *reason;
	} sizes[] = {
		{512, 1, "RSA key of 512 bits, allowed 2048 to 8192"},
		{1024, 1, "RSA key of 1024 bits"},
		{2047, 1, "RSA key of 2047 bits"},
		{2048, 1, NULL},
		{2048, 0, "RSA modulus is even"},
		{8192, 1, NULL},
		{8193, 1, "RSA key of 8193 bits, allowed 2048 to 8192"},
		{8208, 1, "'n' is not base64url of at most 1025 bytes"},
	};
	char jwk[2048];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		AID_AUTO(aid_jwk_set) *set = NULL;

		modulus_jwk(sizes[i].bits, sizes[i].last, jwk, sizeof(jwk));
		set = forge_set(jwk, NULL);
		assert_int_equal(aid_jwk_set_count(set), sizes[i].reason == NULL);
		if (sizes[i].reason != NULL &&
			strstr(aid_jwk_set_skip_reason(set), sizes[i].reason) == NULL)
			fail_msg("row %zu: '%s'", i, aid_jwk_set_skip_reason(set));
	}
}

/* One bad key does not hide the good one. */
static void test_mixed(void **state)
{
	AID_AUTO(aid_jwk_set) *set = forge_set(
		"{\"kty\":\"oct\",\"kid\":\"a\",\"alg\":\"HS256\",\"k\":\"AyM1SysPpbyDfgZld3umjw\"},"
		"{" RSA ",\"kid\":\"enc\",\"use\":\"enc\"},5",
		"{" RSA ",\"kid\":\"a\"}");
	struct aid_error err = AID_ERROR_INIT;
	const struct aid_jwk *key;

	(void)state;
	assert_int_equal(aid_jwk_set_count(set), 1);
	assert_int_equal(aid_jwk_set_skipped(set), 3);
	assert_non_null(strstr(aid_jwk_set_skip_reason(set), "key 0: kty 'oct'"));
	assert_ok(aid_jwk_set_find(set, "a", AID_ALG_RS256, &key, &err), &err);
	assert_int_equal(aid_jwk_algs(key), AID_ALGS_RSA);
	assert_failed(aid_jwk_set_find(set, "enc", AID_ALG_RS256, &key, &err), AID_E_NOTFOUND, &err,
		"kid 'enc' is not in the key set of 1 keys");
}

/* Which key is meant must be beyond doubt. */
static const struct {
	const char *first, *second, *kid;
	enum aid_alg alg;
	int status;
	const char *sentence;
} lookups[] = {
	{"{" RSA ",\"kid\":\"a\"}", "{" EC ",\"kid\":\"b\"}", "a", AID_ALG_RS256, AID_OK, NULL},
	{"{" RSA ",\"kid\":\"a\"}", "{" EC ",\"kid\":\"a\"}", "a", AID_ALG_RS256, AID_OK, NULL},
	{"{" RSA ",\"kid\":\"a\"}", "{" EC ",\"kid\":\"a\"}", "a", AID_ALG_ES256, AID_OK, NULL},
	{"{" RSA ",\"kid\":\"a\"}", "{" RSA ",\"kid\":\"a\"}", "a", AID_ALG_RS256, AID_E_UNTRUSTED,
		"kid 'a' stands twice in the key set"},
	{"{" RSA ",\"kid\":\"a\",\"alg\":\"RS256\"}", "{" RSA ",\"kid\":\"a\",\"alg\":\"PS256\"}", "a",
		AID_ALG_RS256, AID_E_UNTRUSTED, "kid 'a' stands twice"},
	{"{" RSA ",\"kid\":\"a\"}", "{" RSA ",\"kid\":\"a\"}", "b", AID_ALG_RS256, AID_E_NOTFOUND,
		"kid 'b' is not in the key set of 2 keys"},
	{"{" RSA ",\"kid\":\"a\"}", "{" EC "}", "a", AID_ALG_ES256, AID_E_UNTRUSTED,
		"key 'a' of type RSA is not for ES256"},
	{"{" RSA ",\"kid\":\"a\",\"alg\":\"RS256\"}", NULL, "a", AID_ALG_PS256, AID_E_UNTRUSTED,
		"key 'a' of type RSA is not for PS256"},
	{"{" RSA "}", NULL, "a", AID_ALG_RS256, AID_E_NOTFOUND, "kid 'a' is not in the key set"},
	{"{" RSA ",\"kid\":\"A\"}", NULL, "a", AID_ALG_RS256, AID_E_NOTFOUND, "kid 'a' is not in"},
	{"{" RSA ",\"kid\":\"a\"}", "{" EC ",\"kid\":\"b\"}", NULL, AID_ALG_ES256, AID_OK, NULL},
	{"{" RSA ",\"kid\":\"a\"}", "{" RSA ",\"kid\":\"b\"}", NULL, AID_ALG_RS256, AID_E_UNTRUSTED,
		"no kid and more than one of 2 keys fits RS256"},
	{"{" RSA ",\"alg\":\"RS256\"}", "{" RSA ",\"alg\":\"PS256\"}", NULL, AID_ALG_RS256, AID_OK, NULL},
	{"{" RSA "}", NULL, NULL, AID_ALG_ES256, AID_E_NOTFOUND, "none of 1 keys in the key set fits ES256"},
	{"{}", NULL, NULL, AID_ALG_ES256, AID_E_NOTFOUND, "none of 0 keys"},
};

static void test_find(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(lookups); i++) {
		AID_AUTO(aid_jwk_set) *set = forge_set(lookups[i].first, lookups[i].second);
		struct aid_error err = AID_ERROR_INIT;
		const struct aid_jwk *key = NULL;
		int r = aid_jwk_set_find(set, lookups[i].kid, lookups[i].alg, &key, &err);

		if (lookups[i].status == AID_OK) {
			assert_ok(r, &err);
			assert_true((aid_jwk_algs(key) & lookups[i].alg) != 0);
		} else {
			assert_failed(r, lookups[i].status, &err, lookups[i].sentence);
			assert_null(key);
		}
	}
}

static void test_sets(void **state)
{
	static const struct {
		const char *text;
		int status;
		const char *sentence;
	} bad[] = {
		{"", AID_E_PROTOCOL, "key set: JSON"},
		{"[]", AID_E_PROTOCOL, "key set: JSON: not an object"},
		{"{}", AID_E_PROTOCOL, "'keys' is missing"},
		{"{\"keys\":{}}", AID_E_PROTOCOL, "key set: 'keys' is not an array"},
		{"{\"keys\":null}", AID_E_PROTOCOL, "key set: 'keys' is not an array"},
		{"{\"keys\":[],\"keys\":[]}", AID_E_PROTOCOL, "duplicate member"},
		{"{\"keys\":[{\"kid\":\"a\",\"kid\":\"b\"}]}", AID_E_PROTOCOL, "duplicate member"},
		{"{" RSA "}", AID_E_PROTOCOL, "'keys' is missing"},
	};
	struct aid_jwk_set *set = NULL;
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_failed(aid_jwk_set_parse(bad[i].text, strlen(bad[i].text), &set, &err),
			bad[i].status, &err, bad[i].sentence);
		assert_null(set);
	}
	aid_jwk_set_free(NULL);
}

static void test_limits(void **state)
{
	static char text[AID_JWK_SET_BYTES_MAX + 2];
	AID_AUTO(aid_jwk_set) *set = NULL;
	struct aid_error err = AID_ERROR_INIT;
	size_t used = 9;

	(void)state;
	memset(text, ' ', sizeof(text));
	memcpy(text, "{\"keys\":[", 9);
	for (size_t i = 0; i < 101; i++) {
		memcpy(text + used, i > 0 ? ",{}" : "{}", 3);
		used += i > 0 ? 3 : 2;
		memcpy(text + used, "]}", 2);
		if (i == 99) {
			assert_ok(aid_jwk_set_parse(text, used + 2, &set, &err), &err);
			assert_int_equal(aid_jwk_set_skipped(set), 100);
		}
	}
	assert_failed(aid_jwk_set_parse(text, used + 2, &set, &err), AID_E_TOOBIG, &err,
		"101 keys, at most 100");
	aid_jwk_set_free(aid_steal(&set));
	memcpy(text, "{\"keys\":[]}", 11);
	memset(text + 11, ' ', sizeof(text) - 11);
	assert_failed(aid_jwk_set_parse(text, AID_JWK_SET_BYTES_MAX + 1, &set, &err), AID_E_TOOBIG, &err,
		"262145 bytes, at most 262144");
	assert_ok(aid_jwk_set_parse(text, AID_JWK_SET_BYTES_MAX, &set, &err), &err);
	assert_int_equal(aid_jwk_set_count(set), 0);
}

static void test_thumbprint(void **state)
{
	AID_AUTO(aid_jwk_set) *set = forge_set("{" RSA ",\"kid\":\"2011-04-29\",\"alg\":\"RS256\"}", "{" ED "}");
	/* A zero octet in front of n is an encoding error of some libraries, and the same key. */
	AID_AUTO(aid_jwk_set) *zero = NULL;
	struct aid_error err = AID_ERROR_INIT;
	char out[AID_THUMBPRINT_SIZE], jwk[1024], text[600];
	uint8_t n[257] = {0};
	const struct aid_jwk *key;
	size_t length;

	(void)state;
	assert_ok(aid_jwk_set_find(set, NULL, AID_ALG_RS256, &key, &err), &err);
	assert_int_equal(aid_jwk_algs(key), AID_ALG_RS256);
	assert_int_equal(aid_jwk_thumbprint(key, out), AID_OK);
	assert_string_equal(out, THUMBPRINT);
	/* RFC 8037 appendix A.3 */
	assert_ok(aid_jwk_set_find(set, NULL, AID_ALG_EDDSA, &key, &err), &err);
	assert_int_equal(aid_jwk_thumbprint(key, out), AID_OK);
	assert_string_equal(out, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
	assert_int_equal(aid_b64_decode(RSA_N, strlen(RSA_N), n + 1, 256, &length), AID_OK);
	(void)aid_b64_encode(n, 257, text);
	(void)snprintf(jwk, sizeof(jwk), "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQAB\"}", text);
	zero = forge_set(jwk, NULL);
	assert_ok(aid_jwk_set_find(zero, NULL, AID_ALG_RS256, &key, &err), &err);
	assert_int_equal(aid_jwk_thumbprint(key, out), AID_OK);
	assert_string_equal(out, THUMBPRINT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys), cmocka_unit_test(test_rsa_size),
		cmocka_unit_test(test_mixed), cmocka_unit_test(test_find),
		cmocka_unit_test(test_sets), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_thumbprint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
