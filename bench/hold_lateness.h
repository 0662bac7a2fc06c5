/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* How late refreshes are: the time that agentid-keyringd announced for the next one (LIST) beside
 * the time at which the next token was received (agentid:meta of the ring, readable by root). */
#ifndef BENCH_HOLD_LATENESS_H
#define BENCH_HOLD_LATENESS_H

#include "bench.h"

#include <stddef.h>
#include <stdint.h>

/* Watches the sessions of an agent for so many seconds; adds milliseconds to late. rings holds the
 * rings of all sessions; those of other agents are passed over. */
void bench_watch_lateness(const int32_t *rings, size_t n_rings, const char *agent, int64_t seconds,
	struct bench_samples *late);

/* How often the sessions of an agent were refreshed so far, all together. */
int64_t bench_count_refreshes(const int32_t *rings, size_t n_rings, const char *agent);

#endif
