/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "opening.h"

#include "chance.h"
#include "clock.h"
#include "ending.h"
#include "leader.h"
#include "refresh.h"
#include "store.h"
#include "str.h"

#include <string.h>

#define TIMEOUT_DEFAULT_MS 10000
#define TIMEOUT_MAX_MS 120000
#define MARGIN_MS 500 /* the answer must reach the opener before it gives up */

struct request {
	char account[64];
	char agent[KD_AGENT_ID_SIZE];
	char service[64];
	char rhost[128];
	char tty[64];
	char invocation[33];
	int64_t uid;
	int64_t ring;
	int64_t timeout_ms;
};

static int read_texts(const struct aid_frame *frame, struct request *q, struct aid_error *err)
{
	int r = aid_frame_text_required(frame, AID_TAG_ACCOUNT, q->account, sizeof(q->account), err);

	if (r == AID_OK)
		r = aid_frame_text_required(frame, AID_TAG_SERVICE, q->service, sizeof(q->service), err);
	if (r == AID_OK)
		r = aid_frame_text(frame, AID_TAG_AGENT, q->agent, sizeof(q->agent), err);
	if (r == AID_OK)
		r = aid_frame_text(frame, AID_TAG_RHOST, q->rhost, sizeof(q->rhost), err);
	if (r == AID_OK)
		r = aid_frame_text(frame, AID_TAG_TTY, q->tty, sizeof(q->tty), err);
	if (r == AID_OK)
		r = aid_frame_text(frame, AID_TAG_INVOCATION, q->invocation, sizeof(q->invocation), err);
	return r;
}

/* What an application passes on from whoever logs in: a quote in it must not end a log field. */
static void defuse(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			*text = '"';
	}
}

static int read_request(const struct aid_frame *frame, struct request *q, struct aid_error *err)
{
	int r = read_texts(frame, q, err);

	if (r == AID_OK)
		r = aid_frame_int(frame, AID_TAG_UID, 1, UINT32_MAX - 1, &q->uid, err);
	if (r == AID_OK)
		r = aid_frame_int(frame, AID_TAG_RING, 1, INT32_MAX, &q->ring, err);
	defuse(q->account);
	defuse(q->service);
	defuse(q->rhost);
	defuse(q->tty);
	q->timeout_ms = TIMEOUT_DEFAULT_MS;
	if (r == AID_OK && aid_frame_has(frame, AID_TAG_TIMEOUT_MS))
		r = aid_frame_int(frame, AID_TAG_TIMEOUT_MS, 1, INT32_MAX, &q->timeout_ms, err);
	if (q->timeout_ms > TIMEOUT_MAX_MS)
		q->timeout_ms = TIMEOUT_MAX_MS;
	return r;
}

static bool may_use_service(const struct aid_agent *config, const char *service)
{
	if (config->services == NULL)
		return true;
	for (char **s = config->services; *s != NULL; s++) {
		if (aid_streq(*s, service))
			return true;
	}
	return false;
}

/* Of an agent whose file is refused, this says why. */
static int refuse_agent(const struct kd_daemon *daemon, const char *id, const char *account,
	struct aid_error *err)
{
	const struct aid_refused *refused = aid_config_refused(daemon->config, id, account);

	const char *said = refused == NULL ? NULL : id != NULL ? refused->id : refused->account;

	if (said != NULL)
		return aid_fail(err, AID_E_CONFIG, "%s '%s' is not valid: %.180s",
			id != NULL ? "agent" : "the agent of account", said, refused->text);
	if (refused != NULL)
		return aid_fail(err, AID_E_CONFIG, "%s '%s' may stand in a file that is not valid: %.150s",
			id != NULL ? "agent" : "account", id != NULL ? id : account, refused->text);
	return id != NULL
		? aid_fail(err, AID_E_NOTFOUND, "no agent '%s' is configured", id)
		: aid_fail(err, AID_E_NOTFOUND, "account '%s' is no agent", account);
}

