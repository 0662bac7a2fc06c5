/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "b64.h"
#include "forge.h"
#include "jws.h"
#include "protocol.h"
#include "rfc_jws.h"

#include <stdio.h>

/* What aid_jwt_verify() does before it looks at claims. */
static int check(const char *token, size_t length, const struct aid_jwk_set *keys, unsigned int algs,
	struct aid_secret **ret_payload, struct aid_error *err)
{
	const struct aid_jwk *key;
	struct aid_jws jws;
	int r;

	r = aid_jws_parse(token, length, algs, &jws, err);
	if (r == AID_OK)
		r = aid_jwk_set_find(keys, jws.has_kid ? jws.kid : NULL, jws.alg, &key, err);
	return r != AID_OK ? r : aid_jws_verify(&jws, key, ret_payload, err);
}

static int refused(const char *token, struct aid_error *err)
{
	AID_AUTO(aid_secret) *payload = NULL;
	int r = check(token, strlen(token), forge.keys, AID_ALGS_ALL, &payload, err);

	assert_null(payload);
	return r;
}

static void test_standards(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rfc_jws); i++) {
		AID_AUTO(aid_jwk_set) *keys = NULL;
		AID_AUTO(aid_secret) *payload = NULL;
		struct aid_error err = AID_ERROR_INIT;
		const char *token = rfc_jws[i].token, *middle = strchr(token, '.') + 1;
		char text[1024];

		assert_ok(aid_jwk_set_parse(rfc_jws[i].keys, strlen(rfc_jws[i].keys), &keys, &err), &err);
		assert_int_equal(aid_jwk_set_count(keys), 1);
		assert_ok(check(token, strlen(token), keys, AID_ALGS_ALL, &payload, &err), &err);
		assert_true(aid_b64_encode(aid_secret_peek(payload), aid_secret_length(payload), text) ==
			strcspn(middle, "."));
		assert_memory_equal(text, middle, strlen(text));
	}
}

/* Whatever bit of a signed token changes, it is refused. */
static void test_every_bit(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rfc_jws); i++) {
		AID_AUTO(aid_jwk_set) *keys = NULL;
		struct aid_error err = AID_ERROR_INIT;
		size_t length = strlen(rfc_jws[i].token);
		char token[2048];

		assert_ok(aid_jwk_set_parse(rfc_jws[i].keys, strlen(rfc_jws[i].keys), &keys, &err), &err);
		memcpy(token, rfc_jws[i].token, length);
		for (size_t at = 0; at < length; at += 7) {
			AID_AUTO(aid_secret) *payload = NULL;

			token[at] = (char)(token[at] ^ 1 << (at % 7));
			assert_true(check(token, length, keys, AID_ALGS_ALL, &payload, &err) < 0);
			assert_null(payload);
			token[at] = rfc_jws[i].token[at];
		}
	}
}

