/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The requests of the public socket: one table of who may ask what. */
#ifndef KD_REQUESTS_H
#define KD_REQUESTS_H

#include "client.h"
#include "ipc.h"

/* Answers, or arranges for an answer. */
void kd_requests_serve(struct kd_daemon *daemon, struct kd_client *client,
	const struct aid_frame *frame);

#endif
