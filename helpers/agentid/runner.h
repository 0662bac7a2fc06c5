/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* A command that runs while a socket is served beside it, each connection by a process of its own: what one
 * client does holds up no other, and what was read for it is gone when it is answered. Signals are passed
 * on to the command, and its exit status is the runner's. For agentid serve and agentid aws-endpoint. */
#ifndef AID_RUNNER_H
#define AID_RUNNER_H

#include "error.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#define RUNNER_WORKERS_MAX 64U /* connections at once */
#define RUNNER_RATE 100U       /* connections in a second */
#define RUNNER_ANSWER_S 30     /* the longest that one connection lasts */
#define RUNNER_BUSY "too many connections: 64 at once and 100 in a second are the limits"

struct runner {
	char **command; /* NULL: none; it goes on until it is told to end */
	int listener;
	const struct rlimit *core_limit; /* the command's */
	int death_signal; /* what the command gets when this process is killed; 0: nothing */
	void *context;
	/* Whether the connection is worth a process, without waiting; NULL: each is. */
	bool (*admit)(void *context, int fd, bool log);
	/* Serves it. False where somebody was refused, which it logs only if told to. */
	bool (*work)(void *context, int fd, bool log);
	/* Says why there is no time for it, without waiting. */
	void (*refuse)(int fd, const char *why);

	/* The runner's own. */
	int signals;
	pid_t child; /* 0: none, or it has ended */
	pid_t workers[RUNNER_WORKERS_MAX];
	int status; /* of the child */
	bool stopped;
	int64_t allowance; /* thousandths of a connection */
	int64_t refilled_ms;
	unsigned int refused; /* in this period */
	int64_t period_ms;    /* when it began */
	sigset_t mask;        /* what the command starts with */
	struct sigaction child_action; /* the same */
};

/* An exit status: the command's, or 128 and the number of the signal that ended it. */
int runner_run(struct runner *runner);

#endif
