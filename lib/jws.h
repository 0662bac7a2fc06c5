/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* JWS compact serialization (RFC 7515 section 7.1), verification half. A payload can only be had from
 * aid_jws_verify(). */
#ifndef AID_JWS_H
#define AID_JWS_H

#include "json.h"
#include "jwk.h"
#include "secret.h"

#include <stddef.h>

/* What may be read of a token before its signature is checked: which key it asks for. The rest
 * points into the token and is private to jws.c. */
struct aid_jws {
	enum aid_alg alg;
	char kid[AID_KID_MAX + 1];
	bool has_kid;
	char typ[64]; /* "" when absent */
	const char *token;
	size_t payload_at, signature_at, length;
};

/* Takes the token apart; it must outlive *ret_jws. Refused: more than AID_TOKEN_MAX bytes
 * (AID_E_TOOBIG); anything but three non-empty parts of strict base64url, so JSON serialization and
 * JWE too; a header that is no JSON object, has a duplicate member, "crit", "b64", "zip" or "enc"
 * (AID_E_PROTOCOL); an alg that is not in algs, "none" and HMACs always (AID_E_UNTRUSTED).
 * "jwk", "jku", "x5u" and "x5c" in it are never looked at. */
int aid_jws_parse(const char *token, size_t length, unsigned int algs, struct aid_jws *ret_jws,
	struct aid_error *err) AID_WUR;
/* The whole header, unverified. For dpop.c alone, whose proofs bring their own key (RFC 9449
 * section 4.2). */
int aid_jws_header(const struct aid_jws *jws, struct aid_json **ret_header, struct aid_error *err)
	AID_WUR;
/* Checks the signature with this key and jws->alg, then hands the payload out (RFC 7515 section 5.2,
 * RFC 8725 section 3.1). AID_E_UNTRUSTED, AID_E_NOMEM. */
int aid_jws_verify(const struct aid_jws *jws, const struct aid_jwk *key,
	struct aid_secret **ret_payload, struct aid_error *err) AID_WUR;

#endif
