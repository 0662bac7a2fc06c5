/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Which files are read, in which order, and what holds across them. */
#include "configuration_private.h"

#include "str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HOST_FILE "agentid.conf"
#define HOST_DROPINS "agentid.conf.d"
#define AGENTS_DIR "agents.d"

const struct aid_config_paths aid_config_default_paths = {
	.vendor_dir = VENDORDIR "/agentid",
	.sysconf_dir = SYSCONFDIR "/agentid",
};

/* One agent's file, parsed, with the lines that checks across files name. */
struct agent_draft {
	struct aid_draft draft;
	struct aid_agent agent;
};

struct loader {
	const struct aid_config_paths *paths;
	struct aid_problems *problems;
	struct aid_config *config;
	struct aid_draft host;
	struct agent_draft *agents;
	size_t n_agents;
};

/* ---- problems ---- */

void aid_problems_done(struct aid_problems *problems)
{
	for (size_t i = 0; problems->items != NULL && i < problems->count; i++) {
		free(problems->items[i].file);
		free(problems->items[i].text);
	}
	free(problems->items);
	*problems = (struct aid_problems){0};
}

void aid_problems_add(struct aid_problems *problems, const char *file, uint64_t line,
	const char *fmt, ...)
{
	struct aid_problem *grown =
		reallocarray(problems->items, problems->count + 1, sizeof(*problems->items));
	struct aid_problem *problem;
	va_list args;

	if (grown == NULL) {
		problems->incomplete = true;
		return;
	}
	problems->items = grown;
	problem = &grown[problems->count++];
	*problem = (struct aid_problem){.file = strdup(file), .line = line};
	va_start(args, fmt);
	if (vasprintf(&problem->text, fmt, args) < 0)
		problem->text = NULL;
	va_end(args);
	if (problem->file == NULL || problem->text == NULL)
		problems->incomplete = true;
}

const char *aid_problem_format(const struct aid_problem *problem, char out[AID_PROBLEM_SIZE])
{
	const char *file = problem->file != NULL ? problem->file : "configuration";
	const char *text = problem->text != NULL ? problem->text : "out of memory";

	if (problem->line == 0)
		(void)snprintf(out, AID_PROBLEM_SIZE, "%s: %s", file, text);
	else
		(void)snprintf(out, AID_PROBLEM_SIZE, "%s:%llu: %s", file,
			(unsigned long long)problem->line, text);
	return out;
}

/* A failure to make libeconf's copy is a problem of this file; only memory ends the loading. */
static int as_problem(int r, const char *path, struct aid_problems *problems)
{
	if (r != AID_E_IO)
		return r;
	aid_problems_add(problems, path, 0, "cannot be read: no memory file can be made for it");
	return AID_OK;
}

/* ---- agentid.conf ---- */

static int apply_host_file(struct loader *loader, const char *directory, const char *name)
{
	AID_AUTO(aid_secret) *bytes = NULL;
	struct aid_config_text text;
	char path[AID_CONFIG_PATH_SIZE];
	int r;

	if (!aid_config_join(path, directory, name, loader->problems))
		return AID_OK;
	r = aid_config_read(path, &bytes, loader->problems);
	if (r != AID_OK || bytes == NULL)
		return r;
	r = aid_config_text_parse(path, aid_secret_peek(bytes), aid_secret_length(bytes), &text,
		loader->problems);
	if (r != AID_OK)
		return as_problem(r, path, loader->problems);
	r = aid_draft_apply(&loader->host, &text, loader->problems);
	aid_config_text_done(&text);
	return r;
}

static int load_dropins(struct loader *loader)
{
	char directory[AID_CONFIG_PATH_SIZE];
	struct aid_config_names names = {0};
	int r;

	if (!aid_config_join(directory, loader->paths->sysconf_dir, HOST_DROPINS, loader->problems))
		return AID_OK;
	r = aid_config_list(directory, &names, loader->problems);
	for (size_t i = 0; r == AID_OK && i < names.count; i++)
		r = apply_host_file(loader, directory, names.items[i]);
	aid_config_names_done(&names);
	return r;
}

static int load_host(struct loader *loader)
{
	int r;

	loader->host = (struct aid_draft){.options = aid_host_options, .object = loader->config};
	r = apply_host_file(loader, loader->paths->vendor_dir, HOST_FILE);
	if (r == AID_OK)
		r = apply_host_file(loader, loader->paths->sysconf_dir, HOST_FILE);
	if (r == AID_OK)
		r = load_dropins(loader);
	return r == AID_OK ? aid_draft_defaults(&loader->host) : r;
}

/* ---- agents.d ---- */

