/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What the tests of exchanges share: one exchange in the making, and the form of a row of refusals. */
#ifndef EXCHANGE_BENCH_H
#define EXCHANGE_BENCH_H

#include "unit.h"

#include "exchange.h"

#define NOW INT64_C(1767323045000) /* 2026-01-02T03:04:05Z */
#define ASSERTION "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"

/* One exchange in the making, as credential.c of agentid-fetch sets it up. */
struct bench {
	struct aid_target_values options;
	struct aid_secret *assertion;
	struct aid_secret *previous;
	struct aid_exchange x;
	struct aid_exchange_call call;
	struct aid_exchange_result result;
	bool more;
	struct aid_error err;
};

void bench_begin(struct bench *b, const char *type, const char *packed, size_t length);
#define BEGIN(b, type, packed) bench_begin((b), (type), (packed), sizeof(packed) - 1)
void bench_end(struct bench *b);
void make_call(struct bench *b);
int answer(struct bench *b, int status, const char *body);

struct refusal {
	int http_status;
	const char *body;
	int status;
	const char *sentence;
};

/* Each answer is refused, without a secret in the sentence. */
void check_refusals(const char *type, const char *packed, size_t length, const struct refusal *rows,
	size_t count);
#define REFUSALS(type, packed, rows) \
	check_refusals((type), (packed), sizeof(packed) - 1, (rows), COUNT_OF(rows))

#endif
