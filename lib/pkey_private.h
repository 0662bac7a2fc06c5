/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Shared by pkey.c, pkey_make.c and pkey_sign.c only. */
#ifndef AID_PKEY_PRIVATE_H
#define AID_PKEY_PRIVATE_H

#include "pkey.h"

#include <openssl/evp.h>

#define AID_ALG_COUNT 10U

/* A prepared operation; made on first use. */
struct aid_pkey_operation {
	EVP_PKEY_CTX *context;
	EVP_MD *digest;
};

struct aid_pkey {
	EVP_PKEY *evp;
	const char *kty;
	const char *crv;
	struct aid_pkey_operation verify[AID_ALG_COUNT]; /* by the number of the algorithm's bit */
	struct aid_pkey_operation sign[AID_ALG_COUNT];
};

struct aid_pkey_curve {
	const char *crv;   /* JOSE's name */
	const char *group; /* OpenSSL's name */
	size_t bytes;      /* of a coordinate */
};
/* By JOSE's name only: a JWK with OpenSSL's name of a curve is malformed. NULL for none. */
const struct aid_pkey_curve *aid_pkey_curve(const char *crv);

/* Takes evp over, also on failure. Checks type and, for RSA, size. */
int aid_pkey_adopt(EVP_PKEY *evp, struct aid_pkey **ret_key, struct aid_error *err) AID_WUR;
/* Empties the library's queue of errors; true when memory was short somewhere. A key or signature that
 * could not be looked at is not a bad one. */
bool aid_pkey_was_nomem(void);
/* For a call that fails only when memory is short. Empties the library's queue of errors. */
int aid_pkey_nomem(struct aid_error *err);

#endif
