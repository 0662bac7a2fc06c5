/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "reload.h"

#include "accounts.h"
#include "clock.h"
#include "credential.h"
#include "ending.h"
#include "killswitch.h"
#include "refresh.h"
#include "str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_WINDOW_MS 1000
#define RECHECK_MS 10000

static void log_problems(struct kd_daemon *daemon, const struct aid_problems *problems)
{
	for (size_t i = 0; i < problems->count && i < 100; i++) {
		char text[AID_PROBLEM_SIZE];

		kd_log_line(&daemon->log, LOG_ERR, "op=config status=config detail='%s'",
			aid_problem_format(&problems->items[i], text));
	}
}

static void keep_first(struct kd_daemon *daemon, const struct aid_problems *problems)
{
	struct aid_error sentence = AID_ERROR_INIT;
	char text[AID_PROBLEM_SIZE];

	if (problems->count == 0)
		(void)aid_fail(&sentence, AID_E_NOMEM, "the configuration could not be read");
	else if (problems->count == 1)
		(void)aid_fail(&sentence, AID_E_CONFIG, "%s",
			aid_problem_format(&problems->items[0], text));
	else
		(void)aid_fail(&sentence, AID_E_CONFIG, "%zu problems; the first: %s",
			problems->count, aid_problem_format(&problems->items[0], text));
	memcpy(daemon->config_error, sentence.text, sizeof(daemon->config_error));
}

/* Everything that is wrong, in one text; NULL when nothing is, or without memory. */
static char *list_problems(const struct aid_problems *problems)
{
	char line[AID_PROBLEM_SIZE];
	char *text = NULL;
	size_t length = 0;
	FILE *out;

	if (problems->count == 0)
		return NULL;
	out = open_memstream(&text, &length);
	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < problems->count; i++)
		(void)fprintf(out, "%s\n", aid_problem_format(&problems->items[i], line));
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

static void say_loaded(struct kd_daemon *daemon, size_t n_problems)
{
	const struct aid_config *config = daemon->config;
	size_t held = 0;

	for (size_t i = 0; i < config->n_refused; i++)
		held += config->refused[i].held ? 1 : 0;
	if (config->n_refused > 0)
		kd_log_line(&daemon->log, LOG_ERR,
			"op=config status=config agents=%zu problems=%zu refused=%zu detail='%zu of the refused "
			"files have a last good form, which stays in force; the other agents cannot be opened'",
			config->n_agents, n_problems, config->n_refused, held);
	else if (config->n_agents == 0)
		kd_log_line(&daemon->log, LOG_NOTICE,
			"op=config status=ok agents=0 detail='no agent is configured'");
	else
		kd_log_line(&daemon->log, LOG_INFO, "op=config status=ok agents=%zu", config->n_agents);
}

static void say_not_loaded(struct kd_daemon *daemon, int status, size_t n_problems)
{
	kd_log_line(&daemon->log, LOG_ERR, "op=config status=%s problems=%zu detail='%s'",
		aid_status_name(status), n_problems,
		daemon->config != NULL ? "the configuration before stays in force"
				       : "no session can be opened");
}

static void on_recheck(struct kd_daemon *daemon, struct kd_timer *timer);

/* When only_changed, a load that finds the same problems as the last is as if it had not been. */
static bool load(struct kd_daemon *daemon, bool only_changed, struct aid_config **ret_old)
{
	struct aid_problems problems = {0};
	AID_AUTO(aid_config) *fresh = NULL;
	int r = aid_config_load_usable(&aid_config_default_paths, daemon->config, &fresh, &problems);
	AID_FREE char *text = list_problems(&problems);
	const char *last = daemon->config_problems;

	if (only_changed && text != NULL && last != NULL && aid_streq(text, last)) {
		aid_problems_done(&problems);
		return false;
	}
	free(daemon->config_problems);
	daemon->config_problems = aid_steal(&text);
	log_problems(daemon, &problems);
	daemon->config_error[0] = '\0';
	if (r != AID_OK || problems.count > 0)
		keep_first(daemon, &problems);
	if (r == AID_OK) {
		aid_config_hold(fresh, daemon->config);
		*ret_old = daemon->config;
		daemon->config = aid_steal(&fresh);
		say_loaded(daemon, problems.count);
	} else {
		say_not_loaded(daemon, r, problems.count);
	}
	aid_problems_done(&problems);
	return r == AID_OK;
}

bool kd_reload_load(struct kd_daemon *daemon, struct aid_config **ret_old)
{
	return load(daemon, false, ret_old);
}

void kd_reload_watch(struct kd_daemon *daemon)
{
	daemon->recheck.fire = on_recheck;
	if (daemon->config_error[0] != '\0')
		kd_loop_set(&daemon->loop, &daemon->recheck, aid_clock_boot_ms() + RECHECK_MS);
	else
		kd_loop_clear(&daemon->loop, &daemon->recheck);
}

