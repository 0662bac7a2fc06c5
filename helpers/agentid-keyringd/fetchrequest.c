/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "fetchrequest.h"

#include "daemon.h"
#include "secret_source.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct letters {
	char text[AID_IPC_FDS_MAX + 1];
};

static void take(struct kd_request *request, struct letters *letters, char letter, int fd)
{
	letters->text[request->n_fds] = letter;
	request->fds[request->n_fds++] = fd;
}

static int add_reference(const struct kd_daemon *daemon, const char *key, const char *reference,
	char letter, struct kd_request *request, struct letters *letters, struct aid_error *err)
{
	int fd, r;

	if (reference == NULL)
		return aid_fail(err, AID_E_CONFIG, "%s is not set", key);
	r = aid_secret_ref_open(reference, daemon->credentials_dir, &fd, err);
	if (r != AID_OK) {
		(void)aid_prefix(err, "%s", key);
		return r;
	}
	take(request, letters, letter, fd);
	return AID_OK;
}

static int add_host_key(struct kd_daemon *daemon, struct kd_request *request,
	struct letters *letters, struct aid_error *err)
{
	int fd, r;

	if (daemon->config->host_issuer == NULL)
		return aid_fail(err, AID_E_CONFIG, "[issuer] url is not set");
	r = kd_host_key_open(&daemon->host_key, daemon->config->issuer_key_dir, &fd, err);
	if (r != AID_OK)
		return r;
	take(request, letters, 'h', fd);
	return AID_OK;
}

static void subject_of(const struct kd_agent *agent, char *out, size_t size)
{
	(void)snprintf(out, size, "agent:%s", agent->id);
}

static int build_sign(struct kd_daemon *daemon, const struct kd_agent *agent,
	struct aid_writer *writer, struct kd_request *request, struct letters *letters,
	struct aid_error *err)
{
	const struct aid_token_config *token = &agent->config->token;
	char subject[KD_AGENT_ID_SIZE + 8];
	int r = add_host_key(daemon, request, letters, err);

	if (r != AID_OK)
		return r;
	subject_of(agent, subject, sizeof(subject));
	aid_writer_text(writer, AID_TAG_ISSUER, daemon->config->host_issuer);
	aid_writer_text(writer, AID_TAG_SUBJECT, subject);
	aid_writer_text(writer, AID_TAG_AUDIENCE, token->audience);
	aid_writer_int(writer, AID_TAG_LIFETIME_MS, token->lifetime_ms);
	return AID_OK;
}

static int add_client_credentials(struct kd_daemon *daemon,
	const struct aid_token_config *token, struct kd_request *request, struct letters *letters,
	struct aid_error *err)
{
	int r;

	switch (token->client_auth) {
	case AID_CLIENT_SECRET_BASIC:
	case AID_CLIENT_SECRET_POST:
		return add_reference(daemon, "client_secret", token->client_secret, 's', request,
			letters, err);
	case AID_PRIVATE_KEY_JWT:
		return add_reference(daemon, "client_key", token->client_key, 'k', request, letters,
			err);
	case AID_TLS_CLIENT_AUTH:
		r = add_reference(daemon, "client_key", token->client_key, 'k', request, letters, err);
		if (r != AID_OK)
			return r;
		return add_reference(daemon, "client_certificate", token->client_certificate, 'c',
			request, letters, err);
	case AID_FEDERATED_JWT:
		return add_host_key(daemon, request, letters, err);
	}
	return aid_fail(err, AID_E_CONFIG, "client_auth %d is unknown", (int)token->client_auth);
}

static void write_token(const struct kd_daemon *daemon, const struct kd_agent *agent,
	struct aid_writer *w)
{
	const struct aid_token_config *token = &agent->config->token;
	char subject[KD_AGENT_ID_SIZE + 8];

	aid_writer_text(w, AID_TAG_ISSUER, token->issuer);
	aid_writer_text(w, AID_TAG_CLIENT_ID, token->client_id);
	aid_writer_int(w, AID_TAG_CLIENT_AUTH, token->client_auth);
	aid_writer_text(w, AID_TAG_AUDIENCE, token->audience);
	aid_writer_int(w, AID_TAG_FORMAT, token->format);
	aid_writer_int(w, AID_TAG_MAX_LIFETIME_MS, token->max_lifetime_ms);
	aid_writer_text(w, AID_TAG_CA_FILE,
		token->ca_file != NULL ? token->ca_file : daemon->config->ca_file);
	aid_writer_text(w, AID_TAG_SUBJECT, token->subject);
	aid_writer_text(w, AID_TAG_SCOPE, token->scope);
	aid_writer_text(w, AID_TAG_RESOURCE, token->resource);
	aid_writer_int(w, AID_TAG_SEND_AUDIENCE, token->send_audience ? 1 : 0);
	aid_writer_text(w, AID_TAG_ALG, token->signing_alg);
	aid_writer_text(w, AID_TAG_ALGS, token->algorithms);
	aid_writer_text(w, AID_TAG_ALLOWED_HOSTS, token->allowed_hosts);
	aid_writer_int(w, AID_TAG_ASSERTION_AUDIENCE, token->assertion_audience);
	if (token->client_auth == AID_FEDERATED_JWT) {
		subject_of(agent, subject, sizeof(subject));
		aid_writer_text(w, AID_TAG_HOST_ISSUER, daemon->config->host_issuer);
		aid_writer_text(w, AID_TAG_HOST_SUBJECT, subject);
	}
}

static enum aid_msg message_of(const struct kd_agent *agent, const struct kd_ask *ask)
{
	if (ask->retire != NULL)
		return AID_MSG_RETIRE;
	return agent->config->token.source == AID_SOURCE_HOST ? AID_MSG_SIGN : AID_MSG_TOKEN;
}

int kd_request_build(struct kd_daemon *daemon, const struct kd_agent *agent,
	const struct kd_ask *ask, struct kd_request *request, struct aid_error *err)
{
	struct letters letters = {0};
	struct aid_writer writer;
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
	aid_writer_begin(&writer, request->frame, room, message, ask->id);
	aid_writer_speak(&writer, daemon->fetch.version);
	if (message == AID_MSG_SIGN) {
		r = build_sign(daemon, agent, &writer, request, &letters, err);
	} else {
		write_token(daemon, agent, &writer);
		aid_writer_int(&writer, AID_TAG_TIMEOUT_MS, ask->timeout_ms);
		r = add_client_credentials(daemon, &agent->config->token, request, &letters, err);
	}
	if (r != AID_OK)
		return r;
	aid_writer_text(&writer, AID_TAG_FDS, letters.text);
	/* Last: what fails above leaves no token behind. */
	if (message == AID_MSG_RETIRE)
		aid_writer_bytes(&writer, AID_TAG_SECRET, ask->retire, ask->retire_length);
	request->length = writer.length;
	if (aid_writer_end(&writer) != AID_OK)
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
