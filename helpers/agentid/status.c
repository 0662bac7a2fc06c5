/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid status: the daemons, this session, and (for root) each agent. */
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
#include <string.h>
#include <unistd.h>

struct daemon_info {
	char version[32];
	char config_error[512];
	int64_t started_ms, sessions, quota_used, quota_max, fetch_up, revoking;
};

struct agent_info {
	char agent[64];
	char account[64];
	char source[16];
	char state[32];
	char last_error[256];
	char rotate_error[256];
	int64_t sessions;
	int64_t rotated_ms, next_ms; /* of its client's secret; 0: not known */
};

struct own_session {
	bool present;
	struct session_info info;
	aid_serial ring;
	int64_t expires_ms; /* of the token as agentid:info has it; 0 where it is gone */
	struct credential_info credentials[CREDENTIAL_INFO_MAX];
	size_t n_credentials;
};

struct status {
	int64_t now_ms;
	bool json;
	bool daemon_seen;
	int64_t n_agents;
	struct daemon_info daemon;
	struct own_session own;
	struct jsonout out;
	struct output_table table;
};

/* ---- this session ---- */

static int64_t token_expiry_ms(aid_serial ring)
{
	char text[AID_INFO_MAX];
	int64_t expires_s;
	aid_serial key;
	size_t length;

	if (aid_ring_key(ring, AID_KEY_INFO, &key, NULL) != AID_OK ||
		aid_key_read(key, text, sizeof(text), &length, NULL) != AID_OK ||
		aid_info_find(text, length, "token", &expires_s) != AID_OK ||
		expires_s > INT64_MAX / 1000)
		return 0;
	return expires_s * 1000;
}

static int visit_credential(struct own_session *own, const struct aid_frame *frame, struct aid_error *err)
{
	struct credential_info info;
	int r = credential_info_read(frame, &info, err);

	if (r == AID_OK && own->info.session[0] != '\0' && aid_streq(info.session, own->info.session) &&
		own->n_credentials < CREDENTIAL_INFO_MAX)
		own->credentials[own->n_credentials++] = info;
	return r;
}

static int visit_session(void *context, const struct aid_frame *frame, struct aid_error *err)
{
	struct own_session *own = context;
	struct session_info info;
	int r;

	if (frame->type == AID_MSG_CREDENTIAL_INFO)
		return visit_credential(own, frame, err);
	if (frame->type != AID_MSG_SESSION_INFO)
		return aid_fail(err, AID_E_PROTOCOL, "unexpected answer of type %d", (int)frame->type);
	r = session_info_read(frame, &info, err);
	if (r == AID_OK && info.ring == own->ring)
		own->info = info;
	return r;
}

/* The keyring says that there is a session also when the daemon does not answer. */
static int find_own_session(struct own_session *own, bool ask, struct aid_error *err)
{
	if (aid_ring_find(&own->ring, NULL) != AID_OK)
		return AID_OK;
	own->present = true;
	own->expires_ms = token_expiry_ms(own->ring);
	return ask ? client_ask(AID_MSG_LIST, NULL, visit_session, own, NULL, err) : AID_OK;
}

/* ---- reading ---- */

static int read_daemon(const struct aid_frame *frame, struct daemon_info *info, struct aid_error *err)
{
	const struct {
		enum aid_tag tag;
		int64_t *out;
	} numbers[] = {
		{AID_TAG_STARTED_MS, &info->started_ms},
		{AID_TAG_SESSIONS, &info->sessions},
		{AID_TAG_QUOTA_USED, &info->quota_used},
		{AID_TAG_QUOTA_MAX, &info->quota_max},
		{AID_TAG_FETCH_UP, &info->fetch_up},
		{AID_TAG_COUNT_OF, &info->revoking},
	};
	int r = aid_frame_text(frame, AID_TAG_VERSION, info->version, sizeof(info->version), err);

	if (r == AID_OK)
		r = aid_frame_text(frame, AID_TAG_CONFIG_ERROR, info->config_error,
			sizeof(info->config_error), err);
	for (size_t i = 0; r == AID_OK && i < sizeof(numbers) / sizeof(numbers[0]); i++)
		r = client_int(frame, numbers[i].tag, 0, numbers[i].out, err);
	return r;
}

