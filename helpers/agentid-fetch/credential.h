/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* An AID_MSG_EXCHANGE, or an AID_MSG_RETIRE of a credential, taken apart: who vouches, and what is wanted
 * where. */
#ifndef CREDENTIAL_H
#define CREDENTIAL_H

#include "exchange.h"
#include "request.h"
#include "target.h"

struct credential {
	struct aid_target_values options;
	struct aid_exchange exchange;   /* its texts and secrets are those here */
	char name[AID_CREDENTIAL_NAME_MAX + 1];
	char session_name[160];
	bool retire;
	int64_t max_lifetime_ms;
	int64_t timeout_ms;
	/* the assertion: made here with key_fd, or fetched by a request; neither where none is needed */
	int key_fd;                     /* owned; -1 */
	char *host_issuer, *host_subject, *audience;
	int64_t assertion_lifetime_ms;
	struct request *assertion_request;
	bool assertion_pending;         /* the token request under way is for it */
	struct aid_secret *assertion;   /* once it is there */
	/* rfc8693 and oidc: the token request that gets the credential; NULL for the other kinds */
	struct request *request;
	struct aid_secret *previous;    /* to renew, or to revoke */
};

/* AID_E_PROTOCOL for a message that keyringd would not make; AID_E_CONFIG for options; AID_E_CREDENTIAL
 * for a secret. fds stay the caller's. */
int credential_read(const struct aid_frame *frame, const int *fds, size_t n_fds,
	struct credential **ret_credential, struct aid_error *err) AID_WUR;
void credential_free(struct credential *credential);
AID_DEFINE_AUTO(credential)

#endif
