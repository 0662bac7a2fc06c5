/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* An AID_MSG_ISSUED: a token or a credential, and when it ends. */
#ifndef KD_ISSUED_H
#define KD_ISSUED_H

#include "ipc.h"
#include "sessions.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kd_issued {
	const uint8_t *bytes; /* in the frame */
	size_t length;
	/* The kernel ends keys on whole seconds of the wall clock: what counts is when it will. */
	int64_t expires_wall_ms;
	int64_t lifetime_ms;  /* from now */
	bool renewable;
	char token_id[KD_TOKEN_ID_SIZE];
};

int kd_issued_read(const struct aid_frame *frame, size_t max, struct kd_issued *ret_issued,
	struct aid_error *err) AID_WUR;

#endif
