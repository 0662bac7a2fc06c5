/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "killswitch.h"

#include "ending.h"
#include "file.h"
#include "str.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK_PREFIX "agentid:revoked:"
#define PATH_BYTES (sizeof(KD_REVOKED_DIR) + KD_AGENT_ID_SIZE + 1)
#define MARK_BYTES (sizeof(MARK_PREFIX) + KD_AGENT_ID_SIZE)
#define FILE_MAX 1024U /* issuer and subject, a line each; or nothing */

static void file_path(const char *agent, char out[PATH_BYTES])
{
	(void)snprintf(out, PATH_BYTES, "%s/%s", KD_REVOKED_DIR, agent);
}

static void mark_name(const char *agent, char out[MARK_BYTES])
{
	(void)snprintf(out, MARK_BYTES, "%s%s", MARK_PREFIX, agent);
}

static struct kd_agent *found(struct kd_daemon *daemon, const char *id)
{
	struct kd_agent *agent = aid_str_is_agent_id(id) ? kd_agents_get(&daemon->agents, id) : NULL;

	if (agent == NULL || agent->revoked)
		return agent;
	agent->revoked = true;
	kd_log_line(&daemon->log, LOG_NOTICE, "op=revoke agent='%s' status=ok detail='still cut off'",
		id);
	return agent;
}

static void on_mark(void *context, aid_serial key, const char *name)
{
	(void)key;
	(void)found(context, name + strlen(MARK_PREFIX));
}

/* A file that says nothing, as one that was made by hand, keeps the agent out all the same. */
static void read_file(struct kd_agent *agent)
{
	AID_AUTO(aid_secret) *bytes = NULL;
	char path[PATH_BYTES], text[FILE_MAX + 1], *line, *end;
	AID_FD(fd);

	file_path(agent->id, path);
	if (aid_file_open(path, AID_FILE_CONFIG, &fd, NULL) != AID_OK ||
		aid_file_read(fd, FILE_MAX, &bytes, NULL) != AID_OK)
		return;
	(void)snprintf(text, sizeof(text), "%.*s", (int)aid_secret_length(bytes), aid_secret_peek(bytes));
	line = strchr(text, '\n');
	end = line == NULL ? NULL : strchr(line + 1, '\n');
	if (line == text || end == NULL)
		return;
	*line = *end = '\0';
	kd_agent_set_cut(agent, text, line + 1);
}

static void load_files(struct kd_daemon *daemon)
{
	DIR *directory = opendir(KD_REVOKED_DIR);
	const struct dirent *entry;

	if (directory == NULL) {
		if (errno != ENOENT)
			kd_log_line(&daemon->log, LOG_ERR, "op=revoke status=io detail='%s: %s'",
				KD_REVOKED_DIR, strerrordesc_np(errno));
		return;
	}
	/* The only user of this stream. NOLINTNEXTLINE(concurrency-mt-unsafe) */
	while ((entry = readdir(directory)) != NULL) {
		struct kd_agent *agent = found(daemon, entry->d_name);

		if (agent != NULL)
			read_file(agent);
	}
	(void)closedir(directory);
}

void kd_killswitch_load(struct kd_daemon *daemon)
{
	struct aid_error err = AID_ERROR_INIT;

	if (aid_anchor_marks(daemon->anchor, MARK_PREFIX, on_mark, daemon, &err) != AID_OK)
		kd_log_line(&daemon->log, LOG_ERR, "op=revoke status=%s detail='%s'",
			aid_status_name(err.status), err.text);
	load_files(daemon);
}

static int write_file(const struct kd_agent *agent, struct aid_error *err)
{
	char path[PATH_BYTES], text[FILE_MAX + 1] = "";

	/* Both may exist; what matters is whether the file can be written. */
	(void)mkdir(AID_STATE_DIR, 0755);
	(void)mkdir(KD_REVOKED_DIR, 0700);
	file_path(agent->id, path);
	if (agent->cut_issuer != NULL &&
		(size_t)snprintf(text, sizeof(text), "%s\n%s\n", agent->cut_issuer, agent->cut_subject) <
			sizeof(text) &&
		aid_file_replace(path, 0600, text, strlen(text), NULL) == AID_OK)
		return AID_OK;
	/* There may be room for an empty one. */
	return aid_file_replace(path, 0600, "", 0, err);
}