static int read_agent(const struct aid_frame *frame, struct agent_info *info, struct aid_error *err)
{
	const struct client_text texts[] = {
		{AID_TAG_AGENT, info->agent, sizeof(info->agent)},
		{AID_TAG_ACCOUNT, info->account, sizeof(info->account)},
		{AID_TAG_SOURCE, info->source, sizeof(info->source)},
		{AID_TAG_STATE, info->state, sizeof(info->state)},
		{AID_TAG_LAST_ERROR, info->last_error, sizeof(info->last_error)},
		{AID_TAG_ROTATE_ERROR, info->rotate_error, sizeof(info->rotate_error)},
	};
	int r = client_texts(frame, texts, sizeof(texts) / sizeof(texts[0]), err);

	if (r == AID_OK)
		r = client_int(frame, AID_TAG_ROTATED_MS, 0, &info->rotated_ms, err);
	if (r == AID_OK)
		r = client_int(frame, AID_TAG_NEXT_MS, 0, &info->next_ms, err);
	return r != AID_OK ? r : client_int(frame, AID_TAG_SESSIONS, 0, &info->sessions, err);
}

/* ---- JSON ---- */

static void print_daemon_json(struct status *status)
{
	struct jsonout *out = &status->out;
	const struct daemon_info *daemon = &status->daemon;

	jsonout_object(out, "daemon");
	jsonout_text(out, "version", daemon->version);
	jsonout_time(out, "started_at", daemon->started_ms);
	jsonout_int(out, "sessions", daemon->sessions);
	jsonout_bool(out, "fetch_connected", daemon->fetch_up != 0);
	jsonout_int(out, "revoking", daemon->revoking);
	jsonout_int(out, "quota_used_bytes", daemon->quota_used);
	jsonout_int(out, "quota_max_bytes", daemon->quota_max);
	jsonout_text(out, "configuration_error", daemon->config_error);
	jsonout_object_end(out);
}

static void print_agent_json(struct jsonout *out, const struct agent_info *info)
{
	jsonout_object(out, NULL);
	jsonout_text(out, "agent", info->agent);
	jsonout_text(out, "account", info->account);
	jsonout_text(out, "source", info->source);
	jsonout_int(out, "sessions", info->sessions);
	jsonout_text(out, "state", info->state);
	jsonout_text(out, "last_error", info->last_error);
	jsonout_time(out, "secret_rotated_at", info->rotated_ms);
	jsonout_time(out, "next_rotation_at", info->next_ms);
	jsonout_text(out, "rotation_error", info->rotate_error);
	jsonout_object_end(out);
}

static void print_own_json(struct status *status)
{
	struct jsonout *out = &status->out;
	const struct own_session *own = &status->own;

	if (!own->present) {
		jsonout_text(out, "session", NULL);
		return;
	}
	jsonout_object(out, "session");
	jsonout_text(out, "session", own->info.session);
	jsonout_text(out, "agent", own->info.agent);
	jsonout_text(out, "state", own->info.state);
	jsonout_time(out, "expires_at", own->expires_ms);
	jsonout_time(out, "refresh_at", own->info.refresh_ms);
	jsonout_text(out, "last_error", own->info.last_error);
	jsonout_array(out, "credentials");
	for (size_t i = 0; i < own->n_credentials; i++)
		credential_info_json(&own->credentials[i], status->now_ms, out);
	jsonout_array_end(out);
	jsonout_object_end(out);
}

/* ---- for people ---- */

static void print_label(const struct status *status, const struct cli *cli, const char *label)
{
	(void)status;
	output_coloured(cli->colour, OUTPUT_BOLD, label);
	(void)printf("%*s", (int)(18 - __builtin_strlen(label)), "");
}

static void print_credential(const struct status *status, const struct cli *cli,
	const struct credential_info *info)
{
	char expires[OUTPUT_TIME_SIZE];

	print_label(status, cli, "");
	(void)printf("%s (%s): %s", info->name, info->type, info->state);
	if (info->expires_ms != 0)
		(void)printf(", expires %s", output_relative(info->expires_ms, status->now_ms, expires));
	if (info->last_error[0] != '\0') {
		(void)fputs(", ", stdout);
		output_coloured(cli->colour, OUTPUT_RED, info->last_error);
	}
	(void)fputc('\n', stdout);
}

