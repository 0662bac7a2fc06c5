/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "agent.h"

#include "str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void kd_agents_init(struct kd_agents *agents)
{
	kd_list_init(&agents->list);
	kd_list_init(&agents->issuers);
}

static void agent_free(struct kd_agent *agent)
{
	kd_list_remove(&agent->node);
	free(agent->last_error);
	free(agent->problem);
	free(agent->cut_issuer);
	free(agent->cut_subject);
	free(agent);
}

void kd_agents_done(struct kd_agents *agents)
{
	while (!kd_list_is_empty(&agents->list))
		agent_free(KD_CONTAINER(agents->list.next, struct kd_agent, node));
	while (!kd_list_is_empty(&agents->issuers)) {
		struct kd_issuer *issuer =
			KD_CONTAINER(agents->issuers.next, struct kd_issuer, node);

		kd_list_remove(&issuer->node);
		free(issuer->name);
		free(issuer);
	}
}

struct kd_agent *kd_agents_find(const struct kd_agents *agents, const char *id)
{
	for (struct kd_list *n = agents->list.next; n != &agents->list; n = n->next) {
		struct kd_agent *agent = KD_CONTAINER(n, struct kd_agent, node);

		if (aid_streq(agent->id, id))
			return agent;
	}
	return NULL;
}

struct kd_agent *kd_agents_get(struct kd_agents *agents, const char *id)
{
	struct kd_agent *agent = kd_agents_find(agents, id);

	if (agent != NULL)
		return agent;
	agent = calloc(1, sizeof(*agent));
	if (agent == NULL)
		return NULL;
	(void)snprintf(agent->id, sizeof(agent->id), "%s", id);
	kd_list_init(&agent->sessions);
	kd_list_append(&agents->list, &agent->node);
	return agent;
}

struct kd_issuer *kd_issuers_get(struct kd_agents *agents, const char *name)
{
	struct kd_issuer *issuer;

	for (struct kd_list *n = agents->issuers.next; n != &agents->issuers; n = n->next) {
		issuer = KD_CONTAINER(n, struct kd_issuer, node);
		if (aid_streq(issuer->name, name))
			return issuer;
	}
	issuer = calloc(1, sizeof(*issuer));
	if (issuer == NULL)
		return NULL;
	issuer->name = strdup(name);
	if (issuer->name == NULL) {
		free(issuer);
		return NULL;
	}
	kd_list_init(&issuer->waiting);
	kd_list_init(&issuer->retire.waiting);
	kd_list_append(&agents->issuers, &issuer->node);
	return issuer;
}

void kd_agent_set_problem(struct kd_agent *agent, const char *text)
{
	struct aid_error sentence = AID_ERROR_INIT;

	free(agent->problem);
	agent->problem = NULL;
	if (text == NULL)
		return;
	/* Made printable, and short enough for a field. */
	(void)aid_fail(&sentence, AID_E_CONFIG, "%s", text);
	agent->problem = strdup(sentence.text);
}

void kd_agent_set_error(struct kd_agent *agent, const char *text)
{
	free(agent->last_error);
	agent->last_error = text == NULL ? NULL : strdup(text);
}

void kd_agent_set_cut(struct kd_agent *agent, const char *issuer, const char *subject)
{
	free(agent->cut_issuer);
	free(agent->cut_subject);
	agent->cut_issuer = issuer == NULL ? NULL : strdup(issuer);
	agent->cut_subject = issuer == NULL ? NULL : strdup(subject);
	if (agent->cut_issuer != NULL && agent->cut_subject != NULL)
		return;
	/* Without memory, too. */
	free(agent->cut_issuer);
	free(agent->cut_subject);
	agent->cut_issuer = agent->cut_subject = NULL;
}

size_t kd_agent_credential_size(const struct kd_agent *agent, enum aid_target_kind kind)
{
	static const size_t common[AID_TARGET_LAST_WK + 1] = {
		[AID_TARGET_AWS_STS] = 2048,
		[AID_TARGET_AZURE_WIF] = 2048,
		[AID_TARGET_GCP_WIF] = 2048,
		[AID_TARGET_RFC8693] = 1536,
		[AID_TARGET_VAULT] = 256,
		[AID_TARGET_OIDC] = 1536,
	};

	return agent->credential_sizes[kind] > 0 ? agent->credential_sizes[kind] : common[kind];
}

void kd_agent_saw_credential(struct kd_agent *agent, enum aid_target_kind kind, size_t size)
{
	if (size > agent->credential_sizes[kind])
		agent->credential_sizes[kind] = size;
}

void kd_agents_forget_unused(struct kd_agents *agents)
{
	struct kd_list *next;

	for (struct kd_list *n = agents->list.next; n != &agents->list; n = next) {
		struct kd_agent *agent = KD_CONTAINER(n, struct kd_agent, node);

		next = n->next;
		if (agent->config == NULL && agent->n_sessions == 0 && !agent->revoked &&
			agent->problem == NULL)
			agent_free(agent);
	}
}
