/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "ending.h"

#include "credential.h"
#include "refresh.h"
#include "retire.h"
#include "str.h"

#include <sys/epoll.h>

static void log_end(struct kd_daemon *daemon, const struct kd_session *session, const char *reason)
{
	char id[AID_SESSION_ID_SIZE];

	aid_str_hex(session->id, sizeof(session->id), id);
	kd_log_line(&daemon->log, LOG_INFO,
		"op=close agent='%s' session='%s' status=ok refreshes=%u detail='%s'",
		session->agent->id, id, session->refreshes, reason);
}

static void end_quietly(struct kd_daemon *daemon, struct kd_session *session, int status,
	const char *reason)
{
	struct aid_error err = AID_ERROR_INIT;

	(void)aid_fail(&err, status, "the session has ended: %s", reason);
	kd_retire_take(daemon, session);
	if (session->holder == 0) {
		aid_ring_revoke(daemon->anchor, session->ring);
	} else {
		aid_ring_end(session->ring);
		aid_anchor_drop(daemon->anchor, session->holder);
	}
	kd_refresh_cancel(daemon, session);
	kd_credentials_drop(daemon, session, &err);
	kd_loop_remove(&daemon->loop, &session->leader);
	kd_clients_answer_error(daemon, &session->clients, &err);
	kd_list_remove(&session->of_agent);
	session->agent->n_sessions--;
	kd_sessions_remove(&daemon->sessions, session);
	kd_session_free(session);
}

void kd_session_end(struct kd_daemon *daemon, struct kd_session *session, int status,
	const char *reason)
{
	/* An opening one has its own line. */
	if (session->state != KD_OPENING)
		log_end(daemon, session, reason);
	end_quietly(daemon, session, status, reason);
}

uint32_t kd_agent_end_sessions(struct kd_daemon *daemon, struct kd_agent *agent, int status,
	const char *reason)
{
	uint32_t count = 0;

	while (!kd_list_is_empty(&agent->sessions)) {
		end_quietly(daemon, KD_CONTAINER(agent->sessions.next, struct kd_session, of_agent),
			status, reason);
		count++;
	}
	if (count > 0)
		kd_log_line(&daemon->log, LOG_NOTICE,
			"op=close agent='%s' status=ok sessions=%u detail='%s'", agent->id, count, reason);
	return count;
}

static void on_leader_gone(struct kd_daemon *daemon, struct kd_watch *watch, uint32_t events)
{
	(void)events;
	kd_session_end(daemon, KD_CONTAINER(watch, struct kd_session, leader), AID_E_NOTFOUND,
		"its leader is gone");
}

int kd_session_enter(struct kd_daemon *daemon, struct kd_session *session, struct kd_agent *agent,
	int pidfd, struct aid_error *err)
{
	int r;

	session->leader.ready = on_leader_gone;
	session->timer.fire = kd_refresh_due;
	r = kd_loop_add(&daemon->loop, &session->leader, pidfd, EPOLLIN, err);
	if (r != AID_OK)
		return r;
	session->agent = agent;
	r = kd_sessions_add(&daemon->sessions, session);
	if (r != AID_OK) {
		kd_loop_remove(&daemon->loop, &session->leader);
		return aid_fail(err, r, "no room for another session (%u are open)",
			daemon->sessions.count);
	}
	kd_list_append(&agent->sessions, &session->of_agent);
	agent->n_sessions++;
	return AID_OK;
}