static void print_own(const struct status *status, const struct cli *cli)
{
	const struct own_session *own = &status->own;
	char expires[OUTPUT_TIME_SIZE], refresh[OUTPUT_TIME_SIZE];

	print_label(status, cli, "this session");
	if (!own->present) {
		(void)puts("none: this process is in no agent session");
		return;
	}
	if (own->info.agent[0] != '\0')
		(void)printf("%s, %s, ", own->info.agent, own->info.state);
	if (own->expires_ms == 0)
		output_coloured(cli->colour, OUTPUT_RED, "no token");
	else
		(void)printf("token expires %s",
			output_relative(own->expires_ms, status->now_ms, expires));
	if (own->info.refresh_ms != 0)
		(void)printf(", refresh %s",
			output_relative(own->info.refresh_ms, status->now_ms, refresh));
	(void)fputc('\n', stdout);
	for (size_t i = 0; i < own->n_credentials; i++)
		print_credential(status, cli, &own->credentials[i]);
}

static void print_daemon(const struct status *status, const struct cli *cli)
{
	const struct daemon_info *daemon = &status->daemon;
	char started[OUTPUT_TIME_SIZE], used[OUTPUT_TIME_SIZE], max[OUTPUT_TIME_SIZE];

	print_label(status, cli, "agentid-keyringd");
	(void)printf("version %s, started %s, %lld session%s\n", daemon->version,
		output_relative(daemon->started_ms, status->now_ms, started),
		(long long)daemon->sessions, daemon->sessions == 1 ? "" : "s");
	print_label(status, cli, "agentid-fetch");
	output_coloured(cli->colour, daemon->fetch_up != 0 ? OUTPUT_GREEN : OUTPUT_RED,
		daemon->fetch_up != 0 ? "connected" : "not connected: no token can be fetched");
	if (daemon->revoking > 0)
		(void)printf(", %lld token%s of ended sessions to be revoked", (long long)daemon->revoking,
			daemon->revoking == 1 ? "" : "s");
	(void)fputc('\n', stdout);
	print_label(status, cli, "key quota");
	(void)printf("%s of %s used\n", output_bytes(daemon->quota_used, used),
		output_bytes(daemon->quota_max, max));
	print_label(status, cli, "configuration");
	output_coloured(cli->colour, daemon->config_error[0] == '\0' ? OUTPUT_GREEN : OUTPUT_RED,
		daemon->config_error[0] == '\0' ? "in force"
						: "refused, the last good one is in force: ");
	(void)puts(daemon->config_error);
}

static enum output_colour state_colour(const char *state)
{
	if (aid_streq(state, "ok"))
		return OUTPUT_GREEN;
	return aid_streq(state, "revoked") ? OUTPUT_RED : OUTPUT_YELLOW;
}

/* "2h ago, next in 22h" of the secret of the agent's client, where it is rotated. */
static const char *describe_secret(const struct agent_info *info, int64_t now_ms, char *out, size_t size)
{
	char rotated[OUTPUT_TIME_SIZE], next[OUTPUT_TIME_SIZE];

	out[0] = '\0';
	if (info->rotated_ms != 0)
		(void)snprintf(out, size, "%s", output_relative(info->rotated_ms, now_ms, rotated));
	if (info->rotate_error[0] != '\0')
		(void)snprintf(out + strlen(out), size - strlen(out), "%sfailing", out[0] != '\0' ? ", " : "");
	else if (info->next_ms != 0)
		(void)snprintf(out + strlen(out), size - strlen(out), "%snext %s", out[0] != '\0' ? ", " : "",
			output_relative(info->next_ms, now_ms, next));
	return out;
}

