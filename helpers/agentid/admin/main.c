/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid-admin: the commands of agentid(1) that read the configuration or make keys. agentid runs
 * it; its arguments are agentid's own. */
#include "../commands.h"

#include <stdlib.h>

static const struct cli_command commands[] = {
	{"check", "[--json]", "Say what is wrong with the configuration and the host",
		command_check_help, command_check},
	{"issuer", "init|publish|rotate|show [ARGUMENT ...]", "Manage the keys of this host as an issuer",
		command_issuer_help, command_issuer},
	{"policy", command_policy_arguments, "Judge and print policies that let in one agent",
		command_policy_help, command_policy},
	{"setup", command_setup_arguments, "Make a program use this session's credentials",
		command_setup_help, command_setup},
	{NULL, NULL, NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
	static const char *const nothing[] = {NULL};
	struct rlimit core_limit;
	struct cli cli = {
		.colour = cli_wants_colour(secure_getenv("NO_COLOR"), secure_getenv("TERM")),
		.keep_environment = nothing,
		.environment = secure_getenv,
		.core_limit = &core_limit,
	};

	if (!cli_hide_memory(&core_limit))
		return CLI_FAILURE;
	return cli_dispatch(&cli, commands, argc, argv);
}
