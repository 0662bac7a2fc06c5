/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The token endpoint (RFC 6749 sections 4.4 and 5): the form sent, the response, the error object. */
#ifndef AID_OAUTH_H
#define AID_OAUTH_H

#include "error.h"
#include "secret.h"

#include <stdint.h>

#define AID_TOKEN_RESPONSE_MAX 262144U /* bytes */
#define AID_EXPIRES_IN_MAX_S 999999999
#define AID_REFUSAL_SECRETS 4U

/* Appends "name=value" in application/x-www-form-urlencoded, with & before it where the form is not
 * empty. AID_E_TOOBIG. */
int aid_form_add(struct aid_secret *form, const char *name, const void *value, size_t length) AID_WUR;
/* Only the encoding of a value: RFC 6749 appendix B. */
int aid_form_encode(struct aid_secret *out, const void *value, size_t length) AID_WUR;

struct aid_grant {
	const char *scope;    /* NULL or "": not sent; so for all */
	const char *audience;
	const char *resource;
};

/* grant_type=client_credentials and what grant has. */
int aid_oauth_form(const struct aid_grant *grant, struct aid_secret *form, struct aid_error *err)
	AID_WUR;

/* RFC 8693 section 2.1. Types without the urn:ietf:params:oauth:token-type: before them. */
struct aid_exchange_grant {
	const struct aid_secret *subject_token;
	const char *subject_type;
	const struct aid_secret *actor_token; /* NULL: none */
	const char *actor_type;
	const char *requested_type;
	const char *scope;                    /* NULL: not sent; so for the rest */
	const char *audience;
	const char *resource;
};

int aid_oauth_exchange_form(const struct aid_exchange_grant *grant, struct aid_secret *form,
	struct aid_error *err) AID_WUR;

/* What RFC 7009 asks for: token and token_type_hint=access_token. */
int aid_oauth_revocation_form(const struct aid_secret *token, struct aid_secret *form,
	struct aid_error *err) AID_WUR;

struct aid_token_response {
	struct aid_secret *token;
	int64_t expires_in_s; /* -1: not said */
};

/* The body of a response with status 200. AID_E_PROTOCOL with the member and the rule; AID_E_TOOBIG
 * for a token over AID_TOKEN_MAX. No part of the body is quoted. */
int aid_oauth_response(const struct aid_secret *body, struct aid_token_response *ret_response,
	struct aid_error *err) AID_WUR;

/* The same for an exchange (RFC 8693 section 2.2.1): issued_token_type must be the one wanted. */
int aid_oauth_exchange_response(const struct aid_secret *body, const char *wanted,
	struct aid_token_response *ret_response, struct aid_error *err) AID_WUR;

struct aid_refusal {
	int http_status;
	const struct aid_secret *body; /* NULL: none */
	int retry_after_s;
	const char *host;
	const struct aid_secret *secrets[AID_REFUSAL_SECRETS]; /* what the sentence must not repeat */
};

/* What a response with another status means; fills http_status, retry_after_s and oauth_code too.
 *   AID_E_CREDENTIAL   invalid_client; 401 with unauthorized_client (which Keycloak says for a wrong
 *                      secret)
 *   AID_E_DENIED       any other error code of RFC 6749 section 5.2
 *   AID_E_BUSY         429, 503
 *   AID_E_UNREACHABLE  other 5xx
 *   AID_E_PROTOCOL     no OAuth error object */
int aid_oauth_refusal(const struct aid_refusal *refusal, struct aid_error *err);
/* The answer to a revocation (RFC 7009 section 2.2): AID_OK for 200, which also stands for a token
 * that is not valid any more. AID_E_NOTFOUND for unsupported_token_type: such tokens cannot be revoked
 * there, whoever asks. Else as aid_oauth_refusal(). */
int aid_oauth_revoked(const struct aid_refusal *answer, struct aid_error *err) AID_WUR;

#endif