static int add_row(struct status *status, const struct agent_info *info, struct aid_error *err)
{
	char sessions[24], secret[3 * OUTPUT_TIME_SIZE];
	const struct {
		enum output_colour colour;
		const char *text;
	} cells[] = {
		{OUTPUT_PLAIN, info->agent},
		{OUTPUT_PLAIN, info->account},
		{OUTPUT_PLAIN, info->source},
		{OUTPUT_PLAIN, sessions},
		{state_colour(info->state), info->state},
		{info->rotate_error[0] != '\0' ? OUTPUT_RED : OUTPUT_PLAIN,
			describe_secret(info, status->now_ms, secret, sizeof(secret))},
		{OUTPUT_RED, info->last_error[0] != '\0' ? info->last_error : info->rotate_error},
	};

	(void)snprintf(sessions, sizeof(sessions), "%lld", (long long)info->sessions);
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		if (output_cell(&status->table, cells[i].colour, cells[i].text) != AID_OK)
			return aid_fail(err, AID_E_NOMEM, "out of memory");
	}
	return AID_OK;
}

/* ---- the command ---- */

static int visit(void *context, const struct aid_frame *frame, struct aid_error *err)
{
	struct status *status = context;
	struct agent_info info = {0};
	int r;

	if (frame->type == AID_MSG_DAEMON_INFO && !status->daemon_seen) {
		status->daemon_seen = true;
		r = read_daemon(frame, &status->daemon, err);
		if (r == AID_OK && status->json) {
			print_daemon_json(status);
			jsonout_array(&status->out, "agents");
		}
		return r;
	}
	if (frame->type != AID_MSG_AGENT_INFO || !status->daemon_seen)
		return aid_fail(err, AID_E_PROTOCOL, "unexpected answer of type %d", (int)frame->type);
	status->n_agents++;
	r = read_agent(frame, &info, err);
	if (r != AID_OK)
		return r;
	if (!status->json)
		return add_row(status, &info, err);
	print_agent_json(&status->out, &info);
	return AID_OK;
}

static int ask(struct status *status, const char *agent, struct aid_error *err)
{
	int r = status->json ? jsonout_begin(&status->out, err) : AID_OK;

	if (r != AID_OK)
		return r;
	if (status->json)
		jsonout_object(&status->out, NULL);
	r = client_ask(AID_MSG_STATUS, agent, visit, status, NULL, err);
	if (r == AID_OK && !status->daemon_seen)
		return aid_fail(err, AID_E_PROTOCOL, "the answer does not describe the daemon");
	if (r == AID_OK && agent != NULL && status->n_agents == 0)
		return geteuid() == 0
			       ? aid_fail(err, AID_E_NOTFOUND, "'%s': no such agent", agent)
			       : aid_fail(err, AID_E_DENIED, "agents are shown to root only");
	return r == AID_OK ? find_own_session(&status->own, true, err) : r;
}

static int print_json(struct status *status, struct aid_error *err)
{
	jsonout_array_end(&status->out);
	print_own_json(status);
	jsonout_object_end(&status->out);
	return jsonout_print(&status->out, err);
}

static int print_status(struct status *status, const struct cli *cli, const char *agent)
{
	struct aid_error err = AID_ERROR_INIT;
	int r = ask(status, agent, &err);

	if (r == AID_OK && status->json)
		r = print_json(status, &err);
	if (r != AID_OK && !status->json && !status->own.present &&
		find_own_session(&status->own, false, NULL) == AID_OK && status->own.present)
		print_own(status, cli);
	if (r != AID_OK) {
		(void)cli_flush(CLI_FAILURE);
		return cli_fail(&err);
	}
	if (status->json)
		return cli_flush(CLI_OK);
	print_daemon(status, cli);
	print_own(status, cli);
	if (status->n_agents > 0) {
		(void)fputc('\n', stdout);
		output_table_print(&status->table, cli->colour);
	}
	return cli_flush(CLI_OK);
}

int command_status(const struct cli *cli, int argc, char **argv)
{
	static const char *const headings[] = {"AGENT", "ACCOUNT", "SOURCE", "SESSIONS", "STATE",
		"SECRET ROTATED", "LAST ERROR", NULL};
	struct status status = {.now_ms = aid_clock_wall_ms(), .table = {.headings = headings}};
	const char *agent = NULL;
	int exit_status = command_parse_agent(cli, argc, argv, &status.json, &agent);

	if (exit_status < 0)
		exit_status = print_status(&status, cli, agent);
	output_table_done(&status.table);
	jsonout_done(&status.out);
	return exit_status;
}
