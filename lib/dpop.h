/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* DPoP proofs (RFC 9449): what shows that whoever sent a request holds the key that its token is
 * bound to. Pure: whether a proof was seen before is for replay.h. */
#ifndef AID_DPOP_H
#define AID_DPOP_H

#include "jwt.h"
#include "pkey.h"
#include "secret.h"

#include <stdint.h>

#define AID_DPOP_MAX 8192U       /* bytes of a proof */
#define AID_DPOP_URI_MAX 2048U   /* bytes of a URI */
#define AID_DPOP_METHOD_MAX 32U
#define AID_DPOP_AGE_MS 60000    /* a proof is good for that long after its iat */
#define AID_DPOP_AHEAD_MS 5000   /* what the sender's clock may be ahead */

/* What the proof must say. */
struct aid_dpop_params {
	const char *method;          /* of the request: htm equals it, case and all */
	const char *uri;             /* of the request: htu is the same after normalisation */
	const struct aid_secret *token; /* ath is its SHA-256 */
	const char *thumbprint;      /* cnf.jkt of the verified token */
	int64_t now_wall_ms;
	int64_t remembered_ms;       /* how long seen ones are known, by a clock that nobody sets: an
				      * older one may have been seen and forgotten */
};

/* Proof of verification. */
struct aid_dpop_proof {
	char jti[AID_JTI_MAX + 1];
};

/* Checks of RFC 9449 section 4.3, the signature before any claim.
 *   AID_E_UNTRUSTED  algorithm, key in the header, signature
 *   AID_E_DENIED     another key than cnf.jkt, htm, htu, ath
 *   AID_E_EXPIRED    iat too old or in the future
 *   AID_E_PROTOCOL   form, typ, a claim missing or of the wrong type
 *   AID_E_TOOBIG     over AID_DPOP_MAX bytes
 *   AID_E_INVALID    params->uri is no http or https URI */
int aid_dpop_verify(const struct aid_secret *proof, const struct aid_dpop_params *params,
	struct aid_dpop_proof *ret_proof, struct aid_error *err) AID_WUR;

/* An http or https URI without query and fragment, in one spelling (RFC 3986 sections 6.2.2 and
 * 6.2.3): scheme and host in lower case, no default port, no dot segments, no needless escapes.
 * AID_E_PROTOCOL when it is none; AID_E_TOOBIG over AID_DPOP_URI_MAX bytes. */
int aid_dpop_normalise(const char *uri, char out[AID_DPOP_URI_MAX + 2], struct aid_error *err) AID_WUR;

#endif
