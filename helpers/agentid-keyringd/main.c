/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid-keyringd: keeps the tokens of agent sessions in kernel keyrings. */
#include "clock.h"
#include "daemon.h"
#include "startup.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EXIT_USAGE 2

static const char usage[] =
	"Usage: agentid-keyringd [--standalone [--fetch PROGRAM] | --end-sessions]\n"
	"Keeps the tokens of agent sessions in kernel keyrings.\n"
	"\n"
	"  --standalone      start and supervise agentid-fetch, where systemd does not\n"
	"  --fetch PROGRAM   the agentid-fetch to start (default: " PKGLIBEXECDIR "/agentid-fetch)\n"
	"  --end-sessions    end all sessions that a daemon left, and exit; for the removal of agentid\n"
	"  --help            show this help\n"
	"  --version         show the version\n";

enum { OPTION_HELP = 1000, OPTION_VERSION, OPTION_STANDALONE, OPTION_FETCH, OPTION_END_SESSIONS };

static const struct option options_known[] = {
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"standalone", no_argument, NULL, OPTION_STANDALONE},
	{"fetch", required_argument, NULL, OPTION_FETCH},
	{"end-sessions", no_argument, NULL, OPTION_END_SESSIONS},
	{0},
};

/* Returns -1 to go on, else the exit status. */
static int parse(int argc, char **argv, struct kd_options *options)
{
	int option;

	/* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread. */
	while ((option = getopt_long(argc, argv, "", options_known, NULL)) != -1) {
		switch (option) {
		case OPTION_HELP:
			(void)fputs(usage, stdout);
			return EXIT_SUCCESS;
		case OPTION_VERSION:
			(void)puts("agentid-keyringd " PACKAGE_VERSION);
			return EXIT_SUCCESS;
		case OPTION_STANDALONE:
			options->standalone = true;
			break;
		case OPTION_FETCH:
			options->fetch_program = optarg;
			break;
		case OPTION_END_SESSIONS:
			options->end_sessions = true;
			break;
		default:
			(void)fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		(void)fprintf(stderr, "agentid-keyringd: no argument is wanted\n%s", usage);
		return EXIT_USAGE;
	}
	if (options->end_sessions && options->standalone) {
		(void)fputs("agentid-keyringd: --end-sessions excludes --standalone\n", stderr);
		return EXIT_USAGE;
	}
	if (options->fetch_program[0] != '/') {
		(void)fputs("agentid-keyringd: --fetch needs an absolute path\n", stderr);
		return EXIT_USAGE;
	}
	return -1;
}

static void read_environment(struct kd_environment *environment)
{
	*environment = (struct kd_environment){
		.credentials_dir = secure_getenv("CREDENTIALS_DIRECTORY"),
		.listen_fds = secure_getenv("LISTEN_FDS"),
		.listen_pid = secure_getenv("LISTEN_PID"),
		.notify_socket = secure_getenv("NOTIFY_SOCKET"),
		.watchdog_usec = secure_getenv("WATCHDOG_USEC"),
		.watchdog_pid = secure_getenv("WATCHDOG_PID"),
		.journal_stream = secure_getenv("JOURNAL_STREAM"),
	};
}

/* Half-made is enough for kd_daemon_done(). */
static void begin(struct kd_daemon *daemon, const struct kd_environment *environment)
{
	*daemon = (struct kd_daemon){.log = {.fd = STDERR_FILENO}, .started_wall_ms = aid_clock_wall_ms(),
		.supervisor.fd = -1, .notify.fd = -1, .fetch.watch.fd = -1, .loop.epoll = -1,
		.loop.timer.fd = -1, .loop.clock.fd = -1, .loop.signals.fd = -1,
		.clients.listener.fd = -1};
	daemon->log.prefix = environment->journal_stream != NULL;
	kd_list_init(&daemon->clients.all);
	kd_list_init(&daemon->clients.dead);
	kd_agents_init(&daemon->agents);
	kd_retire_init(&daemon->retire);
	kd_verify_init(&daemon->verify);
	kd_rotations_init(&daemon->rotations);
}

static int end_sessions(void)
{
	struct aid_error err = AID_ERROR_INIT;
	size_t count = 0;

	if (kd_end_sessions(&count, &err) != AID_OK) {
		(void)fprintf(stderr, "agentid-keyringd: %s\n", err.text);
		return EXIT_FAILURE;
	}
	(void)printf("%zu session%s ended\n", count, count == 1 ? "" : "s");
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct kd_options options = {.fetch_program = PKGLIBEXECDIR "/agentid-fetch"};
	struct kd_environment environment;
	struct kd_daemon daemon;
	struct aid_error err = AID_ERROR_INIT;
	int r = parse(argc, argv, &options);

	if (r >= 0)
		return r;
	if (geteuid() != 0) {
		(void)fputs("agentid-keyringd: only root can keep the keys of sessions\n", stderr);
		return EXIT_FAILURE;
	}
	if (options.end_sessions)
		return end_sessions();
	read_environment(&environment);
	begin(&daemon, &environment);
	r = kd_startup(&daemon, &options, &environment, &err);
	if (r == AID_OK)
		r = kd_loop_run(&daemon, &err);
	if (r != AID_OK)
		kd_log_line(&daemon.log, LOG_CRIT, "op=start status=%s detail='%s'",
			aid_status_name(r), err.text);
	kd_daemon_done(&daemon);
	return r == AID_OK && !daemon.failed ? EXIT_SUCCESS : EXIT_FAILURE;
}
