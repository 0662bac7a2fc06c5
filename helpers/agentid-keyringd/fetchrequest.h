/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Builds the request for one token or credential, or for the end of one: the frame, and the files that go
 * with it, opened now. */
#ifndef KD_FETCHREQUEST_H
#define KD_FETCHREQUEST_H

#include "error.h"
#include "ipc.h"
#include "protocol.h"

#include <stddef.h>
#include <stdint.h>

#define KD_REQUEST_MAX AID_IPC_FRAME_MAX

struct kd_agent;
struct kd_credential;
struct kd_daemon;
struct kd_rotation_order;

struct kd_request {
	char *frame; /* in the buffer that the connection has for it: one at a time */
	size_t length;
	int fds[AID_IPC_FDS_MAX];
	size_t n_fds;
};

struct kd_ask {
	uint32_t id;
	int64_t timeout_ms;
	const struct kd_credential *credential; /* that is wanted; NULL: the token */
	const void *retire; /* the token or credential to revoke; NULL: one is wanted */
	size_t retire_length;
	const char *retire_name; /* of the credential to revoke; NULL: it is a token */
	const struct kd_rotation_order *rotation; /* NULL: none of its client's secret */
};

/* kd_request_done() must follow in either case. AID_E_CONFIG when the agent, or its credential, has no
 * configuration; what opening the secrets says. */
int kd_request_build(struct kd_daemon *daemon, const struct kd_agent *agent,
	const struct kd_ask *ask, struct kd_request *request, struct aid_error *err) AID_WUR;
/* Closes the descriptors and wipes the frame. */
void kd_request_done(struct kd_request *request);

#endif
