/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "loop.h"

#include "client.h"
#include "clock.h"
#include "cleanup.h"
#include "daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>

/* Timers that are due are run in portions, so that sockets are served in between. */
#define TIMERS_PER_ROUND 32
/* A wall clock that moved less has moved no key's second. */
#define STEP_MIN_MS 500
/* After a request to end: nobody waits and nothing has happened for so long; but no later than that. */
#define QUIET_MS 50
#define DRAIN_MS 3000
#define FAR_FUTURE_S INT64_C(0xffffffff)

int kd_loop_add(struct kd_loop *loop, struct kd_watch *watch, int fd, uint32_t events,
	struct aid_error *err)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
		int saved_errno = errno;

		(void)close(fd);
		return aid_fail_errno(err, AID_E_IO, saved_errno, "epoll");
	}
	watch->fd = fd;
	watch->events = events;
	return AID_OK;
}

void kd_loop_change(struct kd_loop *loop, struct kd_watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	if (watch->fd < 0 || watch->events == events)
		return;
	if (epoll_ctl(loop->epoll, EPOLL_CTL_MOD, watch->fd, &event) == 0)
		watch->events = events;
}

void kd_loop_remove(struct kd_loop *loop, struct kd_watch *watch)
{
	if (watch->fd < 0)
		return;
	(void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	(void)close(watch->fd);
	watch->fd = -1;
}

void kd_loop_set(struct kd_loop *loop, struct kd_timer *timer, int64_t due_ms)
{
	/* Without its deadline a session would never be refreshed again and nobody would know. After
	 * a restart everything is found again in the kernel. */
	if (kd_heap_set(&loop->heap, timer, due_ms) != AID_OK)
		abort();
}

void kd_loop_clear(struct kd_loop *loop, struct kd_timer *timer)
{
	kd_heap_clear(&loop->heap, timer);
}

static void on_timer(struct kd_daemon *daemon, struct kd_watch *watch, uint32_t events)
{
	uint64_t expirations;
	int64_t now = aid_clock_boot_ms();

	(void)events;
	(void)!read(watch->fd, &expirations, sizeof(expirations));
	daemon->loop.armed_ms = 0;
	for (int i = 0; i < TIMERS_PER_ROUND; i++) {
		struct kd_timer *timer = kd_heap_first(&daemon->loop.heap);

		if (timer == NULL || timer->due_ms > now)
			break;
		kd_heap_clear(&daemon->loop.heap, timer);
		timer->fire(daemon, timer);
	}
}

static int arm_clock_watch(int fd)
{
	const struct itimerspec far = {.it_value.tv_sec = FAR_FUTURE_S};

	return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL);
}

static void on_clock(struct kd_daemon *daemon, struct kd_watch *watch, uint32_t events)
{
	int64_t offset = aid_clock_wall_ms() - aid_clock_boot_ms();
	int64_t step = offset - daemon->loop.offset_ms;
	uint64_t expirations;

	(void)events;
	(void)!read(watch->fd, &expirations, sizeof(expirations));
	(void)!arm_clock_watch(watch->fd);
	if (step > -STEP_MIN_MS && step < STEP_MIN_MS)
		return;
	daemon->loop.offset_ms = offset;
	kd_daemon_clock_stepped(daemon, step);
}

static void on_drained(struct kd_daemon *daemon, struct kd_timer *timer)
{
	(void)timer;
	daemon->loop.stopping = true;
}

/* An open that is under way is finished first: the application would have to take a cut connection for
 * a failed login. A second signal does not wait. */
static void drain(struct kd_daemon *daemon)
{
	struct kd_loop *loop = &daemon->loop;

	if (loop->draining) {
		loop->stopping = true;
		return;
	}
	loop->draining = true;
	loop->drained.fire = on_drained;
	kd_loop_set(loop, &loop->drained, aid_clock_boot_ms() + DRAIN_MS);
	kd_clients_refuse(daemon);
}

