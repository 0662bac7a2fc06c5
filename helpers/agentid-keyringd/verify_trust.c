/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "verify_trust.h"

#include "daemon.h"
#include "file.h"
#include "ipc.h"
#include "issuer_dir.h"
#include "str.h"
#include "verify_call.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ISSUERS_SIZE ((size_t)AID_TRUSTS_MAX * (AID_TRUST_ISSUER_MAX + 1))

static const char *or_none(const char *text)
{
	return text != NULL ? text : "";
}

static bool is_issuer_of(const struct aid_agent *agent, const char *issuer)
{
	return agent != NULL && agent->token.source == AID_SOURCE_OIDC &&
		aid_streq(agent->token.issuer, issuer);
}

static struct aid_trust trust_of_agent(const struct aid_config *config, const struct aid_agent *agent)
{
	const struct aid_token_config *token = &agent->token;

	return (struct aid_trust){
		.issuer = token->issuer,
		.ca_file = token->ca_file != NULL ? token->ca_file : or_none(config->ca_file),
		.allowed_hosts = or_none(token->allowed_hosts),
		.algs = or_none(token->algorithms),
	};
}

static bool list_has(const char *list, const char *url)
{
	size_t length = strlen(url);

	for (const char *at = list; at != NULL && *at != '\0'; at += *at == ',' ? 1 : 0) {
		size_t part = strcspn(at, ",");

		if (part == length && memcmp(at, url, length) == 0)
			return true;
		at += part;
	}
	return false;
}

/* preferred: the agent of the session that asks; where several have this issuer, its CA counts. */
static int find_trust(const struct aid_config *config, const struct aid_agent *preferred,
	const char *issuer, struct aid_trust *ret_trust, struct aid_error *err)
{
	if (aid_streq(config->host_issuer, issuer)) {
		*ret_trust = (struct aid_trust){config->host_issuer, "", "", "", true};
		return AID_OK;
	}
	if (is_issuer_of(preferred, issuer)) {
		*ret_trust = trust_of_agent(config, preferred);
		return AID_OK;
	}
	for (size_t i = 0; i < config->n_agents; i++) {
		if (!is_issuer_of(&config->agents[i], issuer))
			continue;
		*ret_trust = trust_of_agent(config, &config->agents[i]);
		return AID_OK;
	}
	if (!list_has(config->verify_issuers, issuer))
		return aid_fail(err, AID_E_DENIED,
			"issuer '%.120s' is not allowed: it is no agent's, not this host's, and not in "
			"[verify] issuers", issuer);
	*ret_trust = (struct aid_trust){issuer, or_none(config->ca_file), "", "", false};
	return AID_OK;
}

static int read_session(const struct kd_daemon *daemon, const struct aid_frame *frame,
	const struct aid_agent **ret_agent, struct aid_error *err)
{
	uint8_t cookie[AID_COOKIE_BYTES];
	const struct kd_session *session;
	int r = aid_frame_bytes(frame, AID_TAG_COOKIE, cookie, sizeof(cookie), err);

	if (r != AID_OK)
		return r;
	session = kd_sessions_by_cookie(&daemon->sessions, cookie);
	explicit_bzero(cookie, sizeof(cookie));
	if (session == NULL || session->state == KD_OPENING)
		return aid_fail(err, AID_E_NOTFOUND, "there is no such session");
	if (session->agent->config == NULL)
		return aid_fail(err, AID_E_CONFIG, "agent '%s' is in no valid configuration",
			session->agent->id);
	*ret_agent = session->agent->config;
	return AID_OK;
}

static int own_issuer(const struct aid_config *config, const struct aid_agent *agent,
	const char **ret_issuer, struct aid_error *err)
{
	*ret_issuer = agent->token.source == AID_SOURCE_HOST ? config->host_issuer : agent->token.issuer;
	return *ret_issuer != NULL ? AID_OK : aid_fail(err, AID_E_CONFIG, "[issuer] url is not set");
}

/* Cuts at blanks, in place. */
static int split(char *text, const char **issuers, size_t *ret_count, struct aid_error *err)
{
	size_t count = 0;

	while (*text != '\0') {
		size_t length = strcspn(text, " ");
		bool is_last = text[length] == '\0';

		if (count == AID_TRUSTS_MAX)
			return aid_fail(err, AID_E_TOOBIG, "over %u issuers", AID_TRUSTS_MAX);
		if (length < 1 || length > AID_TRUST_ISSUER_MAX)
			return aid_fail(err, AID_E_INVALID, "an issuer of %zu bytes, 1 to %u are allowed", length,
				AID_TRUST_ISSUER_MAX);
		text[length] = '\0';
		issuers[count++] = text;
		text += length + (is_last ? 0 : 1);
	}
	*ret_count = count;
	return AID_OK;
}

static int list_issuers(const struct kd_daemon *daemon, const struct aid_frame *frame, char *text,
	const char **issuers, size_t *ret_count, const struct aid_agent **ret_agent, struct aid_error *err)
{
	int r = AID_OK;

	if (aid_frame_has(frame, AID_TAG_COOKIE))
		r = read_session(daemon, frame, ret_agent, err);
	if (r == AID_OK)
		r = aid_frame_text(frame, AID_TAG_ISSUERS, text, ISSUERS_SIZE, err);
	if (r != AID_OK)
		return r;
	if (text[0] != '\0')
		return split(text, issuers, ret_count, err);
	if (*ret_agent == NULL)
		return aid_fail(err, AID_E_INVALID, "no issuer is named, and no session shown");
	*ret_count = 1;
	return own_issuer(daemon->config, *ret_agent, &issuers[0], err);
}

