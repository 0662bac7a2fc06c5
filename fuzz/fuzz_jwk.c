/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* A key set of a hostile issuer: no key that came out is weak or for an algorithm of another type. */
#include "fuzz.h"

#include "jwk.h"

#include <string.h>

static void use(const struct aid_jwk *key, enum aid_alg alg)
{
	char thumbprint[AID_THUMBPRINT_SIZE];
	uint8_t signature[AID_SIGNATURE_MAX] = {1};

	fuzz_assert((aid_jwk_algs(key) & alg) != 0);
	fuzz_assert(aid_jwk_thumbprint(key, thumbprint) == AID_OK);
	fuzz_assert(strlen(thumbprint) == AID_THUMBPRINT_SIZE - 1);
	for (size_t n = 64; n <= sizeof(signature); n *= 2)
		fuzz_assert(aid_jwk_verify(key, alg, "x", 1, signature, n, NULL) == AID_E_UNTRUSTED);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	AID_AUTO(aid_jwk_set) *set = NULL;
	const struct aid_jwk *key;

	if (aid_jwk_set_parse(bytes, length, &set, NULL) != AID_OK)
		return 0;
	fuzz_assert(aid_jwk_set_count(set) + aid_jwk_set_skipped(set) <= AID_JWK_SET_KEYS_MAX);
	for (unsigned int alg = 1; alg <= AID_ALGS_ALL; alg <<= 1) {
		if (aid_jwk_set_find(set, NULL, (enum aid_alg)alg, &key, NULL) == AID_OK)
			use(key, (enum aid_alg)alg);
		if (aid_jwk_set_find(set, "a", (enum aid_alg)alg, &key, NULL) == AID_OK)
			use(key, (enum aid_alg)alg);
	}
	return 0;
}
