/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "daemon.h"

#include "clock.h"
#include "credentialstore.h"
#include "refresh.h"
#include "store.h"

#include <stdio.h>
#include <stdlib.h>

#define STEP_WINDOW_MS 1000

void kd_daemon_clock_stepped(struct kd_daemon *daemon, int64_t step_ms)
{
	kd_log_line(&daemon->log, LOG_WARNING,
		"op=clock event=clock_step status=ok sessions=%u detail='the wall clock moved by %lld ms'",
		daemon->sessions.count, (long long)step_ms);
	for (uint32_t slot = 0; slot < daemon->sessions.n_slots; slot++) {
		struct kd_session *session = kd_sessions_by_slot(&daemon->sessions, slot);

		if (session == NULL || session->state != KD_LIVE)
			continue;
		kd_store_set_timeouts(session);
		kd_credentials_set_timeouts(session);
		kd_refresh_soon(daemon, session, STEP_WINDOW_MS);
		kd_credentials_soon(daemon, session, STEP_WINDOW_MS, false);
	}
}

void kd_daemon_done(struct kd_daemon *daemon)
{
	const struct aid_error stopping = {.status = AID_E_UNREACHABLE, .retry_after_s = -1,
		.text = "agentid-keyringd stops"};

	aid_notify_send(&daemon->notify, "STOPPING=1");
	kd_clients_done(daemon);
	for (uint32_t slot = 0; slot < daemon->sessions.n_slots; slot++) {
		struct kd_session *session = kd_sessions_by_slot(&daemon->sessions, slot);

		if (session == NULL)
			continue;
		kd_refresh_cancel(daemon, session);
		kd_credentials_drop(daemon, session, &stopping);
		kd_loop_remove(&daemon->loop, &session->leader);
		kd_list_remove(&session->of_agent);
	}
	kd_sessions_done(&daemon->sessions);
	kd_retire_done(daemon);
	kd_verify_done(daemon);
	kd_rotations_done(daemon);
	kd_agents_done(&daemon->agents);
	kd_loop_remove(&daemon->loop, &daemon->fetch.watch);
	kd_fetch_done(&daemon->fetch);
	kd_loop_remove(&daemon->loop, &daemon->supervisor);
	kd_loop_done(&daemon->loop);
	aid_notify_done(&daemon->notify);
	aid_config_free(daemon->config);
	daemon->config = NULL;
	free(daemon->config_problems);
	daemon->config_problems = NULL;
}

void kd_daemon_status(struct kd_daemon *daemon)
{
	char text[400];

	if (daemon->config == NULL)
		(void)snprintf(text, sizeof(text), "STATUS=%u sessions; no valid configuration: %s",
			daemon->sessions.count, daemon->config_error);
	else if (daemon->config_error[0] != '\0')
		(void)snprintf(text, sizeof(text), "STATUS=Serving; %zu agents; %s",
			daemon->config->n_agents, daemon->config_error);
	else if (daemon->config->n_agents == 0)
		(void)snprintf(text, sizeof(text), "STATUS=Serving; no agent is configured");
	else
		(void)snprintf(text, sizeof(text), "STATUS=Serving; %zu agents",
			daemon->config->n_agents);
	aid_notify_send(&daemon->notify, text);
}
