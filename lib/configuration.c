/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Which files are read, in which order, and what holds across them. */
#include "configuration_private.h"

#include "file.h"
#include "str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_BYTES 1024U
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

/* File names of a directory, sorted. */
struct names {
	char **items;
	size_t count;
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

/* err->text often begins with the file, which the problem names anyway. */
static void add_error(struct aid_problems *problems, const char *file, const struct aid_error *err)
{
	size_t length = strlen(file);
	const char *text = err->text;

	if (aid_str_has_prefix(text, file) && aid_str_has_prefix(text + length, ": "))
		text += length + 2;
	aid_problems_add(problems, file, 0, "%s", text);
}

/* ---- files ---- */

static void names_done(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i]);
	free(names->items);
	*names = (struct names){0};
}

static int by_name(const void *a, const void *b)
{
	return aid_str_order(*(char *const *)a, *(char *const *)b);
}

static bool is_configuration_name(const char *name)
{
	size_t length = strlen(name);

	return name[0] != '.' && length > strlen(".conf") &&
		aid_streq(name + length - strlen(".conf"), ".conf");
}

static int names_add(struct names *names, const char *name)
{
	char **grown = reallocarray(names->items, names->count + 1, sizeof(*names->items));

	if (grown == NULL)
		return AID_E_NOMEM;
	names->items = grown;
	grown[names->count] = strdup(name);
	if (grown[names->count] == NULL)
		return AID_E_NOMEM;
	names->count++;
	return AID_OK;
}

static bool names_have(const struct names *names, const char *name)
{
	if (names->count == 0)
		return false;
	return bsearch(&name, names->items, names->count, sizeof(*names->items), by_name) != NULL;
}

/* Whoever may write the directory may add an agent: it counts as much as the files do. */
static bool directory_is_trusted(int fd, const char *path, struct aid_problems *problems)
{
	struct stat st;

	if (fstat(fd, &st) != 0) {
		aid_problems_add(problems, path, 0, "%s", strerrordesc_np(errno));
		return false;
	}
	if (st.st_uid != 0) {
		aid_problems_add(problems, path, 0, "directory is owned by uid %u, not by root", st.st_uid);
		return false;
	}
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		aid_problems_add(problems, path, 0,
			"directory mode %04o lets others write; at most 0755 is allowed",
			st.st_mode & 07777U);
		return false;
	}
	return true;
}

static int read_names(DIR *directory, struct names *ret_names)
{
	const struct dirent *entry;
	struct names names = {0};

	while ((entry = readdir(directory)) != NULL) {
		if (!is_configuration_name(entry->d_name))
			continue;
		if (names_add(&names, entry->d_name) != AID_OK) {
			names_done(&names);
			return AID_E_NOMEM;
		}
	}
	if (names.count > 0)
		qsort(names.items, names.count, sizeof(*names.items), by_name);
	*ret_names = names;
	return AID_OK;
}

/* The *.conf names of a directory; none where it does not exist or is a problem. */
static int list_directory(const char *path, struct names *ret_names, struct aid_problems *problems)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *directory;
	int r;

	if (fd < 0 && errno == ENOENT)
		return AID_OK;
	if (fd < 0) {
		aid_problems_add(problems, path, 0, "%s", strerrordesc_np(errno));
		return AID_OK;
	}
	if (!directory_is_trusted(fd, path, problems)) {
		(void)close(fd);
		return AID_OK;
	}
	directory = fdopendir(fd);
	if (directory == NULL) {
		(void)close(fd);
		return AID_E_NOMEM;
	}
	r = read_names(directory, ret_names);
	(void)closedir(directory);
	return r;
}

/* A symbolic link to /dev/null masks a vendor's file. Any other one is refused when it is opened. */
static bool is_mask(const char *path)
{
	char target[sizeof("/dev/null") + 1];
	ssize_t length = readlink(path, target, sizeof(target));

	return length == (ssize_t)strlen("/dev/null") && memcmp(target, "/dev/null", (size_t)length) == 0;
}

