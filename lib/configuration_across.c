/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What holds across the files of agents, and what follows from a file that is refused. */
#include "configuration_private.h"

#include "str.h"

#include <string.h>

#define HOST_FILE "agentid.conf"

/* A good file's word, or that of an agent in force whose file is refused now (draft is NULL). */
struct claim {
	const struct aid_agent *agent;
	struct aid_agent_draft *draft;
	int rank; /* the higher one wins */
};

enum { OF_VENDOR, OF_HOST, IN_FORCE };

/* ---- refused files ---- */

void aid_refused_done(struct aid_refused *refused, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(refused[i].file);
		free(refused[i].id);
		free(refused[i].account);
		free(refused[i].text);
	}
	free(refused);
}

static bool copied(char **out, const char *text)
{
	*out = text == NULL ? NULL : strdup(text);
	return text == NULL || *out != NULL;
}

static struct aid_refused *find_refused(const struct aid_loader *loader, const char *file)
{
	for (size_t i = 0; i < loader->n_refused; i++) {
		if (aid_streq(loader->refused[i].file, file))
			return &loader->refused[i];
	}
	return NULL;
}

int aid_loader_refuse(struct aid_loader *loader, const char *file, size_t problem, const char *id,
	const char *account)
{
	char text[AID_PROBLEM_SIZE] = "out of memory";
	struct aid_refused *grown, *refused;

	if (find_refused(loader, file) != NULL)
		return AID_OK;
	grown = reallocarray(loader->refused, loader->n_refused + 1, sizeof(*grown));
	if (grown == NULL)
		return AID_E_NOMEM;
	loader->refused = grown;
	refused = &grown[loader->n_refused++];
	*refused = (struct aid_refused){0};
	if (problem < loader->problems->count)
		(void)aid_problem_format(&loader->problems->items[problem], text);
	return copied(&refused->file, file) && copied(&refused->id, id) &&
			copied(&refused->account, account) && copied(&refused->text, text)
		? AID_OK
		: AID_E_NOMEM;
}

int aid_loader_refuse_draft(struct aid_loader *loader, struct aid_agent_draft *draft, size_t problem)
{
	if (loader->strict)
		return AID_OK;
	draft->refused = true;
	return aid_loader_refuse(loader, draft->agent.file, problem, draft->agent.id,
		draft->agent.account);
}

/* ---- two files that claim the same ---- */

static const struct aid_agent *agent_of_file(const struct aid_config *config, const char *file)
{
	for (size_t i = 0; config != NULL && i < config->n_agents; i++) {
		if (config->agents[i].file != NULL && aid_streq(config->agents[i].file, file))
			return &config->agents[i];
	}
	return NULL;
}

static int rank_of(const struct aid_loader *loader, const struct aid_agent_draft *draft)
{
	const struct aid_agent *before = agent_of_file(loader->before, draft->agent.file);

	if (before != NULL && aid_streq(before->id, draft->agent.id) &&
		aid_streq(before->account, draft->agent.account))
		return IN_FORCE;
	return draft->local ? OF_HOST : OF_VENDOR;
}

static size_t collect(struct aid_loader *loader, struct claim *claims, bool is_id)
{
	size_t n = 0;

	for (size_t i = 0; i < loader->n_agents; i++) {
		struct aid_agent_draft *draft = &loader->agents[i];

		if ((loader->strict || !draft->refused) &&
			(is_id ? draft->agent.id : draft->agent.account) != NULL)
			claims[n++] = (struct claim){&draft->agent, draft, rank_of(loader, draft)};
	}
	for (size_t i = 0; i < loader->n_refused; i++) {
		const struct aid_agent *before = agent_of_file(loader->before, loader->refused[i].file);

		if (before != NULL)
			claims[n++] = (struct claim){before, NULL, IN_FORCE};
	}
	return n;
}

static int by_id(const void *a, const void *b)
{
	const struct claim *left = a, *right = b;
	int order = aid_str_order(left->agent->id, right->agent->id);

	return order != 0 ? order : aid_str_order(left->agent->file, right->agent->file);
}

static int by_account(const void *a, const void *b)
{
	const struct claim *left = a, *right = b;
	int order = aid_str_order(left->agent->account, right->agent->account);

	return order != 0 ? order : aid_str_order(left->agent->file, right->agent->file);
}

static int lose(struct aid_loader *loader, const struct claim *loser, const struct claim *other,
	bool is_id)
{
	size_t problem = loader->problems->count;
	const char *key = is_id ? "id" : "account";

	if (loser->draft == NULL || (loser->draft->refused && !loader->strict))
		return AID_OK;
	aid_problems_add(loader->problems, loser->agent->file,
		aid_draft_line(&loser->draft->draft, "agent", key), "[agent] %s = '%s' %s %s; %s", key,
		is_id ? loser->agent->id : loser->agent->account,
		is_id ? "is taken by" : "belongs to the agent of", other->agent->file,
		is_id ? "an id names one agent" : "an account has one agent");
	return aid_loader_refuse_draft(loader, loser->draft, problem);
}

/* The first of two equals is refused for what is said of the second. */
static int clash(struct aid_loader *loader, const struct claim *first, const struct claim *second,
	bool is_id)
{
	bool equal = first->rank == second->rank;
	size_t problem = loader->problems->count;
	int r;

	if (first->rank < second->rank)
		return lose(loader, first, second, is_id);
	r = lose(loader, second, first, is_id);
	if (r == AID_OK && equal && first->draft != NULL)
		r = aid_loader_refuse_draft(loader, first->draft, problem);
	return r;
}

