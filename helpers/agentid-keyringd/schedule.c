/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "schedule.h"

#include "error.h"

#include <stdbool.h>

int64_t kd_schedule_spread(int64_t limit_ms, uint32_t random)
{
	if (limit_ms <= 0)
		return 0;
	return (int64_t)(((uint64_t)limit_ms * random) >> 32);
}

int64_t kd_schedule_due(int64_t received_ms, int64_t lifetime_ms, unsigned int percent,
	uint32_t random)
{
	int64_t wait = lifetime_ms / 100 * percent + lifetime_ms % 100 * percent / 100;
	int64_t jitter = lifetime_ms / 20;

	if (jitter > wait / 2)
		jitter = wait / 2;
	wait -= kd_schedule_spread(jitter, random);
	if (wait < KD_SCHEDULE_SOONEST_MS)
		wait = KD_SCHEDULE_SOONEST_MS;
	return received_ms + wait;
}

int64_t kd_schedule_backoff(unsigned int failures, uint32_t random)
{
	int64_t window = KD_BACKOFF_BASE_MS;

	while (failures > 1 && window < KD_BACKOFF_CAP_MS) {
		window *= 2;
		failures--;
	}
	if (window > KD_BACKOFF_CAP_MS)
		window = KD_BACKOFF_CAP_MS;
	return kd_schedule_spread(window, random);
}

int64_t kd_schedule_retry(int status, unsigned int failures, int retry_after_s, uint32_t random)
{
	int64_t wait = kd_schedule_backoff(failures, random);

	if (!aid_status_is_transient(status))
		wait = KD_BACKOFF_CAP_MS / 2 + kd_schedule_spread(KD_BACKOFF_CAP_MS / 2, random);
	if (retry_after_s > KD_RETRY_AFTER_CAP_S)
		retry_after_s = KD_RETRY_AFTER_CAP_S;
	/* Everybody was told the same number: come back after it, not at it. */
	if (retry_after_s > 0)
		wait = (int64_t)retry_after_s * 1000 + kd_schedule_spread(1000, random);
	return wait;
}

int64_t kd_schedule_retire(int64_t ended_ms, int64_t login_ms)
{
	int64_t quiet = login_ms + KD_RETIRE_QUIET_MS;
	int64_t latest = ended_ms + KD_RETIRE_LATEST_MS;

	return quiet < latest ? quiet : latest;
}

int64_t kd_schedule_rotation_spread(int64_t every_ms, uint32_t random)
{
	int64_t limit = every_ms / 20;

	return kd_schedule_spread(limit < KD_ROTATION_SPREAD_MAX_MS ? limit : KD_ROTATION_SPREAD_MAX_MS,
		random);
}

int64_t kd_schedule_rotation_again(int status, unsigned int failures, uint32_t random)
{
	bool passes = aid_status_is_transient(status);
	int64_t wait = passes ? KD_ROTATION_AGAIN_MIN_MS : KD_ROTATION_REFUSED_MIN_MS;
	int64_t most = passes ? KD_ROTATION_AGAIN_MAX_MS : KD_ROTATION_REFUSED_MAX_MS;

	for (; failures > 1 && wait < most; failures--)
		wait *= 2;
	if (wait > most)
		wait = most;
	/* Many hosts fail together. */
	return passes ? wait / 2 + kd_schedule_spread(wait / 2, random)
		      : wait + kd_schedule_spread(wait / 4, random);
}