int kd_verify_trusts(const struct kd_daemon *daemon, const struct aid_frame *frame,
	uint8_t out[AID_TRUSTS_BYTES_MAX], size_t *ret_length, bool *ret_with_keys, struct aid_error *err)
{
	const char *issuers[AID_TRUSTS_MAX];
	const struct aid_agent *agent = NULL;
	struct aid_trusts trusts = {0};
	char text[ISSUERS_SIZE];
	size_t count = 0;
	bool with_keys = false;
	int r;

	if (daemon->config == NULL)
		return aid_fail(err, AID_E_CONFIG, "no valid configuration was loaded yet");
	r = list_issuers(daemon, frame, text, issuers, &count, &agent, err);
	for (size_t i = 0; r == AID_OK && i < count; i++) {
		r = find_trust(daemon->config, agent, issuers[i], &trusts.items[trusts.count++], err);
		with_keys = with_keys || (r == AID_OK && trusts.items[i].is_host);
	}
	if (r == AID_OK)
		r = aid_trusts_render(&trusts, out, AID_TRUSTS_BYTES_MAX, ret_length, err);
	if (r == AID_OK)
		*ret_with_keys = with_keys;
	return r;
}

int kd_verify_open_keys(const struct kd_daemon *daemon, int *ret_fd, struct aid_error *err)
{
	char path[AID_ISSUER_PATH_SIZE];
	int length, r;

	if (daemon->config == NULL)
		return aid_fail(err, AID_E_CONFIG, "no valid configuration was loaded yet");
	length = snprintf(path, sizeof(path), "%s/" AID_ISSUER_KEY_SET, daemon->config->issuer_key_dir);
	if (length < 0 || (size_t)length >= sizeof(path))
		return aid_fail(err, AID_E_CONFIG, "%.64s: path over %zu bytes",
			daemon->config->issuer_key_dir, sizeof(path) - 1);
	r = aid_file_open(path, AID_FILE_SECRET, ret_fd, err);
	if (r == AID_E_NOTFOUND)
		return aid_fail(err, AID_E_CONFIG, "%s is not there (agentid issuer init, rotate and publish "
			"write it)", path);
	return r;
}

static bool is_agents(const struct kd_daemon *daemon, const struct kd_agent *agent, const char *issuer,
	const char *subject)
{
	char own[KD_AGENT_ID_SIZE + 8];

	(void)snprintf(own, sizeof(own), "agent:%s", agent->id);
	if (daemon->config != NULL && aid_streq(daemon->config->host_issuer, issuer) && aid_streq(own, subject))
		return true;
	if (is_issuer_of(agent->config, issuer) && aid_streq(agent->config->token.subject, subject))
		return true;
	return agent->cut_issuer != NULL && aid_streq(agent->cut_issuer, issuer) &&
		aid_streq(agent->cut_subject, subject);
}

/* Nothing says which tokens are the agent's, or any subject may be. */
static bool may_be_agents(const struct kd_agent *agent, const char *issuer)
{
	if (agent->config == NULL && agent->cut_issuer == NULL)
		return true;
	if (is_issuer_of(agent->config, issuer) && agent->config->token.subject == NULL)
		return true;
	return agent->cut_issuer != NULL && aid_streq(agent->cut_issuer, issuer) &&
		agent->cut_subject[0] == '\0';
}

/* Of this host as an issuer, or of an agent that has a configuration. */
static bool is_known(const struct aid_config *config, const char *issuer, const char *subject)
{
	if (config == NULL)
		return false;
	if (aid_streq(config->host_issuer, issuer))
		return true;
	for (size_t i = 0; i < config->n_agents; i++) {
		if (is_issuer_of(&config->agents[i], issuer) &&
			aid_streq(config->agents[i].token.subject, subject))
			return true;
	}
	return false;
}

int kd_verify_check_cut_off(const struct kd_daemon *daemon, const struct aid_frame *frame,
	struct aid_error *err)
{
	const struct kd_agent *doubtful = NULL;
	char issuer[AID_TRUST_ISSUER_MAX + 1], subject[AID_VERIFY_SUBJECT_SIZE];
	int r = aid_frame_text_required(frame, AID_TAG_ISSUER, issuer, sizeof(issuer), err);

	if (r == AID_OK)
		r = aid_frame_text(frame, AID_TAG_SUBJECT, subject, sizeof(subject), err);
	if (r != AID_OK)
		return r;
	for (struct kd_list *n = daemon->agents.list.next; n != &daemon->agents.list; n = n->next) {
		const struct kd_agent *agent = KD_CONTAINER(n, struct kd_agent, node);

		if (agent->revoked && is_agents(daemon, agent, issuer, subject))
			return aid_fail(err, AID_E_REVOKED,
				"the token is of an agent that is cut off on this host (agentid revoke)");
		if (agent->revoked && may_be_agents(agent, issuer))
			doubtful = agent;
	}
	if (doubtful == NULL || is_known(daemon->config, issuer, subject))
		return AID_OK;
	return aid_fail(err, AID_E_REVOKED, "the token may be of agent '%s', which is cut off on this host: "
		"no valid configuration says which tokens are not (agentid allow %s)", doubtful->id, doubtful->id);
}
