/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* One request to a secrets manager and one answer, for the tests of the step functions. */
#ifndef MANAGER_BENCH_H
#define MANAGER_BENCH_H

#include "exchange.h"
#include "secret.h"

#include <string.h>

#define NOW INT64_C(1767323045000) /* 2026-01-02T03:04:05Z */

static struct aid_exchange_call call;
static struct aid_exchange_answer seen;
static struct aid_secret *seen_body;
static struct aid_error err;

static inline void fresh(void)
{
	aid_exchange_call_done(&call);
	call = (struct aid_exchange_call){.body = NULL};
	err = AID_ERROR_INIT;
}

static inline struct aid_exchange_answer *answer(int status, const char *body)
{
	aid_secret_free(seen_body);
	seen_body = body != NULL ? aid_secret_from(body, strlen(body)) : NULL;
	seen = (struct aid_exchange_answer){.status = status, .body = seen_body, .host = "h",
		.retry_after_s = -1, .asked_wall_ms = NOW};
	err = AID_ERROR_INIT;
	return &seen;
}

static inline const char *header(size_t i)
{
	return call.headers[i] != NULL ? aid_secret_peek(call.headers[i]) : "";
}

static inline const char *body_text(void)
{
	return call.body != NULL ? aid_secret_peek(call.body) : "(none)";
}

static inline int end_bench(void **state)
{
	(void)state;
	aid_exchange_call_done(&call);
	aid_secret_free(seen_body);
	seen_body = NULL;
	return 0;
}

#endif
