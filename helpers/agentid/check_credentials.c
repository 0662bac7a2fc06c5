/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The files that [credential NAME] sections point to: policies, secrets, CA certificates. */
#include "check.h"

#include "file.h"
#include "secret_source.h"
#include "signing_key.h"
#include "str.h"

#include <stdio.h>
#include <string.h>

#define WHERE_SIZE 96U

struct place {
	const struct aid_agent *agent;
	const struct aid_credential *credential;
	char where[WHERE_SIZE]; /* "[credential NAME] OPTION", for sentences */
};

static const char *value_of(struct place *place, const char *option)
{
	if (aid_target_option(place->credential->options.target, option) == NULL)
		return NULL;
	(void)snprintf(place->where, sizeof(place->where), "[credential %s] %s", place->credential->name,
		option);
	return aid_target_get(&place->credential->options, option);
}

/* Whether it is JSON that the target understands is for the target to say. */
static void check_file(struct check *check, struct place *place, const struct aid_target_option *option)
{
	const char *path = value_of(place, option->name);
	AID_AUTO(aid_secret) *bytes = NULL;
	struct aid_error err = AID_ERROR_INIT;
	AID_FD(fd);

	if (path == NULL)
		return;
	if (aid_file_open(path, AID_FILE_CONFIG, &fd, &err) != AID_OK ||
		aid_file_read(fd, (size_t)option->max, &bytes, &err) != AID_OK)
		check_say(check, CHECK_ERROR, "credential", place->agent->file, place->credential->line,
			"%s: %s", place->where, err.text);
	else if (aid_secret_length(bytes) == 0)
		check_say(check, CHECK_ERROR, "credential", place->agent->file, place->credential->line,
			"%s: %s is empty", place->where, path);
}

static void check_client_secret(struct check *check, struct place *place)
{
	const char *reference = value_of(place, "client_secret");

	if (reference != NULL)
		aid_secret_free(check_read_secret(check, place->agent->file, place->where, reference,
			AID_CLIENT_SECRET_MAX));
}

static void check_client_key(struct check *check, struct place *place)
{
	const char *reference = value_of(place, "client_key");
	struct aid_error err = AID_ERROR_INIT;
	AID_AUTO(aid_signing_key) *key = NULL;
	AID_AUTO(aid_secret) *bytes = NULL;

	if (reference == NULL)
		return;
	bytes = check_read_secret(check, place->agent->file, place->where, reference, AID_KEY_FILE_MAX);
	if (bytes == NULL ||
		!aid_streq(aid_target_get(&place->credential->options, "client_auth"), "private_key_jwt"))
		return;
	if (aid_signing_key_parse(aid_secret_peek(bytes), aid_secret_length(bytes), &key, &err) != AID_OK)
		check_say(check, CHECK_ERROR, "secret", place->agent->file, 0, "%s: %s: %s", place->where,
			reference, err.text);
}

static void check_certificate(struct check *check, struct place *place)
{
	const char *reference = value_of(place, "client_certificate");
	AID_AUTO(aid_secret) *bytes = NULL;

	if (reference == NULL)
		return;
	bytes = check_read_secret(check, place->agent->file, place->where, reference, AID_KEY_FILE_MAX);
	if (bytes != NULL && strstr(aid_secret_peek(bytes), "-----BEGIN CERTIFICATE-----") == NULL)
		check_say(check, CHECK_ERROR, "secret", place->agent->file, 0,
			"%s: %s holds no PEM certificate", place->where, reference);
}

static void say(struct check *check, const struct place *place, size_t errors)
{
	const struct aid_credential *credential = place->credential;
	enum aid_source source = aid_credential_source(check->config, credential);
	char host[256];

	if (check->counts[CHECK_ERROR] > errors)
		return;
	aid_target_host(&credential->options, place->agent->token.issuer, host, sizeof(host));
	check_say(check, CHECK_OK, "credential", NULL, 0, "agent '%s' has '%s': %s at %s%s%s", place->agent->id,
		credential->name, credential->options.target->name, host, source != 0 ? ", assertion by " : "",
		source == 0 ? "" : source == AID_SOURCE_HOST ? "this host" : place->agent->token.issuer);
}

void check_credentials(struct check *check, const struct aid_agent *agent)
{
	for (size_t i = 0; i < agent->n_credentials; i++) {
		struct place place = {.agent = agent, .credential = &agent->credentials[i]};
		const struct aid_target *target = place.credential->options.target;
		const struct aid_target_option *option;
		size_t errors = check->counts[CHECK_ERROR];
		const char *ca_file = aid_target_get(&place.credential->options, "ca_file");

		for (size_t j = 0; (option = aid_target_option_at(target, j)) != NULL; j++) {
			if (option->use == AID_USE_FILE)
				check_file(check, &place, option);
		}
		check_client_secret(check, &place);
		check_client_key(check, &place);
		check_certificate(check, &place);
		if (ca_file != NULL)
			check_ca_file(check, ca_file, agent->file);
		say(check, &place, errors);
	}
}

bool check_credentials_need_host_ca(const struct aid_agent *agent)
{
	for (size_t i = 0; i < agent->n_credentials; i++) {
		if (aid_target_get(&agent->credentials[i].options, "ca_file") == NULL)
			return true;
	}
	return false;
}
