/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* A token that somebody showed us, before and after aid_jwt_verify_all(): whose it claims to be, and
 * what its bearer has to prove beside holding it (RFC 7800). */
#ifndef AID_BEARER_H
#define AID_BEARER_H

#include "json.h"
#include "pkey.h"
#include "secret.h"

#include <stddef.h>

/* Which of the issuers the token says it is from. This reads what nobody has verified and decides
 * nothing but which keys to verify with, which the verification holds against iss again.
 * AID_E_UNTRUSTED, with the name, for an issuer that is not among them; AID_E_PROTOCOL and
 * AID_E_TOOBIG as aid_jws_parse(). */
int aid_bearer_issuer(const struct aid_secret *token, const char *const *issuers, size_t count,
	size_t *ret_index, struct aid_error *err) AID_WUR;

/* SHA-256 in base64url; "": not bound in this way. */
struct aid_binding {
	char jkt[AID_THUMBPRINT_SIZE]; /* of the key of DPoP proofs (RFC 9449 section 6.1) */
	char x5t[AID_THUMBPRINT_SIZE]; /* of the client's certificate (RFC 8705 section 3.1) */
};

/* What "cnf" of verified claims says. AID_E_PROTOCOL for one that is empty or of the wrong form;
 * AID_E_UNTRUSTED for a binding that is not known here and so cannot be checked. */
int aid_bearer_binding(const struct aid_json *claims, struct aid_binding *ret_binding,
	struct aid_error *err) AID_WUR;

#endif
