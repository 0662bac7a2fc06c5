/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "serve.h"

#include "cleanup.h"
#include "clock.h"
#include "commands.h"
#include "ipc.h"
#include "keyring.h"
#include "str.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define FIRST_PASSED_FD 3
#define EXIT_NOT_FOUND 127
#define EXIT_CANNOT_RUN 126
#define EXIT_SIGNALLED 128
#define WORKER_REFUSED 1
#define LOGGED_MAX 30U /* refusals in a period; how many there were more is said at its end */
#define PERIOD_MS 60000

struct serve {
	const char *path; /* NULL: the service manager's socket */
	char **command;   /* NULL: none */
	int listener;
	int signals;
	pid_t self;
	pid_t child;      /* 0: none, or it has ended */
	pid_t workers[SERVE_WORKERS_MAX];
	int status;       /* of the child */
	bool stopped;
	int64_t allowance; /* thousandths of a connection */
	int64_t refilled_ms;
	unsigned int refused;  /* in this period */
	int64_t period_ms;     /* when it began */
	sigset_t mask;     /* what COMMAND starts with */
	const struct rlimit *core_limit; /* the same */
};

static const int signals_taken[] = {SIGCHLD, SIGTERM, SIGHUP, SIGINT, SIGQUIT};

static int take_signals(struct serve *serve, struct aid_error *err)
{
	sigset_t taken;

	(void)sigemptyset(&taken);
	for (size_t i = 0; i < sizeof(signals_taken) / sizeof(signals_taken[0]); i++)
		(void)sigaddset(&taken, signals_taken[i]);
	if (sigprocmask(SIG_BLOCK, &taken, &serve->mask) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "signals");
	serve->signals = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
	return serve->signals >= 0 ? AID_OK : aid_fail_errno(err, AID_E_IO, errno, "signals");
}

/* Orphans of the command stay descendants: a runtime leaves its container behind. */
static int prepare(struct serve *serve, struct aid_error *err)
{
	aid_serial ring;
	int r = aid_ring_find(&ring, err);

	if (r == AID_OK && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "subreaper");
	if (r == AID_OK)
		r = serve->path != NULL ? serve_socket_bind(serve->path, &serve->listener, err)
					: serve_socket_check(serve->listener, err);
	return r == AID_OK ? take_signals(serve, err) : r;
}

static void run_command(const struct serve *serve)
{
	int e;

	(void)sigprocmask(SIG_SETMASK, &serve->mask, NULL);
	(void)setrlimit(RLIMIT_CORE, serve->core_limit);
	(void)close(serve->listener);
	(void)execvp(serve->command[0], serve->command);
	e = errno;
	cli_error("%s: %s", serve->command[0], strerrordesc_np(e));
	_exit(e == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN);
}

static int start_command(struct serve *serve, struct aid_error *err)
{
	if (serve->command == NULL)
		return AID_OK;
	serve->child = fork();
	if (serve->child < 0)
		return aid_fail_errno(err, AID_E_IO, errno, "fork");
	if (serve->child == 0)
		run_command(serve);
	return AID_OK;
}

static void log_refusal(const struct serve_peer *peer, const struct aid_error *err)
{
	cli_error("op=read pid=%d uid=%d status=%s detail='%s'", (int)peer->pid, (int)peer->uid,
		aid_status_name(err->status), err->text);
}

/* The exit status tells whether somebody was refused. */
static void work(const struct serve *serve, int fd)
{
	struct aid_error err = AID_ERROR_INIT;
	struct serve_peer peer;
	int r;

	(void)sigprocmask(SIG_SETMASK, &serve->mask, NULL);
	(void)close(serve->listener);
	(void)alarm(SERVE_ANSWER_S);
	r = serve_client(fd, serve->path != NULL ? serve->self : 0, &peer, &err);
	if (r == AID_OK || r == AID_E_UNREACHABLE)
		_exit(0);
	if (serve->refused < LOGGED_MAX)
		log_refusal(&peer, &err);
	_exit(WORKER_REFUSED);
}

static bool may_begin(struct serve *serve, pid_t **ret_worker)
{
	int64_t now_ms = aid_clock_boot_ms();
	int64_t full = SERVE_RATE * INT64_C(1000);

	serve->allowance += (now_ms - serve->refilled_ms) * SERVE_RATE;
	serve->allowance = serve->allowance > full ? full : serve->allowance;
	serve->refilled_ms = now_ms;
	if (serve->allowance < 1000)
		return false;
	for (size_t i = 0; i < SERVE_WORKERS_MAX; i++) {
		if (serve->workers[i] != 0)
			continue;
		serve->allowance -= 1000;
		*ret_worker = &serve->workers[i];
		return true;
	}
	return false;
}

