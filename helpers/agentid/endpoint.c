/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid aws-endpoint: a command beside a container endpoint of AWS's SDKs on the loopback interface. */
#include "endpoint.h"

#include "commands.h"
#include "keyring.h"
#include "names.h"
#include "runner.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 64
#define URL_SIZE 64U

/* Who is no process of this account gets no process of ours. */
static bool admit(void *context, int fd, bool log)
{
	struct aid_error err = AID_ERROR_INIT;
	unsigned int inode;
	uid_t uid;

	(void)context;
	if (endpoint_peer_of(fd, &uid, &inode, &err) == AID_OK && uid != getuid())
		(void)aid_fail(&err, AID_E_DENIED, "a process of uid %u asks", (unsigned int)uid);
	if (err.status == AID_OK)
		return true;
	if (log)
		cli_error("aws-endpoint: %s", err.text);
	return false;
}

static bool work(void *context, int fd, bool log)
{
	struct aid_error err = AID_ERROR_INIT;
	int r = endpoint_client(context, fd, &err);

	if (r == AID_OK || r == AID_E_UNREACHABLE)
		return true;
	if (log)
		cli_error("aws-endpoint: %s", err.text);
	return false;
}

static int listen_here(struct endpoint *endpoint, int *ret_fd, struct aid_error *err)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*ret_fd = fd;
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, BACKLOG) != 0 ||
		getsockname(fd, (struct sockaddr *)&address, &size) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "a socket on 127.0.0.1");
	(void)snprintf(endpoint->host, sizeof(endpoint->host), "127.0.0.1:%u", (unsigned int)ntohs(address.sin_port));
	return AID_OK;
}

/* For the command: this process reads none of them. The other two would come first in some SDKs. */
static int set_environment(const struct endpoint *endpoint, const char *token_path, struct aid_error *err)
{
	char url[URL_SIZE];

	(void)snprintf(url, sizeof(url), "http://%s" ENDPOINT_PATH, endpoint->host);
	/* NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread. */
	if (setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1) != 0 ||
		setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token_path, 1) != 0 ||
		unsetenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != 0 || unsetenv("AWS_CONTAINER_AUTHORIZATION_TOKEN") != 0)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	/* NOLINTEND(concurrency-mt-unsafe) */
	return AID_OK;
}

static int parse(const struct cli *cli, int argc, char **argv, struct endpoint *endpoint, char ***ret_command)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{"credential", required_argument, NULL, 'c'},
		{NULL, 0, NULL, 0},
	};
	int letter;

	while ((letter = cli_getopt(argc, argv, "+:hc:", options)) != -1) {
		if (letter != 'c')
			return cli_other_option(cli, letter, argv);
		endpoint->credential = optarg;
	}
	if (!name_is_credential(endpoint->credential))
		return cli_usage(cli, "'%s' is no name of a credential", endpoint->credential);
	if (optind == argc)
		return cli_usage(cli, "a COMMAND is needed");
	*ret_command = argv + optind;
	return -1;
}

static int run(struct endpoint *endpoint, struct runner *runner, struct endpoint_token *token, struct aid_error *err)
{
	aid_serial ring;
	int r = aid_ring_find(&ring, err);

	if (r == AID_OK)
		r = listen_here(endpoint, &runner->listener, err);
	if (r == AID_OK)
		r = endpoint_token_make(token, err);
	if (r == AID_OK)
		r = set_environment(endpoint, token->path, err);
	endpoint->token = token->secret;
	return r == AID_OK ? runner_run(runner) : cli_fail(err);
}

int command_aws_endpoint(const struct cli *cli, int argc, char **argv)
{
	struct endpoint endpoint = {.credential = "aws", .ancestor = getpid()};
	struct endpoint_token token = {.pidfd = -1};
	struct aid_error err = AID_ERROR_INIT;
	/* A command without its endpoint would ask whoever binds the port next, and use what that one says. */
	struct runner runner = {.listener = -1, .core_limit = cli->core_limit, .death_signal = SIGTERM,
		.context = &endpoint, .admit = admit, .work = work, .refuse = endpoint_client_refuse};
	int status = parse(cli, argc, argv, &endpoint, &runner.command);

	if (status >= 0)
		return status;
	status = run(&endpoint, &runner, &token, &err);
	if (runner.listener >= 0)
		(void)close(runner.listener);
	endpoint_token_end(&token);
	return status;
}
