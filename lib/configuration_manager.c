/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The sections [secrets NAME] of agentid.conf, and the agents whose secrets come from there. */
#include "configuration_private.h"

#include "str.h"

#include <stdio.h>

#define HOST_FILE "agentid.conf"

/* The first line of the section; 0: it has no key. */
static uint64_t section_line(const struct aid_draft *draft, const char *section)
{
	uint64_t first = 0;

	for (size_t i = 0; draft->options[i].section != NULL; i++) {
		if (aid_streq(draft->options[i].section, section) && draft->lines[i] != 0 &&
			(first == 0 || draft->lines[i] < first))
			first = draft->lines[i];
	}
	return first;
}

static bool signs(const struct aid_target_values *values)
{
	if (values->target == aid_manager_target(AID_MANAGER_VAULT))
		return aid_streq(aid_target_get(values, "auth"), "jwt");
	return aid_target_is_set(values, "role_arn");
}

void aid_managers_check(struct aid_loader *loader)
{
	for (enum aid_manager m = AID_MANAGER_VAULT; m < AID_MANAGER_COUNT; m++) {
		const struct aid_target_values *values = &loader->config->managers[m];
		const struct aid_target *target = aid_manager_target(m);
		uint64_t line = section_line(&loader->host, target->name);
		struct aid_error err = AID_ERROR_INIT;
		char file[AID_CONFIG_PATH_SIZE];

		/* A wrong line is a problem already, and what is missing may stand there. */
		if (line == 0 || values->target == NULL || loader->problems->count > 0 ||
			!aid_config_join(file, loader->paths->sysconf_dir, HOST_FILE, loader->problems))
			continue;
		if (aid_target_complete(values, &err) != AID_OK)
			aid_problems_add(loader->problems, file, 0, "[%s] %s", target->name, err.text);
		else if (signs(values) && loader->config->host_issuer == NULL)
			aid_problems_add(loader->problems, file, 0, "[%s] %s needs [issuer] url", target->name,
				m == AID_MANAGER_VAULT ? "auth = jwt" : "role_arn");
	}
}

/* NULL: it needs none, or has it. */
static const char *missing(const struct aid_loader *loader, const char *reference)
{
	enum aid_manager m = reference != NULL ? aid_manager_of(reference) : AID_MANAGER_NONE;
	const struct aid_target *target = aid_manager_target(m);

	if (target == NULL || section_line(&loader->host, target->name) != 0)
		return NULL;
	return target->name;
}

static void check_agent(struct aid_loader *loader, const struct aid_agent_draft *draft)
{
	const struct aid_agent *agent = &draft->agent;
	const char *section = missing(loader, agent->token.client_secret);

	if (section != NULL)
		aid_problems_add(loader->problems, agent->file,
			aid_draft_line(&draft->draft, "token", "client_secret"),
			"[token] client_secret needs a section [%s] in %s/" HOST_FILE, section,
			loader->paths->sysconf_dir);
	for (size_t i = 0; i < agent->n_credentials; i++) {
		const struct aid_credential *credential = &agent->credentials[i];
		const struct aid_target_values *values = &credential->options;

		if (values->target == NULL)
			continue;
		section = missing(loader, aid_target_get(values, "client_secret"));
		if (section != NULL)
			aid_problems_add(loader->problems, agent->file, credential->line,
				"[credential %s] client_secret needs a section [%s] in %s/" HOST_FILE,
				credential->name, section, loader->paths->sysconf_dir);
	}
}

int aid_managers_check_agents(struct aid_loader *loader)
{
	int r = AID_OK;

	for (size_t i = 0; r == AID_OK && i < loader->n_agents; i++) {
		size_t problem = loader->problems->count;

		check_agent(loader, &loader->agents[i]);
		if (loader->problems->count > problem)
			r = aid_loader_refuse_draft(loader, &loader->agents[i], problem);
	}
	return r;
}
