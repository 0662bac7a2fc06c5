/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Private keys that agentid signs with: the host issuer's and those of client assertions. */
#ifndef AID_SIGNING_KEY_H
#define AID_SIGNING_KEY_H

#include "cleanup.h"
#include "error.h"
#include "jwk.h"
#include "json.h"
#include "secret.h"

#include <stddef.h>

/* Parsed once, with what OpenSSL needs ready. Not for two threads at a time. */
struct aid_signing_key;

/* PEM of an unencrypted private key (PKCS#8, or the older RSA and EC forms): RSA of 2048 to 8192 bits
 * or EC on P-256. Other blocks before it, such as EC PARAMETERS or certificates, are passed over.
 * AID_E_CREDENTIAL with the reason otherwise: the file must be corrected, and may have been half
 * written when it was read. Never prompts for a passphrase. */
int aid_signing_key_parse(const void *pem, size_t length, struct aid_signing_key **ret_key,
	struct aid_error *err) AID_WUR;
/* A new key: AID_ALG_RS256 and AID_ALG_PS256 give RSA of 2048 bits, AID_ALG_ES256 gives P-256. */
int aid_signing_key_generate(enum aid_alg alg, struct aid_signing_key **ret_key,
	struct aid_error *err) AID_WUR;
void aid_signing_key_free(struct aid_signing_key *key);
AID_DEFINE_AUTO(aid_signing_key)

/* PKCS#8 PEM. */
int aid_signing_key_write(const struct aid_signing_key *key, struct aid_secret **ret_pem,
	struct aid_error *err) AID_WUR;
/* What it can sign with; and what the host issuer uses it for: RS256 or ES256. */
unsigned int aid_signing_key_algs(const struct aid_signing_key *key);
enum aid_alg aid_signing_key_default_alg(const struct aid_signing_key *key);
/* RFC 7638 with SHA-256; valid until _free. The host issuer's kid. */
const char *aid_signing_key_thumbprint(const struct aid_signing_key *key);
/* The public half with kty, use, alg, kid and the key's own members, and no more: some verifiers
 * refuse others. NULL when memory is short. Owned by the caller. */
struct aid_json *aid_signing_key_public_jwk(const struct aid_signing_key *key);

/* A raw JWS signature into out, which holds AID_SIGNATURE_MAX. AID_E_CONFIG when alg is not one of the
 * key's. */
int aid_signing_key_sign(const struct aid_signing_key *key, enum aid_alg alg, const void *bytes,
	size_t length, void *out, size_t *ret_length, struct aid_error *err) AID_WUR;

#endif
