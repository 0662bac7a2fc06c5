/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid list: the open sessions. */
#include "commands.h"

#include "client.h"
#include "clock.h"
#include "credentialinfo.h"
#include "jsonout.h"
#include "keyring.h"
#include "output.h"
#include "sessioninfo.h"
#include "str.h"

#include <stdio.h>

struct list {
	bool json;
	int64_t now_ms;
	int64_t count;
	bool json_open; /* an object of a session */
	aid_serial own_ring; /* 0: this process is in no session */
	struct jsonout out;
	struct output_table table;
};

static enum output_colour state_colour(const char *state)
{
	if (aid_streq(state, "fresh"))
		return OUTPUT_GREEN;
	if (aid_streq(state, "unused") || aid_streq(state, "lapsed"))
		return OUTPUT_PLAIN;
	return aid_streq(state, "expired") || aid_streq(state, "failing") || aid_streq(state, "revoked") ? OUTPUT_RED : OUTPUT_YELLOW;
}

struct cell {
	enum output_colour colour;
	const char *text;
};

static int add_cells(struct list *list, const struct cell *cells, size_t count, struct aid_error *err)
{
	for (size_t i = 0; i < count; i++) {
		if (output_cell(&list->table, cells[i].colour, cells[i].text) != AID_OK)
			return aid_fail(err, AID_E_NOMEM, "out of memory");
	}
	return AID_OK;
}

static int add_row(struct list *list, const struct session_info *info, struct aid_error *err)
{
	char opened[OUTPUT_TIME_SIZE], expires[OUTPUT_TIME_SIZE], refresh[OUTPUT_TIME_SIZE];
	char session[AID_SESSION_ID_SIZE + 8];
	char pid[24];
	const struct cell cells[] = {
		{OUTPUT_PLAIN, info->agent},
		{OUTPUT_PLAIN, info->account},
		{OUTPUT_PLAIN, info->service},
		{OUTPUT_PLAIN, info->rhost},
		{OUTPUT_PLAIN, pid},
		{OUTPUT_PLAIN, output_relative(info->opened_ms, list->now_ms, opened)},
		{OUTPUT_PLAIN, output_relative(info->expires_ms, list->now_ms, expires)},
		{OUTPUT_PLAIN, output_relative(info->refresh_ms, list->now_ms, refresh)},
		{state_colour(info->state), info->state},
		{info->own ? OUTPUT_BOLD : OUTPUT_PLAIN, session},
		{OUTPUT_RED, info->last_error},
	};

	(void)snprintf(session, sizeof(session), "%s%s", info->session, info->own ? " (this)" : "");
	(void)snprintf(pid, sizeof(pid), "%lld", (long long)info->pid);
	return add_cells(list, cells, sizeof(cells) / sizeof(cells[0]), err);
}

/* Below its session. */
static int add_credential_row(struct list *list, const struct credential_info *info,
	struct aid_error *err)
{
	char expires[OUTPUT_TIME_SIZE], refresh[OUTPUT_TIME_SIZE];
	char name[AID_CREDENTIAL_NAME_MAX + 3];
	const struct cell cells[] = {
		{OUTPUT_PLAIN, name},
		{OUTPUT_PLAIN, info->type},
		{OUTPUT_PLAIN, ""},
		{OUTPUT_PLAIN, ""},
		{OUTPUT_PLAIN, ""},
		{OUTPUT_PLAIN, ""},
		{OUTPUT_PLAIN, output_relative(info->expires_ms, list->now_ms, expires)},
		{OUTPUT_PLAIN, output_relative(info->refresh_ms, list->now_ms, refresh)},
		{state_colour(info->state), info->state},
		{OUTPUT_PLAIN, ""},
		{OUTPUT_RED, info->last_error},
	};

	(void)snprintf(name, sizeof(name), "  %s", info->name);
	return add_cells(list, cells, sizeof(cells) / sizeof(cells[0]), err);
}

