/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* JSON Web Tokens: the verification of those received (RFC 7519, RFC 8725, RFC 9068 section 4) and
 * the making of our own: host tokens and client assertions (RFC 7523). */
#ifndef AID_JWT_H
#define AID_JWT_H

#include "jws.h"
#include "signing_key.h"

#include <stdint.h>

#define AID_JWT_SKEW_MS 30000     /* what clocks may differ */
#define AID_JWT_SKEW_MAX_MS 60000
#define AID_JTI_MAX 128U          /* bytes of a jti that is kept */
#define AID_TOKEN_ID_SIZE 17      /* 16 hexadecimal digits and a NUL */

/* What a token must say. All strings are compared byte for byte. */
struct aid_jwt_params {
	const char *issuer;      /* iss equals it */
	const char *audience;    /* aud is it or holds it */
	const char *subject;     /* sub equals it; NULL with is_peer: whatever it is */
	const char *client_id;   /* azp and client_id equal it where the token has them; NULL: not checked */
	unsigned int algs;       /* accepted, AID_ALGS_ALL for every one known */
	int64_t max_lifetime_ms; /* from iat (without iat: from now) to exp */
	int64_t now_wall_ms;
	int64_t skew_ms;         /* 0 to AID_JWT_SKEW_MAX_MS; usually AID_JWT_SKEW_MS */
	bool is_peer;            /* a token that somebody else showed: sentences name the options of
				  * agentid verify, not the keys of an agent's file */
	const char *section;     /* of that file, for sentences: "credential orders"; NULL: "token" */
};

/* Proof of verification: no other function fills one. Wall clock, milliseconds. */
struct aid_claims {
	int64_t expires_wall_ms;
	int64_t issued_wall_ms;      /* the time of the check when the token has no iat */
	char jti[AID_JTI_MAX + 1];   /* "" when absent, too long or not printable */
};

/* Every check, the signature before any claim. The sentence names the check, the value and the limit.
 *   AID_E_NOTFOUND   the set has no key for it: fetch the set again, once. Only this.
 *   AID_E_UNTRUSTED  algorithm, key, signature, iss
 *   AID_E_DENIED     aud, sub, azp, client_id, a lifetime over max_lifetime_ms
 *   AID_E_EXPIRED    exp passed, nbf or iat in the future
 *   AID_E_PROTOCOL   not of the form of a JWT; a claim missing or of the wrong type; typ
 *   AID_E_TOOBIG     over AID_TOKEN_MAX bytes
 *   AID_E_INVALID    params without issuer, audience or subject, or with a skew or lifetime out of
 *                    range */
int aid_jwt_verify(const struct aid_secret *token, const struct aid_jwt_params *params,
	const struct aid_jwk_set *keys, struct aid_claims *ret_claims, struct aid_error *err) AID_WUR;
/* The same, and hands out everything that the verified token says. */
int aid_jwt_verify_all(const struct aid_secret *token, const struct aid_jwt_params *params,
	const struct aid_jwk_set *keys, struct aid_claims *ret_claims, struct aid_json **ret_document,
	struct aid_error *err) AID_WUR;

/* What to sign. iat is now rounded down to a second, exp = iat + lifetime, jti 128 random bits. */
struct aid_jwt_request {
	const char *issuer;
	const char *subject;
	const char *audience;    /* one string: several are refused by some verifiers */
	const char *kid;         /* NULL: no kid in the header */
	int64_t now_wall_ms;
	int64_t lifetime_ms;     /* 1 s to 24 h, whole seconds */
	bool with_not_before;    /* nbf = iat - 5 */
};

struct aid_jwt_signed {
	struct aid_secret *token; /* owned */
	int64_t expires_wall_ms;
	char jti[23];
};

/* AID_E_CONFIG when the key cannot sign with alg; AID_E_INVALID for a request out of range;
 * AID_E_NOMEM; AID_E_IO when the random generator fails. */
int aid_jwt_sign(const struct aid_signing_key *key, enum aid_alg alg,
	const struct aid_jwt_request *request, struct aid_jwt_signed *ret_signed, struct aid_error *err)
	AID_WUR;
void aid_jwt_signed_done(struct aid_jwt_signed *token);

/* The first 16 hexadecimal digits of the SHA-256: how logs name a token. */
int aid_token_id(const struct aid_secret *token, char out[AID_TOKEN_ID_SIZE]) AID_WUR;

#endif
