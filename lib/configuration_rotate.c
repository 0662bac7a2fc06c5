/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The section [rotate]: what has to stand together there. */
#include "configuration_private.h"

#include "secret_manager.h"
#include "str.h"

#include <stdio.h>
#include <string.h>

#define SECTION "rotate"
#define REALMS "/realms/"

struct reader {
	const struct aid_draft *draft;
	const struct aid_agent *agent;
	const char *file;
	uint64_t line; /* of the section */
	struct aid_problems *problems;
};

static uint64_t line_of(const struct reader *reader, const char *key)
{
	uint64_t line = aid_draft_line(reader->draft, SECTION, key);

	return line != 0 ? line : reader->line;
}

static bool is_there(const struct reader *reader, const char *key)
{
	return aid_draft_line(reader->draft, SECTION, key) != 0;
}

/* Only a manager that lets one of two writers win can be rotated by more than one host. */
static bool can_be_rotated(const char *reference)
{
	return aid_manager_of(reference) == AID_MANAGER_VAULT;
}

static void check_source(const struct reader *reader)
{
	const struct aid_token_config *token = &reader->agent->token;
	uint64_t line = aid_draft_line(reader->draft, "token", "client_secret");

	if (token->client_secret != NULL && !can_be_rotated(token->client_secret))
		aid_problems_add(reader->problems, reader->file, line,
			"[token] client_secret: [" SECTION "] needs a secret that comes from vault:, "
			"because the new one is written where the old one is read");
}

/* The key that a method needs, or must not have. */
static void check_key(const struct reader *reader, const char *key, bool wanted)
{
	const char *method = aid_client_auth_name(reader->agent->rotate.admin_client_auth);

	if (wanted && !is_there(reader, key))
		aid_problems_add(reader->problems, reader->file, reader->line,
			"[" SECTION "] %s is missing: admin_client_auth = %s needs it", key, method);
	else if (!wanted && is_there(reader, key))
		aid_problems_add(reader->problems, reader->file, line_of(reader, key),
			"[" SECTION "] %s has no meaning with admin_client_auth = %s; take one of them out", key,
			method);
}

static void check_client(const struct reader *reader)
{
	const struct aid_rotate_config *rotate = &reader->agent->rotate;
	enum aid_client_auth method = rotate->admin_client_auth;

	if (!is_there(reader, "admin_client_id"))
		aid_problems_add(reader->problems, reader->file, reader->line,
			"[" SECTION "] admin_client_id is missing: provider = %s needs it",
			aid_rotate_provider_name(rotate->provider));
	else if (aid_streq(rotate->admin_client_id, reader->agent->token.client_id))
		aid_problems_add(reader->problems, reader->file, line_of(reader, "admin_client_id"),
			"[" SECTION "] admin_client_id = '%.80s' is the agent's own client: whoever has an agent's "
			"secret could change it; give the admin client one of its own",
			rotate->admin_client_id);
	if (method == AID_TLS_CLIENT_AUTH)
		aid_problems_add(reader->problems, reader->file, line_of(reader, "admin_client_auth"),
			"[" SECTION "] admin_client_auth = 'tls_client_auth': an admin client proves itself by one of "
			"the other methods");
	check_key(reader, "admin_client_secret",
		method == AID_CLIENT_SECRET_BASIC || method == AID_CLIENT_SECRET_POST);
	check_key(reader, "admin_client_key", method == AID_PRIVATE_KEY_JWT);
}

static void check_times(const struct reader *reader)
{
	const struct aid_rotate_config *rotate = &reader->agent->rotate;

	if (is_there(reader, "overlap") && rotate->every_ms > 0 && rotate->overlap_ms > rotate->every_ms)
		aid_problems_add(reader->problems, reader->file, line_of(reader, "overlap"),
			"[" SECTION "] overlap = %llds is over every = %llds",
			(long long)(rotate->overlap_ms / 1000), (long long)(rotate->every_ms / 1000));
}

static void check_url(const struct reader *reader)
{
	struct aid_error err = AID_ERROR_INIT;
	char url[AID_CONFIG_PATH_SIZE];

	if (reader->agent->token.issuer != NULL && !is_there(reader, "admin_url") &&
		aid_rotate_admin_url(reader->agent, url, sizeof(url), &err) != AID_OK)
		aid_problems_add(reader->problems, reader->file, reader->line, "[" SECTION "] %s", err.text);
}

void aid_rotate_check(const struct aid_draft *draft, const struct aid_config_text *text, uint64_t line,
	struct aid_problems *problems)
{
	const struct aid_agent *agent = draft->object;
	const struct reader reader = {draft, agent, text->file, line, problems};

	/* What a damaged file lacks may stand in a line that is a problem already. */
	if (line == 0 || text->damaged)
		return;
	if (!is_there(&reader, "provider")) {
		aid_problems_add(problems, text->file, line, "[" SECTION "] provider is missing: it is %s",
			aid_rotate_provider_name(AID_ROTATE_KEYCLOAK_ADMIN));
		return;
	}
	/* Its own sentence has been said. */
	if (agent->rotate.provider == 0 || agent->token.source == AID_SOURCE_HOST ||
		agent->token.client_secret == NULL)
		return;
	check_source(&reader);
	check_client(&reader);
	check_times(&reader);
	check_url(&reader);
}

int aid_rotate_admin_url(const struct aid_agent *agent, char *out, size_t size, struct aid_error *err)
{
	const char *issuer = agent->token.issuer;
	const char *realm = issuer != NULL ? strstr(issuer, REALMS) : NULL;
	int length;

	if (agent->rotate.admin_url != NULL)
		length = snprintf(out, size, "%s", agent->rotate.admin_url);
	else if (realm == NULL || realm[strlen(REALMS)] == '\0' || strchr(realm + strlen(REALMS), '/') != NULL)
		return aid_fail(err, AID_E_CONFIG,
			"admin_url is missing: the issuer is not of the form URL/realms/REALM that it could be "
			"made from");
	else
		length = snprintf(out, size, "%.*s/admin%s", (int)(realm - issuer), issuer, realm);
	if (length < 0 || (size_t)length >= size)
		return aid_fail(err, AID_E_TOOBIG, "admin_url is over %zu bytes", size - 1);
	return AID_OK;
}
