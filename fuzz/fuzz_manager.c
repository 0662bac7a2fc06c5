/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The first byte chooses the step of a secrets manager, the second the status; the rest is the body of
 * the answer. A secret that is taken has a size one can be sent in; a refusal says so without a secret. */
#include "fuzz.h"

#include "aws_keys.h"
#include "kv_vault.h"
#include "secret_source.h"
#include "secretsmanager.h"
#include "str.h"

#include <string.h>

#define NOW INT64_C(1767323045000)
#define SECRET "hunter2-hunter2-hunter2"
#define PATH "kv/agents/a"

static struct aid_secret *hidden;
static const struct aid_sigv4_keys keys = {.id = "AKIDEXAMPLE"};

static void judge(int r, const struct aid_error *err)
{
	fuzz_assert(r == err->status);
	fuzz_assert(r == AID_OK || err->text[0] != '\0');
	fuzz_assert(strstr(err->text, "hunter2-hunter2") == NULL);
	for (const char *c = err->text; *c != '\0'; c++)
		fuzz_assert(*c >= 0x20 && *c <= 0x7e);
}

static int take(int r, struct aid_secret *value)
{
	fuzz_assert((r == AID_OK) == (value != NULL));
	if (value == NULL)
		return r;
	fuzz_assert(aid_secret_length(value) > 0 && aid_secret_length(value) <= AID_CLIENT_SECRET_MAX);
	aid_secret_free(value);
	return r;
}

static int read_kv(const struct aid_vault *vault, const struct aid_exchange_answer *answer,
	unsigned int version, struct aid_error *err)
{
	const struct aid_kv_place place = {version, "kv", "agents/a"};
	struct aid_kv_secret secret = {.document = NULL};
	struct aid_secret *value = NULL;
	int r = aid_kv_read_answer(vault, &place, answer, &secret, err);

	if (r != AID_OK)
		return r;
	fuzz_assert(version == 1 ? secret.version == 0 : secret.version > 0);
	r = aid_kv_field(&secret, "s", "h", &value, err);
	r = take(r, value);
	aid_kv_secret_done(&secret);
	return r;
}

static int read_sm(const struct aid_sm *sm, const struct aid_exchange_answer *answer, const char *field,
	struct aid_error *err)
{
	struct aid_sm_secret secret = {.value = NULL};
	struct aid_secret *value = NULL;
	int r = aid_sm_get_answer(sm, answer, &secret, err);

	if (r != AID_OK)
		return r;
	fuzz_assert(aid_str_is_printable(secret.version_id));
	r = aid_sm_field(&secret, field, "h", &value, err);
	r = take(r, value);
	aid_sm_secret_done(&secret);
	return r;
}

static int read_keys(const struct aid_exchange_answer *answer, struct aid_error *err)
{
	struct aid_aws_keys made = {.secret = NULL};
	int r = aid_aws_keys_answer(answer, &made, err);

	fuzz_assert((r == AID_OK) == (made.secret != NULL) && (r == AID_OK) == (made.token != NULL));
	fuzz_assert(r != AID_OK || (made.expires_wall_ms > NOW && aid_str_is_printable(made.id)));
	aid_aws_keys_done(&made);
	return r;
}

static int read_token(const struct aid_exchange_answer *answer, struct aid_error *err)
{
	struct aid_vault_token token = {.token = NULL};
	int r = aid_vault_token_answer(answer, hidden, &token, err);

	fuzz_assert((r == AID_OK) == (token.token != NULL));
	fuzz_assert(r != AID_OK || aid_str_is_printable(aid_secret_peek(token.token)));
	aid_secret_free(token.token);
	return r;
}

static int step(unsigned int which, const struct aid_exchange_answer *answer, struct aid_error *err)
{
	const struct aid_vault vault = {"https://v", NULL, hidden};
	const struct aid_sm sm = {"eu-west-1", NULL, &keys, NOW};
	struct aid_kv_place place = {2, "kv", "agents/a"};
	struct aid_kv_metadata metadata;
	struct aid_kv_written written;
	struct aid_sm_stages stages;
	int r;

	switch (which) {
	case 0:
		r = aid_kv_detect_answer(&vault, answer, PATH, &place, err);
		fuzz_assert(r != AID_OK || (strlen(place.mount) + 1 + strlen(place.path) == strlen(PATH) &&
			aid_str_has_prefix(PATH, place.mount)));
		return r;
	case 1:
	case 2:
		return read_kv(&vault, answer, which, err);
	case 3:
		return aid_kv_metadata_answer(&vault, answer, &metadata, err);
	case 4:
		return aid_kv_write_answer(&vault, &place, answer, &written, err);
	case 5:
		return read_sm(&sm, answer, NULL, err);
	case 6:
		return read_sm(&sm, answer, "s", err);
	case 7:
		return aid_sm_describe_answer(&sm, answer, &stages, err);
	case 8:
		return aid_sm_put_answer(&sm, answer, "v", hidden, err);
	case 9:
		return read_keys(answer, err);
	default:
		return read_token(answer, err);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const int statuses[] = {200, 400, 401, 403, 404, 429, 500, 503};
	AID_AUTO(aid_secret) *body = NULL;
	struct aid_exchange_answer answer = {.host = "h", .retry_after_s = -1, .asked_wall_ms = NOW};
	struct aid_error err = AID_ERROR_INIT;

	if (length < 2 || length > AID_EXCHANGE_ANSWER_MAX)
		return 0;
	answer.status = statuses[bytes[1] % (sizeof(statuses) / sizeof(statuses[0]))];
	body = length > 2 ? aid_secret_from(bytes + 2, length - 2) : NULL;
	answer.body = body;
	hidden = aid_secret_from(SECRET, sizeof(SECRET) - 1);
	judge(step(bytes[0] % 11, &answer, &err), &err);
	aid_secret_free(hidden);
	return 0;
}