static void take_connection(struct serve *serve)
{
	pid_t *worker;
	AID_FD(fd);
	pid_t pid;

	fd = accept4(serve->listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	if (!may_begin(serve, &worker)) {
		serve_client_refuse(fd, "too many connections: 64 at once and 100 in a second are the limits");
		return;
	}
	pid = fork();
	if (pid == 0)
		work(serve, fd);
	if (pid > 0)
		*worker = pid;
	else
		serve_client_refuse(fd, "no room for a process");
}

static void count_refusal(struct serve *serve)
{
	int64_t now_ms = aid_clock_boot_ms();

	if (now_ms - serve->period_ms >= PERIOD_MS) {
		if (serve->refused > LOGGED_MAX)
			cli_error("op=read status=denied more=%u", serve->refused - LOGGED_MAX);
		serve->refused = 0;
		serve->period_ms = now_ms;
	}
	serve->refused++;
}

static void forget(struct serve *serve, pid_t pid, int status)
{
	for (size_t i = 0; i < SERVE_WORKERS_MAX; i++) {
		if (serve->workers[i] != pid)
			continue;
		serve->workers[i] = 0;
		if (WIFEXITED(status) && WEXITSTATUS(status) == WORKER_REFUSED)
			count_refusal(serve);
	}
	if (pid != serve->child)
		return;
	serve->child = 0;
	serve->status = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_SIGNALLED + WTERMSIG(status);
}

/* False when the command has ended: what it left behind (podman keeps a process for its user namespace)
 * does not keep the session open. */
static bool reap(struct serve *serve)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		forget(serve, pid, status);
	return serve->command == NULL || serve->child != 0;
}

static bool take_signal(struct serve *serve)
{
	struct signalfd_siginfo info;

	while (read(serve->signals, &info, sizeof(info)) == sizeof(info)) {
		int number = (int)info.ssi_signo;

		if (number == SIGCHLD)
			continue;
		/* The terminal has told the command too. */
		if (serve->child != 0 && (number == SIGINT || number == SIGQUIT) && info.ssi_code == SI_KERNEL)
			continue;
		if (serve->child != 0)
			(void)kill(serve->child, number);
		else
			serve->stopped = true;
	}
	return reap(serve) && !serve->stopped;
}

static int loop(struct serve *serve)
{
	struct pollfd watched[] = {
		{.fd = serve->listener, .events = POLLIN},
		{.fd = serve->signals, .events = POLLIN},
	};

	for (;;) {
		if (poll(watched, 2, -1) < 0 && errno != EINTR)
			return CLI_FAILURE;
		if (watched[0].revents != 0)
			take_connection(serve);
		if (watched[1].revents != 0 && !take_signal(serve))
			return serve->status;
	}
}

static int take_passed(const struct cli *cli, struct serve *serve)
{
	const char *count = cli->environment("LISTEN_FDS");
	const char *pid = cli->environment("LISTEN_PID");
	uint64_t number;

	if (!aid_streq(count, "1") || pid == NULL || aid_str_parse_uint(pid, 1, INT32_MAX, &number) != AID_OK ||
		number != (uint64_t)getpid())
		return cli_usage(cli, "--socket PATH and a COMMAND, or one socket of the service manager, is needed");
	serve->listener = FIRST_PASSED_FD;
	return -1;
}

static int parse(const struct cli *cli, int argc, char **argv, struct serve *serve)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{"socket", required_argument, NULL, 's'},
		{NULL, 0, NULL, 0},
	};
	int letter;

	while ((letter = cli_getopt(argc, argv, "+:hs:", options)) != -1) {
		if (letter != 's')
			return cli_other_option(cli, letter, argv);
		serve->path = optarg;
	}
	serve->command = optind < argc ? argv + optind : NULL;
	if (serve->path == NULL && serve->command == NULL)
		return take_passed(cli, serve);
	if (serve->path == NULL || serve->command == NULL)
		return cli_usage(cli, "--socket PATH and a COMMAND go together");
	return -1;
}

int command_serve(const struct cli *cli, int argc, char **argv)
{
	struct serve serve = {.core_limit = cli->core_limit, .listener = -1, .signals = -1, .self = getpid(), .command = argv,
		.allowance = SERVE_RATE * INT64_C(1000), .refilled_ms = aid_clock_boot_ms(), .period_ms = aid_clock_boot_ms()};
	struct aid_error err = AID_ERROR_INIT;
	int status = parse(cli, argc, argv, &serve);

	if (status >= 0)
		return status;
	/* A line is one write: others write to the same log. */
	(void)setvbuf(stderr, NULL, _IOLBF, 0);
	if (prepare(&serve, &err) != AID_OK || start_command(&serve, &err) != AID_OK)
		status = cli_fail(&err);
	else
		status = loop(&serve);
	if (serve.path != NULL && serve.listener >= 0)
		serve_socket_remove(serve.path, serve.listener);
	return status;
}
