/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* A binary heap of deadlines on the boot clock. Timers live in the objects they belong to; the heap
 * holds pointers and each timer knows its place, so setting and clearing cost log n. */
#ifndef KD_HEAP_H
#define KD_HEAP_H

#include "error.h"

#include <stddef.h>
#include <stdint.h>

struct kd_daemon;

struct kd_timer {
	int64_t due_ms;
	uint32_t place; /* 0: not in the heap; else index + 1 */
	void (*fire)(struct kd_daemon *daemon, struct kd_timer *timer);
};

struct kd_heap {
	struct kd_timer **items;
	size_t count;
	size_t capacity;
};

/* Adds the timer or moves it. AID_E_NOMEM leaves the heap unchanged; never for one that is in it. */
int kd_heap_set(struct kd_heap *heap, struct kd_timer *timer, int64_t due_ms) AID_WUR;
/* No-op for a timer that is not in the heap. */
void kd_heap_clear(struct kd_heap *heap, struct kd_timer *timer);
/* The earliest; NULL when empty. */
struct kd_timer *kd_heap_first(const struct kd_heap *heap);
void kd_heap_done(struct kd_heap *heap);

#endif
