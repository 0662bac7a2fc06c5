/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The event loop: epoll, a boot-clock timer for the heap of deadlines, a wall-clock timer that the
 * kernel cancels when somebody sets the clock, and signals as events. */
#ifndef KD_LOOP_H
#define KD_LOOP_H

#include "error.h"
#include "heap.h"

#include <stdbool.h>
#include <stdint.h>

struct kd_watch {
	int fd; /* -1: not watched */
	void (*ready)(struct kd_daemon *daemon, struct kd_watch *watch, uint32_t events);
	uint32_t events; /* what it is watched for */
};

struct kd_loop {
	int epoll;
	struct kd_heap heap;
	struct kd_watch timer;
	struct kd_watch clock;
	struct kd_watch signals;
	int64_t armed_ms; /* what the timer is set to, at most the first deadline; 0: not set */
	int64_t offset_ms; /* wall clock minus boot clock, when it last mattered */
	struct kd_timer drained; /* the latest end, once asked to end */
	bool draining;
	bool stopping;
};

int kd_loop_init(struct kd_loop *loop, struct aid_error *err) AID_WUR;
void kd_loop_done(struct kd_loop *loop);
/* Watches fd, which the watch then owns, for events of epoll. fd is closed on failure. */
int kd_loop_add(struct kd_loop *loop, struct kd_watch *watch, int fd, uint32_t events,
	struct aid_error *err) AID_WUR;
void kd_loop_change(struct kd_loop *loop, struct kd_watch *watch, uint32_t events);
/* Stops watching and closes; no-op when not watched. */
void kd_loop_remove(struct kd_loop *loop, struct kd_watch *watch);
/* Sets a timer; a shortage of memory ends the process, because a deadline must not be lost. */
void kd_loop_set(struct kd_loop *loop, struct kd_timer *timer, int64_t due_ms);
void kd_loop_clear(struct kd_loop *loop, struct kd_timer *timer);
/* Until loop.stopping. */
int kd_loop_run(struct kd_daemon *daemon, struct aid_error *err) AID_WUR;

#endif
