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
#define ACCOUNT_SIZE 64U

const struct aid_config_paths aid_config_default_paths = {
	.vendor_dir = VENDORDIR "/agentid",
	.sysconf_dir = SYSCONFDIR "/agentid",
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

static int apply_host_file(struct aid_loader *loader, const char *directory, const char *name)
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

static int load_dropins(struct aid_loader *loader)
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

static int load_host(struct aid_loader *loader)
{
	int r;

	loader->host = (struct aid_draft){.options = aid_host_options, .object = loader->config};
	r = apply_host_file(loader, loader->paths->vendor_dir, HOST_FILE);
	if (r == AID_OK)
		r = apply_host_file(loader, loader->paths->sysconf_dir, HOST_FILE);
	if (r == AID_OK)
		r = load_dropins(loader);
	if (r == AID_OK)
		aid_managers_check(loader);
	return r == AID_OK ? aid_draft_defaults(&loader->host) : r;
}

/* ---- agents.d ---- */

/* For the problem at the index that reading the file began with, if there is one. */
static int refuse_draft(struct aid_loader *loader, struct aid_agent_draft *draft, size_t problem,
	const struct aid_secret *bytes)
{
	char account[ACCOUNT_SIZE];

	if (loader->problems->count == problem)
		return AID_OK;
	draft->refused = true;
	aid_config_text_account(aid_secret_peek(bytes), aid_secret_length(bytes), account,
		sizeof(account));
	if (draft->agent.account == NULL && account[0] != '\0')
		draft->agent.account = strdup(account);
	return aid_loader_refuse(loader, draft->agent.file, problem, draft->agent.id,
		draft->agent.account);
}

static int load_agent(struct aid_loader *loader, const char *directory, const char *name, bool local)
{
	struct aid_agent_draft *draft = &loader->agents[loader->n_agents];
	size_t problem = loader->problems->count;
	AID_AUTO(aid_secret) *bytes = NULL;
	char path[AID_CONFIG_PATH_SIZE];
	int r;

	if (!aid_config_join(path, directory, name, loader->problems)) {
		loader->unusable = true;
		return AID_OK;
	}
	r = aid_config_read(path, &bytes, loader->problems);
	if (r == AID_OK && loader->problems->count > problem)
		r = aid_loader_refuse(loader, path, problem, NULL, NULL);
	if (r != AID_OK || bytes == NULL || aid_secret_length(bytes) == 0)
		return r;
	loader->n_agents++; /* aid_agent_done() frees half an agent too */
	r = aid_agent_parse(path, aid_secret_peek(bytes), aid_secret_length(bytes), &draft->draft,
		&draft->agent, loader->problems);
	if (r != AID_OK)
		r = as_problem(r, path, loader->problems);
	draft->local = local;
	draft->agent.file = strdup(path);
	if (draft->agent.file == NULL)
		r = AID_E_NOMEM;
	return r == AID_OK ? refuse_draft(loader, draft, problem, bytes) : r;
}

static int load_listed(struct aid_loader *loader, const char *directory, const struct aid_config_names *names,
	const struct aid_config_names *overridden_by, bool local)
{
	for (size_t i = 0; i < names->count; i++) {
		int r;

		if (aid_config_names_have(overridden_by, names->items[i]))
			continue;
		r = load_agent(loader, directory, names->items[i], local);
		if (r != AID_OK)
			return r;
	}
	return AID_OK;
}

static int load_both(struct aid_loader *loader, const char *vendor_dir, const struct aid_config_names *vendor,
	const char *local_dir, const struct aid_config_names *local)
{
	static const struct aid_config_names none = {0};
	int r;

	if (vendor->count + local->count > AID_AGENTS_MAX) {
		aid_problems_add(loader->problems, local_dir, 0, "%zu agents; at most %u are allowed",
			vendor->count + local->count, AID_AGENTS_MAX);
		loader->unusable = true;
		return AID_OK;
	}
	loader->agents = calloc(vendor->count + local->count + 1, sizeof(*loader->agents));
	if (loader->agents == NULL)
		return AID_E_NOMEM;
	r = load_listed(loader, vendor_dir, vendor, local, false);
	return r == AID_OK ? load_listed(loader, local_dir, local, &none, true) : r;
}

static int load_agents(struct aid_loader *loader)
{
	char vendor_dir[AID_CONFIG_PATH_SIZE];
	char local_dir[AID_CONFIG_PATH_SIZE];
	struct aid_config_names vendor = {0};
	struct aid_config_names local = {0};
	size_t problem = loader->problems->count;
	int r;

	if (!aid_config_join(vendor_dir, loader->paths->vendor_dir, AGENTS_DIR, loader->problems) ||
		!aid_config_join(local_dir, loader->paths->sysconf_dir, AGENTS_DIR, loader->problems))
		return AID_OK;
	r = aid_config_list(vendor_dir, &vendor, loader->problems);
	if (r == AID_OK)
		r = aid_config_list(local_dir, &local, loader->problems);
	/* Who cannot be read may be any agent. */
	loader->unusable = loader->unusable || loader->problems->count > problem;
	if (r == AID_OK)
		r = load_both(loader, vendor_dir, &vendor, local_dir, &local);
	aid_config_names_done(&vendor);
	aid_config_names_done(&local);
	return r;
}

/* ---- all of it ---- */

static int hand_over(struct aid_loader *loader)
{
	struct aid_config *config = loader->config;

	/* With room for those that are held. */
	config->agents = calloc(loader->n_agents + loader->n_refused + 1, sizeof(*config->agents));
	if (config->agents == NULL)
		return AID_E_NOMEM;
	for (size_t i = 0; i < loader->n_agents; i++) {
		if (loader->agents[i].refused)
			continue;
		config->agents[config->n_agents++] = loader->agents[i].agent;
		loader->agents[i].agent = (struct aid_agent){0};
	}
	config->refused = aid_steal(&loader->refused);
	config->n_refused = loader->n_refused;
	loader->n_refused = 0;
	return AID_OK;
}

static int load(struct aid_loader *loader, bool with_agents)
{
	int r = load_host(loader);

	loader->unusable = loader->problems->count > 0;
	if (r == AID_OK && with_agents)
		r = load_agents(loader);
	if (r == AID_OK)
		r = aid_loader_check_across(loader);
	return r == AID_OK && loader->problems->incomplete ? AID_E_NOMEM : r;
}

enum wanted { ALL_GOOD, HOST_ALONE, USABLE, HOST_SOMEHOW };

static int load_config(const struct aid_config_paths *paths, const struct aid_config *before,
	enum wanted wanted, struct aid_config **ret_config, struct aid_problems *problems)
{
	AID_AUTO(aid_config) *config = calloc(1, sizeof(*config));
	struct aid_loader loader = {.paths = paths, .before = before, .problems = problems,
		.config = config, .strict = wanted == ALL_GOOD};
	int r;

	*problems = (struct aid_problems){0};
	if (config == NULL)
		return AID_E_NOMEM;
	r = load(&loader, wanted == ALL_GOOD || wanted == USABLE);
	if (r == AID_OK && problems->count > 0 && wanted != HOST_SOMEHOW &&
		(wanted != USABLE || loader.unusable))
		r = AID_E_CONFIG;
	if (r == AID_OK)
		r = hand_over(&loader);
	for (size_t i = 0; i < loader.n_agents; i++)
		aid_agent_done(&loader.agents[i].agent);
	free(loader.agents);
	aid_refused_done(loader.refused, loader.n_refused);
	if (r == AID_OK)
		*ret_config = aid_steal(&config);
	return r;
}

int aid_config_load(const struct aid_config_paths *paths, struct aid_config **ret_config,
	struct aid_problems *problems)
{
	return load_config(paths, NULL, ALL_GOOD, ret_config, problems);
}

int aid_config_load_usable(const struct aid_config_paths *paths, const struct aid_config *before,
	struct aid_config **ret_config, struct aid_problems *problems)
{
	return load_config(paths, before, USABLE, ret_config, problems);
}

char *aid_config_fetch_user(const struct aid_config_paths *paths)
{
	AID_AUTO(aid_config) *config = NULL;
	struct aid_problems problems;
	char *user = NULL;

	if (load_config(paths, NULL, HOST_SOMEHOW, &config, &problems) == AID_OK)
		user = aid_steal(&config->fetch_user);
	aid_problems_done(&problems);
	return user;
}

int aid_config_load_host(const struct aid_config_paths *paths, struct aid_config **ret_config,
	struct aid_problems *problems)
{
	return load_config(paths, NULL, HOST_ALONE, ret_config, problems);
}

void aid_config_free(struct aid_config *config)
{
	if (config == NULL)
		return;
	for (size_t i = 0; i < config->n_agents; i++)
		aid_agent_done(&config->agents[i]);
	free(config->agents);
	aid_refused_done(config->refused, config->n_refused);
	free(config->host_issuer);
	free(config->issuer_key_dir);
	free(config->fetch_user);
	free(config->ca_file);
	free(config->verify_issuers);
	for (enum aid_manager m = AID_MANAGER_VAULT; m < AID_MANAGER_COUNT; m++)
		aid_target_values_done(&config->managers[m]);
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