/* Signed by the right key, so that only the header can be the reason. %s is the kid. */
static const struct {
	const char *header;
	int status;
	const char *sentence;
} headers[] = {
	{"{\"alg\":\"none\"}", AID_E_UNTRUSTED, "alg 'none' is no asymmetric signature"},
	{"{\"alg\":\"None\"}", AID_E_UNTRUSTED, "alg 'None' is no asymmetric"},
	{"{\"alg\":\"NONE\",\"kid\":\"%s\"}", AID_E_UNTRUSTED, "alg 'NONE' is no asymmetric"},
	{"{\"alg\":\"HS256\",\"kid\":\"%s\"}", AID_E_UNTRUSTED, "alg 'HS256' is no asymmetric"},
	{"{\"alg\":\"rs256\",\"kid\":\"%s\"}", AID_E_UNTRUSTED, "alg 'rs256' is no asymmetric"},
	{"{\"alg\":\"RSA-OAEP\",\"enc\":\"A128GCM\"}", AID_E_UNTRUSTED, "alg 'RSA-OAEP' is no"},
	{"{\"alg\":\"\"}", AID_E_PROTOCOL, "'alg' is no string"},
	{"{\"alg\":null}", AID_E_PROTOCOL, "'alg' is no string"},
	{"{\"alg\":[\"RS256\"]}", AID_E_PROTOCOL, "'alg' is no string"},
	{"{\"typ\":\"JWT\"}", AID_E_PROTOCOL, "'alg' is no string"},
	{"{\"alg\":\"RS256\",\"alg\":\"none\"}", AID_E_PROTOCOL, "duplicate member"},
	{"{\"alg\":\"RS256\",\"\\u0061lg\":\"RS256\"}", AID_E_PROTOCOL, "duplicate member"},
	{"{\"alg\":\"RS256\"", AID_E_PROTOCOL, "cut off"},
	{"{\"alg\":\"RS256\"} ", AID_OK, NULL},
	{"{\"alg\":\"RS256\"}{}", AID_E_PROTOCOL, "something follows"},
	{"[\"RS256\"]", AID_E_PROTOCOL, "not an object"},
	{"RS256", AID_E_PROTOCOL, "malformed"},
	{"{\"alg\":\"RS256\",\"kid\":\"%s\",\"crit\":[\"exp\"],\"exp\":1}", AID_E_PROTOCOL, "'crit'"},
	{"{\"alg\":\"RS256\",\"kid\":\"%s\",\"crit\":[]}", AID_E_PROTOCOL, "'crit'"},
	{"{\"alg\":\"RS256\",\"kid\":\"%s\",\"b64\":false,\"crit\":[\"b64\"]}", AID_E_PROTOCOL, "'crit'"},
	{"{\"alg\":\"RS256\",\"kid\":\"%s\",\"b64\":false}", AID_E_PROTOCOL, "'b64'"},
	{"{\"alg\":\"RS256\",\"kid\":\"%s\",\"b64\":true}", AID_E_PROTOCOL, "'b64'"},
	{"{\"alg\":\"RS256\",\"kid\":\"%s\",\"zip\":\"DEF\"}", AID_E_PROTOCOL, "'zip'"},
	{"{\"alg\":\"RS256\",\"kid\":\"%s\",\"enc\":\"A128GCM\"}", AID_E_PROTOCOL, "'enc'"},
	{"{\"alg\":\"RS256\",\"kid\":5}", AID_E_PROTOCOL, "'kid' is no string"},
	{"{\"alg\":\"RS256\",\"kid\":\"\"}", AID_E_PROTOCOL, "'kid' is no string"},
	{"{\"alg\":\"RS256\",\"kid\":\"unknown\"}", AID_E_NOTFOUND, "kid 'unknown' is not in the key set"},
	{"{\"alg\":\"RS256\",\"kid\":\"%s\",\"typ\":5}", AID_E_PROTOCOL, "'typ' is no string"},
	{"{\"alg\":\"ES256\",\"kid\":\"%s\"}", AID_E_UNTRUSTED, "of type RSA is not for ES256"},
	{"{\"alg\":\"ES384\"}", AID_E_NOTFOUND, "none of 2 keys in the key set fits ES384"},
	{"{\"alg\":\"EdDSA\",\"kid\":\"%s\"}", AID_E_UNTRUSTED, "of type RSA is not for EdDSA"},
	{"{\"alg\":\"RS384\",\"kid\":\"%s\"}", AID_E_UNTRUSTED, "the RS384 signature is wrong"},
	{"{\"alg\":\"PS256\",\"kid\":\"%s\"}", AID_E_UNTRUSTED, "the PS256 signature is wrong"},
	/* Keys and places of keys in the header are not looked at. */
	{"{\"alg\":\"RS256\",\"jku\":\"https://evil.example/\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"}}",
		AID_OK, NULL},
	{"{\"alg\":\"RS256\",\"kid\":\"%s\",\"x5u\":5,\"x5c\":[null],\"x5t\":\"\"}", AID_OK, NULL},
	{"{\"alg\":\"RS256\"}", AID_OK, NULL},
	{"{\"alg\":\"RS256\",\"kid\":\"%s\",\"typ\":\"at+jwt\"}", AID_OK, NULL},
};

static void test_headers(void **state)
{
	const char *kid = aid_signing_key_thumbprint(forge.rsa);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(headers); i++) {
		AID_AUTO(aid_secret) *payload = NULL;
		struct aid_error err = AID_ERROR_INIT;
		char header[512], token[FORGE_MAX];
		const char *at = strstr(headers[i].header, "%s");
		int r;

		(void)snprintf(header, sizeof(header), "%.*s%s%s",
			at != NULL ? (int)(at - headers[i].header) : 0, headers[i].header,
			at != NULL ? kid : "", at != NULL ? at + 2 : headers[i].header);
		forge_token(forge.rsa, AID_ALG_RS256, header, "{}", token);
		r = check(token, strlen(token), forge.keys, AID_ALGS_ALL, &payload, &err);
		if (headers[i].status == AID_OK)
			assert_ok(r, &err);
		else
			assert_failed(r, headers[i].status, &err, headers[i].sentence);
	}
}

