/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The end of a session, whoever wants it. */
#ifndef KD_ENDING_H
#define KD_ENDING_H

#include "agent.h"
#include "daemon.h"
#include "sessions.h"

/* Revokes keys and ring first, then forgets the session; that the provider revokes the token, too, is
 * left for later. Who still waits for the session gets status and reason. The pointer is invalid
 * afterwards. Never fails. */
void kd_session_end(struct kd_daemon *daemon, struct kd_session *session, int status,
	const char *reason);
/* All sessions of an agent; one log line for all. Returns how many. */
uint32_t kd_agent_end_sessions(struct kd_daemon *daemon, struct kd_agent *agent, int status,
	const char *reason);
/* Makes a session known: table, agent, leader. On failure nothing is changed, and pidfd closed. */
int kd_session_enter(struct kd_daemon *daemon, struct kd_session *session, struct kd_agent *agent,
	int pidfd, struct aid_error *err) AID_WUR;

#endif