static int visit_credential(struct list *list, const struct aid_frame *frame, struct aid_error *err)
{
	struct credential_info info;
	int r = credential_info_read(frame, &info, err);

	if (r != AID_OK)
		return r;
	if (list->count == 0)
		return aid_fail(err, AID_E_PROTOCOL, "a credential without a session");
	if (!list->json)
		return add_credential_row(list, &info, err);
	credential_info_json(&info, list->now_ms, &list->out);
	return AID_OK;
}

static void close_session(struct list *list)
{
	if (!list->json_open)
		return;
	jsonout_array_end(&list->out);
	jsonout_object_end(&list->out);
	list->json_open = false;
}

static int visit(void *context, const struct aid_frame *frame, struct aid_error *err)
{
	struct session_info info;
	struct list *list = context;
	int r;

	if (frame->type == AID_MSG_CREDENTIAL_INFO)
		return visit_credential(list, frame, err);
	if (frame->type != AID_MSG_SESSION_INFO)
		return aid_fail(err, AID_E_PROTOCOL, "unexpected answer of type %d", (int)frame->type);
	r = session_info_read(frame, &info, err);
	if (r != AID_OK)
		return r;
	info.own = list->own_ring != 0 && info.ring == list->own_ring;
	list->count++;
	if (!list->json)
		return add_row(list, &info, err);
	close_session(list);
	session_info_json(&info, list->now_ms, &list->out);
	list->json_open = true;
	return AID_OK;
}

int command_parse_agent(const struct cli *cli, int argc, char **argv, bool *ret_json,
	const char **ret_agent)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{"json", no_argument, NULL, 'j'},
		{NULL, 0, NULL, 0},
	};
	int letter;

	while ((letter = cli_getopt(argc, argv, ":hj", options)) != -1) {
		if (letter != 'j')
			return cli_other_option(cli, letter, argv);
		*ret_json = true;
	}
	if (argc - optind > 1)
		return cli_usage(cli, "one AGENT is allowed, %d are given", argc - optind);
	if (optind == argc)
		return -1;
	if (!aid_str_is_agent_id(argv[optind]))
		return cli_usage(cli, "'%s' is no agent id", argv[optind]);
	*ret_agent = argv[optind];
	return -1;
}

static int ask(struct list *list, const char *agent, struct aid_error *err)
{
	int r;

	if (!list->json)
		return client_ask(AID_MSG_LIST, agent, visit, list, NULL, err);
	r = jsonout_begin(&list->out, err);
	if (r != AID_OK)
		return r;
	jsonout_array(&list->out, NULL);
	r = client_ask(AID_MSG_LIST, agent, visit, list, NULL, err);
	close_session(list);
	jsonout_array_end(&list->out);
	return r == AID_OK ? jsonout_print(&list->out, err) : r;
}

static int print_list(struct list *list, const struct cli *cli, const char *agent)
{
	struct aid_error err = AID_ERROR_INIT;

	if (ask(list, agent, &err) != AID_OK)
		return cli_fail(&err);
	if (!list->json && list->count > 0)
		output_table_print(&list->table, cli->colour);
	else if (!list->json)
		(void)puts("no sessions");
	return cli_flush(CLI_OK);
}

int command_list(const struct cli *cli, int argc, char **argv)
{
	static const char *const headings[] = {"AGENT", "ACCOUNT", "SERVICE", "FROM", "PID", "OPENED",
		"EXPIRES", "REFRESH", "STATE", "SESSION", "LAST ERROR", NULL};
	struct list list = {.now_ms = aid_clock_wall_ms(), .table = {.headings = headings}};
	const char *agent = NULL;
	int status = command_parse_agent(cli, argc, argv, &list.json, &agent);

	if (aid_ring_find(&list.own_ring, NULL) != AID_OK)
		list.own_ring = 0;
	if (status < 0)
		status = print_list(&list, cli, agent);
	output_table_done(&list.table);
	jsonout_done(&list.out);
	return status;
}
