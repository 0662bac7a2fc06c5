/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What a client of a provider proves itself with: of [token], and of a [credential NAME]. */
#include "check.h"

#include "file.h"
#include "secret_source.h"
#include "signing_key.h"
#include "str.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Where systemd keeps the daemon's credentials while it runs; root can read them there. */
#define CREDENTIALS_DIR RUNSTATEDIR "/credentials/agentid-keyringd.service"

/* The bytes of a secret, or NULL when the reason was said or there is none. */
static struct aid_secret *read_secret(struct check *check, const struct check_client *client,
	const char *option, const char *reference, size_t max)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_secret *bytes = NULL;
	AID_FD(fd);

	if (reference == NULL)
		return NULL;
	if (aid_str_has_prefix(reference, "credential:") && access(CREDENTIALS_DIR, F_OK) != 0) {
		check_say(check, CHECK_WARNING, "secret", client->file, 0,
			"[%s] %s: %s can be checked only while agentid-keyringd.service runs", client->section,
			option, reference);
		return NULL;
	}
	if (aid_secret_ref_open(reference, CREDENTIALS_DIR, &fd, &err) != AID_OK ||
		aid_file_read(fd, max, &bytes, &err) != AID_OK) {
		check_say(check, CHECK_ERROR, "secret", client->file, 0, "[%s] %s: %s", client->section, option,
			err.text);
		return NULL;
	}
	if (aid_secret_length(bytes) == 0) {
		check_say(check, CHECK_ERROR, "secret", client->file, 0, "[%s] %s: %s is empty", client->section,
			option, reference);
		aid_secret_free(bytes);
		return NULL;
	}
	return bytes;
}

static void check_key(struct check *check, const struct check_client *client)
{
	AID_AUTO(aid_secret) *bytes = read_secret(check, client, "client_key", client->key, AID_KEY_FILE_MAX);
	AID_AUTO(aid_signing_key) *key = NULL;
	struct aid_error err = AID_ERROR_INIT;
	const struct aid_alg_info *alg;

	/* A TLS key may be of a kind that no assertion is signed with. */
	if (bytes == NULL || client->signing_alg == NULL)
		return;
	if (aid_signing_key_parse(aid_secret_peek(bytes), aid_secret_length(bytes), &key, &err) != AID_OK) {
		check_say(check, CHECK_ERROR, "secret", client->file, 0, "[%s] client_key: %s: %s",
			client->section, client->key, err.text);
		return;
	}
	alg = aid_alg_by_name(client->signing_alg);
	if (alg == NULL || (aid_signing_key_algs(key) & (unsigned int)alg->alg) == 0)
		check_say(check, CHECK_ERROR, "secret", client->file, 0,
			"[%s] signing_alg = %s: the key of %s is of another kind", client->section,
			client->signing_alg, client->key);
}

static void check_certificate(struct check *check, const struct check_client *client)
{
	AID_AUTO(aid_secret) *bytes = read_secret(check, client, "client_certificate", client->certificate,
		AID_KEY_FILE_MAX);

	if (bytes != NULL && strstr(aid_secret_peek(bytes), "-----BEGIN CERTIFICATE-----") == NULL)
		check_say(check, CHECK_ERROR, "secret", client->file, 0,
			"[%s] client_certificate: %s holds no PEM certificate", client->section,
			client->certificate);
}

void check_secret(struct check *check, const char *file, const char *section, const char *option,
	const char *reference)
{
	const struct check_client client = {.file = file, .section = section};

	aid_secret_free(read_secret(check, &client, option, reference, AID_CLIENT_SECRET_MAX));
}

void check_client(struct check *check, const struct check_client *client)
{
	/* A manager's is read by agentid-fetch alone; check_managers() says what there is to say. */
	if (client->secret != NULL && aid_manager_of(client->secret) == AID_MANAGER_NONE)
		check_secret(check, client->file, client->section, "client_secret", client->secret);
	check_key(check, client);
	check_certificate(check, client);
}
