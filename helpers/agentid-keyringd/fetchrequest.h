/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Builds the request for one token: the frame, and the files that go with it, opened now. */
#ifndef KD_FETCHREQUEST_H
#define KD_FETCHREQUEST_H

#include "error.h"
#include "ipc.h"

#include <stddef.h>
#include <stdint.h>

#define KD_REQUEST_MAX 8192U

struct kd_agent;
struct kd_daemon;

struct kd_request {
	uint8_t frame[KD_REQUEST_MAX];
	size_t length;
	int fds[AID_IPC_FDS_MAX];
	size_t n_fds;
};

/* kd_request_done() must follow in either case. AID_E_CONFIG when the agent has no configuration;
 * what opening the secrets says. */
int kd_request_build(const struct kd_daemon *daemon, const struct kd_agent *agent, uint32_t id,
	int64_t timeout_ms, struct kd_request *request, struct aid_error *err) AID_WUR;
/* Closes the descriptors. */
void kd_request_done(struct kd_request *request);

#endif