static int choose_agent(const struct kd_daemon *daemon, const struct request *q,
	struct kd_agent **ret_agent, struct aid_error *err)
{
	const struct aid_agent *config;

	if (daemon->config == NULL)
		return aid_fail(err, AID_E_CONFIG, "no valid configuration: %.200s",
			daemon->config_error);
	if (q->agent[0] != '\0') {
		config = aid_config_agent(daemon->config, q->agent);
		if (config == NULL)
			return refuse_agent(daemon, q->agent, NULL, err);
		if (!aid_streq(config->account, q->account))
			return aid_fail(err, AID_E_DENIED, "agent '%s' belongs to account '%s', not '%s'",
				q->agent, config->account, q->account);
	} else {
		config = aid_config_agent_of_account(daemon->config, q->account);
		if (config == NULL)
			return refuse_agent(daemon, NULL, q->account, err);
	}
	if (!may_use_service(config, q->service))
		return aid_fail(err, AID_E_DENIED, "agent '%s' may not be opened by service '%s'",
			config->id, q->service);
	*ret_agent = kd_agents_find(&daemon->agents, config->id);
	if (*ret_agent == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	return AID_OK;
}

static int admit(struct kd_daemon *daemon, const struct kd_agent *agent, aid_serial ring,
	struct aid_error *err)
{
	unsigned int max = agent->config->max_sessions;
	struct kd_quota_need need;
	int r;

	if (agent->revoked)
		return aid_fail(err, AID_E_REVOKED,
			"agent '%s' is cut off; agentid allow %s lets it in again", agent->id, agent->id);
	if (max > 0 && agent->n_sessions >= max)
		return aid_fail(err, AID_E_BUSY, "agent '%s' has %u sessions, max_sessions is %u",
			agent->id, agent->n_sessions, max);
	r = aid_ring_check(ring, err);
	if (r != AID_OK)
		return r;
	if (kd_sessions_by_ring(&daemon->sessions, ring) != NULL)
		return aid_fail(err, AID_E_UNTRUSTED, "key %d is the ring of another session", ring);
	need = kd_quota_session(agent->token_size > 0 ? agent->token_size : KD_QUOTA_TOKEN_GUESS);
	/* It may ask for each of them. */
	for (size_t i = 0; i < agent->config->n_credentials; i++) {
		const struct aid_credential *credential = &agent->config->credentials[i];

		kd_quota_add_credential(&need, strlen(credential->name),
			kd_agent_credential_size(agent, credential->options.target->kind), i == 0);
	}
	return kd_admission_ask(&daemon->admission, daemon->sessions.count, &need, aid_clock_boot_ms(), err);
}

static void draw_names(struct kd_session *session)
{
	uint8_t random[sizeof(session->id) + sizeof(session->cookie)];

	kd_random_bytes(random, sizeof(random));
	memcpy(session->id, random, sizeof(session->id));
	memcpy(session->cookie, random + sizeof(session->id), sizeof(session->cookie));
	explicit_bzero(random, sizeof(random));
}

static int make_session(struct kd_daemon *daemon, struct kd_client *client,
	struct kd_agent *agent, const struct request *q, struct kd_session **ret_session,
	struct aid_error *err)
{
	const char *const texts[KD_N_TEXTS] = {q->service, q->rhost, q->tty, q->invocation};
	struct kd_session *session = kd_session_new(texts);
	int64_t margin;
	int pidfd, r;

