/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "daemon.h"

#include "clock.h"
#include "refresh.h"
#include "store.h"

#include <stdio.h>

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
		kd_refresh_soon(daemon, session, STEP_WINDOW_MS);
	}
}

void kd_daemon_status(struct kd_daemon *daemon)
{
	char text[400];

	if (daemon->config_error[0] != '\0')
		(void)snprintf(text, sizeof(text), "STATUS=%u sessions; %s: %s",
			daemon->sessions.count,
			daemon->config != NULL ? "the last good configuration is in force"
					       : "no valid configuration",
			daemon->config_error);
	else
		(void)snprintf(text, sizeof(text), "STATUS=Serving; %zu agents",
			daemon->config != NULL ? daemon->config->n_agents : (size_t)0);
	aid_notify_send(&daemon->notify, text);
}
