/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "recover.h"

#include "chance.h"
#include "clock.h"
#include "credentialstore.h"
#include "ending.h"
#include "leader.h"
#include "refresh.h"
#include "reload.h"
#include "store.h"
#include "str.h"

#include <string.h>

#define OVERDUE_WINDOW_MS 1000
#define STEP_MIN_MS 2000 /* less is no more than what a clock drifts in a token's life */
#define AGAIN_MS 5000

static int read_record(aid_serial ring, aid_serial *ret_key, struct aid_record *record,
	struct aid_error *err)
{
	uint8_t bytes[AID_RECORD_MAX];
	size_t length = 0;
	int r = aid_ring_check(ring, err);

	if (r == AID_OK)
		r = aid_ring_key(ring, AID_KEY_META, ret_key, err);
	if (r == AID_OK)
		r = aid_key_read(*ret_key, bytes, sizeof(bytes), &length, err);
	if (r == AID_OK)
		r = aid_record_decode(bytes, length, record, err);
	return r;
}

/* The agent may have ended the cookie, which it can read; then there is a new one. */
static void find_cookie(struct kd_session *session)
{
	size_t length = 0;

	if (aid_ring_key(session->ring, AID_KEY_COOKIE, &session->cookie_key, NULL) == AID_OK &&
		aid_key_read(session->cookie_key, session->cookie, sizeof(session->cookie), &length,
			NULL) == AID_OK &&
		length == sizeof(session->cookie))
		return;
	session->cookie_key = 0;
	kd_random_bytes(session->cookie, sizeof(session->cookie));
}

static void fill(struct kd_session *session, const struct aid_record *record)
{
	session->state = KD_LIVE;
	session->uid = record->uid;
	session->leader_pid = record->leader;
	session->leader_start = record->leader_start;
	session->opened_wall_ms = record->opened_wall_ms;
	session->expires_wall_ms = record->expires_wall_ms;
	session->expires_boot_ms = record->expires_boot_ms;
	session->lifetime_ms = record->lifetime_ms;
	session->received_boot_ms = record->received_boot_ms;
	session->refreshes = (uint32_t)record->refreshes;
	memcpy(session->token_id, record->token_id, sizeof(session->token_id));
	(void)!aid_str_unhex(record->session, session->id, sizeof(session->id));
	if (aid_ring_key(session->ring, AID_KEY_TOKEN, &session->token, NULL) != AID_OK)
		session->token = 0;
	find_cookie(session);
}

/* Since the token was received, while nobody watched: then it is of another time. */
static bool clock_was_stepped(const struct aid_record *record)
{
	int64_t then = record->expires_wall_ms - record->expires_boot_ms;
	int64_t now = aid_clock_wall_ms() - aid_clock_boot_ms();

	return now - then > STEP_MIN_MS || then - now > STEP_MIN_MS;
}

static int find_agent(struct kd_daemon *daemon, const struct aid_record *record,
	struct kd_agent **ret_agent, struct aid_error *err)
{
	struct kd_agent *agent = kd_agents_get(&daemon->agents, record->agent);

	if (agent == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	if (agent->revoked)
		return aid_fail(err, AID_E_REVOKED, "agent '%s' is cut off", record->agent);
	if (agent->account[0] == '\0')
		memcpy(agent->account, record->account, sizeof(agent->account));
	if (!kd_reload_may_be_configured(daemon, agent))
		return aid_fail(err, AID_E_REVOKED, "agent '%s' is no longer configured", record->agent);
	if (!aid_streq(agent->account, record->account))
		return aid_fail(err, AID_E_REVOKED, "agent '%s' belongs to another account now",
			record->agent);
	*ret_agent = agent;
	return AID_OK;
}

static int adopt(struct kd_daemon *daemon, aid_serial ring, const struct aid_record *record,
	aid_serial meta, struct aid_error *err)
{
	const char *const texts[KD_N_TEXTS] = {record->service, record->rhost, record->tty,
		record->invocation};
	struct kd_agent *agent;
	struct kd_session *session;
	int pidfd;
	int r = find_agent(daemon, record, &agent, err);

	if (r != AID_OK)
		return r;
	r = kd_leader_find(record->leader, record->leader_start, &pidfd, err);
	if (r != AID_OK)
		return r;
	session = kd_session_new(texts);
	if (session == NULL) {
		(void)close(pidfd);
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	}
	session->ring = ring;
	session->meta = meta;
	fill(session, record);
	r = kd_session_enter(daemon, session, agent, pidfd, err);
	if (r != AID_OK) {
		kd_session_free(session);
		return r;
	}
	kd_store_set_timeouts(session);
	kd_credentials_recover(daemon, session, clock_was_stepped(record));
	kd_refresh_plan(daemon, session);
	if (session->token == 0 || clock_was_stepped(record) ||
		session->timer.due_ms < aid_clock_boot_ms())
		kd_refresh_soon(daemon, session, OVERDUE_WINDOW_MS);
	return AID_OK;
}

/* What can be told of a ring that was not taken up: it may be another time, or it is over. */
static bool may_work_later(int status)
{
	return status == AID_E_NOMEM || status == AID_E_IO || aid_status_is_transient(status);
}

enum outcome { FOUND, ENDED, LATER };

static enum outcome recover_ring(struct kd_daemon *daemon, aid_serial ring)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_record record;
	aid_serial meta = 0;
	bool later;
	int r;

	if (kd_sessions_by_ring(&daemon->sessions, ring) != NULL)
		return FOUND;
	r = read_record(ring, &meta, &record, &err);
	if (r == AID_OK)
		r = adopt(daemon, ring, &record, meta, &err);
	if (r == AID_OK)
		return FOUND;
	later = may_work_later(r);
	if (!later)
		aid_ring_revoke(daemon->anchor, ring);
	kd_log_line(&daemon->log, later ? LOG_WARNING : LOG_NOTICE,
		"op=recover ring=%d status=%s detail='%s'", ring, aid_status_name(r), err.text);
	return later ? LATER : ENDED;
}

static void on_recovery_due(struct kd_daemon *daemon, struct kd_timer *timer)
{
	(void)timer;
	kd_recover(daemon);
}

void kd_recover(struct kd_daemon *daemon)
{
	AID_FREE aid_serial *rings = NULL;
	struct aid_error err = AID_ERROR_INIT;
	size_t count = 0, outcomes[LATER + 1] = {0};

	daemon->recovery.fire = on_recovery_due;
	if (aid_anchor_list(daemon->anchor, &rings, &count, &err) != AID_OK) {
		kd_log_line(&daemon->log, LOG_ERR, "op=recover status=%s detail='%s'",
			aid_status_name(err.status), err.text);
		kd_loop_set(&daemon->loop, &daemon->recovery, aid_clock_boot_ms() + AGAIN_MS);
		return;
	}
	for (size_t i = 0; i < count; i++)
		outcomes[recover_ring(daemon, rings[i])]++;
	if (outcomes[LATER] > 0)
		kd_loop_set(&daemon->loop, &daemon->recovery, aid_clock_boot_ms() + AGAIN_MS);
	kd_log_line(&daemon->log, LOG_INFO, "op=recover status=ok sessions=%zu ended=%zu later=%zu",
		outcomes[FOUND], outcomes[ENDED], outcomes[LATER]);
}