/* *ret_bytes stays NULL where there is no file, a mask, or a problem. */
static int read_file(const char *path, struct aid_secret **ret_bytes, struct aid_problems *problems)
{
	struct aid_error err = AID_ERROR_INIT;
	AID_FD(fd);
	int r;

	if (is_mask(path))
		return AID_OK;
	r = aid_file_open(path, AID_FILE_CONFIG, &fd, &err);
	if (r == AID_E_NOTFOUND)
		return AID_OK;
	if (r == AID_OK)
		r = aid_file_read(fd, AID_CONFIG_FILE_MAX, ret_bytes, &err);
	if (r == AID_E_NOMEM)
		return r;
	if (r == AID_E_TOOBIG)
		aid_problems_add(problems, path, 0, "the file has more than %u bytes, which is the limit",
			AID_CONFIG_FILE_MAX);
	else if (r != AID_OK)
		add_error(problems, path, &err);
	return AID_OK;
}

static bool join_path(char *out, const char *directory, const char *name,
	struct aid_problems *problems)
{
	int length = snprintf(out, PATH_BYTES, "%s/%s", directory, name);

	if (length < 0 || (size_t)length >= PATH_BYTES) {
		aid_problems_add(problems, directory, 0, "'%.64s': the path has more than %u bytes", name,
			PATH_BYTES - 1);
		return false;
	}
	return true;
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
	char path[PATH_BYTES];
	int r;

	if (!join_path(path, directory, name, loader->problems))
		return AID_OK;
	r = read_file(path, &bytes, loader->problems);
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
	char directory[PATH_BYTES];
	struct names names = {0};
	int r;

	if (!join_path(directory, loader->paths->sysconf_dir, HOST_DROPINS, loader->problems))
		return AID_OK;
	r = list_directory(directory, &names, loader->problems);
	for (size_t i = 0; r == AID_OK && i < names.count; i++)
		r = apply_host_file(loader, directory, names.items[i]);
	names_done(&names);
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
	char path[PATH_BYTES];
	int r;

	if (!join_path(path, directory, name, loader->problems))
		return AID_OK;
	r = read_file(path, &bytes, loader->problems);
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

static int load_listed(struct loader *loader, const char *directory, const struct names *names,
	const struct names *overridden_by)
{
	for (size_t i = 0; i < names->count; i++) {
		int r;

		if (names_have(overridden_by, names->items[i]))
			continue;
		r = load_agent(loader, directory, names->items[i]);
		if (r != AID_OK)
			return r;
	}
	return AID_OK;
}

static int load_both(struct loader *loader, const char *vendor_dir, const struct names *vendor,
	const char *local_dir, const struct names *local)
{
	static const struct names none = {0};
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
	char vendor_dir[PATH_BYTES];
	char local_dir[PATH_BYTES];
	struct names vendor = {0};
	struct names local = {0};
	int r;

	if (!join_path(vendor_dir, loader->paths->vendor_dir, AGENTS_DIR, loader->problems) ||
		!join_path(local_dir, loader->paths->sysconf_dir, AGENTS_DIR, loader->problems))
		return AID_OK;
	r = list_directory(vendor_dir, &vendor, loader->problems);
	if (r == AID_OK)
		r = list_directory(local_dir, &local, loader->problems);
	if (r == AID_OK)
		r = load_both(loader, vendor_dir, &vendor, local_dir, &local);
	names_done(&vendor);
	names_done(&local);
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
	AID_FREE const struct agent_draft **order = calloc(loader->n_agents + 1, sizeof(*order));

	if (order == NULL)
		return AID_E_NOMEM;
	for (size_t i = 0; i < loader->n_agents; i++)
		order[i] = &loader->agents[i];
	qsort(order, loader->n_agents, sizeof(*order), by_account);
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
