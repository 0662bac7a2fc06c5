/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "breaker.h"

enum kd_breaker_answer kd_breaker_ask(struct kd_breaker *breaker, int64_t now_ms)
{
	switch (breaker->state) {
	case KD_BREAKER_CLOSED:
		return KD_BREAKER_GO;
	case KD_BREAKER_OPEN:
		if (now_ms < breaker->retry_at_ms)
			return KD_BREAKER_WAIT;
		breaker->state = KD_BREAKER_PROBING;
		return KD_BREAKER_PROBE;
	case KD_BREAKER_PROBING:
		break;
	}
	return KD_BREAKER_WAIT;
}

bool kd_breaker_success(struct kd_breaker *breaker)
{
	bool was_open = breaker->state != KD_BREAKER_CLOSED;

	*breaker = (struct kd_breaker){.state = KD_BREAKER_CLOSED};
	return was_open;
}

static void open_again(struct kd_breaker *breaker, int64_t open_ms, int64_t now_ms)
{
	breaker->state = KD_BREAKER_OPEN;
	breaker->open_ms = open_ms > KD_BREAKER_OPEN_MAX_MS ? KD_BREAKER_OPEN_MAX_MS : open_ms;
	breaker->retry_at_ms = now_ms + breaker->open_ms;
}

bool kd_breaker_failure(struct kd_breaker *breaker, bool probe, int64_t now_ms)
{
	breaker->failures++;
	if (probe) {
		open_again(breaker, breaker->open_ms * 2, now_ms);
		return false;
	}
	/* Answers to requests that were under way when it opened change nothing. */
	if (breaker->state != KD_BREAKER_CLOSED || breaker->failures < KD_BREAKER_FAILURES)
		return false;
	open_again(breaker, KD_BREAKER_OPEN_MIN_MS, now_ms);
	return true;
}

void kd_breaker_abandon(struct kd_breaker *breaker, int64_t now_ms)
{
	if (breaker->state != KD_BREAKER_PROBING)
		return;
	breaker->state = KD_BREAKER_OPEN;
	breaker->retry_at_ms = now_ms;
}