static void on_signal(struct kd_daemon *daemon, struct kd_watch *watch, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	if (read(watch->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		kd_daemon_reload(daemon);
	else
		drain(daemon);
}

static int add_signals(struct kd_loop *loop, struct aid_error *err)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return aid_fail(err, AID_E_IO, "signal mask");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return aid_fail_errno(err, AID_E_IO, errno, "signalfd");
	return kd_loop_add(loop, &loop->signals, fd, EPOLLIN, err);
}

static int add_clocks(struct kd_loop *loop, struct aid_error *err)
{
	int fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	int r;

	if (fd < 0)
		return aid_fail_errno(err, AID_E_IO, errno, "timerfd");
	r = kd_loop_add(loop, &loop->timer, fd, EPOLLIN, err);
	if (r != AID_OK)
		return r;
	fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd < 0 || arm_clock_watch(fd) != 0) {
		int saved_errno = errno;

		if (fd >= 0)
			(void)close(fd);
		return aid_fail_errno(err, AID_E_IO, saved_errno, "timerfd");
	}
	return kd_loop_add(loop, &loop->clock, fd, EPOLLIN, err);
}

int kd_loop_init(struct kd_loop *loop, struct aid_error *err)
{
	int r;

	*loop = (struct kd_loop){
		.timer = {.fd = -1, .ready = on_timer}, .clock = {.fd = -1, .ready = on_clock}, .signals = {.fd = -1, .ready = on_signal}};
	loop->offset_ms = aid_clock_wall_ms() - aid_clock_boot_ms();
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0)
		return aid_fail_errno(err, AID_E_IO, errno, "epoll");
	r = add_signals(loop, err);
	if (r != AID_OK)
		return r;
	return add_clocks(loop, err);
}

void kd_loop_done(struct kd_loop *loop)
{
	kd_loop_remove(loop, &loop->timer);
	kd_loop_remove(loop, &loop->clock);
	kd_loop_remove(loop, &loop->signals);
	kd_heap_done(&loop->heap);
	if (loop->epoll >= 0)
		(void)close(loop->epoll);
}

static void arm(struct kd_loop *loop)
{
	const struct kd_timer *first = kd_heap_first(&loop->heap);
	struct itimerspec spec = {0};
	int64_t due;

	if (first == NULL)
		return;
	/* A timer of 0 would mean "off" to the kernel. */
	due = first->due_ms > 0 ? first->due_ms : 1;
	/* Most deadlines are taken back before they pass: one that is too early by then costs one vain
	 * turn of the loop, and setting it anew each time costs a system call for every message. */
	if (loop->armed_ms != 0 && loop->armed_ms <= due)
		return;
	spec.it_value.tv_sec = due / 1000;
	spec.it_value.tv_nsec = due % 1000 * 1000000;
	if (timerfd_settime(loop->timer.fd, TFD_TIMER_ABSTIME, &spec, NULL) == 0)
		loop->armed_ms = due;
}

/* One event at a time: a handler may end any other object, and no event of that one is then still
 * in a list of ours. The kernel hands ready descriptors out in turn. */
int kd_loop_run(struct kd_daemon *daemon, struct aid_error *err)
{
	struct kd_loop *loop = &daemon->loop;

	while (!loop->stopping) {
		struct epoll_event event;
		struct kd_watch *watch;
		int n;

		kd_fetch_send_due(daemon);
		arm(loop);
		n = epoll_wait(loop->epoll, &event, 1, loop->draining ? QUIET_MS : -1);
		if (n < 0 && errno != EINTR)
			return aid_fail_errno(err, AID_E_IO, errno, "epoll_wait");
		if (n == 0 && !kd_clients_are_waiting(daemon))
			loop->stopping = true;
		if (n < 1)
			continue;
		watch = event.data.ptr;
		watch->ready(daemon, watch, event.events);
		kd_clients_reap(daemon);
	}
	return AID_OK;
}
