/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What the configuration points to. */
#include "check.h"

#include "clock.h"
#include "file.h"
#include "issuer_dir.h"
#include "str.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROTATE_OFTEN_MS 600000

static void check_account(struct check *check, const struct aid_agent *agent)
{
	const struct passwd *entry;

	errno = 0;
	entry = getpwnam(agent->account); /* NOLINT(concurrency-mt-unsafe): there is one thread */
	if (entry == NULL && errno != 0 && errno != ENOENT)
		check_say(check, CHECK_ERROR, "account", agent->file, 0, "account '%s': %s",
			agent->account, strerrordesc_np(errno));
	else if (entry == NULL)
		check_say(check, CHECK_ERROR, "account", agent->file, 0,
			"[agent] account = '%s': no such account on this host", agent->account);
	else if (entry->pw_uid == 0)
		check_say(check, CHECK_ERROR, "account", agent->file, 0,
			"[agent] account = '%s' has uid 0; root cannot be an agent", agent->account);
}

static void check_token_client(struct check *check, const struct aid_agent *agent)
{
	const struct check_client client = {
		.file = agent->file,
		.section = "token",
		.secret = agent->token.client_secret,
		.key = agent->token.client_key,
		.certificate = agent->token.client_certificate,
		.signing_alg = agent->token.client_auth == AID_PRIVATE_KEY_JWT ? agent->token.signing_alg : NULL,
	};

	check_client(check, &client);
}

void check_ca_file(struct check *check, const char *path, const char *file)
{
	struct stat st;

	if (stat(path, &st) != 0)
		check_say(check, CHECK_ERROR, "ca_file", file, 0, "ca_file = '%s': %s", path,
			strerrordesc_np(errno));
	else if (!S_ISREG(st.st_mode) || st.st_size == 0)
		check_say(check, CHECK_ERROR, "ca_file", file, 0, "ca_file = '%s': %s", path,
			S_ISREG(st.st_mode) ? "the file is empty" : "not a regular file");
	else if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		check_say(check, CHECK_ERROR, "ca_file", file, 0,
			"ca_file = '%s': mode %04o, owner %u; root must own it and nobody else write it",
			path, st.st_mode & 07777U, st.st_uid);
	else if ((st.st_mode & S_IROTH) == 0)
		check_say(check, CHECK_ERROR, "ca_file", file, 0,
			"ca_file = '%s': mode %04o; agentid-fetch needs to read it, as any user may", path,
			st.st_mode & 07777U);
}

static bool has_host_credential(const struct aid_config *config, const struct aid_agent *agent)
{
	for (size_t i = 0; i < agent->n_credentials; i++) {
		const struct aid_credential *credential = &agent->credentials[i];

		if (aid_credential_source(config, credential) == AID_SOURCE_HOST ||
			aid_streq(aid_target_get(&credential->options, "client_auth"), "federated_jwt"))
			return true;
	}
	return false;
}

static bool needs_issuer(const struct aid_config *config, const struct aid_agent *agent)
{
	return agent->token.source == AID_SOURCE_HOST ||
		agent->token.client_auth == AID_FEDERATED_JWT || has_host_credential(config, agent);
}

static void check_issuer_key(struct check *check)
{
	const char *directory = check->config->issuer_key_dir;
	struct aid_error err = AID_ERROR_INIT;
	char path[AID_ISSUER_PATH_SIZE];
	int64_t next;
	AID_FD(fd);
	int r = aid_issuer_select(directory, aid_clock_wall_ms(), path, &next, &err);

	if (r == AID_OK)
		r = aid_file_open(path, AID_FILE_SECRET, &fd, &err);
	if (r == AID_E_NOTFOUND)
		check_say(check, CHECK_ERROR, "issuer", directory, 0,
			"no active key; \"agentid issuer init\" makes one");
	else if (r != AID_OK)
		check_say(check, CHECK_ERROR, "issuer", directory, 0, "%s", err.text);
	else
		check_say(check, CHECK_OK, "issuer", NULL, 0, "%s has an active key",
			check->config->host_issuer);
}

/* A rotation is two or three requests to the provider's database, and readers that read again. */
static void check_rotation(struct check *check, const struct aid_agent *agent)
{
	const struct aid_rotate_config *rotate = &agent->rotate;
	const struct check_client client = {
		.file = agent->file,
		.section = "rotate",
		.key = rotate->admin_client_key,
		.signing_alg = "RS256",
	};

	if (rotate->provider == 0)
		return;
	check_secret(check, agent->file, "rotate", "admin_client_secret", rotate->admin_client_secret);
	check_client(check, &client);
	if (rotate->every_ms > 0 && rotate->every_ms < ROTATE_OFTEN_MS)
		check_say(check, CHECK_WARNING, "rotate", agent->file, 0,
			"[rotate] every = %llds: a secret that is changed more often than every %d minutes costs more "
			"than it protects", (long long)(rotate->every_ms / 1000), ROTATE_OFTEN_MS / 60000);
}

void check_agents(struct check *check)
{
	const struct aid_config *config = check->config;
	bool host_issuer = false;
	bool network = false;
	size_t before = check->counts[CHECK_ERROR];

	for (size_t i = 0; i < config->n_agents; i++) {
		const struct aid_agent *agent = &config->agents[i];

		check_account(check, agent);
		check_token_client(check, agent);
		if (agent->token.ca_file != NULL)
			check_ca_file(check, agent->token.ca_file, agent->file);
		check_credentials(check, agent);
		check_rotation(check, agent);
		host_issuer = host_issuer || needs_issuer(config, agent);
		network = network ||
			(agent->token.source == AID_SOURCE_OIDC && agent->token.ca_file == NULL) ||
			check_credentials_need_host_ca(agent);
	}
	if (network)
		check_ca_file(check, config->ca_file, NULL);
	check_managers(check);
	if (host_issuer || check_managers_sign(config))
		check_issuer_key(check);
	if (config->n_agents > 0 && check->counts[CHECK_ERROR] == before)
		check_say(check, CHECK_OK, "agents", NULL, 0, "accounts and secrets are there");
}
