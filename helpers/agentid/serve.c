/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "serve.h"

#include "commands.h"
#include "keyring.h"
#include "runner.h"
#include "str.h"

#include <string.h>
#include <unistd.h>

#define FIRST_PASSED_FD 3

struct serve {
	const char *path; /* NULL: the service manager's socket */
	pid_t self;
	struct runner runner;
};

static int prepare(struct serve *serve, struct aid_error *err)
{
	aid_serial ring;
	int r = aid_ring_find(&ring, err);

	if (r != AID_OK)
		return r;
	return serve->path != NULL ? serve_socket_bind(serve->path, &serve->runner.listener, err)
				   : serve_socket_check(serve->runner.listener, err);
}

static bool work(void *context, int fd, bool log)
{
	const struct serve *serve = context;
	struct aid_error err = AID_ERROR_INIT;
	struct serve_peer peer;
	int r = serve_client(fd, serve->path != NULL ? serve->self : 0, &peer, &err);

	if (r == AID_OK || r == AID_E_UNREACHABLE)
		return true;
	if (log)
		cli_error("op=read pid=%d uid=%d status=%s detail='%s'", (int)peer.pid, (int)peer.uid,
			aid_status_name(err.status), err.text);
	return false;
}

static int take_passed(const struct cli *cli, struct serve *serve)
{
	const char *count = cli->environment("LISTEN_FDS");
	const char *pid = cli->environment("LISTEN_PID");
	uint64_t number;

	if (!aid_streq(count, "1") || pid == NULL || aid_str_parse_uint(pid, 1, INT32_MAX, &number) != AID_OK ||
		number != (uint64_t)getpid())
		return cli_usage(cli, "--socket PATH and a COMMAND, or one socket of the service manager, is needed");
	serve->runner.listener = FIRST_PASSED_FD;
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
	serve->runner.command = optind < argc ? argv + optind : NULL;
	if (serve->path == NULL && serve->runner.command == NULL)
		return take_passed(cli, serve);
	if (serve->path == NULL || serve->runner.command == NULL)
		return cli_usage(cli, "--socket PATH and a COMMAND go together");
	return -1;
}

int command_serve(const struct cli *cli, int argc, char **argv)
{
	struct serve serve = {.self = getpid()};
	struct aid_error err = AID_ERROR_INIT;
	int status;

	serve.runner = (struct runner){.command = argv, .listener = -1, .core_limit = cli->core_limit,
		.context = &serve, .work = work, .refuse = serve_client_refuse};
	status = parse(cli, argc, argv, &serve);
	if (status >= 0)
		return status;
	status = prepare(&serve, &err) == AID_OK ? runner_run(&serve.runner) : cli_fail(&err);
	if (serve.path != NULL && serve.runner.listener >= 0)
		serve_socket_remove(serve.path, serve.runner.listener);
	return status;
}
