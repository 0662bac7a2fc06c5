/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The first byte chooses the target and its step, the second the status; the rest is the body of the
 * answer, or where a redirect leads. What is taken must be a credential that fits a key; what is refused
 * says so without a secret. */
#include "fuzz.h"

#include "exchange.h"
#include "protocol.h"
#include "str.h"

#include <string.h>

#define NOW INT64_C(1767323045000)
#define MAX_MS 3600000
#define SECRET "hunter2-hunter2-hunter2"

static const struct {
	const char *type;
	const char *packed;
	size_t length;
	unsigned int step;
	bool renew;
} cases[] = {
#define CASE(type, packed, step, renew) {type, packed, sizeof(packed) - 1, step, renew}
	CASE("aws-sts", "role_arn=arn:aws:iam::123456789012:role/R\0region=eu-west-1\0", 0, false),
	CASE("azure-wif", "tenant=a.example\0client_id=0f3c2f3e-1111-4222-8333-0123456789ab\0"
		"scope=https://v/.default\0", 0, false),
	CASE("gcp-wif", "provider=//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/"
		"pool/providers/host\0service_account=a@p.iam.gserviceaccount.com\0", 0, false),
	CASE("gcp-wif", "provider=//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/"
		"pool/providers/host\0service_account=a@p.iam.gserviceaccount.com\0", 1, false),
	CASE("gcp-wif", "provider=//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/"
		"pool/providers/host\0access_boundary={}\0", 2, false),
	CASE("vault", "address=https://v.example\0role=r\0", 0, false),
	CASE("vault", "address=https://v.example\0role=r\0", 0, true),
	/* a renewal that went on to a login */
	CASE("vault", "address=https://v.example\0role=r\0", 1, true),
	CASE("vault", "address=https://v.example\0role=r\0allowed_hosts=w.example, x.example\0", 0, false),
};

static void judge(int r, const struct aid_exchange_result *result, bool more, const struct aid_error *err)
{
	fuzz_assert(r == err->status);
	if (r != AID_OK) {
		fuzz_assert(result->payload == NULL && err->text[0] != '\0');
		fuzz_assert(strstr(err->text, "hunter2-hunter2") == NULL);
		for (const char *c = err->text; *c != '\0'; c++)
			fuzz_assert(*c >= 0x20 && *c <= 0x7e);
		return;
	}
	fuzz_assert(more == (result->payload == NULL) && err->status == AID_OK);
	if (more)
		return;
	fuzz_assert(aid_secret_length(result->payload) <= AID_TOKEN_MAX);
	fuzz_assert(result->expires_wall_ms > NOW);
	fuzz_assert(result->expires_wall_ms <= NOW + MAX_MS + AID_EXCHANGE_SKEW_MS);
	fuzz_assert(aid_str_is_printable(aid_secret_peek(result->payload)));
}

/* The request of the step that an answer led to. */
static void judge_next(const struct aid_exchange *x)
{
	struct aid_exchange_call next;

	fuzz_assert(aid_exchange_call(x, &next, NULL) == AID_OK);
	fuzz_assert(x->redirect[0] == '\0' || strstr(x->redirect, "//w.example") != NULL ||
		strstr(x->redirect, "//x.example") != NULL);
	aid_exchange_call_done(&next);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const int statuses[] = {200, 400, 401, 403, 404, 429, 500, 503, 307};
	AID_AUTO(aid_secret) *assertion = aid_secret_from(SECRET, sizeof(SECRET) - 1);
	AID_AUTO(aid_secret) *body = NULL;
	struct aid_exchange_result result = {.payload = NULL};
	struct aid_error err = AID_ERROR_INIT;
	struct aid_exchange_answer answer = {.host = "h", .retry_after_s = -1, .asked_wall_ms = NOW};
	struct aid_target_values options;
	char location[512] = "";
	struct aid_exchange x;
	bool more = false;
	size_t i;
	int r;

	if (length < 2 || length > AID_EXCHANGE_ANSWER_MAX)
		return 0;
	i = bytes[0] % (sizeof(cases) / sizeof(cases[0]));
	answer.status = statuses[bytes[1] % (sizeof(statuses) / sizeof(statuses[0]))];
	if (answer.status == 307) {
		memcpy(location, bytes + 2, length - 2 < sizeof(location) - 1 ? length - 2 : sizeof(location) - 1);
		answer.location = location;
	}
	body = length > 2 ? aid_secret_from(bytes + 2, length - 2) : NULL;
	answer.body = body;
	aid_target_values_init(&options, aid_target_by_name(cases[i].type));
	fuzz_assert(aid_target_unpack(&options, cases[i].packed, cases[i].length, MAX_MS, NULL) == AID_OK);
	x = (struct aid_exchange){.options = &options, .name = "c", .session_name = "a.b",
		.assertion = assertion, .previous = cases[i].renew ? assertion : NULL, .step = cases[i].step,
		.between = cases[i].step > 0 ? aid_secret_from(SECRET, sizeof(SECRET) - 1) : NULL,
		.between_expires_ms = NOW + MAX_MS};
	r = aid_exchange_answer(&x, &answer, &result, &more, &err);
	judge(r, &result, more, &err);
	if (more)
		judge_next(&x);
	aid_secret_free(result.payload);
	aid_exchange_done(&x);
	aid_target_values_done(&options);
	return 0;
}
