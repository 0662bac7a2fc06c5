/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The JWS signature algorithms that are ever accepted (RFC 7518 section 3.1, RFC 8037): asymmetric
 * ones only. No name for "none" or an HMAC exists, so no configuration can allow them. Knows names
 * and sizes, no cryptography: the configuration uses it too. */
#ifndef AID_JWA_H
#define AID_JWA_H

#include "error.h"

#include <stddef.h>

/* Bits, so that a set of them is an unsigned int. */
enum aid_alg {
	AID_ALG_RS256 = 1 << 0,
	AID_ALG_RS384 = 1 << 1,
	AID_ALG_RS512 = 1 << 2,
	AID_ALG_PS256 = 1 << 3,
	AID_ALG_PS384 = 1 << 4,
	AID_ALG_PS512 = 1 << 5,
	AID_ALG_ES256 = 1 << 6,
	AID_ALG_ES384 = 1 << 7,
	AID_ALG_ES512 = 1 << 8,
	AID_ALG_EDDSA = 1 << 9 /* Ed25519 only */
};
#define AID_ALGS_RSA                                                                               \
	((unsigned int)(AID_ALG_RS256 | AID_ALG_RS384 | AID_ALG_RS512 | AID_ALG_PS256 |            \
			AID_ALG_PS384 | AID_ALG_PS512))
#define AID_ALGS_ALL ((1U << 10) - 1)
/* What agentid itself signs with. */
#define AID_ALGS_SIGNING ((unsigned int)(AID_ALG_RS256 | AID_ALG_PS256 | AID_ALG_ES256))

#define AID_SIGNATURE_MAX 1024U /* bytes of the longest raw signature: RSA of 8192 bits */

/* One row of the table. */
struct aid_alg_info {
	enum aid_alg alg;
	const char *name;       /* as in "alg" */
	const char *kty;        /* as in "kty" of its keys */
	const char *crv;        /* as in "crv"; NULL for RSA */
	const char *digest;     /* "SHA256", ...; NULL where the scheme hashes itself */
	size_t signature_bytes; /* of the raw signature; 0: as long as the RSA modulus */
};

/* NULL for a name not in the table; names are case-sensitive. */
const struct aid_alg_info *aid_alg_by_name(const char *name);
/* alg is one bit of the enum. */
const struct aid_alg_info *aid_alg_info(enum aid_alg alg);
/* The algorithms that keys of this type sign with; crv NULL for RSA. 0: none. */
unsigned int aid_algs_of_key(const char *kty, const char *crv);
/* Comma-separated names ("RS256,ES256", blanks around commas allowed) to a set; NULL or "" is
 * AID_ALGS_ALL. AID_E_CONFIG naming the first unknown one. */
int aid_algs_parse(const char *list, unsigned int *ret_algs, struct aid_error *err) AID_WUR;

#endif
