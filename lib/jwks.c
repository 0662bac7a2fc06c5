/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "jwks.h"

void aid_cache_filled(struct aid_cache_age *age, int64_t max_age_s, int64_t now_ms)
{
	int64_t fresh_ms = AID_CACHE_MIN_MS;

	if (max_age_s > AID_CACHE_MAX_MS / 1000)
		fresh_ms = AID_CACHE_MAX_MS;
	else if (max_age_s * 1000 > AID_CACHE_MIN_MS)
		fresh_ms = max_age_s * 1000;
	age->filled = true;
	age->fetched_ms = now_ms;
	age->fresh_ms = fresh_ms;
	age->failed_ms = 0;
}

void aid_cache_failed(struct aid_cache_age *age, int64_t now_ms)
{
	age->failed_ms = now_ms;
}

static bool is_fresh(const struct aid_cache_age *age, int64_t now_ms)
{
	return age->filled && now_ms - age->fetched_ms < age->fresh_ms;
}

bool aid_cache_is_bearable(const struct aid_cache_age *age, int64_t now_ms)
{
	return age->filled && now_ms - age->fetched_ms < age->fresh_ms + AID_CACHE_STALE_MS;
}

bool aid_cache_is_usable(const struct aid_cache_age *age, int64_t now_ms)
{
	if (is_fresh(age, now_ms))
		return true;
	return age->failed_ms != 0 && now_ms - age->failed_ms < AID_CACHE_RETRY_MS &&
		aid_cache_is_bearable(age, now_ms);
}

bool aid_cache_force(struct aid_cache_age *age, int64_t now_ms)
{
	if (age->forced_ms != 0 && now_ms - age->forced_ms < AID_JWKS_FORCE_MS)
		return false;
	age->forced_ms = now_ms;
	return true;
}

bool aid_cache_force_shown(struct aid_cache_age *age, int64_t now_ms)
{
	if (age->shown_ms != 0 && now_ms - age->shown_ms < AID_JWKS_SHOWN_MS)
		return false;
	age->shown_ms = now_ms;
	return true;
}
