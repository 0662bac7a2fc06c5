/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The files that [credential NAME] sections point to: policies, secrets, CA certificates. */
#include "check.h"

#include "file.h"
#include "str.h"

#include <stdio.h>
#include <string.h>

#define SECTION_SIZE 96U

/* Whether it is JSON that the target understands is for the target to say. */
static void check_file(struct check *check, const struct aid_agent *agent,
	const struct aid_credential *credential, const struct aid_target_option *option)
{
	const char *path = aid_target_get(&credential->options, option->name);
	AID_AUTO(aid_secret) *bytes = NULL;
	struct aid_error err = AID_ERROR_INIT;
	AID_FD(fd);

	if (path == NULL)
		return;
	if (aid_file_open(path, AID_FILE_CONFIG, &fd, &err) != AID_OK ||
		aid_file_read(fd, (size_t)option->max, &bytes, &err) != AID_OK)
		check_say(check, CHECK_ERROR, "credential", agent->file, credential->line, "[credential %s] %s: %s",
			credential->name, option->name, err.text);
	else if (aid_secret_length(bytes) == 0)
		check_say(check, CHECK_ERROR, "credential", agent->file, credential->line,
			"[credential %s] %s: %s is empty", credential->name, option->name, path);
}

/* NULL where the kind of credential has no such option, or it is not given. */
static const char *given(const struct aid_credential *credential, const char *option)
{
	return aid_target_option(credential->options.target, option) == NULL
		? NULL : aid_target_get(&credential->options, option);
}

static void check_credential_client(struct check *check, const struct aid_agent *agent,
	const struct aid_credential *credential)
{
	bool signs = aid_streq(given(credential, "client_auth"), "private_key_jwt");
	char section[SECTION_SIZE];
	const struct check_client client = {
		.file = agent->file,
		.section = section,
		.secret = given(credential, "client_secret"),
		.key = given(credential, "client_key"),
		.certificate = given(credential, "client_certificate"),
		.signing_alg = signs ? given(credential, "signing_alg") : NULL,
	};

	(void)snprintf(section, sizeof(section), "credential %s", credential->name);
	check_client(check, &client);
}

static void check_credential(struct check *check, const struct aid_agent *agent,
	const struct aid_credential *credential)
{
	const struct aid_target *target = credential->options.target;
	const char *ca_file = aid_target_get(&credential->options, "ca_file");
	enum aid_source source = aid_credential_source(check->config, credential);
	size_t errors = check->counts[CHECK_ERROR];
	const struct aid_target_option *option;
	char host[256];

	for (size_t i = 0; (option = aid_target_option_at(target, i)) != NULL; i++) {
		if (option->use == AID_USE_FILE)
			check_file(check, agent, credential, option);
	}
	check_credential_client(check, agent, credential);
	if (ca_file != NULL)
		check_ca_file(check, ca_file, agent->file);
	if (check->counts[CHECK_ERROR] > errors)
		return;
	aid_target_host(&credential->options, agent->token.issuer, host, sizeof(host));
	check_say(check, CHECK_OK, "credential", NULL, 0, "agent '%s' has '%s': %s at %s%s%s", agent->id,
		credential->name, target->name, host, source != 0 ? ", assertion by " : "",
		source == 0 ? "" : source == AID_SOURCE_HOST ? "this host" : agent->token.issuer);
}

void check_credentials(struct check *check, const struct aid_agent *agent)
{
	for (size_t i = 0; i < agent->n_credentials; i++)
		check_credential(check, agent, &agent->credentials[i]);
}

bool check_credentials_need_host_ca(const struct aid_agent *agent)
{
	for (size_t i = 0; i < agent->n_credentials; i++) {
		if (aid_target_get(&agent->credentials[i].options, "ca_file") == NULL)
			return true;
	}
	return false;
}
