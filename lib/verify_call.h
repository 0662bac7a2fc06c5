/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Asks agentid-keyringd to have another agent's token verified: agentid verify and agentid_verify().
 * No state; links nothing but keyutils. */
#ifndef AID_VERIFY_CALL_H
#define AID_VERIFY_CALL_H

#include "error.h"
#include "protocol.h"
#include "secret.h"

#include <stddef.h>
#include <stdint.h>

#define AID_VERIFY_TIMEOUT_MS 10000
#define AID_VERIFY_TIMEOUT_MIN_MS 300 /* at the daemon */
#define AID_VERIFY_TIMEOUT_MAX_MS 60000
#define AID_VERIFY_LIFETIME_MS (INT64_C(3600) * 1000)
#define AID_VERIFY_LIFETIME_MAX_MS (INT64_C(24) * 3600 * 1000)
#define AID_VERIFY_PIN_MAX 255U  /* bytes of an audience or a subject */
#define AID_VERIFY_SUBJECT_SIZE 1025U
#define AID_VERIFY_PROOF_MAX 8192U
#define AID_VERIFY_METHOD_MAX 32U
#define AID_VERIFY_URI_MAX 2048U
#define AID_VERIFY_CERTIFICATE_MAX 16384U

struct aid_verify_request {
	const char *socket;          /* AID_SOCKET_PATH */
	const char *token;
	size_t token_length;
	const char *audience;
	const char *const *issuers;  /* NULL-terminated; NULL: that of the own session */
	const char *subject;         /* NULL: any */
	int64_t max_lifetime_ms;
	const char *proof;           /* NULL: none; with method and uri */
	const char *method;
	const char *uri;
	const char *certificate;     /* PEM; NULL: none */
	int64_t timeout_ms;          /* for everything together */
};

struct aid_verified {
	struct aid_secret *claims;   /* JSON, owned */
	char issuer[513];
	char subject[AID_VERIFY_SUBJECT_SIZE];
	char token_id[17];
	int64_t expires_wall_ms;
};

/* What the daemon says, and AID_E_NOTFOUND where the own session's issuer is wanted and there is no
 * session. AID_E_BUSY and a connection that ends are tried again until timeout_ms. */
int aid_verify_call(const struct aid_verify_request *request, struct aid_verified *ret_verified,
	struct aid_error *err) AID_WUR;
void aid_verified_done(struct aid_verified *verified);

#endif