static int load_agent(struct loader *loader, const char *directory, const char *name)
{
	struct agent_draft *draft = &loader->agents[loader->n_agents];
	AID_AUTO(aid_secret) *bytes = NULL;
	char path[AID_CONFIG_PATH_SIZE];
	int r;

	if (!aid_config_join(path, directory, name, loader->problems))
		return AID_OK;
	r = aid_config_read(path, &bytes, loader->problems);
	if (r != AID_OK || bytes == NULL || aid_secret_length(bytes) == 0)
		return r;
	loader->n_agents++; /* aid_agent_done() frees half an agent too */
	r = aid_agent_parse(path, aid_secret_peek(bytes), aid_secret_length(bytes), &draft->draft,
		&draft->agent, loader->problems);
	if (r != AID_OK)
		return as_problem(r, path, loader->problems);
	draft->agent.file = strdup(path);
	return draft->agent.file == NULL ? AID_E_NOMEM : AID_OK;
}

static int load_listed(struct loader *loader, const char *directory, const struct aid_config_names *names,
	const struct aid_config_names *overridden_by)
{
	for (size_t i = 0; i < names->count; i++) {
		int r;

		if (aid_config_names_have(overridden_by, names->items[i]))
			continue;
		r = load_agent(loader, directory, names->items[i]);
		if (r != AID_OK)
			return r;
	}
	return AID_OK;
}

static int load_both(struct loader *loader, const char *vendor_dir, const struct aid_config_names *vendor,
	const char *local_dir, const struct aid_config_names *local)
{
	static const struct aid_config_names none = {0};
	int r;

	if (vendor->count + local->count > AID_AGENTS_MAX) {
		aid_problems_add(loader->problems, local_dir, 0, "%zu agents; at most %u are allowed",
			vendor->count + local->count, AID_AGENTS_MAX);
		return AID_OK;
	}
	loader->agents = calloc(vendor->count + local->count + 1, sizeof(*loader->agents));
	if (loader->agents == NULL)
		return AID_E_NOMEM;
	r = load_listed(loader, vendor_dir, vendor, local);
	return r == AID_OK ? load_listed(loader, local_dir, local, &none) : r;
}

static int load_agents(struct loader *loader)
{
	char vendor_dir[AID_CONFIG_PATH_SIZE];
	char local_dir[AID_CONFIG_PATH_SIZE];
	struct aid_config_names vendor = {0};
	struct aid_config_names local = {0};
	int r;

	if (!aid_config_join(vendor_dir, loader->paths->vendor_dir, AGENTS_DIR, loader->problems) ||
		!aid_config_join(local_dir, loader->paths->sysconf_dir, AGENTS_DIR, loader->problems))
		return AID_OK;
	r = aid_config_list(vendor_dir, &vendor, loader->problems);
	if (r == AID_OK)
		r = aid_config_list(local_dir, &local, loader->problems);
	if (r == AID_OK)
		r = load_both(loader, vendor_dir, &vendor, local_dir, &local);
	aid_config_names_done(&vendor);
	aid_config_names_done(&local);
	return r;
}

/* ---- across files ---- */

static int by_id(const void *a, const void *b)
{
	const struct agent_draft *left = a;
	const struct agent_draft *right = b;
	int order = aid_str_order(left->agent.id, right->agent.id);

	return order != 0 ? order : aid_str_order(left->agent.file, right->agent.file);
}

static int by_account(const void *a, const void *b)
{
	const struct agent_draft *left = *(const struct agent_draft *const *)a;
	const struct agent_draft *right = *(const struct agent_draft *const *)b;
	int order = aid_str_order(left->agent.account, right->agent.account);

	return order != 0 ? order : aid_str_order(left->agent.file, right->agent.file);
}

static void check_ids(const struct loader *loader)
{
	for (size_t i = 1; i < loader->n_agents; i++) {
		const struct agent_draft *first = &loader->agents[i - 1];
		const struct agent_draft *second = &loader->agents[i];

		if (second->agent.id != NULL && aid_streq(first->agent.id, second->agent.id))
			aid_problems_add(loader->problems, second->agent.file,
				aid_draft_line(&second->draft, "agent", "id"),
				"[agent] id = '%s' is taken by %s; an id names one agent", second->agent.id,
				first->agent.file);
	}
}

