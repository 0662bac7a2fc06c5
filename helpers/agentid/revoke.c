/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid revoke and agentid allow: the kill switch. */
#include "commands.h"

#include "client.h"
#include "str.h"

#include <getopt.h>
#include <stdio.h>

/* Returns -1 with the one AGENT that must be given, or the status to end with. */
static int parse(const struct cli *cli, int argc, char **argv, const char **ret_agent)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int letter = getopt_long(argc, argv, "+:h", options, NULL);

	if (letter != -1)
		return cli_other_option(cli, letter, argv);
	if (argc - optind != 1)
		return cli_usage(cli, "one AGENT is needed, %d are given", argc - optind);
	if (!aid_str_is_agent_id(argv[optind]))
		return cli_usage(cli, "'%s' is no agent id", argv[optind]);
	*ret_agent = argv[optind];
	return -1;
}

int command_revoke(const struct cli *cli, int argc, char **argv)
{
	struct aid_error err = AID_ERROR_INIT;
	const char *agent;
	int64_t count;
	int status = parse(cli, argc, argv, &agent);

	if (status >= 0)
		return status;
	if (client_ask(AID_MSG_REVOKE, agent, NULL, NULL, &count, &err) != AID_OK)
		return cli_fail(&err);
	(void)printf("%s is cut off: %lld session%s ended; \"agentid allow %s\" lets it in again\n",
		agent, (long long)count, count == 1 ? "" : "s", agent);
	return cli_flush(CLI_OK);
}

int command_allow(const struct cli *cli, int argc, char **argv)
{
	struct aid_error err = AID_ERROR_INIT;
	const char *agent;
	int64_t count;
	int status = parse(cli, argc, argv, &agent);

	if (status >= 0)
		return status;
	if (client_ask(AID_MSG_ALLOW, agent, NULL, NULL, &count, &err) != AID_OK)
		return cli_fail(&err);
	(void)printf(count == 0 ? "%s was not cut off\n" : "%s may open sessions again\n", agent);
	return cli_flush(CLI_OK);
}
