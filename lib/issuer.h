/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The host as an issuer: making, rotating and publishing its keys. issuer_dir.h has the directory's
 * form. Signing is aid_jwt_sign() with the key that aid_issuer_select() names. */
#ifndef AID_ISSUER_H
#define AID_ISSUER_H

#include "issuer_dir.h"
#include "jwa.h"
#include "secret.h"

/* Creates the directory (0700) where it is missing and the first key, active at once.
 * AID_E_DENIED when there is a key already; AID_E_INVALID for an alg other than RS256 and ES256;
 * AID_E_UNTRUSTED for a directory that is not root's or open to others; AID_E_IO. */
int aid_issuer_init(const char *directory, enum aid_alg alg, int64_t now_wall_ms,
	struct aid_issuer_key *ret_key, struct aid_error *err) AID_WUR;

struct aid_issuer_rotation {
	enum aid_alg alg;    /* 0: that of the newest key */
	int64_t overlap_ms;  /* until the new key is active, 0 to 30 days; AID_ISSUER_OVERLAP_MS */
	bool compromised;    /* the new key is active at once and every other is deleted and published
			      * no more: tokens signed before verify nowhere after the next publish */
};

/* Adds a key and deletes retired ones. AID_E_DENIED while another one waits (unless compromised);
 * AID_E_NOTFOUND before init; and as for init. */
int aid_issuer_rotate(const char *directory, const struct aid_issuer_rotation *rotation,
	int64_t now_wall_ms, struct aid_issuer_key *ret_key, struct aid_error *err) AID_WUR;

/* The two documents (OpenID Connect Discovery 1.0 section 3, RFC 7517 section 5), ending in a newline.
 * AID_E_NOTFOUND without a key; AID_E_CREDENTIAL for a key file that cannot be used. */
int aid_issuer_discovery(const char *issuer, const char *directory, int64_t now_wall_ms,
	struct aid_secret **ret_document, struct aid_error *err) AID_WUR;
int aid_issuer_jwks(const char *directory, int64_t now_wall_ms, struct aid_secret **ret_document,
	struct aid_error *err) AID_WUR;
/* Writes OUT/jwks.json and OUT/.well-known/openid-configuration (0644), each atomically, keys first.
 * OUT must exist. AID_E_NOTFOUND, AID_E_IO. */
int aid_issuer_publish(const char *issuer, const char *directory, const char *out,
	int64_t now_wall_ms, struct aid_error *err) AID_WUR;

#endif
