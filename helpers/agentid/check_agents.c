/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What the configuration points to. */
#include "check.h"

#include "clock.h"
#include "file.h"
#include "issuer_dir.h"
#include "secret_source.h"
#include "signing_key.h"
#include "str.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where systemd keeps the daemon's credentials while it runs; root can read them there. */
#define CREDENTIALS_DIR RUNSTATEDIR "/credentials/agentid-keyringd.service"

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

struct aid_secret *check_read_secret(struct check *check, const char *file, const char *what,
	const char *reference, size_t max)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_secret *bytes = NULL;
	bool credential = aid_str_has_prefix(reference, "credential:");
	AID_FD(fd);

	if (credential && access(CREDENTIALS_DIR, F_OK) != 0) {
		check_say(check, CHECK_WARNING, "secret", file, 0,
			"%s: %s can be checked only while agentid-keyringd.service runs", what, reference);
		return NULL;
	}
	if (aid_secret_ref_open(reference, CREDENTIALS_DIR, &fd, &err) != AID_OK ||
		aid_file_read(fd, max, &bytes, &err) != AID_OK) {
		check_say(check, CHECK_ERROR, "secret", file, 0, "%s: %s", what, err.text);
		return NULL;
	}
	if (aid_secret_length(bytes) == 0) {
		check_say(check, CHECK_ERROR, "secret", file, 0, "%s: %s is empty", what, reference);
		aid_secret_free(bytes);
		return NULL;
	}
	return bytes;
}

static void check_client_secret(struct check *check, const struct aid_agent *agent)
{
	if (agent->token.client_secret != NULL)
		aid_secret_free(check_read_secret(check, agent->file, "[token] client_secret",
			agent->token.client_secret, AID_CLIENT_SECRET_MAX));
}

static void check_certificate(struct check *check, const struct aid_agent *agent)
{
	const char *reference = agent->token.client_certificate;
	AID_AUTO(aid_secret) *bytes = NULL;

	if (reference == NULL)
		return;
	bytes = check_read_secret(check, agent->file, "[token] client_certificate", reference,
		AID_KEY_FILE_MAX);
	if (bytes != NULL &&
		strstr(aid_secret_peek(bytes), "-----BEGIN CERTIFICATE-----") == NULL)
		check_say(check, CHECK_ERROR, "secret", agent->file, 0,
			"[token] client_certificate: %s holds no PEM certificate", reference);
}

static void check_client_key(struct check *check, const struct aid_agent *agent)
{
	const char *reference = agent->token.client_key;
	struct aid_error err = AID_ERROR_INIT;
	AID_AUTO(aid_secret) *bytes = NULL;
	AID_AUTO(aid_signing_key) *key = NULL;
	const struct aid_alg_info *alg;

	if (reference == NULL)
		return;
	bytes = check_read_secret(check, agent->file, "[token] client_key", reference, AID_KEY_FILE_MAX);
	/* A TLS key may be of a kind that no assertion is signed with. */
	if (bytes == NULL || agent->token.client_auth != AID_PRIVATE_KEY_JWT)
		return;
	if (aid_signing_key_parse(aid_secret_peek(bytes), aid_secret_length(bytes), &key, &err) !=
		AID_OK) {
		check_say(check, CHECK_ERROR, "secret", agent->file, 0, "[token] client_key: %s: %s",
			reference, err.text);
		return;
	}
	alg = aid_alg_by_name(agent->token.signing_alg);
	if (alg == NULL || (aid_signing_key_algs(key) & (unsigned int)alg->alg) == 0)
		check_say(check, CHECK_ERROR, "secret", agent->file, 0,
			"[token] signing_alg = %s: the key of %s is of another kind",
			agent->token.signing_alg, reference);
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

void check_agents(struct check *check)
{
	const struct aid_config *config = check->config;
	bool host_issuer = false;
	bool network = false;
	size_t before = check->counts[CHECK_ERROR];

	for (size_t i = 0; i < config->n_agents; i++) {
		const struct aid_agent *agent = &config->agents[i];

		check_account(check, agent);
		check_client_secret(check, agent);
		check_client_key(check, agent);
		check_certificate(check, agent);
		if (agent->token.ca_file != NULL)
			check_ca_file(check, agent->token.ca_file, agent->file);
		check_credentials(check, agent);
		host_issuer = host_issuer || needs_issuer(config, agent);
		network = network ||
			(agent->token.source == AID_SOURCE_OIDC && agent->token.ca_file == NULL) ||
			check_credentials_need_host_ca(agent);
	}
	if (network)
		check_ca_file(check, config->ca_file, NULL);
	if (host_issuer)
		check_issuer_key(check);
	if (config->n_agents > 0 && check->counts[CHECK_ERROR] == before)
		check_say(check, CHECK_OK, "agents", NULL, 0, "accounts and secrets are there");
}