static void test_configured_algs(void **state)
{
	AID_AUTO(aid_secret) *payload = NULL;
	struct aid_error err = AID_ERROR_INIT;
	char token[FORGE_MAX];

	(void)state;
	forge_token(forge.ec, AID_ALG_ES256, "{\"alg\":\"ES256\"}", "{}", token);
	assert_failed(check(token, strlen(token), forge.keys, AID_ALGS_RSA, &payload, &err),
		AID_E_UNTRUSTED, &err, "alg 'ES256' is not among the accepted ones");
	assert_failed(check(token, strlen(token), forge.keys, 0, &payload, &err), AID_E_UNTRUSTED, &err,
		"not among the accepted ones");
	assert_ok(check(token, strlen(token), forge.keys, AID_ALG_ES256, &payload, &err), &err);
}

/* The form of the whole: %1 the three parts of a good token. */
static const struct {
	const char *format;
	int status;
	const char *sentence;
} forms[] = {
	{"%s.%s.%s", AID_OK, NULL},
	{"%s.%s.%s.", AID_E_PROTOCOL, "no JWT: 3 dots, 2 are needed"},
	{"%s.%s.%s.x.y", AID_E_PROTOCOL, "encrypted (JWE)"},
	{"%s.%s.%.0s", AID_E_PROTOCOL, "empty header, payload or signature"},
	{"%s.%.0s.%s", AID_E_PROTOCOL, "empty header, payload or signature"},
	{"%.0s.%s.%s", AID_E_PROTOCOL, "empty header, payload or signature"},
	{"%s.%s%.0s", AID_E_PROTOCOL, "no JWT: 1 dots"},
	{"%s%s%s", AID_E_PROTOCOL, "no JWT: 0 dots"},
	{"%s.%s.%s=", AID_E_PROTOCOL, "signature: not base64url"},
	{"%s.%s.%s==", AID_E_PROTOCOL, "signature: not base64url"},
	{"%s.%s.%s\n", AID_E_PROTOCOL, "signature: not base64url"},
	{"%s.%s.%s ", AID_E_PROTOCOL, "signature: not base64url"},
	{" %s.%s.%s", AID_E_PROTOCOL, "header: not base64url"},
	{"%s=.%s.%s", AID_E_PROTOCOL, "header: not base64url"},
	{"%s.%s.%sAAAA", AID_E_UNTRUSTED, "signature of 259 bytes, this key makes 256"},
	{"%s.%s.AAAA%.0s", AID_E_UNTRUSTED, "signature of 3 bytes, this key makes 256"},
	{"%s.%s.AAA%s", AID_E_PROTOCOL, "signature: not base64url"},
	{"%s.%sAAAA.%s", AID_E_UNTRUSTED, "signature is wrong"},
	{"{\"payload\":\"%2$s\",\"protected\":\"%1$s\",\"signature\":\"%3$s\"}", AID_E_PROTOCOL, "0 dots"},
	{"{\"payload\":\"%2$s\",\"signatures\":[{\"protected\":\"%1$s\",\"signature\":\"%3$s\"}]}",
		AID_E_PROTOCOL, "0 dots"},
	{"", AID_E_PROTOCOL, "0 dots"},
	{"..", AID_E_PROTOCOL, "empty header"},
};

static void test_forms(void **state)
{
	char good[FORGE_MAX], *payload, *signature;

	(void)state;
	forge_token(forge.rsa, AID_ALG_RS256, "{\"alg\":\"RS256\"}", "{}", good);
	payload = strchr(good, '.');
	*payload++ = '\0';
	signature = strchr(payload, '.');
	*signature++ = '\0';
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		AID_AUTO(aid_secret) *seen = NULL;
		struct aid_error err = AID_ERROR_INIT;
		char token[FORGE_MAX];
		int r;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		(void)snprintf(token, sizeof(token), forms[i].format, good, payload, signature);
#pragma GCC diagnostic pop
		r = check(token, strlen(token), forge.keys, AID_ALGS_ALL, &seen, &err);
		if (forms[i].status == AID_OK)
			assert_ok(r, &err);
		else
			assert_failed(r, forms[i].status, &err, forms[i].sentence);
	}
}

/* The last character of a signature of 64 bytes carries four bits that must be zero. */
static void test_trailing_bits(void **state)
{
	struct aid_error err = AID_ERROR_INIT;
	char token[FORGE_MAX];

	(void)state;
	forge_token(forge.ec, AID_ALG_ES256, "{\"alg\":\"ES256\"}", "{}", token);
	token[strlen(token) - 1]++;
	assert_failed(refused(token, &err), AID_E_PROTOCOL, &err, "signature: not base64url");
}

