/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* LIST and STATUS: many frames, made one by one as the reader takes them. */
#ifndef KD_LISTING_H
#define KD_LISTING_H

#include "client.h"
#include "ipc.h"

void kd_listing_begin(struct kd_daemon *daemon, struct kd_client *client,
	const struct aid_frame *frame);
/* There is room in the socket again. */
void kd_listing_continue(struct kd_daemon *daemon, struct kd_client *client);

#endif
