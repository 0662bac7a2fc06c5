/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* When a credential is next asked for. Pure: time and chance are passed in. All in milliseconds. */
#ifndef KD_SCHEDULE_H
#define KD_SCHEDULE_H

#include <stdint.h>

#define KD_BACKOFF_BASE_MS 250
#define KD_BACKOFF_CAP_MS 30000
#define KD_RETRY_AFTER_CAP_S 120
#define KD_RETIRE_QUIET_MS 50
#define KD_RETIRE_LATEST_MS 1000
#define KD_ROTATION_SPREAD_MAX_MS INT64_C(600000)
#define KD_ROTATION_AGAIN_MIN_MS 1000   /* after a failure that may pass by itself; doubles */
#define KD_ROTATION_AGAIN_MAX_MS 60000
#define KD_ROTATION_REFUSED_MIN_MS 60000 /* after another; doubles */
#define KD_ROTATION_REFUSED_MAX_MS 600000
#define KD_SCHEDULE_SOONEST_MS 500 /* no token is so short that it is asked for more often */

/* A uniform number in [0, limit_ms); 0 for a limit of 0. */
int64_t kd_schedule_spread(int64_t limit_ms, uint32_t random);
/* percent of the lifetime after receipt, less up to 5 % of the lifetime: jitter is earlier only. */
int64_t kd_schedule_due(int64_t received_ms, int64_t lifetime_ms, unsigned int percent,
	uint32_t random);
/* Full jitter: uniform in [0, base * 2^(failures - 1)), the window capped. failures is at least 1. */
int64_t kd_schedule_backoff(unsigned int failures, uint32_t random);
/* How long to wait after a failure with this enum aid_status. A refusal (not transient) waits half
 * the cap to the cap: asking quickly cannot help. Retry-After (-1: none), capped, is a minimum. */
int64_t kd_schedule_retry(int status, unsigned int failures, int retry_after_s, uint32_t random);
/* When the token of a session that ended at ended_ms is sent to be revoked: once nobody has logged in at
 * its issuer for a moment, and in any case soon after the end. */
int64_t kd_schedule_retire(int64_t ended_ms, int64_t login_ms);

/* How long after a rotation is due a host asks: up to 5 % of the interval, so that one of many does it and
 * the others find it done. */
int64_t kd_schedule_rotation_spread(int64_t every_ms, uint32_t random);
/* How long to wait after a rotation that failed with this enum aid_status. A failure that may pass by itself
 * waits up to a window that doubles; a refusal at least a minute. */
int64_t kd_schedule_rotation_again(int status, unsigned int failures, uint32_t random);

#endif
