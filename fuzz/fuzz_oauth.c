/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The first byte chooses the status; the rest is the body of a token endpoint's answer. */
#include "fuzz.h"

#include "oauth.h"
#include "protocol.h"
#include "str.h"

#include <string.h>

static void accept(const struct aid_secret *body)
{
	struct aid_token_response response = {0};

	if (aid_oauth_response(body, &response, NULL) != AID_OK)
		return;
	fuzz_assert(aid_secret_length(response.token) <= AID_TOKEN_MAX);
	fuzz_assert(
		aid_str_is_b64token(aid_secret_peek(response.token), aid_secret_length(response.token)));
	fuzz_assert(response.expires_in_s == -1 ||
		(response.expires_in_s >= 1 && response.expires_in_s <= AID_EXPIRES_IN_MAX_S));
	aid_secret_free(response.token);
}

static void refuse(int http_status, const struct aid_secret *body)
{
	AID_AUTO(aid_secret) *secret = aid_secret_from("hunter2", 7);
	const struct aid_refusal refusal = {http_status, body, -1, "idp.example", {secret, secret}};
	struct aid_error err = AID_ERROR_INIT;
	int status = aid_oauth_refusal(&refusal, &err);

	fuzz_assert(status < 0 && err.status == status);
	fuzz_assert(strlen(err.oauth_code) < sizeof(err.oauth_code));
	fuzz_assert(strstr(err.text, "hunter2") == NULL);
	status = aid_oauth_revoked(&refusal, &err);
	fuzz_assert((status == AID_OK) == (http_status == 200));
	fuzz_assert(strstr(err.text, "hunter2") == NULL);
	for (const char *c = err.text; *c != '\0'; c++)
		fuzz_assert(*c >= 0x20 && *c <= 0x7e);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const int statuses[] = {200, 400, 401, 403, 429, 500, 503};
	AID_AUTO(aid_secret) *body = NULL;
	int http_status;

	if (length == 0 || length > AID_TOKEN_RESPONSE_MAX)
		return 0;
	http_status = statuses[bytes[0] % (sizeof(statuses) / sizeof(statuses[0]))];
	body = aid_secret_from(bytes + 1, length - 1);
	fuzz_assert(body != NULL);
	if (http_status == 200)
		accept(body);
	else
		refuse(http_status, body);
	return 0;
}
