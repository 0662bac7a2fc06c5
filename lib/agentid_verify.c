/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid_verify() of agentid.h. */
#include "agentid_private.h"

#include "verify_call.h"

#include <stdio.h>

#define TIMEOUT_MIN_MS 500

static int fill(const struct agentid_verify *wanted, struct aid_verify_request *request,
	struct aid_error *err)
{
	/* A program built for a later version may ask for what this one would leave unchecked. */
	if (wanted->size != sizeof(*wanted))
		return aid_fail(err, AID_E_INVALID, "struct agentid_verify of %zu bytes, %zu are known",
			wanted->size, sizeof(*wanted));
	if (wanted->audience == NULL)
		return aid_fail(err, AID_E_INVALID, "an audience is needed");
	if (wanted->max_lifetime_s < 0 || wanted->max_lifetime_s > AID_VERIFY_LIFETIME_MAX_MS / 1000)
		return aid_fail(err, AID_E_INVALID, "max_lifetime_s %d, 0 to %d are allowed",
			wanted->max_lifetime_s, (int)(AID_VERIFY_LIFETIME_MAX_MS / 1000));
	if (wanted->timeout_ms != 0 &&
		(wanted->timeout_ms < TIMEOUT_MIN_MS || wanted->timeout_ms > AID_VERIFY_TIMEOUT_MAX_MS))
		return aid_fail(err, AID_E_INVALID, "timeout_ms %d, 0 or %d to %d are allowed",
			wanted->timeout_ms, TIMEOUT_MIN_MS, AID_VERIFY_TIMEOUT_MAX_MS);
	*request = (struct aid_verify_request){
		.socket = AID_SOCKET_PATH,
		.audience = wanted->audience,
		.issuers = wanted->issuers,
		.subject = wanted->subject,
		.proof = wanted->proof,
		.method = wanted->method,
		.uri = wanted->uri,
		.certificate = wanted->certificate,
		.max_lifetime_ms = wanted->max_lifetime_s > 0 ? (int64_t)wanted->max_lifetime_s * 1000
							     : AID_VERIFY_LIFETIME_MS,
		.timeout_ms = wanted->timeout_ms > 0 ? wanted->timeout_ms : AID_VERIFY_TIMEOUT_MS,
	};
	return AID_OK;
}

static int verify(const struct agentid_verify *wanted, const char *token, size_t length,
	struct agentid_secret **ret_claims, struct aid_error *err)
{
	struct aid_verify_request request;
	struct aid_verified verified = {0};
	struct agentid_secret *claims;
	int r;

	if (wanted == NULL || token == NULL || ret_claims == NULL)
		return aid_fail(err, AID_E_INVALID, "an argument is NULL");
	r = fill(wanted, &request, err);
	if (r != AID_OK)
		return r;
	request.token = token;
	request.token_length = length;
	claims = calloc(1, sizeof(*claims));
	if (claims == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	r = aid_verify_call(&request, &verified, err);
	if (r != AID_OK) {
		free(claims);
		return r;
	}
	claims->bytes = verified.claims;
	*ret_claims = claims;
	return AID_OK;
}

EXPORT int agentid_verify(const struct agentid_verify *wanted, const char *token, size_t length,
	struct agentid_secret **ret_claims, char *reason, size_t size)
{
	struct aid_error err = AID_ERROR_INIT;
	int r = verify(wanted, token, length, ret_claims, &err);

	if (reason != NULL && size > 0)
		(void)snprintf(reason, size, "%s", err.text);
	return r;
}
