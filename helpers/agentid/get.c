/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid get: prints a credential of this process's session. It makes the few system calls that it
 * takes and loads nothing but libc and libkeyutils: scripts run it for every request. */
#include "commands.h"

#include "credential.h"
#include "names.h"
#include "str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MAX_MS (INT64_C(3600) * 1000)

struct get {
	const char *name;
	int64_t wait_ms;
};

static int write_all(const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t put = write(STDOUT_FILENO, bytes, length);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0) {
			cli_error("standard output: %s", strerrordesc_np(errno));
			return CLI_FAILURE;
		}
		bytes += put;
		length -= (size_t)put;
	}
	return CLI_OK;
}

static int parse(const struct cli *cli, int argc, char **argv, struct get *get)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{"wait", required_argument, NULL, 'w'},
		{NULL, 0, NULL, 0},
	};
	int letter;

	while ((letter = cli_getopt(argc, argv, "+:hw:", options)) != -1) {
		if (letter != 'w')
			return cli_other_option(cli, letter, argv);
		if (aid_str_parse_duration(optarg, &get->wait_ms) != AID_OK ||
			get->wait_ms > WAIT_MAX_MS)
			return cli_usage(cli, "--wait '%s': a duration such as 10s, at most 1h", optarg);
	}
	if (argc - optind > 1)
		return cli_usage(cli, "one NAME is allowed, %d are given", argc - optind);
	if (optind < argc)
		get->name = argv[optind];
	if (!name_is_credential(get->name))
		return cli_usage(cli, "'%s' is no name of a credential", get->name);
	return -1;
}

int command_get(const struct cli *cli, int argc, char **argv)
{
	struct get get = {.name = "token"};
	struct aid_error err = AID_ERROR_INIT;
	struct credential credential;
	int status = parse(cli, argc, argv, &get);

	if (status >= 0)
		return status;
	if (credential_read(get.name, get.wait_ms, &credential, &err) != AID_OK)
		return cli_fail(&err);
	status = write_all(credential.bytes, credential.length);
	credential_wipe(&credential);
	if (status == CLI_OK && isatty(STDOUT_FILENO) == 1)
		status = write_all("\n", 1);
	return status;
}
