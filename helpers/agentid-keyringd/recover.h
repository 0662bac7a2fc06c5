/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* After a restart: every ring of the anchor becomes a session again, or is revoked. One for which
 * memory or descriptors are short just now is tried again; the timeouts of its keys go on. */
#ifndef KD_RECOVER_H
#define KD_RECOVER_H

#include "daemon.h"

void kd_recover(struct kd_daemon *daemon);

#endif