static void test_size(void **state)
{
	static char token[FORGE_MAX], header[FORGE_MAX];
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	memset(token, 'A', AID_TOKEN_MAX + 1);
	token[AID_TOKEN_MAX + 1] = '\0';
	assert_failed(refused(token, &err), AID_E_TOOBIG, &err, "token of 16385 bytes, at most 16384");
	token[AID_TOKEN_MAX] = '\0';
	assert_failed(refused(token, &err), AID_E_PROTOCOL, &err, "0 dots");
	(void)snprintf(header, sizeof(header), "{\"alg\":\"RS256\",\"pad\":\"%04090d\"}", 0);
	forge_signed(header, "{}", "x", 1, token);
	assert_failed(refused(token, &err), AID_E_TOOBIG, &err, "token header of");
	(void)snprintf(header, sizeof(header), "{\"alg\":\"RS256\",\"kid\":\"%0256d\"}", 0);
	forge_signed(header, "{}", "x", 1, token);
	assert_failed(refused(token, &err), AID_E_NOTFOUND, &err, "is not in the key set");
	(void)snprintf(header, sizeof(header), "{\"alg\":\"RS256\",\"kid\":\"%0257d\"}", 0);
	forge_signed(header, "{}", "x", 1, token);
	assert_failed(refused(token, &err), AID_E_PROTOCOL, &err, "'kid' is no string of 1 to 256 bytes");
}

/* r or s of 0, of the order n, and n + r where it fits; other encodings of a good signature. */
static void test_ecdsa(void **state)
{
	static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2,
		0xfc, 0x63, 0x25, 0x51};
	struct aid_error err = AID_ERROR_INIT;
	char token[FORGE_MAX], good[FORGE_MAX];
	const char *header = "{\"alg\":\"ES256\"}";
	uint8_t raw[64], bad[64], der[72];
	size_t length;

	(void)state;
	forge_token(forge.ec, AID_ALG_ES256, header, "{}", good);
	assert_int_equal(aid_b64_decode(strrchr(good, '.') + 1, 86, raw, sizeof(raw), &length), AID_OK);
	for (size_t half = 0; half < 2; half++) {
		memcpy(bad, raw, 64);
		memset(bad + 32 * half, 0, 32);
		forge_signed(header, "{}", bad, 64, token);
		assert_failed(refused(token, &err), AID_E_UNTRUSTED, &err, "ES256 signature is wrong");
		memcpy(bad + 32 * half, order, 32);
		forge_signed(header, "{}", bad, 64, token);
		assert_failed(refused(token, &err), AID_E_UNTRUSTED, &err, "ES256 signature is wrong");
		memset(bad + 32 * half, 0xff, 32);
		forge_signed(header, "{}", bad, 64, token);
		assert_failed(refused(token, &err), AID_E_UNTRUSTED, &err, "ES256 signature is wrong");
	}
	memset(bad, 0, 64);
	forge_signed(header, "{}", bad, 64, token);
	assert_failed(refused(token, &err), AID_E_UNTRUSTED, &err, "ES256 signature is wrong");
	memcpy(bad, raw + 32, 32);
	memcpy(bad + 32, raw, 32);
	forge_signed(header, "{}", bad, 64, token);
	assert_failed(refused(token, &err), AID_E_UNTRUSTED, &err, "ES256 signature is wrong");
	/* The DER form that X.509 uses. */
	memcpy(der, "\x30\x44\x02\x20", 4);
	memcpy(der + 4, raw, 32);
	memcpy(der + 36, "\x02\x20", 2);
	memcpy(der + 38, raw + 32, 32);
	forge_signed(header, "{}", der, 70, token);
	assert_failed(refused(token, &err), AID_E_UNTRUSTED, &err, "signature of 70 bytes, this key makes 64");
	forge_signed(header, "{}", raw, 63, token);
	assert_failed(refused(token, &err), AID_E_UNTRUSTED, &err, "signature of 63 bytes");
}

