/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* One exchange as a benchmark has it made: for agentid-fetch to do, and for a libcurl handle to send. The
 * bytes of the request come from the functions of lib/ that agentid-fetch calls. */
#ifndef BENCH_MAKING_H
#define BENCH_MAKING_H

#include "side.h"

#include "exchange.h"
#include "signing_key.h"
#include "target.h"

#include <stdbool.h>

#define EXCHANGE_SUBJECT "agent:a"
#define EXCHANGE_SESSION "my-agent.0123456789abcdef"

struct bench_exchange {
	struct aid_target_values options;
	char packed[2048];            /* the same, as they travel */
	size_t length;
	const char *audience;         /* of the assertion */
	const char *issuer;           /* this host, in it */
	bool is_form;                 /* rfc8693: a token request, whose client has a secret */
	int key_fd, secret_fd;        /* secret_fd: -1 where there is none */
	struct aid_signing_key *key;
	struct aid_secret *secret;
};

/* words: "KIND URL". Ends the program for what is missing. */
struct bench_exchange *bench_exchange_new(const char *words, const struct side_options *options);
/* The request with an assertion of its own; aid_exchange_call_done() frees it. */
void bench_exchange_call(const struct bench_exchange *exchange, struct aid_exchange_call *ret_call);

#endif
