/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The kill switch: an agent that is cut off has a mark in the kernel, which outlives the daemon, and
 * a file, which outlives the host's uptime. Either keeps it out. The file says what its tokens say, so
 * that nobody takes one of them for good when the agent's configuration is gone. */
#ifndef KD_KILLSWITCH_H
#define KD_KILLSWITCH_H

#include "daemon.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KD_REVOKED_DIR AID_STATE_DIR "/revoked"

/* Finds the marks and files of earlier times. What cannot be read is logged. */
void kd_killswitch_load(struct kd_daemon *daemon);
/* The configuration of an agent has come: keeps what its mark does not say yet. */
void kd_killswitch_learn(struct kd_agent *agent);
/* Ends every session of the agent and keeps it out; *ret_cut is how many sessions. A disk that cannot
 * be written does not stop it, and is told in remark. AID_E_NOTFOUND for an agent nobody knows,
 * AID_E_INVALID for what is no agent id. */
int kd_killswitch_revoke(struct kd_daemon *daemon, const char *agent, uint32_t *ret_cut, char *remark,
	size_t remark_size, struct aid_error *err) AID_WUR;
/* Lets it in again. It stays out when the file cannot be removed (AID_E_IO). */
int kd_killswitch_allow(struct kd_daemon *daemon, const char *agent, bool *ret_was_cut_off,
	struct aid_error *err) AID_WUR;

#endif
