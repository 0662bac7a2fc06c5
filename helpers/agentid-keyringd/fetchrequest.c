/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "fetchrequest_private.h"

#include "secret_source.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void kd_building_fd(struct kd_building *b, char letter, int fd)
{
	b->letters[b->request->n_fds] = letter;
	b->request->fds[b->request->n_fds++] = fd;
}

int kd_building_reference(struct kd_building *b, const char *key, const char *reference, char letter,
	struct aid_error *err)
{
	int fd, r;

	if (reference == NULL)
		return aid_fail(err, AID_E_CONFIG, "%s is not set", key);
	if (b->request->n_fds == AID_IPC_FDS_MAX)
		return aid_fail(err, AID_E_CONFIG, "%s: more than %u files for one request", key,
			AID_IPC_FDS_MAX);
	r = aid_secret_ref_open(reference, b->daemon->credentials_dir, &fd, err);
	if (r != AID_OK) {
		(void)aid_prefix(err, "%s", key);
		return r;
	}
	kd_building_fd(b, letter, fd);
	return AID_OK;
}

int kd_building_host_key(struct kd_building *b, struct aid_error *err)
{
	struct kd_daemon *daemon = b->daemon;
	int fd, r;

	if (strchr(b->letters, 'h') != NULL)
		return AID_OK;
	if (daemon->config->host_issuer == NULL)
		return aid_fail(err, AID_E_CONFIG, "[issuer] url is not set");
	if (b->request->n_fds == AID_IPC_FDS_MAX)
		return aid_fail(err, AID_E_CONFIG, "the host's key: more than %u files for one request",
			AID_IPC_FDS_MAX);
	r = kd_host_key_open(&daemon->host_key, daemon->config->issuer_key_dir, &fd, err);
	if (r == AID_OK)
		kd_building_fd(b, 'h', fd);
	return r;
}

static void subject_of(const struct kd_agent *agent, char *out, size_t size)
{
	(void)snprintf(out, size, "agent:%s", agent->id);
}

void kd_building_host_names(struct kd_building *b)
{
	char subject[KD_AGENT_ID_SIZE + 8];

	if (b->host_named)
		return;
	b->host_named = true;
	subject_of(b->agent, subject, sizeof(subject));
	aid_writer_text(&b->writer, AID_TAG_HOST_ISSUER, b->daemon->config->host_issuer);
	aid_writer_text(&b->writer, AID_TAG_HOST_SUBJECT, subject);
}

static int build_sign(struct kd_building *b, struct aid_error *err)
{
	const struct aid_token_config *token = &b->agent->config->token;
	char subject[KD_AGENT_ID_SIZE + 8];
	int r = kd_building_host_key(b, err);

	if (r != AID_OK)
		return r;
	subject_of(b->agent, subject, sizeof(subject));
	aid_writer_text(&b->writer, AID_TAG_ISSUER, b->daemon->config->host_issuer);
	aid_writer_text(&b->writer, AID_TAG_SUBJECT, subject);
	aid_writer_text(&b->writer, AID_TAG_AUDIENCE, token->audience);
	aid_writer_int(&b->writer, AID_TAG_LIFETIME_MS, token->lifetime_ms);
	return AID_OK;
}

int kd_building_client(struct kd_building *b, struct aid_error *err)
{
	const struct aid_token_config *token = &b->agent->config->token;
	int r;

	switch (token->client_auth) {
	case AID_CLIENT_SECRET_BASIC:
	case AID_CLIENT_SECRET_POST:
		return kd_building_secret(b, token->client_secret, 's', err);
	case AID_PRIVATE_KEY_JWT:
		return kd_building_reference(b, "client_key", token->client_key, 'k', err);
	case AID_TLS_CLIENT_AUTH:
		r = kd_building_reference(b, "client_key", token->client_key, 'k', err);
		if (r != AID_OK)
			return r;
		return kd_building_reference(b, "client_certificate", token->client_certificate, 'c', err);
	case AID_FEDERATED_JWT:
		return kd_building_host_key(b, err);
	}
	return aid_fail(err, AID_E_CONFIG, "client_auth %d is unknown", (int)token->client_auth);
}

