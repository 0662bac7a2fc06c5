/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Asymmetric keys and signatures: the whole of what agentid uses of OpenSSL's EVP interface. Only
 * pkey.c, pkey_make.c and pkey_sign.c (and http.c, for TLS) know OpenSSL; jwk.c, signing_key.c and
 * jws.c stand on this. */
#ifndef AID_PKEY_H
#define AID_PKEY_H

#include "cleanup.h"
#include "error.h"
#include "jwa.h"
#include "secret.h"

#include <stddef.h>
#include <stdint.h>

#define AID_RSA_BITS_MIN 2048
#define AID_RSA_BITS_MAX 8192
#define AID_SHA256_BYTES 32U

/* A key with, per algorithm, the prepared operation: nothing is fetched or set up twice. Not for two
 * threads at a time, not even two that only verify. */
struct aid_pkey;

/* The public members, as a JWK has them. */
struct aid_pkey_public {
	const char *kty; /* "RSA", "EC", "OKP"; points to a constant */
	const char *crv; /* NULL for RSA */
	uint8_t x[AID_RSA_BITS_MAX / 8 + 1]; /* n, x; big-endian; a leading zero octet of n is allowed */
	size_t x_length;
	uint8_t y[66];   /* e, y */
	size_t y_length;
};

/* Checks what jwk.h lists. AID_E_UNTRUSTED naming the value and the limit; AID_E_NOMEM. */
int aid_pkey_from_public(const struct aid_pkey_public *members, struct aid_pkey **ret_key,
	struct aid_error *err) AID_WUR;
/* See aid_signing_key_parse() and aid_signing_key_generate(). */
int aid_pkey_from_pem(const void *pem, size_t length, struct aid_pkey **ret_key,
	struct aid_error *err) AID_WUR;
int aid_pkey_generate(enum aid_alg alg, struct aid_pkey **ret_key, struct aid_error *err) AID_WUR;
void aid_pkey_free(struct aid_pkey *key);
AID_DEFINE_AUTO(aid_pkey)

/* PKCS#8 PEM of a private key. */
int aid_pkey_to_pem(const struct aid_pkey *key, struct aid_secret **ret_pem, struct aid_error *err)
	AID_WUR;
int aid_pkey_public(const struct aid_pkey *key, struct aid_pkey_public *ret_members,
	struct aid_error *err) AID_WUR;
unsigned int aid_pkey_algs(const struct aid_pkey *key);

/* Raw JWS signatures (RFC 7518 sections 3.3 to 3.5, RFC 8037 section 3.1).
 * Verify: AID_E_UNTRUSTED for whatever is not the signature, AID_E_NOMEM.
 * Sign: RS256, PS256, ES256; AID_E_CONFIG for an alg the key cannot sign with; out holds
 * AID_SIGNATURE_MAX. */
int aid_pkey_verify(struct aid_pkey *key, enum aid_alg alg, const void *bytes, size_t length,
	const void *signature, size_t signature_length, struct aid_error *err) AID_WUR;
int aid_pkey_sign(struct aid_pkey *key, enum aid_alg alg, const void *bytes, size_t length, void *out,
	size_t *ret_length, struct aid_error *err) AID_WUR;

/* RFC 7638 with SHA-256, in base64url. */
#define AID_THUMBPRINT_SIZE 44
int aid_thumbprint(const struct aid_pkey_public *members, char out[AID_THUMBPRINT_SIZE]) AID_WUR;

/* The SHA-256 of the first certificate of a PEM text, in base64url: x5t#S256 (RFC 8705 section 3.1).
 * AID_E_INVALID. */
#define AID_CERTIFICATE_MAX 16384U /* bytes of PEM */
int aid_certificate_thumbprint(const void *pem, size_t length, char out[AID_THUMBPRINT_SIZE],
	struct aid_error *err) AID_WUR;

int aid_sha256(const void *bytes, size_t length, uint8_t out[AID_SHA256_BYTES]) AID_WUR;
/* From the kernel by way of OpenSSL's generator. AID_E_IO when there is none. */
int aid_random(void *out, size_t length) AID_WUR;

#endif
