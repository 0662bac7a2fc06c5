/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid rotate: an order by hand to change the secret of an agent's client, and what came of it. */
#include "commands.h"

#include "client.h"
#include "str.h"

#include <stdio.h>

#define ROTATE_TIMEOUT_MS 45000 /* keyringd gives up before */

/* Returns -1 with the one AGENT that must be given, or the status to end with. */
static int parse(const struct cli *cli, int argc, char **argv, struct client_question *question)
{
	static const struct option options[] = {
		{"dry-run", no_argument, NULL, 'n'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int letter;

	while ((letter = cli_getopt(argc, argv, "+:h", options)) != -1) {
		if (letter != 'n')
			return cli_other_option(cli, letter, argv);
		question->dry_run = true;
	}
	if (argc - optind != 1)
		return cli_usage(cli, "one AGENT is needed, %d are given", argc - optind);
	if (!aid_str_is_agent_id(argv[optind]))
		return cli_usage(cli, "'%s' is no agent id", argv[optind]);
	question->agent = argv[optind];
	return -1;
}

/* As they come: whoever watches sees where it hangs. */
static int visit(void *context, const struct aid_frame *frame, struct aid_error *err)
{
	char name[32], text[256];
	const struct client_text texts[] = {
		{AID_TAG_NAME, name, sizeof(name)},
		{AID_TAG_TEXT, text, sizeof(text)},
	};
	int64_t elapsed_ms;
	int r;

	(void)context;
	if (frame->type != AID_MSG_ROTATE_STEP)
		return aid_fail(err, AID_E_PROTOCOL, "unexpected answer of type %d", (int)frame->type);
	r = client_texts(frame, texts, sizeof(texts) / sizeof(texts[0]), err);
	if (r == AID_OK)
		r = client_int(frame, AID_TAG_ELAPSED_MS, 0, &elapsed_ms, err);
	if (r != AID_OK)
		return r;
	(void)printf("%7lld ms  %-13s %s\n", (long long)elapsed_ms, name, text);
	(void)fflush(stdout);
	return AID_OK;
}

int command_rotate(const struct cli *cli, int argc, char **argv)
{
	struct client_question question = {.type = AID_MSG_ROTATE, .timeout_ms = ROTATE_TIMEOUT_MS};
	struct aid_error err = AID_ERROR_INIT;
	struct client_done done;
	int status = parse(cli, argc, argv, &question);

	if (status >= 0)
		return status;
	if (client_ask_for(&question, visit, NULL, &done, &err) != AID_OK) {
		(void)cli_flush(CLI_FAILURE);
		return cli_fail(&err);
	}
	(void)printf("%s: %s\n", question.agent, done.note);
	return cli_flush(CLI_OK);
}
