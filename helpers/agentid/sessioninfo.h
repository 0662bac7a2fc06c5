/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* One AID_MSG_SESSION_INFO. What the daemon did not say is "" or 0. */
#ifndef AID_SESSIONINFO_H
#define AID_SESSIONINFO_H

#include "ipc.h"
#include "jsonout.h"

struct session_info {
	char session[AID_SESSION_ID_SIZE];
	char agent[64];
	char account[64];
	char service[64];
	char rhost[128];
	char tty[64];
	char invocation[33];
	char state[32];
	char last_error[256];
	int64_t uid, pid, ring;
	int64_t opened_ms, expires_ms, refresh_ms;
	int64_t refreshes, failures;
	bool own; /* of this process; for the caller to set */
};

int session_info_read(const struct aid_frame *frame, struct session_info *ret_info,
	struct aid_error *err) AID_WUR;
/* As one object of an array, whose last member is the array of its credentials: the caller fills that
 * one and closes both. */
void session_info_json(const struct session_info *info, int64_t now_wall_ms, struct jsonout *out);

#endif
