/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "credential.h"

#include "agent.h"
#include "clock.h"
#include "error.h"
#include "str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEFT_MIN_MS 1000

struct kd_credential *kd_credential_find(const struct kd_session *session, const char *name)
{
	for (struct kd_list *n = session->credentials.next; n != &session->credentials; n = n->next) {
		struct kd_credential *credential = KD_CONTAINER(n, struct kd_credential, node);

		if (aid_streq(credential->name, name))
			return credential;
	}
	return NULL;
}

struct kd_credential *kd_credential_make(struct kd_session *session, const char *name,
	enum aid_target_kind kind)
{
	struct kd_credential *credential = kd_credential_find(session, name);

	if (credential != NULL)
		return credential;
	credential = calloc(1, sizeof(*credential));
	if (credential == NULL)
		return NULL;
	credential->session = session;
	credential->kind = kind;
	(void)snprintf(credential->name, sizeof(credential->name), "%s", name);
	kd_list_init(&credential->clients);
	kd_list_append(&session->credentials, &credential->node);
	return credential;
}

void kd_credential_free(struct kd_credential *credential)
{
	kd_list_remove(&credential->node);
	free(credential->last_error);
	free(credential);
}

const struct aid_credential *kd_credential_config(const struct kd_credential *credential)
{
	const struct aid_agent *agent = credential->session->agent->config;
	const struct aid_credential *config =
		agent == NULL ? NULL : aid_agent_credential(agent, credential->name);

	return config == NULL || config->options.target->kind != credential->kind ? NULL : config;
}

void kd_credential_set_error(struct kd_credential *credential, const struct aid_error *err)
{
	free(credential->last_error);
	credential->last_error = err == NULL ? NULL : strdup(err->text);
	credential->last_status = err == NULL ? AID_OK : err->status;
}

bool kd_credential_is_there(const struct kd_credential *credential)
{
	return credential->key != 0 &&
		credential->expires_boot_ms > aid_clock_boot_ms() + LEFT_MIN_MS &&
		credential->expires_wall_ms > aid_clock_wall_ms() + LEFT_MIN_MS;
}

const char *kd_credential_state(const struct kd_credential *credential)
{
	bool there = credential != NULL && kd_credential_is_there(credential);

	if (credential == NULL)
		return "unused";
	if (credential->last_error != NULL)
		return there ? "retrying" : "failing";
	if (there)
		return "fresh";
	if (credential->job != NULL)
		return "getting";
	return credential->refreshes > 0 ? "lapsed" : "unused";
}

bool kd_credential_at(const struct kd_session *session, uint32_t index,
	const struct kd_credential **ret_credential, const struct aid_credential **ret_config)
{
	const struct aid_agent *agent = session->agent->config;

	for (struct kd_list *n = session->credentials.next; n != &session->credentials; n = n->next) {
		if (index-- > 0)
			continue;
		*ret_credential = KD_CONTAINER(n, struct kd_credential, node);
		*ret_config = kd_credential_config(*ret_credential);
		return true;
	}
	for (size_t i = 0; agent != NULL && i < agent->n_credentials; i++) {
		if (kd_credential_find(session, agent->credentials[i].name) != NULL || index-- > 0)
			continue;
		*ret_credential = NULL;
		*ret_config = &agent->credentials[i];
		return true;
	}
	return false;
}
