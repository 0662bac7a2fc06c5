/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The request to exchange a session's identity for a credential, or to revoke one. */
#include "fetchrequest_private.h"

#include "cleanup.h"
#include "credential.h"
#include "file.h"
#include "str.h"

#include <stdio.h>
#include <string.h>

#define FILES_MAX 2U /* that one type has */
#define CA_OPTION "ca_file="

static bool says(const struct aid_credential *config, const char *option, const char *value)
{
	return aid_streq(aid_target_get(&config->options, option), value);
}

/* ---- options ---- */

struct files {
	struct aid_target_file items[FILES_MAX];
	struct aid_secret *bytes[FILES_MAX];
	size_t count;
};

static void files_autofree(struct files *files)
{
	for (size_t i = 0; i < files->count; i++)
		aid_secret_free(files->bytes[i]);
}

/* Read anew for each exchange, so that a change counts from the next one on. */
static int read_file(const struct aid_credential *config, const struct aid_target_option *option,
	struct files *files, struct aid_error *err)
{
	const char *path = aid_target_get(&config->options, option->name);
	struct aid_secret *bytes = NULL;
	AID_FD(fd);
	int r = aid_file_open(path, AID_FILE_CONFIG, &fd, err);

	if (r == AID_OK)
		r = aid_file_read(fd, (size_t)option->max, &bytes, err);
	if (r != AID_OK) {
		(void)aid_prefix(err, "%s", option->name);
		/* What stands on this host is nothing that goes away by asking again. */
		err->status = AID_E_CONFIG;
		return AID_E_CONFIG;
	}
	files->bytes[files->count] = bytes;
	files->items[files->count++] = (struct aid_target_file){option->name, aid_secret_peek(bytes),
		aid_secret_length(bytes)};
	return AID_OK;
}

static int read_files(const struct aid_credential *config, struct files *files, struct aid_error *err)
{
	const struct aid_target_option *option;

	for (size_t i = 0; (option = aid_target_option_at(config->options.target, i)) != NULL; i++) {
		int r;

		if (option->use != AID_USE_FILE || !aid_target_is_set(&config->options, option->name) ||
			files->count == FILES_MAX)
			continue;
		r = read_file(config, option, files, err);
		if (r != AID_OK)
			return r;
	}
	return AID_OK;
}

static int write_options(struct kd_building *b, const struct aid_credential *config,
	struct aid_error *err)
{
	__attribute__((cleanup(files_autofree))) struct files files = {.count = 0};
	AID_FREE char *packed = malloc(AID_TARGET_PACKED_MAX);
	const char *ca_file = b->daemon->config->ca_file;
	size_t length = 0, more = strlen(CA_OPTION) + strlen(ca_file) + 1;
	int r;

	if (packed == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	r = read_files(config, &files, err);
	if (r == AID_OK)
		r = aid_target_pack(&config->options, files.items, files.count, packed,
			AID_TARGET_PACKED_MAX, &length, err);
	if (r != AID_OK)
		return r;
	if (!aid_target_is_set(&config->options, "ca_file")) {
		if (more > AID_TARGET_PACKED_MAX - length)
			return aid_fail(err, AID_E_TOOBIG, "the options are over %u bytes together",
				AID_TARGET_PACKED_MAX);
		(void)snprintf(packed + length, more, CA_OPTION "%s", ca_file);
		length += more;
	}
	aid_writer_bytes(&b->writer, AID_TAG_OPTIONS, packed, length);
	return AID_OK;
}

/* ---- who vouches ---- */

static int write_assertion(struct kd_building *b, const struct aid_credential *config,
	struct aid_error *err)
{
	enum aid_source source = aid_credential_source(b->daemon->config, config);
	const struct aid_token_config *token = &b->agent->config->token;
	char audience[512];
	int r;

	if (source == 0)
		return AID_OK;
	r = aid_target_audience(&config->options, audience, sizeof(audience), err);
	if (r != AID_OK)
		return r;
	aid_writer_text(&b->writer, AID_TAG_SOURCE, aid_source_name(source));
	if (source == AID_SOURCE_HOST) {
		kd_building_host_names(b);
		aid_writer_text(&b->writer, AID_TAG_AUDIENCE, audience);
		return kd_building_host_key(b, err);
	}
	kd_building_token(b, &(struct kd_token_fields){.audience = audience,
		.scope = aid_target_get(&config->options, "assertion_scope"),
		.resource = aid_target_get(&config->options, "assertion_resource"),
		.format = AID_FORMAT_JWT});
	aid_writer_int(&b->writer, AID_TAG_LIFETIME_MS, token->max_lifetime_ms);
	return kd_building_client(b, err);
}

/* The client that asks the target, where that is not the one of [token]. */
static int add_target_client(struct kd_building *b, const struct aid_credential *config,
	struct aid_error *err)
{
	static const struct {
		const char *option;
		char letter;
	} files[] = {{"client_key", 'K'}, {"client_certificate", 'C'}};
	const char *secret = aid_target_get(&config->options, "client_secret");