static int check_claims(struct aid_loader *loader, struct claim *claims, bool is_id)
{
	size_t n = collect(loader, claims, is_id);
	int r = AID_OK;

	if (n > 1)
		qsort(claims, n, sizeof(*claims), is_id ? by_id : by_account);
	for (size_t i = 1; r == AID_OK && i < n; i++) {
		/* Back to all others of the same name, the nearest first. */
		for (size_t j = i; r == AID_OK && j-- > 0;) {
			const struct aid_agent *a = claims[j].agent, *b = claims[i].agent;

			if (!aid_streq(is_id ? a->id : a->account, is_id ? b->id : b->account))
				break;
			r = clash(loader, &claims[j], &claims[i], is_id);
		}
	}
	return r;
}

static int check_host_issuer(struct aid_loader *loader)
{
	int r = AID_OK;

	if (loader->config->host_issuer != NULL || aid_draft_line(&loader->host, "issuer", "url") != 0)
		return AID_OK;
	for (size_t i = 0; r == AID_OK && i < loader->n_agents; i++) {
		struct aid_agent_draft *draft = &loader->agents[i];
		bool host = draft->agent.token.source == AID_SOURCE_HOST;
		size_t problem = loader->problems->count;

		if (!aid_agent_needs_host_issuer(&draft->agent))
			continue;
		aid_problems_add(loader->problems, draft->agent.file,
			aid_draft_line(&draft->draft, "token", host ? "source" : "client_auth"),
			"[token] %s needs [issuer] url in %s/" HOST_FILE,
			host ? "source = host" : "client_auth = federated_jwt",
			loader->paths->sysconf_dir);
		r = aid_loader_refuse_draft(loader, draft, problem);
	}
	return r;
}

static int check_credentials(struct aid_loader *loader)
{
	bool has_issuer =
		loader->config->host_issuer != NULL || aid_draft_line(&loader->host, "issuer", "url") != 0;
	int r = AID_OK;

	for (size_t i = 0; r == AID_OK && i < loader->n_agents; i++) {
		size_t problem = loader->problems->count;

		aid_credentials_check(&loader->agents[i].agent, has_issuer, loader->problems);
		if (loader->problems->count > problem)
			r = aid_loader_refuse_draft(loader, &loader->agents[i], problem);
	}
	return r;
}

/* ---- what was good before stays ---- */

static bool is_free(const struct aid_loader *loader, const struct aid_agent *agent)
{
	for (size_t i = 0; i < loader->n_agents; i++) {
		const struct aid_agent_draft *draft = &loader->agents[i];

		if (!draft->refused && (aid_streq(draft->agent.id, agent->id) ||
			aid_streq(draft->agent.account, agent->account)))
			return false;
	}
	return true;
}

static int mark_held(struct aid_loader *loader)
{
	for (size_t i = 0; i < loader->n_refused; i++) {
		struct aid_refused *refused = &loader->refused[i];
		const struct aid_agent *before = agent_of_file(loader->before, refused->file);

		if (before == NULL || !is_free(loader, before))
			continue;
		free(refused->id);
		free(refused->account);
		refused->id = refused->account = NULL;
		refused->held = true;
		if (!copied(&refused->id, before->id) || !copied(&refused->account, before->account))
			return AID_E_NOMEM;
	}
	return AID_OK;
}

static int by_agent_id(const void *a, const void *b)
{
	return aid_str_order(((const struct aid_agent *)a)->id, ((const struct aid_agent *)b)->id);
}

void aid_config_hold(struct aid_config *fresh, struct aid_config *before)
{
	for (size_t i = 0; before != NULL && i < fresh->n_refused; i++) {
		struct aid_agent *agent = (struct aid_agent *)(uintptr_t)agent_of_file(before,
			fresh->refused[i].file);

		if (!fresh->refused[i].held || agent == NULL)
			continue;
		fresh->agents[fresh->n_agents++] = *agent;
		*agent = (struct aid_agent){0};
	}
	if (fresh->n_agents > 1)
		qsort(fresh->agents, fresh->n_agents, sizeof(*fresh->agents), by_agent_id);
}

const struct aid_refused *aid_config_refused(const struct aid_config *config, const char *id,
	const char *account)
{
	for (size_t i = 0; i < config->n_refused; i++) {
		const struct aid_refused *refused = &config->refused[i];

		if ((id != NULL && refused->id != NULL && aid_streq(refused->id, id)) ||
			(account != NULL && refused->account != NULL &&
				aid_streq(refused->account, account)))
			return refused;
	}
	/* One that does not say it: an agent's where the id is not known, an account's where that is not. */
	for (size_t i = 0; i < config->n_refused; i++) {
		const struct aid_refused *refused = &config->refused[i];

		if (id == NULL ? refused->account == NULL
			       : refused->id == NULL && (refused->account == NULL || account == NULL))
			return refused;
	}
	return NULL;
}

bool aid_config_has_nameless(const struct aid_config *config)
{
	for (size_t i = 0; i < config->n_refused; i++) {
		if (config->refused[i].account == NULL)
			return true;
	}
	return false;
}

int aid_loader_check_across(struct aid_loader *loader)
{
	AID_FREE struct claim *claims = calloc(loader->n_agents + loader->n_refused + 1, sizeof(*claims));
	int r;

	if (claims == NULL)
		return AID_E_NOMEM;
	/* Ids first; then there is at most one agent of each name whose account counts. */
	r = check_claims(loader, claims, true);
	if (r == AID_OK)
		r = check_host_issuer(loader);
	if (r == AID_OK)
		r = aid_managers_check_agents(loader);
	if (r == AID_OK)
		r = check_credentials(loader);
	if (r == AID_OK)
		r = check_claims(loader, claims, false);
	return r == AID_OK ? mark_held(loader) : r;
}
