/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid-fetch: everything agentid does over a network, and every parser of what comes from there. */
#include "fetch.h"

#include "clock.h"

#include "sandbox.h"
#include "str.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#define LISTENER 3
#define FILES_WANTED 8192U
#define SECRETS_KEPT 16U /* regions of 64 KiB; a request alone needs one of each of five sizes */

/* What the service manager says. The strings live in the initial stack, and so outlive clearenv(). */
struct environment {
	const char *listen_fds;
	const char *listen_pid;
	const char *notify_socket;
	const char *watchdog_usec;
	const char *watchdog_pid;
	bool to_journal;
};

/* Libraries read proxies, CA files, key logs, name server options and more from the environment: none
 * of that may come from whoever started this. */
static struct environment take_environment(void)
{
	const struct environment e = {
		.listen_fds = secure_getenv("LISTEN_FDS"),
		.listen_pid = secure_getenv("LISTEN_PID"),
		.notify_socket = secure_getenv("NOTIFY_SOCKET"),
		.watchdog_usec = secure_getenv("WATCHDOG_USEC"),
		.watchdog_pid = secure_getenv("WATCHDOG_PID"),
		.to_journal = secure_getenv("JOURNAL_STREAM") != NULL,
	};

	(void)clearenv(); /* NOLINT(concurrency-mt-unsafe): there is one thread yet */
	return e;
}

static int check_listener(const struct environment *e, struct aid_error *err)
{
	int type = 0, listening = 0;
	socklen_t type_size = sizeof(type), listening_size = sizeof(listening);
	uint64_t pid;

	if (e->listen_pid == NULL ||
		aid_str_parse_uint(e->listen_pid, 1, INT_MAX, &pid) != AID_OK || pid != (uint64_t)getpid() ||
		!aid_streq(e->listen_fds, "1"))
		return aid_fail(err, AID_E_CONFIG,
			"no socket was passed (LISTEN_FDS=1, LISTEN_PID): systemd or agentid-keyringd "
			"starts this program");
	if (getsockopt(LISTENER, SOL_SOCKET, SO_TYPE, &type, &type_size) != 0 ||
		getsockopt(LISTENER, SOL_SOCKET, SO_ACCEPTCONN, &listening, &listening_size) != 0)
		return aid_fail_errno(err, AID_E_CONFIG, errno, "descriptor 3");
	if (type != SOCK_SEQPACKET || listening == 0)
		return aid_fail(err, AID_E_CONFIG, "descriptor 3 is no listening SOCK_SEQPACKET socket");
	return AID_OK;
}

static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= FILES_WANTED)
		return;
	limit.rlim_cur = limit.rlim_max < FILES_WANTED ? limit.rlim_max : FILES_WANTED;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int sandbox(struct aid_error *err)
{
	int r;

	if (geteuid() == 0 || getuid() == 0)
		return aid_fail(err, AID_E_CONFIG, "this program does not run as root");
	r = aid_sandbox_drop_capabilities(err);
	if (r == AID_OK)
		r = aid_sandbox_enter(err);
	return r == AID_OK ? aid_sandbox_deny_keyrings(err) : r;
}

/* Blocked before any thread exists, so that resolver threads inherit it. */
static int take_signals(int *ret_fd, struct aid_error *err)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
		signal(SIGHUP, SIG_IGN) == SIG_ERR)
		return aid_fail_errno(err, AID_E_IO, errno, "signals");
	*ret_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (*ret_fd < 0)
		return aid_fail_errno(err, AID_E_IO, errno, "signalfd");
	return AID_OK;
}

static int start(struct fetch *fetch, const struct environment *e, int *ret_signals,
	struct aid_error *err)
{
	int r;

	r = aid_sandbox_descriptors(LISTENER + 1, err);
	if (r == AID_OK)
		r = check_listener(e, err);
	if (r == AID_OK)
		r = sandbox(err);
	if (r == AID_OK)
		r = take_signals(ret_signals, err);
	if (r == AID_OK)
		r = aid_notify_init(&fetch->notify, e->notify_socket, e->watchdog_usec, e->watchdog_pid,
			err);
	if (r != AID_OK)
		return r;
	raise_file_limit();
	fetch->started_boot_ms = aid_clock_boot_ms();
	fetch->keys = key_cache_new();
	if (fetch->keys == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	r = aid_http_new(&fetch->http, err);
	return r == AID_OK ? server_start(fetch, LISTENER, *ret_signals, err) : r;
}

static int run(const struct environment *e)
{
	struct aid_error err = AID_ERROR_INIT;
	struct fetch *fetch = calloc(1, sizeof(*fetch));
	AID_FD(signals);
	int r;

	if (fetch == NULL)
		return EXIT_FAILURE;
	fetch->epoll = -1;
	fetch->spare_fd = -1;
	fetch->notify.fd = -1;
	fetch->next_deadline_boot_ms = INT64_MAX;
	fetch->managed_next_boot_ms = INT64_MAX;
	fetch->to_journal = e->to_journal;
	aid_secret_keep(SECRETS_KEPT);
	r = start(fetch, e, &signals, &err);
	if (r == AID_OK) {
		aid_notify_send(&fetch->notify, "READY=1\nSTATUS=Waiting for requests");
		server_run(fetch);
		aid_notify_send(&fetch->notify, "STOPPING=1");
	} else {
		say(fetch, SAY_ERROR, "start", "agentid-fetch", r, err.text);
	}
	server_stop(fetch);
	aid_http_free(fetch->http);
	key_cache_free(fetch->keys);
	aid_notify_done(&fetch->notify);
	explicit_bzero(fetch, sizeof(*fetch));
	free(fetch);
	return r == AID_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	const struct environment environment = take_environment();

	if (argc == 1)
		return run(&environment);
	if (argc == 2 && aid_streq(argv[1], "--version"))
		return puts("agentid-fetch " PACKAGE_VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	if (argc == 2 && aid_streq(argv[1], "--help"))
		return puts("usage: agentid-fetch [--help | --version]\n"
			    "Gets, signs, exchanges and verifies tokens for agentid-keyringd; see "
			    "agentid-fetch(8).") < 0
			? EXIT_FAILURE : EXIT_SUCCESS;
	(void)fprintf(stderr, "agentid-fetch: unknown argument '%s'; see agentid-fetch --help\n", argv[1]);
	return 2;
}
