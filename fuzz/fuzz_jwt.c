/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Claims of an issuer whose signature is right: the input is signed and then judged. */
#include "fuzz.h"

#include "b64.h"
#include "jwt.h"

#include <stdio.h>
#include <string.h>

#define NOW INT64_C(1700000000000)
#define INPUT_MAX 4096U

struct issuer {
	struct aid_signing_key *key;
	struct aid_jwk_set *keys;
};

static void make(struct issuer *issuer)
{
	AID_AUTO(aid_json) *jwk = NULL;
	char set[512] = "{\"keys\":[";
	size_t length;

	fuzz_assert(aid_signing_key_generate(AID_ALG_ES256, &issuer->key, NULL) == AID_OK);
	jwk = aid_signing_key_public_jwk(issuer->key);
	fuzz_assert(aid_json_render(jwk, set + 9, sizeof(set) - 12, &length) == AID_OK);
	memcpy(set + 9 + length, "]}", 2);
	fuzz_assert(aid_jwk_set_parse(set, length + 11, &issuer->keys, NULL) == AID_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const struct aid_jwt_params params = {"i", "a", "s", "c", AID_ALGS_ALL, 600000, NOW, 30000,
		false, NULL};
	static struct issuer issuer;
	char text[AID_B64_SIZE(INPUT_MAX) + 256] = "eyJhbGciOiJFUzI1NiJ9.";
	AID_AUTO(aid_secret) *token = NULL;
	uint8_t signature[AID_SIGNATURE_MAX];
	struct aid_claims claims;
	size_t used, n;

	if (issuer.key == NULL)
		make(&issuer);
	if (length > INPUT_MAX)
		return 0;
	used = strlen(text) + aid_b64_encode(bytes, length, text + strlen(text));
	fuzz_assert(aid_signing_key_sign(issuer.key, AID_ALG_ES256, text, used, signature, &n, NULL) == 0);
	text[used++] = '.';
	used += aid_b64_encode(signature, n, text + used);
	token = aid_secret_from(text, used);
	if (aid_jwt_verify(token, &params, issuer.keys, &claims, NULL) == AID_OK)
		fuzz_assert(claims.expires_wall_ms > NOW - 30000 && claims.expires_wall_ms <= NOW + 630000 &&
			claims.issued_wall_ms <= NOW + 30000);
	return 0;
}
