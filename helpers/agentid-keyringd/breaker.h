/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* A circuit breaker, one per issuer: after five transient failures in a row nobody asks for a while,
 * then one request is the probe. Pure: the time is passed in. */
#ifndef KD_BREAKER_H
#define KD_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define KD_BREAKER_FAILURES 5U
#define KD_BREAKER_OPEN_MIN_MS 5000
#define KD_BREAKER_OPEN_MAX_MS 30000

enum kd_breaker_state { KD_BREAKER_CLOSED = 0, KD_BREAKER_OPEN, KD_BREAKER_PROBING };
enum kd_breaker_answer { KD_BREAKER_GO = 0, KD_BREAKER_PROBE, KD_BREAKER_WAIT };

struct kd_breaker {
	enum kd_breaker_state state;
	unsigned int failures; /* transient ones in a row */
	int64_t open_ms;       /* how long it stays open this time */
	int64_t retry_at_ms;   /* while open: when the probe may go */
};

/* KD_BREAKER_PROBE goes to one asker, who must report success, failure or abandon. */
enum kd_breaker_answer kd_breaker_ask(struct kd_breaker *breaker, int64_t now_ms);
/* True when it was not closed before. */
bool kd_breaker_success(struct kd_breaker *breaker);
/* True when this failure opened it; probe says whether the asker was the probe. */
bool kd_breaker_failure(struct kd_breaker *breaker, bool probe, int64_t now_ms);
/* The probe ended without an answer from the issuer: the next asker may be one at once. */
void kd_breaker_abandon(struct kd_breaker *breaker, int64_t now_ms);

#endif