static void test_rsa(void **state)
{
	struct aid_error err = AID_ERROR_INIT;
	uint8_t signature[257] = {0};
	const char *header = "{\"alg\":\"RS256\"}";
	char token[FORGE_MAX];

	(void)state;
	forge_signed(header, "{}", signature, 256, token);
	assert_failed(refused(token, &err), AID_E_UNTRUSTED, &err, "RS256 signature is wrong");
	memset(signature, 0xff, sizeof(signature));
	forge_signed(header, "{}", signature, 256, token);
	assert_failed(refused(token, &err), AID_E_UNTRUSTED, &err, "RS256 signature is wrong");
	memset(signature, 0, sizeof(signature));
	signature[255] = 1;
	forge_signed(header, "{}", signature, 256, token);
	assert_failed(refused(token, &err), AID_E_UNTRUSTED, &err, "RS256 signature is wrong");
	forge_signed(header, "{}", signature, 257, token);
	assert_failed(refused(token, &err), AID_E_UNTRUSTED, &err, "signature of 257 bytes");
	/* The padding of the other scheme. */
	forge_token(forge.rsa, AID_ALG_PS256, header, "{}", token);
	assert_failed(refused(token, &err), AID_E_UNTRUSTED, &err, "RS256 signature is wrong");
	forge_token(forge.rsa, AID_ALG_RS256, "{\"alg\":\"PS256\"}", "{}", token);
	assert_failed(refused(token, &err), AID_E_UNTRUSTED, &err, "PS256 signature is wrong");
}

/* {"alg":"PS256"}.{} by TEST_RSA_PEM: salts of 20 and of 32 bytes. */
#define PSS_SALT_20 \
	"eyJhbGciOiJQUzI1NiJ9.e30.XYLKYK6G5u6igAWRrQRDfPsLVTeaRMbEIl_JEQEmJoDWy_yubgz1mo5" \
	"EEbUy_iNmnATQzuEBnQkkRud7wRyu_TXAU2yIbLK_bbwIWKHslNjZ0E3tblnxs-nxtL4yz9U7uQuk1PC" \
	"8MGTtsObdAC2NA-lMY6rV2Xjcm2HOvnuX2NnaRgAKzBwJKFUFLk-mlJNip-_7a9PT9if88nxcVRQNGG6" \
	"QBF8xtPHUZEMzy3X0tItlrR13mYBqMwpmaphX131IW7gIsGhqRp16Tc3436FxhoI4b-16n2YBPzgir8T" \
	"2Pkk9j33UMw5cBInuPWPTMfUm-s30Qz_YMfWyFN7rCrOKGA"
#define PSS_SALT_32 \
	"eyJhbGciOiJQUzI1NiJ9.e30.S85ByMagOASWckImuF33Fwm9YXQ1_-tdCJK5Ffui4xdHJ1wAG-peecz" \
	"mwcKreygZY9h3CKoTUyxEr_3cFv2P12wBRQnFxm82pyjUGXZJh28gaGO31b-wTHZPhhZ2c_791MNc6wb" \
	"NXNJIGwW_AQgbKmto_I5Rs4R1bEGjjlSDc6K-y96NQ5XvdaBhIXk3vLNUwqcLbQWtqaELQ-uMyIlLbUv" \
	"aS9FNC4igI4acpS7Qq8YL39sYhzNs5bLlszB5Bja4RePp-nzuqezuF4iB1uicMJEjbfl7btPDJFPm96V" \
	"YjJ4NH_D3DStPdtpbFaSh-tFCSX4XN5mmF_g-i7t5vjJMXA"

static void test_pss_salt(void **state)
{
	AID_AUTO(aid_secret) *payload = NULL;
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	assert_ok(check(PSS_SALT_32, strlen(PSS_SALT_32), forge.keys, AID_ALGS_ALL, &payload, &err), &err);
	assert_failed(refused(PSS_SALT_20, &err), AID_E_UNTRUSTED, &err, "PS256 signature is wrong");
}

/* RFC 8725 section 2.1: the public key as the secret of an HMAC. The MAC need not even be right: no
 * code computes one. */
static void test_key_confusion(void **state)
{
	struct aid_error err = AID_ERROR_INIT;
	static const char *const names[] = {"HS256", "HS384", "HS512"};
	char header[64], token[FORGE_MAX];
	uint8_t mac[32] = {0};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		(void)snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", names[i]);
		forge_signed(header, "{}", mac, sizeof(mac), token);
		assert_failed(refused(token, &err), AID_E_UNTRUSTED, &err, "no asymmetric signature");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_standards), cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_headers), cmocka_unit_test(test_configured_algs),
		cmocka_unit_test(test_forms), cmocka_unit_test(test_trailing_bits),
		cmocka_unit_test(test_size), cmocka_unit_test(test_ecdsa),
		cmocka_unit_test(test_rsa), cmocka_unit_test(test_pss_salt),
		cmocka_unit_test(test_key_confusion),
	};

	return cmocka_run_group_tests(tests, forge_set_up, forge_tear_down);
}
