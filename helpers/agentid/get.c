/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid get: prints a credential of this process's session. It makes the few system calls that it
 * takes and loads nothing but libc and libkeyutils: scripts run it for every request. */
#include "commands.h"

#include "clock.h"
#include "keyring.h"
#include "str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define KEY_NAME_MAX 128U
#define WAIT_POLL_MS 50
#define WAIT_MAX_MS (INT64_C(3600) * 1000)

struct get {
	const char *name;
	int64_t wait_ms;
};

/* Keys of the ring that are no credentials. */
static bool is_credential(const char *name)
{
	return aid_str_is_agent_id(name) && !aid_streq(name, "cookie") && !aid_streq(name, "meta") &&
		!aid_streq(name, "info");
}

static int read_credential(const char *key_name, char *buffer, size_t size, size_t *ret_length,
	struct aid_error *err)
{
	aid_serial ring;
	aid_serial key;
	int r = aid_ring_find(&ring, err);

	if (r == AID_OK)
		r = aid_ring_key(ring, key_name, &key, err);
	return r == AID_OK ? aid_key_read(key, buffer, size, ret_length, err) : r;
}

/* The kernel does not tell a reader when a key appears, so it is looked for at intervals. */
static int read_within(const struct get *get, char *buffer, size_t size, size_t *ret_length,
	struct aid_error *err)
{
	const struct timespec pause = {.tv_nsec = WAIT_POLL_MS * 1000000L};
	int64_t deadline = get->wait_ms > 0 ? aid_clock_boot_ms() + get->wait_ms : 0;
	char key_name[KEY_NAME_MAX];

	(void)snprintf(key_name, sizeof(key_name), "agentid:%s", get->name);
	for (;;) {
		int r = read_credential(key_name, buffer, size, ret_length, err);

		if (r != AID_E_NOTFOUND && r != AID_E_EXPIRED)
			return r;
		if (get->wait_ms == 0 || aid_clock_boot_ms() >= deadline)
			return r;
		(void)nanosleep(&pause, NULL);
	}
}

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
	if (!is_credential(get->name))
		return cli_usage(cli, "'%s' is no name of a credential", get->name);
	return -1;
}

int command_get(const struct cli *cli, int argc, char **argv)
{
	struct get get = {.name = "token"};
	struct aid_error err = AID_ERROR_INIT;
	char buffer[AID_TOKEN_MAX];
	size_t length = 0;
	int status = parse(cli, argc, argv, &get);

	if (status >= 0)
		return status;
	if (read_within(&get, buffer, sizeof(buffer), &length, &err) != AID_OK)
		return cli_fail(&err);
	status = write_all(buffer, length);
	explicit_bzero(buffer, length);
	if (status == CLI_OK && isatty(STDOUT_FILENO) == 1)
		status = write_all("\n", 1);
	return status;
}
