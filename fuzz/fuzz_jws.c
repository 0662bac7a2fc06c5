/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* A token from outside. The key set is the one of RFC 7515 appendix A.3: only its own example
 * verifies. */
#include "fuzz.h"

#include "jws.h"

#include <string.h>

#define KEYS                                                                                       \
	"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"," \
	"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}"
#define PAYLOAD "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct aid_jwk_set *keys;
	AID_AUTO(aid_secret) *payload = NULL;
	const struct aid_jwk *key;
	struct aid_jws jws;

	if (keys == NULL)
		fuzz_assert(aid_jwk_set_parse(KEYS, strlen(KEYS), &keys, NULL) == AID_OK);
	if (aid_jws_parse((const char *)bytes, length, AID_ALGS_ALL, &jws, NULL) != AID_OK)
		return 0;
	fuzz_assert(jws.has_kid || jws.kid[0] == '\0');
	if (aid_jwk_set_find(keys, jws.has_kid ? jws.kid : NULL, jws.alg, &key, NULL) != AID_OK)
		return 0;
	if (aid_jws_verify(&jws, key, &payload, NULL) == AID_OK)
		fuzz_assert(aid_secret_length(payload) == strlen(PAYLOAD) &&
			memcmp(aid_secret_peek(payload), PAYLOAD, strlen(PAYLOAD)) == 0);
	return 0;
}
