/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Makes tokens that no honest signer makes, with keys that the tests know. */
#ifndef FORGE_H
#define FORGE_H

#include "jwk.h"
#include "secret.h"
#include "signing_key.h"

#include <stddef.h>

/* Room for any text or token of these tests. */
#define FORGE_MAX 20480

struct forge {
	struct aid_signing_key *rsa, *ec;
	char rsa_jwk[1024], ec_jwk[512]; /* public halves, with kid and alg */
	struct aid_jwk_set *keys;        /* both */
};

/* The RSA key signs with every algorithm, so its JWK has no alg. */
extern struct forge forge;
/* The set-up and tear-down of a group of tests. */
int forge_set_up(void **state);
int forge_tear_down(void **state);

/* BASE64URL(header).BASE64URL(payload).BASE64URL(signature with key and alg). */
const char *forge_token(const struct aid_signing_key *key, enum aid_alg alg, const char *header,
	const char *payload, char out[FORGE_MAX]);
/* The same with a signature given. */
const char *forge_signed(const char *header, const char *payload, const void *signature,
	size_t signature_length, char out[FORGE_MAX]);
/* A part of a token as text. */
void forge_decode(const char *from, const char *end, char *out, size_t size);
/* {"keys":[KEY,KEY]}; second may be NULL. The set is the caller's. */
struct aid_jwk_set *forge_set(const char *first, const char *second);

#endif
