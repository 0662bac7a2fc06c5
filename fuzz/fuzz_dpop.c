/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* A DPoP proof from a stranger, and the URI in it. Whoever holds a key can sign anything, so the input is
 * also judged as the claims under a signature that is right. */
#include "fuzz.h"

#include "b64.h"
#include "dpop.h"
#include "str.h"

#include <string.h>

#define NOW INT64_C(1700000000000)

struct signer {
	struct aid_signing_key *key;
	struct aid_secret *token;
	char head[1024];
};

static void make(struct signer *signer)
{
	AID_AUTO(aid_json) *jwk = NULL;
	char header[768] = "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":";
	size_t used = strlen(header), length;

	fuzz_assert(aid_signing_key_generate(AID_ALG_ES256, &signer->key, NULL) == AID_OK);
	jwk = aid_signing_key_public_jwk(signer->key);
	fuzz_assert(aid_json_render(jwk, header + used, sizeof(header) - used - 2, &length) == AID_OK);
	memcpy(header + used + length, "}", 2);
	used = aid_b64_encode(header, strlen(header), signer->head);
	memcpy(signer->head + used, ".", 2);
	signer->token = aid_secret_from("t", 1);
}

static void judge(const struct signer *signer, const void *proof, size_t length, const char *uri)
{
	AID_AUTO(aid_secret) *text = aid_secret_from(proof, length);
	const struct aid_dpop_params params = {"GET", uri, signer->token,
		aid_signing_key_thumbprint(signer->key), NOW, 86400000};
	struct aid_dpop_proof result;

	if (aid_dpop_verify(text, &params, &result, NULL) == AID_OK)
		fuzz_assert(result.jti[0] != '\0');
}

static void judge_uri(const char *uri)
{
	char once[AID_DPOP_URI_MAX + 2], twice[AID_DPOP_URI_MAX + 2];

	if (aid_dpop_normalise(uri, once, NULL) != AID_OK || strlen(once) > AID_DPOP_URI_MAX)
		return;
	fuzz_assert(aid_dpop_normalise(once, twice, NULL) == AID_OK && aid_streq(once, twice));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct signer signer;
	char text[AID_DPOP_MAX + 1], proof[AID_B64_SIZE(AID_DPOP_MAX) + 2048];
	uint8_t signature[AID_SIGNATURE_MAX];
	size_t used, n;

	if (signer.key == NULL)
		make(&signer);
	if (length < 1 || length > AID_DPOP_MAX)
		return 0;
	memcpy(text, bytes, length);
	text[length] = '\0';
	judge_uri(text);
	judge(&signer, text, length, "https://a.example/");
	used = strlen(signer.head);
	memcpy(proof, signer.head, used);
	used += aid_b64_encode(bytes, length, proof + used);
	fuzz_assert(aid_signing_key_sign(signer.key, AID_ALG_ES256, proof, used, signature, &n, NULL) == 0);
	proof[used++] = '.';
	used += aid_b64_encode(signature, n, proof + used);
	judge(&signer, proof, used, "https://a.example/");
	return 0;
}
