/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "runner.h"

#include "cleanup.h"
#include "cli.h"
#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define EXIT_NOT_FOUND 127
#define EXIT_CANNOT_RUN 126
#define EXIT_SIGNALLED 128
#define WORKER_REFUSED 1
#define LOGGED_MAX 30U /* refusals in a period; how many there were more is said at its end */
#define PERIOD_MS 60000

static const int signals_taken[] = {SIGCHLD, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2};

static int take_signals(struct runner *runner, struct aid_error *err)
{
	const struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t taken;

	(void)sigemptyset(&taken);
	for (size_t i = 0; i < sizeof(signals_taken) / sizeof(signals_taken[0]); i++)
		(void)sigaddset(&taken, signals_taken[i]);
	/* Where it is ignored, as some parents leave it, the kernel keeps no exit status. */
	if (pthread_sigmask(SIG_BLOCK, &taken, &runner->mask) != 0 ||
		sigaction(SIGCHLD, &action, &runner->child_action) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "signals");
	runner->signals = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
	return runner->signals >= 0 ? AID_OK : aid_fail_errno(err, AID_E_IO, errno, "signals");
}

static void run_command(const struct runner *runner, pid_t parent)
{
	int e;

	if (runner->death_signal != 0 &&
		(prctl(PR_SET_PDEATHSIG, runner->death_signal, 0, 0, 0) != 0 || getppid() != parent))
		_exit(EXIT_CANNOT_RUN);
	(void)sigaction(SIGCHLD, &runner->child_action, NULL);
	(void)pthread_sigmask(SIG_SETMASK, &runner->mask, NULL);
	(void)setrlimit(RLIMIT_CORE, runner->core_limit);
	(void)close(runner->listener);
	(void)execvp(runner->command[0], runner->command);
	e = errno;
	cli_error("%s: %s", runner->command[0], strerrordesc_np(e));
	_exit(e == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN);
}

static int start_command(struct runner *runner, struct aid_error *err)
{
	pid_t parent = getpid();

	if (runner->command == NULL)
		return AID_OK;
	runner->child = fork();
	if (runner->child < 0)
		return aid_fail_errno(err, AID_E_IO, errno, "fork");
	if (runner->child == 0)
		run_command(runner, parent);
	return AID_OK;
}

/* The exit status tells whether somebody was refused. */
static void work(const struct runner *runner, int fd)
{
	const struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigaction(SIGALRM, &action, NULL);
	(void)pthread_sigmask(SIG_SETMASK, &none, NULL);
	(void)close(runner->listener);
	(void)alarm(RUNNER_ANSWER_S);
	_exit(runner->work(runner->context, fd, runner->refused < LOGGED_MAX) ? 0 : WORKER_REFUSED);
}

static bool may_begin(struct runner *runner, pid_t **ret_worker)
{
	int64_t now_ms = aid_clock_boot_ms();
	int64_t full = RUNNER_RATE * INT64_C(1000);

	runner->allowance += (now_ms - runner->refilled_ms) * RUNNER_RATE;
	runner->allowance = runner->allowance > full ? full : runner->allowance;
	runner->refilled_ms = now_ms;
	if (runner->allowance < 1000)
		return false;
	for (size_t i = 0; i < RUNNER_WORKERS_MAX; i++) {
		if (runner->workers[i] != 0)
			continue;
		runner->allowance -= 1000;
		*ret_worker = &runner->workers[i];
		return true;
	}
	return false;
}

static void count_refusal(struct runner *runner)
{
	int64_t now_ms = aid_clock_boot_ms();

	if (now_ms - runner->period_ms >= PERIOD_MS) {
		if (runner->refused > LOGGED_MAX)
			cli_error("op=read status=denied more=%u", runner->refused - LOGGED_MAX);
		runner->refused = 0;
		runner->period_ms = now_ms;
	}
	runner->refused++;
}

static void take_connection(struct runner *runner)
{
	pid_t *worker;
	AID_FD(fd);
	pid_t pid;

	fd = accept4(runner->listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	if (runner->admit != NULL && !runner->admit(runner->context, fd, runner->refused < LOGGED_MAX)) {
		count_refusal(runner);
		return;
	}
	if (!may_begin(runner, &worker)) {
		runner->refuse(fd, RUNNER_BUSY);
		return;
	}
	pid = fork();
	if (pid == 0)
		work(runner, fd);
	if (pid > 0)
		*worker = pid;
	else
		runner->refuse(fd, "no room for a process");
}

static void forget(struct runner *runner, pid_t pid, int status)
{
	for (size_t i = 0; i < RUNNER_WORKERS_MAX; i++) {
		if (runner->workers[i] != pid)
			continue;
		runner->workers[i] = 0;
		if (WIFEXITED(status) && WEXITSTATUS(status) == WORKER_REFUSED)
			count_refusal(runner);
	}
	if (pid != runner->child)
		return;
	runner->child = 0;
	runner->status = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_SIGNALLED + WTERMSIG(status);
}

/* False when the command has ended: what it left behind (podman keeps a process for its user namespace)
 * does not keep the session open. */
static bool reap(struct runner *runner)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		forget(runner, pid, status);
	return runner->command == NULL || runner->child != 0;
}

static bool take_signal(struct runner *runner)
{
	struct signalfd_siginfo info;

	while (read(runner->signals, &info, sizeof(info)) == sizeof(info)) {
		int number = (int)info.ssi_signo;

		if (number == SIGCHLD)
			continue;
		/* The terminal has told the command too. */
		if (runner->child != 0 && (number == SIGINT || number == SIGQUIT) && info.ssi_code == SI_KERNEL)
			continue;
		if (runner->child != 0)
			(void)kill(runner->child, number);
		else
			runner->stopped = true;
	}
	return reap(runner) && !runner->stopped;
}

static int loop(struct runner *runner)
{
	struct pollfd watched[] = {
		{.fd = runner->listener, .events = POLLIN},
		{.fd = runner->signals, .events = POLLIN},
	};

	for (;;) {
		if (poll(watched, 2, -1) < 0 && errno != EINTR)
			return CLI_FAILURE;
		if (watched[0].revents != 0)
			take_connection(runner);
		if (watched[1].revents != 0 && !take_signal(runner))
			return runner->status;
	}
}

/* Orphans of the command stay descendants: a runtime leaves its container behind. */
int runner_run(struct runner *runner)
{
	struct aid_error err = AID_ERROR_INIT;
	int r = AID_OK;

	runner->signals = -1;
	runner->refilled_ms = runner->period_ms = aid_clock_boot_ms();
	runner->allowance = RUNNER_RATE * INT64_C(1000);
	/* A line is one write: others write to the same log. */
	(void)setvbuf(stderr, NULL, _IOLBF, 0);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
		r = aid_fail_errno(&err, AID_E_IO, errno, "subreaper");
	if (r == AID_OK)
		r = take_signals(runner, &err);
	if (r == AID_OK)
		r = start_command(runner, &err);
	return r == AID_OK ? loop(runner) : cli_fail(&err);
}
