/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Public keys of others: JWK and JWK Set (RFC 7517, RFC 7518 section 6, RFC 8037). What comes out
 * can be used for verifying as it is; everything else is left out, with a reason:
 *   - symmetric keys, unknown kty, use other than "sig", key_ops without "verify";
 *   - RSA under 2048 or over 8192 bits, exponent even, under 3 or over 33 bits;
 *   - a point that is not on its curve, the wrong length of a coordinate;
 *   - a private member "d": that key is known to everybody who can read the set;
 *   - "alg" that this type of key does not sign with. */
#ifndef AID_JWK_H
#define AID_JWK_H

#include "cleanup.h"
#include "error.h"
#include "jwa.h"
#include "pkey.h"

#include <stddef.h>

#define AID_JWK_SET_BYTES_MAX ((size_t)256 * 1024)
#define AID_JWK_SET_KEYS_MAX 100U
#define AID_KID_MAX 256U /* bytes */

/* One usable key. Parsed once; holds what OpenSSL needs ready. Neither a key nor its set may be used
 * by two threads at a time. */
struct aid_jwk;
struct aid_jwk_set;

/* AID_E_PROTOCOL when it is no JSON object with an array "keys"; AID_E_TOOBIG over a limit above;
 * AID_E_NOMEM. Never fails for a single bad key: a set may come out empty. */
int aid_jwk_set_parse(const void *bytes, size_t length, struct aid_jwk_set **ret_set,
	struct aid_error *err) AID_WUR;
void aid_jwk_set_free(struct aid_jwk_set *set);
AID_DEFINE_AUTO(aid_jwk_set)

size_t aid_jwk_set_count(const struct aid_jwk_set *set);   /* usable */
size_t aid_jwk_set_skipped(const struct aid_jwk_set *set); /* left out */
/* Why the first key that was left out was left out; "" when none was. Valid until _free. */
const char *aid_jwk_set_skip_reason(const struct aid_jwk_set *set);

/* The one key that a token with this kid (NULL: without) and alg may be signed by. kid is only
 * compared. Two keys of one type under one kid, or several keys that fit a token without kid, are
 * AID_E_UNTRUSTED: which of them was meant cannot be known. A key under that kid which does not fit
 * alg is AID_E_UNTRUSTED. No key under that kid, or none at all that fits, is AID_E_NOTFOUND: fetch
 * the set again, once. */
int aid_jwk_set_find(const struct aid_jwk_set *set, const char *kid, enum aid_alg alg,
	const struct aid_jwk **ret_key, struct aid_error *err) AID_WUR;

/* The algorithms the key may be used with. */
unsigned int aid_jwk_algs(const struct aid_jwk *key);

/* RFC 7638 with SHA-256. AID_E_NOMEM. */
int aid_jwk_thumbprint(const struct aid_jwk *key, char out[AID_THUMBPRINT_SIZE]) AID_WUR;

/* Verifies a raw JWS signature (RFC 7518 sections 3.3 to 3.5) over bytes. AID_E_UNTRUSTED when it is
 * wrong in any way: alg that is not the key's, length, r or s out of range. Used by jws.c. */
int aid_jwk_verify(const struct aid_jwk *key, enum aid_alg alg, const void *bytes, size_t length,
	const void *signature, size_t signature_length, struct aid_error *err) AID_WUR;

#endif