	if (says(config, "client_auth", "federated_jwt")) {
		kd_building_host_names(b);
		return kd_building_host_key(b, err);
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		const char *reference = aid_target_get(&config->options, files[i].option);
		int r = reference == NULL ? AID_OK : kd_building_reference(b, files[i].option, reference,
			files[i].letter, err);

		if (r != AID_OK)
			return r;
	}
	return secret == NULL ? AID_OK : kd_building_secret(b, secret, 'S', err);
}

static int write_client(struct kd_building *b, const struct aid_credential *config,
	struct aid_error *err)
{
	switch (config->options.target->kind) {
	case AID_TARGET_RFC8693:
		return add_target_client(b, config, err);
	case AID_TARGET_OIDC:
		kd_building_token(b, &(struct kd_token_fields){.audience = NULL});
		return kd_building_client(b, err);
	case AID_TARGET_AWS_STS:
	case AID_TARGET_AZURE_WIF:
	case AID_TARGET_GCP_WIF:
	case AID_TARGET_VAULT:
		break;
	}
	return AID_OK;
}

/* ---- secrets of the session ---- */

static int write_key(struct kd_building *b, enum aid_tag tag, aid_serial key, struct aid_error *err)
{
	AID_AUTO(aid_secret) *bytes = aid_secret_new(AID_TOKEN_MAX);
	size_t room, length = 0;
	char *out;
	int r;

	if (bytes == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	out = aid_secret_tail(bytes, &room);
	r = aid_key_read(key, out, room < AID_TOKEN_MAX ? room : AID_TOKEN_MAX, &length, err);
	if (r != AID_OK)
		return r;
	aid_secret_grown(bytes, length);
	aid_writer_bytes(&b->writer, tag, aid_secret_peek(bytes), aid_secret_length(bytes));
	return AID_OK;
}

/* One that has ended cannot be renewed, and nobody but who gave it may see it. */
static bool is_renewable(const struct kd_building *b, const struct kd_credential *c,
	const struct aid_credential *config)
{
	return config->options.target->kind == AID_TARGET_VAULT && c->renewable && kd_credential_is_there(c) &&
		c->from != NULL && c->from == kd_credential_target(b->daemon, b->agent, config);
}

static int write_secrets(struct kd_building *b, const struct aid_credential *config,
	struct aid_error *err)
{
	const struct kd_credential *c = b->ask->credential;

	if (config->options.target->kind == AID_TARGET_RFC8693 && says(config, "subject_token", "session")) {
		if (c->session->token == 0)
			return aid_fail(err, AID_E_BUSY, "the session has no token now");
		if (write_key(b, AID_TAG_SECRET, c->session->token, err) != AID_OK) {
			(void)aid_prefix(err, "the session's token");
			err->status = AID_E_BUSY;
			return AID_E_BUSY;
		}
	}
	if (is_renewable(b, c, config))
		(void)!write_key(b, AID_TAG_PREVIOUS, c->key, NULL);
	return AID_OK;
}

static void write_session_name(struct kd_building *b)
{
	const struct kd_session *session = b->ask->credential->session;
	char id[AID_SESSION_ID_SIZE], name[KD_AGENT_ID_SIZE + AID_SESSION_ID_SIZE + 1];

	aid_str_hex(session->id, sizeof(session->id), id);
	(void)snprintf(name, sizeof(name), "%s.%s", b->agent->id, id);
	aid_writer_text(&b->writer, AID_TAG_SESSION_NAME, name);
}

int kd_building_exchange(struct kd_building *b, struct aid_error *err)
{
	bool retire = b->ask->retire_name != NULL;
	const char *name = retire ? b->ask->retire_name : b->ask->credential->name;
	const struct aid_credential *config = aid_agent_credential(b->agent->config, name);
	int r;

	if (config == NULL)
		return aid_fail(err, AID_E_CONFIG, "credential '%s' is not configured any more", name);
	aid_writer_int(&b->writer, AID_TAG_CREDENTIAL_TYPE, config->options.target->kind);
	aid_writer_text(&b->writer, AID_TAG_NAME, name);
	aid_writer_int(&b->writer, AID_TAG_TIMEOUT_MS, b->ask->timeout_ms);
	r = write_options(b, config, err);
	if (r == AID_OK && !retire) {
		write_session_name(b);
		aid_writer_int(&b->writer, AID_TAG_MAX_LIFETIME_MS,
			aid_target_max_lifetime_ms(&config->options));
		r = write_assertion(b, config, err);
	}
	if (r == AID_OK)
		r = write_client(b, config, err);
	return r == AID_OK && !retire ? write_secrets(b, config, err) : r;
}