	if (session == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	r = kd_leader_of_peer(client->watch.fd, client->peer.pid, &pidfd, err);
	if (r != AID_OK) {
		kd_session_free(session);
		return r;
	}
	draw_names(session);
	session->state = KD_OPENING;
	session->ring = (aid_serial)q->ring;
	session->uid = (uid_t)q->uid;
	session->leader_pid = client->peer.pid;
	session->opened_wall_ms = aid_clock_wall_ms();
	margin = q->timeout_ms / 4 < MARGIN_MS ? q->timeout_ms / 4 : MARGIN_MS;
	session->open_until_ms = aid_clock_boot_ms() + q->timeout_ms - margin;
	r = kd_session_enter(daemon, session, agent, pidfd, err);
	if (r != AID_OK) {
		kd_session_free(session);
		return r;
	}
	*ret_session = session;
	return AID_OK;
}

static void log_refused(struct kd_daemon *daemon, const struct request *q,
	const struct aid_error *err)
{
	kd_log_line(&daemon->log, LOG_WARNING,
		"op=open agent='%s' account='%s' service='%s' rhost='%s' status=%s detail='%s'", q->agent,
		q->account, q->service, q->rhost, aid_status_name(err->status), err->text);
}

static int prepare(struct kd_daemon *daemon, struct kd_client *client, const struct request *q,
	struct kd_session **ret_session, struct aid_error *err)
{
	struct kd_agent *agent;
	int r = choose_agent(daemon, q, &agent, err);

	if (r != AID_OK)
		return r;
	r = admit(daemon, agent, (aid_serial)q->ring, err);
	if (r != AID_OK)
		return r;
	return make_session(daemon, client, agent, q, ret_session, err);
}

void kd_opening_begin(struct kd_daemon *daemon, struct kd_client *client,
	const struct aid_frame *frame)
{
	struct request q = {0};
	struct kd_session *session;
	struct aid_error err = AID_ERROR_INIT;
	int r = read_request(frame, &q, &err);

	if (r == AID_OK)
		r = prepare(daemon, client, &q, &session, &err);
	if (r != AID_OK) {
		log_refused(daemon, &q, &err);
		kd_client_answer_error(daemon, client, &err);
		return;
	}
	kd_client_wait(daemon, client, session);
	kd_retire_make_way(session);
	if (kd_refresh_start(daemon, session, &err) != AID_OK)
		kd_opening_failed(daemon, session, &err);
}

void kd_opening_prepare(struct kd_daemon *daemon, struct kd_session *session)
{
	struct aid_error err = AID_ERROR_INIT;
	int r = kd_leader_start_of(session->leader.fd, session->leader_pid, &session->leader_start, &err);

	if (r == AID_OK)
		r = kd_store_prepare(daemon, session, &err);
	if (r != AID_OK)
		kd_opening_failed(daemon, session, &err);
}

static void say_opened(struct kd_daemon *daemon, struct kd_session *session)
{
	char id[AID_SESSION_ID_SIZE];

	kd_retire_make_way(session);
	aid_str_hex(session->id, sizeof(session->id), id);
	kd_log_line(&daemon->log, LOG_INFO,
		"op=open agent='%s' session='%s' account='%s' service='%s' rhost='%s' pid=%d status=ok "
		"token='%s' lifetime=%llds", session->agent->id, id, session->agent->account,
		kd_session_text(session, KD_SERVICE), kd_session_text(session, KD_RHOST),
		(int)session->leader_pid, session->token_id, (long long)session->lifetime_ms / 1000);
	kd_clients_answer_opened(daemon, session);
}

void kd_opening_finish(struct kd_daemon *daemon, struct kd_session *session)
{
	struct aid_error err = AID_ERROR_INIT;

	if (kd_store_finish(session, &err) != AID_OK) {
		kd_opening_failed(daemon, session, &err);
		return;
	}
	session->state = KD_LIVE;
	kd_refresh_plan(daemon, session);
	say_opened(daemon, session);
}

void kd_opening_failed(struct kd_daemon *daemon, struct kd_session *session,
	const struct aid_error *err)
{
	char id[AID_SESSION_ID_SIZE];

	aid_str_hex(session->id, sizeof(session->id), id);
	kd_log_line(&daemon->log, LOG_WARNING,
		"op=open agent='%s' session='%s' account='%s' service='%s' status=%s detail='%s'",
		session->agent->id, id, session->agent->account, kd_session_text(session, KD_SERVICE),
		aid_status_name(err->status), err->text);
	kd_clients_answer_error(daemon, &session->clients, err);
	kd_session_end(daemon, session, err->status, "not opened");
}
