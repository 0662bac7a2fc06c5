/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What the kernel says of a key, and waiting for the clock that keys expire by. */
#ifndef AID_TEST_LISTING_H
#define AID_TEST_LISTING_H

#include "keyring.h"

/* Seconds until the key expires, -1 for one without a timeout, -2 when it is not listed. */
long shown_timeout(aid_serial key);
/* 0 when it cannot be described. */
uint32_t shown_permissions(aid_serial key);
void wait_until(int64_t wall_ms);

#endif