void kd_building_token(struct kd_building *b, const struct kd_token_fields *fields)
{
	const struct aid_token_config *token = &b->agent->config->token;
	struct aid_writer *w = &b->writer;

	aid_writer_text(w, AID_TAG_ISSUER, token->issuer);
	aid_writer_text(w, AID_TAG_CLIENT_ID, token->client_id);
	aid_writer_int(w, AID_TAG_CLIENT_AUTH, token->client_auth);
	aid_writer_text(w, AID_TAG_AUDIENCE, fields->audience);
	if (fields->format != 0)
		aid_writer_int(w, AID_TAG_FORMAT, fields->format);
	if (fields->max_lifetime_ms != 0)
		aid_writer_int(w, AID_TAG_MAX_LIFETIME_MS, fields->max_lifetime_ms);
	aid_writer_text(w, AID_TAG_CA_FILE,
		token->ca_file != NULL ? token->ca_file : b->daemon->config->ca_file);
	aid_writer_text(w, AID_TAG_SUBJECT, token->subject);
	aid_writer_text(w, AID_TAG_SCOPE, fields->scope);
	aid_writer_text(w, AID_TAG_RESOURCE, fields->resource);
	aid_writer_int(w, AID_TAG_SEND_AUDIENCE, token->send_audience ? 1 : 0);
	aid_writer_text(w, AID_TAG_ALG, token->signing_alg);
	aid_writer_text(w, AID_TAG_ALGS, token->algorithms);
	aid_writer_text(w, AID_TAG_ALLOWED_HOSTS, token->allowed_hosts);
	aid_writer_int(w, AID_TAG_ASSERTION_AUDIENCE, token->assertion_audience);
	if (token->client_auth == AID_FEDERATED_JWT)
		kd_building_host_names(b);
}

static int build_token(struct kd_building *b, struct aid_error *err)
{
	const struct aid_token_config *token = &b->agent->config->token;
	int r;

	kd_building_token(b, &(struct kd_token_fields){token->audience, token->scope, token->resource,
		(int)token->format, token->max_lifetime_ms});
	aid_writer_int(&b->writer, AID_TAG_TIMEOUT_MS, b->ask->timeout_ms);
	r = kd_building_client(b, err);
	return r == AID_OK && b->ask->rotation != NULL ? kd_building_rotation(b, err) : r;
}

static enum aid_msg message_of(const struct kd_agent *agent, const struct kd_ask *ask)
{
	if (ask->retire != NULL)
		return AID_MSG_RETIRE;
	if (ask->credential != NULL)
		return AID_MSG_EXCHANGE;
	if (ask->rotation != NULL)
		return AID_MSG_ROTATE_SECRET;
	return agent->config->token.source == AID_SOURCE_HOST ? AID_MSG_SIGN : AID_MSG_TOKEN;
}

static int build_message(struct kd_building *b, enum aid_msg message, struct aid_error *err)
{
	if (b->ask->credential != NULL || b->ask->retire_name != NULL)
		return kd_building_exchange(b, err);
	return message == AID_MSG_SIGN ? build_sign(b, err) : build_token(b, err);
}

int kd_request_build(struct kd_daemon *daemon, const struct kd_agent *agent,
	const struct kd_ask *ask, struct kd_request *request, struct aid_error *err)
{
	struct kd_building b = {.daemon = daemon, .agent = agent, .ask = ask, .request = request};
	enum aid_msg message;
	size_t room;
	int r;

	request->n_fds = 0;
	request->length = 0;
	request->frame = aid_secret_tail(daemon->fetch.out, &room);
	if (agent->config == NULL)
		return aid_fail(err, AID_E_CONFIG, "agent '%s' is in no valid configuration: %.160s",
			agent->id, agent->problem != NULL ? agent->problem : daemon->config_error);
	message = message_of(agent, ask);
	aid_writer_begin(&b.writer, request->frame, room, message, ask->id);
	aid_writer_speak(&b.writer, daemon->fetch.version);
	r = build_message(&b, message, err);
	/* A secret may stand in it already. */
	request->length = b.writer.length;
	if (r != AID_OK)
		return r;
	aid_writer_text(&b.writer, AID_TAG_FDS, b.letters);
	/* Last: what fails above leaves no token behind. */
	if (message == AID_MSG_RETIRE)
		aid_writer_bytes(&b.writer, AID_TAG_SECRET, ask->retire, ask->retire_length);
	request->length = b.writer.length;
	if (aid_writer_end(&b.writer) != AID_OK)
		return aid_fail(err, AID_E_TOOBIG, "the request to agentid-fetch is over %u bytes",
			KD_REQUEST_MAX);
	return AID_OK;
}

void kd_request_done(struct kd_request *request)
{
	while (request->n_fds > 0)
		(void)close(request->fds[--request->n_fds]);
	explicit_bzero(request->frame, request->length);
	request->length = 0;
}
