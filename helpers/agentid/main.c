/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid(1): the command for people and scripts. */
#include "commands.h"

#include "str.h"

#include <stdlib.h>
#include <unistd.h>

#define KEPT_MAX 24U

static const struct cli_command commands[] = {
	{"get", "[--wait TIME] [NAME]", "Print a credential of this session",
		"NAME is \"token\" unless given. The bytes come as they are, with a newline only on a\n"
		"terminal. Nothing is asked of a daemon or the network.\n\n"
		"  --wait TIME  wait up to TIME (10s, 1m) for a credential that is not there yet\n",
		command_get},
	{"exec", "[--timeout TIME] AGENT [--] COMMAND [ARGUMENT ...]",
		"Run a command in a new session of an agent",
		"Only root may do this. The command runs as the agent's account, with a small clean\n"
		"environment, and its session ends when it does. The token is in the session's keyring and\n"
		"nowhere else.\n\n"
		"  --timeout TIME  give up when there is no token after TIME (default 10s)\n",
		command_exec},
	{"list", "[--json] [AGENT]", "List open sessions",
		"Root sees all of them, other users those of their own account.\n\n"
		"  --json  one JSON array\n",
		command_list},
	{"status", "[--json] [AGENT]", "Show the daemons, this session and the agents",
		"The agents are shown to root only.\n\n"
		"  --json  one JSON object\n",
		command_status},
	{"revoke", "AGENT", "Cut off an agent",
		"Ends every session of the agent on this host at once and lets it open none, also after a\n"
		"restart, until \"agentid allow\".\n",
		command_revoke},
	{"allow", "AGENT", "Let an agent in again",
		"Takes back \"agentid revoke\". Sessions that were ended stay ended.\n", command_allow},
	{"verify", "--audience AUDIENCE [--issuer URL]... [OPTION ...]",
		"Verify the token of another agent",
		"The token is read from standard input. Exit status 0 and its claims, or 4 and the reason.\n\n"
		"  --audience AUDIENCE  who we are: the token must be for it\n"
		"  --issuer URL         accept tokens of this issuer (up to 8 times); without it the issuer of\n"
		"                       this session. It must be known to agentid.conf(5)\n"
		"  --subject SUBJECT    accept this subject only\n"
		"  --max-lifetime TIME  refuse a token that lives longer (default 1h)\n"
		"  --dpop FILE          the DPoP proof of the request, with --method METHOD and --uri URI\n"
		"  --certificate FILE   the PEM certificate of the TLS client that made the request\n"
		"  --timeout TIME       give up after TIME (default 10s)\n"
		"  --json               print the claims alone, as one JSON object\n",
		command_verify},
	{"check", "[--json]", "Say what is wrong with the configuration and the host",
		command_check_help, command_admin},
	{"issuer", "init|publish|rotate|show [ARGUMENT ...]", "Manage the keys of this host as an issuer",
		command_issuer_help, command_admin},
	{NULL, NULL, NULL, NULL, NULL},
};

/* A program that root starts for an agent gets the terminal and the language, and no more: root's
 * environment may hold secrets. */
static void keep_environment(const char **kept)
{
	static const char *const prefixes[] = {"TERM=", "COLORTERM=", "LANG=", "LANGUAGE=", "LC_", "TZ="};
	size_t count = 0;

	for (char **entry = environ; entry != NULL && *entry != NULL && count < KEPT_MAX; entry++) {
		for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
			if (aid_str_has_prefix(*entry, prefixes[i])) {
				kept[count++] = *entry;
				break;
			}
		}
	}
	kept[count] = NULL;
}

int main(int argc, char **argv)
{
	const char *kept[KEPT_MAX + 1];
	struct cli cli = {
		.colour = cli_wants_colour(secure_getenv("NO_COLOR"), secure_getenv("TERM")),
		.keep_environment = kept,
	};

	keep_environment(kept);
	return cli_dispatch(&cli, commands, argc, argv);
}