static int check_accounts(const struct loader *loader)
{
	AID_FREE const struct agent_draft **order =
		calloc(loader->n_agents + 1, sizeof(struct agent_draft *));

	if (order == NULL)
		return AID_E_NOMEM;
	for (size_t i = 0; i < loader->n_agents; i++)
		order[i] = &loader->agents[i];
	qsort(order, loader->n_agents, sizeof(struct agent_draft *), by_account);
	for (size_t i = 1; i < loader->n_agents; i++) {
		if (order[i]->agent.account == NULL ||
			!aid_streq(order[i - 1]->agent.account, order[i]->agent.account))
			continue;
		aid_problems_add(loader->problems, order[i]->agent.file,
			aid_draft_line(&order[i]->draft, "agent", "account"),
			"[agent] account = '%s' belongs to the agent of %s; an account has one agent",
			order[i]->agent.account, order[i - 1]->agent.file);
	}
	return AID_OK;
}

static void check_host_issuer(const struct loader *loader)
{
	if (loader->config->host_issuer != NULL || aid_draft_line(&loader->host, "issuer", "url") != 0)
		return;
	for (size_t i = 0; i < loader->n_agents; i++) {
		const struct agent_draft *draft = &loader->agents[i];
		bool host = draft->agent.token.source == AID_SOURCE_HOST;

		if (aid_agent_needs_host_issuer(&draft->agent))
			aid_problems_add(loader->problems, draft->agent.file,
				aid_draft_line(&draft->draft, "token", host ? "source" : "client_auth"),
				"[token] %s needs [issuer] url in %s/" HOST_FILE,
				host ? "source = host" : "client_auth = federated_jwt",
				loader->paths->sysconf_dir);
	}
}

static int check_across(const struct loader *loader)
{
	if (loader->n_agents == 0)
		return AID_OK;
	qsort(loader->agents, loader->n_agents, sizeof(*loader->agents), by_id);
	check_ids(loader);
	check_host_issuer(loader);
	return check_accounts(loader);
}

/* ---- all of it ---- */

static int hand_over_agents(struct loader *loader)
{
	struct aid_config *config = loader->config;

	config->agents = calloc(loader->n_agents + 1, sizeof(*config->agents));
	if (config->agents == NULL)
		return AID_E_NOMEM;
	for (size_t i = 0; i < loader->n_agents; i++) {
		config->agents[i] = loader->agents[i].agent;
		loader->agents[i].agent = (struct aid_agent){0};
	}
	config->n_agents = loader->n_agents;
	return AID_OK;
}

static int load(struct loader *loader, bool with_agents)
{
	int r = load_host(loader);

	if (r == AID_OK && with_agents)
		r = load_agents(loader);
	if (r == AID_OK)
		r = check_across(loader);
	if (r != AID_OK)
		return r;
	if (loader->problems->incomplete)
		return AID_E_NOMEM;
	return loader->problems->count > 0 ? AID_E_CONFIG : hand_over_agents(loader);
}

static int load_config(const struct aid_config_paths *paths, bool with_agents,
	struct aid_config **ret_config, struct aid_problems *problems)
{
	AID_AUTO(aid_config) *config = calloc(1, sizeof(*config));
	struct loader loader = {.paths = paths, .problems = problems, .config = config};
	int r;

	*problems = (struct aid_problems){0};
	if (config == NULL)
		return AID_E_NOMEM;
	r = load(&loader, with_agents);
	for (size_t i = 0; i < loader.n_agents; i++)
		aid_agent_done(&loader.agents[i].agent);
	free(loader.agents);
	if (r == AID_OK)
		*ret_config = aid_steal(&config);
	return r;
}

int aid_config_load(const struct aid_config_paths *paths, struct aid_config **ret_config,
	struct aid_problems *problems)
{
	return load_config(paths, true, ret_config, problems);
}

int aid_config_load_host(const struct aid_config_paths *paths, struct aid_config **ret_config,
	struct aid_problems *problems)
{
	return load_config(paths, false, ret_config, problems);
}

void aid_config_free(struct aid_config *config)
{
	if (config == NULL)
		return;
	for (size_t i = 0; i < config->n_agents; i++)
		aid_agent_done(&config->agents[i]);
	free(config->agents);
	free(config->host_issuer);
	free(config->issuer_key_dir);
	free(config->fetch_user);
	free(config->ca_file);
	free(config);
}

const struct aid_agent *aid_config_agent(const struct aid_config *config, const char *id)
{
	for (size_t i = 0; i < config->n_agents; i++) {
		if (aid_streq(config->agents[i].id, id))
			return &config->agents[i];
	}
	return NULL;
}

const struct aid_agent *aid_config_agent_of_account(const struct aid_config *config,
	const char *account)
{
	for (size_t i = 0; i < config->n_agents; i++) {
		if (aid_streq(config->agents[i].account, account))
			return &config->agents[i];
	}
	return NULL;
}
