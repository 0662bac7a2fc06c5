/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* How the client proves to the token endpoint who it is: one row in the table of client_auth.c per
 * method (RFC 6749 section 2.3.1, RFC 7521, RFC 7523, RFC 8705). */
#ifndef AID_CLIENT_AUTH_H
#define AID_CLIENT_AUTH_H

#include "configuration.h"
#include "error.h"
#include "jwt.h"
#include "secret.h"

#define AID_ASSERTION_LIFETIME_MS 60000 /* Keycloak takes no longer one */

struct aid_client_auth_params {
	enum aid_client_auth method;
	const char *client_id;
	const struct aid_secret *secret;   /* client_secret_basic, client_secret_post */
	/* private_key_jwt: the client's key; federated_jwt: the host's. */
	const struct aid_signing_key *key;
	enum aid_alg alg;                  /* private_key_jwt; the host's key decides itself */
	const char *audience;              /* of the assertion: exactly one */
	const char *host_issuer;           /* federated_jwt */
	const char *host_subject;          /* federated_jwt */
	int64_t now_wall_ms;
};

/* Adds what the method wants to the form, or makes a header line (*ret_authorization stays NULL
 * otherwise). An assertion is new each time: call it for each attempt. AID_E_CREDENTIAL for a secret
 * or key that is missing or empty or does not fit alg; AID_E_TOOBIG, AID_E_NOMEM. */
int aid_client_auth_apply(const struct aid_client_auth_params *params, struct aid_secret *form,
	struct aid_secret **ret_authorization, struct aid_error *err) AID_WUR;
/* True for the methods that sign something with a time in it. */
bool aid_client_auth_is_timed(enum aid_client_auth method);

#endif