static void on_recheck(struct kd_daemon *daemon, struct kd_timer *timer)
{
	struct aid_config *old = NULL;

	(void)timer;
	if (load(daemon, true, &old)) {
		kd_reload_apply(daemon);
		aid_config_free(old);
		kd_daemon_status(daemon);
	}
	kd_reload_watch(daemon);
}

static void take_config(struct kd_daemon *daemon, const struct aid_agent *config)
{
	struct kd_agent *agent = kd_agents_get(&daemon->agents, config->id);
	const char *issuer = config->token.source == AID_SOURCE_HOST ? "host" : config->token.issuer;

	if (agent == NULL)
		return;
	if (agent->account[0] != '\0' && !aid_streq(agent->account, config->account))
		(void)kd_agent_end_sessions(daemon, agent, AID_E_REVOKED,
			"the agent belongs to another account now");
	(void)snprintf(agent->account, sizeof(agent->account), "%s", config->account);
	agent->config = config;
	agent->issuer = kd_issuers_get(&daemon->agents, issuer);
	kd_killswitch_learn(agent);
}

/* Marks the agents whose files are refused; also one that has no session and no other configuration, so
 * that agentid status shows it. */
static void take_refused(struct kd_daemon *daemon, const struct aid_refused *refused)
{
	struct kd_agent *agent = refused->id == NULL ? NULL : kd_agents_get(&daemon->agents, refused->id);

	/* Another file, which is good, has this agent. */
	if (agent == NULL || (agent->config != NULL && !aid_streq(agent->config->file, refused->file)))
		return;
	kd_agent_set_problem(agent, refused->text);
}

/* A session goes on while its agent may stand in a file that cannot be read: it is not known to be
 * gone, and its token ends by itself. */
bool kd_reload_may_be_configured(const struct kd_daemon *daemon, const struct kd_agent *agent)
{
	return daemon->config == NULL || agent->config != NULL ||
		aid_config_refused(daemon->config, agent->id,
			agent->account[0] != '\0' ? agent->account : NULL) != NULL;
}

static void retry_failing(struct kd_daemon *daemon, struct kd_agent *agent)
{
	struct kd_list *next;

	for (struct kd_list *n = agent->sessions.next; n != &agent->sessions; n = next) {
		struct kd_session *session = KD_CONTAINER(n, struct kd_session, of_agent);

		next = n->next;
		if (session->state == KD_LIVE &&
			(session->failures > 0 || !kd_list_is_empty(&session->waiting)))
			kd_refresh_soon(daemon, session, RETRY_WINDOW_MS);
		/* Last: an opening one that cannot be finished ends here. */
		kd_credentials_reload(daemon, session);
	}
}

void kd_reload_apply(struct kd_daemon *daemon)
{
	struct kd_list *list = &daemon->agents.list;
	struct aid_error err = AID_ERROR_INIT;

	for (struct kd_list *n = list->next; n != list; n = n->next) {
		KD_CONTAINER(n, struct kd_agent, node)->config = NULL;
		kd_agent_set_problem(KD_CONTAINER(n, struct kd_agent, node), NULL);
	}
	for (size_t i = 0; i < daemon->config->n_agents; i++)
		take_config(daemon, &daemon->config->agents[i]);
	for (size_t i = 0; i < daemon->config->n_refused; i++)
		take_refused(daemon, &daemon->config->refused[i]);
	for (struct kd_list *n = list->next; n != list; n = n->next) {
		struct kd_agent *agent = KD_CONTAINER(n, struct kd_agent, node);

		if (!kd_reload_may_be_configured(daemon, agent))
			(void)kd_agent_end_sessions(daemon, agent, AID_E_REVOKED,
				"the agent is no longer configured");
		else
			retry_failing(daemon, agent);
	}
	kd_agents_forget_unused(&daemon->agents);
	kd_rotations_reload(daemon);
	/* The index is a help for the PAM module, which does without when it is not there. */
	if (kd_accounts_write(AID_ACCOUNTS_PATH, daemon->config, &err) != AID_OK)
		kd_log_line(&daemon->log, LOG_WARNING, "op=config status=%s detail='%s'",
			aid_status_name(err.status), err.text);
}

void kd_daemon_reload(struct kd_daemon *daemon)
{
	struct aid_config *old = NULL;

	aid_notify_send(&daemon->notify, "RELOADING=1");
	if (kd_reload_load(daemon, &old)) {
		kd_reload_apply(daemon);
		aid_config_free(old);
	}
	kd_reload_watch(daemon);
	aid_notify_send(&daemon->notify, "READY=1");
	kd_daemon_status(daemon);
}