static void learn_tokens(struct kd_agent *agent)
{
	const struct aid_token_config *token;

	if (agent->config == NULL)
		return;
	token = &agent->config->token;
	/* Those of this host say themselves which agent they are of. */
	if (token->source == AID_SOURCE_HOST)
		kd_agent_set_cut(agent, "host", "");
	else
		kd_agent_set_cut(agent, token->issuer, token->subject != NULL ? token->subject : "");
}

void kd_killswitch_learn(struct kd_agent *agent)
{
	if (!agent->revoked || agent->cut_issuer != NULL)
		return;
	learn_tokens(agent);
	if (agent->cut_issuer != NULL)
		(void)!write_file(agent, NULL);
}

static int check_known(const struct kd_daemon *daemon, const char *agent, struct aid_error *err)
{
	if (!aid_str_is_agent_id(agent))
		return aid_fail(err, AID_E_INVALID, "'%s' is no agent id", agent);
	/* With a broken configuration nobody can say that the agent does not exist. */
	if (daemon->config_error[0] == '\0' && kd_agents_find(&daemon->agents, agent) == NULL)
		return aid_fail(err, AID_E_NOTFOUND, "no agent '%s' is configured", agent);
	return AID_OK;
}

int kd_killswitch_revoke(struct kd_daemon *daemon, const char *agent, uint32_t *ret_cut, char *remark,
	size_t remark_size, struct aid_error *err)
{
	struct kd_agent *known;
	char mark[MARK_BYTES];
	struct aid_error disk = AID_ERROR_INIT, kernel = AID_ERROR_INIT;
	int r = check_known(daemon, agent, err);

	if (r != AID_OK)
		return r;
	known = kd_agents_get(&daemon->agents, agent);
	if (known == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	known->revoked = true;
	learn_tokens(known);
	*ret_cut = kd_agent_end_sessions(daemon, known, AID_E_REVOKED, "the agent is cut off");
	mark_name(agent, mark);
	if (aid_anchor_mark(daemon->anchor, mark, true, &kernel) != AID_OK)
		(void)snprintf(remark, remark_size, "not kept across a restart of the daemon: %.120s",
			kernel.text);
	if (write_file(known, &disk) != AID_OK)
		(void)snprintf(remark, remark_size, "not kept across a reboot: %.120s", disk.text);
	kd_log_line(&daemon->log, LOG_NOTICE, "op=revoke agent='%s' status=ok sessions=%u detail='%s'",
		agent, *ret_cut, remark);
	return AID_OK;
}

int kd_killswitch_allow(struct kd_daemon *daemon, const char *agent, bool *ret_was_cut_off,
	struct aid_error *err)
{
	struct kd_agent *known;
	char path[PATH_BYTES], mark[MARK_BYTES];
	int r = check_known(daemon, agent, err);

	if (r != AID_OK)
		return r;
	file_path(agent, path);
	if (unlink(path) != 0 && errno != ENOENT)
		return aid_fail_errno(err, AID_E_IO, errno, "agent '%s' stays cut off: %s", agent, path);
	mark_name(agent, mark);
	r = aid_anchor_mark(daemon->anchor, mark, false, err);
	if (r != AID_OK)
		return r;
	known = kd_agents_find(&daemon->agents, agent);
	*ret_was_cut_off = known != NULL && known->revoked;
	if (known != NULL) {
		known->revoked = false;
		kd_agent_set_cut(known, NULL, NULL);
	}
	kd_log_line(&daemon->log, LOG_NOTICE, "op=allow agent='%s' status=ok", agent);
	kd_agents_forget_unused(&daemon->agents);
	return AID_OK;
}
