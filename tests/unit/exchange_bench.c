/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "exchange_bench.h"

void bench_begin(struct bench *b, const char *type, const char *packed, size_t length)
{
	*b = (struct bench){.err = AID_ERROR_INIT};
	aid_target_values_init(&b->options, aid_target_by_name(type));
	assert_ok(aid_target_unpack(&b->options, packed, length, 3600000, &b->err), &b->err);
	b->assertion = aid_secret_from(ASSERTION, sizeof(ASSERTION) - 1);
	b->x = (struct aid_exchange){.options = &b->options, .name = "c", .assertion = b->assertion,
		.session_name = "my-agent.0123456789abcdef"};
}

void bench_end(struct bench *b)
{
	aid_secret_free(b->result.payload);
	aid_exchange_call_done(&b->call);
	aid_exchange_done(&b->x);
	aid_target_values_done(&b->options);
	aid_secret_free(b->assertion);
	aid_secret_free(b->previous);
}

void make_call(struct bench *b)
{
	aid_exchange_call_done(&b->call);
	assert_ok(aid_exchange_call(&b->x, &b->call, &b->err), &b->err);
}

int answer(struct bench *b, int status, const char *body)
{
	AID_AUTO(aid_secret) *bytes = body != NULL ? aid_secret_from(body, strlen(body)) : NULL;
	const struct aid_exchange_answer seen = {.status = status, .body = bytes, .host = "h",
		.retry_after_s = -1, .asked_wall_ms = NOW};

	b->err = AID_ERROR_INIT;
	return aid_exchange_answer(&b->x, &seen, &b->result, &b->more, &b->err);
}

void check_refusals(const char *type, const char *packed, size_t length,
	const struct refusal *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct bench b;

		bench_begin(&b, type, packed, length);
		assert_failed(answer(&b, rows[i].http_status, rows[i].body), rows[i].status, &b.err,
			rows[i].sentence);
		assert_null(b.result.payload);
		assert_null(strstr(b.err.text, "eyJ"));
		bench_end(&b);
	}
}
