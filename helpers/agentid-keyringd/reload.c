/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "reload.h"

#include "ending.h"
#include "file.h"
#include "refresh.h"
#include "str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_WINDOW_MS 1000

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

bool kd_reload_load(struct kd_daemon *daemon, struct aid_config **ret_old)
{
	struct aid_problems problems = {0};
	struct aid_config *fresh = NULL;
	int r = aid_config_load(&aid_config_default_paths, &fresh, &problems);

	if (r == AID_OK) {
		*ret_old = daemon->config;
		daemon->config = fresh;
		daemon->config_error[0] = '\0';
		kd_log_line(&daemon->log, LOG_INFO, "op=config status=ok agents=%zu", fresh->n_agents);
	} else {
		log_problems(daemon, &problems);
		keep_first(daemon, &problems);
		kd_log_line(&daemon->log, LOG_ERR, "op=config status=%s problems=%zu detail='%s'",
			aid_status_name(r), problems.count,
			daemon->config != NULL ? "the configuration before stays in force"
					       : "no session can be opened");
	}
	aid_problems_done(&problems);
	return r == AID_OK;
}

static int compare_lines(const void *a, const void *b)
{
	const struct aid_agent *const *left = a, *const *right = b;

	return strcoll((*left)->account, (*right)->account);
}

/* The account index is a help for the PAM module, which does without when it is not there. */
static void write_accounts(struct kd_daemon *daemon)
{
	size_t n = daemon->config->n_agents;
	AID_FREE const struct aid_agent **sorted = calloc(n + 1, sizeof(struct aid_agent *));
	AID_FREE char *text = NULL;
	struct aid_error err = AID_ERROR_INIT;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	if (sorted == NULL || out == NULL) {
		if (out != NULL)
			(void)fclose(out);
		return;
	}
	for (size_t i = 0; i < n; i++)
		sorted[i] = &daemon->config->agents[i];
	qsort(sorted, n, sizeof(struct aid_agent *), compare_lines);
	for (size_t i = 0; i < n; i++)
		(void)fprintf(out, "%s %s\n", sorted[i]->account, sorted[i]->id);
	if (fclose(out) != 0)
		return;
	if (aid_file_replace(AID_ACCOUNTS_PATH, 0644, text, length, &err) != AID_OK)
		kd_log_line(&daemon->log, LOG_WARNING, "op=config status=%s detail='%s'",
			aid_status_name(err.status), err.text);
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
}

static void retry_failing(struct kd_daemon *daemon, struct kd_agent *agent)
{
	for (struct kd_list *n = agent->sessions.next; n != &agent->sessions; n = n->next) {
		struct kd_session *session = KD_CONTAINER(n, struct kd_session, of_agent);

		if (session->state == KD_LIVE &&
			(session->failures > 0 || !kd_list_is_empty(&session->waiting)))
			kd_refresh_soon(daemon, session, RETRY_WINDOW_MS);
	}
}

void kd_reload_apply(struct kd_daemon *daemon)
{
	struct kd_list *list = &daemon->agents.list;

	for (struct kd_list *n = list->next; n != list; n = n->next)
		KD_CONTAINER(n, struct kd_agent, node)->config = NULL;
	for (size_t i = 0; i < daemon->config->n_agents; i++)
		take_config(daemon, &daemon->config->agents[i]);
	for (struct kd_list *n = list->next; n != list; n = n->next) {
		struct kd_agent *agent = KD_CONTAINER(n, struct kd_agent, node);

		if (agent->config == NULL)
			(void)kd_agent_end_sessions(daemon, agent, AID_E_REVOKED,
				"the agent is no longer configured");
		else
			retry_failing(daemon, agent);
	}
	kd_agents_forget_unused(&daemon->agents);
	write_accounts(daemon);
}

void kd_daemon_reload(struct kd_daemon *daemon)
{
	struct aid_config *old = NULL;

	aid_notify_send(&daemon->notify, "RELOADING=1");
	if (kd_reload_load(daemon, &old)) {
		kd_reload_apply(daemon);
		aid_config_free(old);
	}
	aid_notify_send(&daemon->notify, "READY=1");
	kd_daemon_status(daemon);
}
