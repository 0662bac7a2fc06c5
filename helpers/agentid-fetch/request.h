/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* A token request or a revocation: an AID_MSG_TOKEN or AID_MSG_RETIRE taken apart, or a part of an
 * AID_MSG_EXCHANGE. Texts are copied, secrets read from their descriptors, keys left in theirs until they
 * are needed. */
#ifndef REQUEST_H
#define REQUEST_H

#include "cleanup.h"
#include "configuration.h"
#include "ipc.h"
#include "jwt.h"
#include "secret.h"

struct request {
	char *issuer;
	char *subject;       /* NULL: any text that follows may be, where FORMAT is opaque */
	char *audience;
	char *client_id;
	char *scope;         /* NULL: absent; so for the rest */
	char *resource;
	char *ca_file;
	char *allowed_hosts;
	char *host_issuer;
	char *host_subject;
	char *secret_ref;    /* a secrets manager has the client secret; NULL: s is it */
	/* of a token exchange; requested_type NULL: client credentials */
	char *requested_type;
	char *subject_type;
	char *actor_type;
	char *token_endpoint; /* instead of metadata */
	struct aid_secret *subject_token;
	struct aid_secret *actor_token;
	enum aid_client_auth method;
	enum aid_token_format format;
	enum aid_assertion_audience assertion_audience;
	enum aid_alg alg;
	unsigned int algs;
	bool send_audience;
	int64_t max_lifetime_ms;
	int64_t timeout_ms;
	struct aid_secret *retired;     /* the token to revoke; NULL: one is wanted */
	struct aid_secret *secret;      /* s */
	struct aid_secret *private_key; /* k of tls_client_auth */
	struct aid_secret *certificate; /* c */
	int key_fd;                     /* k of private_key_jwt, h of federated_jwt; owned; -1 */
	/* with secret_ref */
	struct managed *managed;        /* held; NULL: not looked for yet */
	uint64_t secret_serial;         /* of the secret in use; 0: none yet */
	struct aid_error *refusal;      /* what the provider said to it; NULL: nothing. Then it is read again */
};

/* AID_E_PROTOCOL for a request that keyringd would not make; AID_E_CREDENTIAL for a secret that is
 * empty, too long or unreadable. fds stay the caller's. */
int request_read(const struct aid_frame *frame, const int *fds, size_t n_fds,
	struct request **ret_request, struct aid_error *err) AID_WUR;

/* The same in two halves, for what is not one message: the texts and numbers that frame has (NULL: none),
 * for the caller to change; then what is required, and the descriptors, a letter for each. */
int request_begin(const struct aid_frame *frame, struct request **ret_request, struct aid_error *err)
	AID_WUR;
int request_finish(struct request *request, const char *letters, const int *fds, struct aid_error *err)
	AID_WUR;
/* Replaces a text of the request by a copy; NULL: none. */
int request_set(char **text, const char *value, struct aid_error *err) AID_WUR;
/* The descriptors that it needs, by their letters. */
const char *request_letters(const struct request *request);
/* A token of a frame. AID_E_PROTOCOL when it is absent or over AID_TOKEN_MAX. */
int request_token(const struct aid_frame *frame, enum aid_tag tag, struct aid_secret **ret_token,
	struct aid_error *err) AID_WUR;

void request_free(struct request *request);
AID_DEFINE_AUTO(request)

#endif
