/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* "sign:RS256" or "sign:ES256": one signature by a loaded key, as agentid-fetch makes for a token. */
#include "bench.h"
#include "side.h"

#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

static void once(void *state, double *us)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char input[1000] = "", signature[512];
	size_t length = sizeof(signature);
	int64_t begin = bench_now_ns(), cpu = bench_cpu_ns();

	if (context == NULL || EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, state) != 1 ||
		EVP_DigestSign(context, signature, &length, input, sizeof(input)) != 1)
		bench_die("signature");
	us[0] = (double)(bench_now_ns() - begin) / 1000.0;
	us[1] = (double)(bench_cpu_ns() - cpu) / 1000.0;
	EVP_MD_CTX_free(context);
}

void side_sign_init(struct side *side, const char *words, const struct side_options *options)
{
	EVP_PKEY *key = strcmp(words, "RS256") == 0 ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");

	(void)options;
	if (key == NULL)
		bench_die("no key for '%s'", words);
	*side = (struct side){.phases = {"signature", "processor"}, .state = key, .once = once};
}
