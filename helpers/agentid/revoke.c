/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid revoke and agentid allow: the kill switch. */
#include "commands.h"

#include "client.h"
#include "str.h"

#include <stdio.h>

/* Returns -1 with the one AGENT that must be given, or the status to end with. */
static int parse(const struct cli *cli, int argc, char **argv, const char **ret_agent)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int letter = cli_getopt(argc, argv, "+:h", options);

	if (letter != -1)
		return cli_other_option(cli, letter, argv);
	if (argc - optind != 1)
		return cli_usage(cli, "one AGENT is needed, %d are given", argc - optind);
	if (!aid_str_is_agent_id(argv[optind]))
		return cli_usage(cli, "'%s' is no agent id", argv[optind]);
	*ret_agent = argv[optind];
	return -1;
}

static int visit_source(void *context, const struct aid_frame *frame, struct aid_error *err)
{
	bool *configured = context;

	(void)err;
	if (frame->type == AID_MSG_AGENT_INFO && aid_frame_has(frame, AID_TAG_SOURCE))
		*configured = true;
	return AID_OK;
}

/* An id may be cut off before it is configured, so a misspelt one is no error, but must be seen. */
static void warn_of_unknown(const char *agent)
{
	struct aid_error err = AID_ERROR_INIT;
	bool configured = false;

	if (client_ask(AID_MSG_STATUS, agent, visit_source, &configured, NULL, &err) == AID_OK &&
		!configured)
		cli_error("warning: no agent '%s' is configured here", agent);
}

static int ask(enum aid_msg type, const char *agent, struct client_done *done)
{
	struct aid_error err = AID_ERROR_INIT;

	if (client_ask(type, agent, NULL, NULL, done, &err) != AID_OK)
		return cli_fail(&err);
	if (done->note[0] != '\0')
		cli_error("warning: %s", done->note);
	return CLI_OK;
}

int command_revoke(const struct cli *cli, int argc, char **argv)
{
	struct client_done done;
	const char *agent = NULL;
	int status = parse(cli, argc, argv, &agent);

	if (status >= 0)
		return status;
	status = ask(AID_MSG_REVOKE, agent, &done);
	if (status != CLI_OK)
		return status;
	(void)printf("%s is cut off: %lld session%s ended; \"agentid allow %s\" lets it in again\n",
		agent, (long long)done.count, done.count == 1 ? "" : "s", agent);
	if (done.count == 0)
		warn_of_unknown(agent);
	return cli_flush(CLI_OK);
}

int command_allow(const struct cli *cli, int argc, char **argv)
{
	struct client_done done;
	const char *agent = NULL;
	int status = parse(cli, argc, argv, &agent);

	if (status >= 0)
		return status;
	status = ask(AID_MSG_ALLOW, agent, &done);
	if (status != CLI_OK)
		return status;
	(void)printf(done.count == 0 ? "%s was not cut off\n" : "%s may open sessions again\n", agent);
	return cli_flush(CLI_OK);
}
