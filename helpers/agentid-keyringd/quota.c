/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "quota.h"

#include "record.h"

#include <string.h>

struct kd_quota_need kd_quota_session(size_t token_size)
{
	size_t bytes = aid_quota_cost(strlen(AID_KEY_TOKEN), token_size) +
		aid_quota_cost(strlen(AID_KEY_META), AID_RECORD_MAX / 2) +
		aid_quota_cost(strlen(AID_KEY_COOKIE), AID_COOKIE_BYTES) +
		aid_quota_cost(strlen(AID_KEY_INFO), 32) +
		aid_quota_cost(strlen("agentid:ring:1234567890"), 0);

	return (struct kd_quota_need){.keys = 5, .bytes = (int64_t)bytes};
}

void kd_quota_add_credential(struct kd_quota_need *need, size_t name_length, size_t size, bool first)
{
	if (first) {
		need->keys++;
		need->bytes += (int64_t)aid_quota_cost(strlen(AID_KEY_CREDENTIALS), 0);
	}
	/* Its key, its line in agentid:info and its part of the record. */
	need->keys++;
	need->bytes += (int64_t)(aid_quota_cost(strlen(AID_KEY_PREFIX) + name_length, size) + name_length +
		32 + KD_QUOTA_RECORD_GUESS);
}

int kd_quota_admit(const struct aid_quota *quota, uint32_t sessions, const struct kd_quota_need *need,
	struct aid_error *err)
{
	int64_t reserve = ((int64_t)sessions + 1) * KD_QUOTA_RESERVE_BYTES;

	if (quota->bytes + need->bytes + reserve > quota->bytes_max)
		return aid_fail(err, AID_E_QUOTA,
			"key quota of root: %lld of %lld bytes are used, %lld more are needed and %u "
			"sessions need %lld in reserve: raise kernel.keys.root_maxbytes",
			(long long)quota->bytes, (long long)quota->bytes_max, (long long)need->bytes,
			sessions, (long long)reserve);
	if (quota->keys + need->keys + KD_QUOTA_RESERVE_KEYS > quota->keys_max)
		return aid_fail(err, AID_E_QUOTA,
			"key quota of root: %lld of %lld keys are used and %lld more are needed: raise "
			"kernel.keys.root_maxkeys",
			(long long)quota->keys, (long long)quota->keys_max, (long long)need->keys);
	return AID_OK;
}

int kd_admission_ask(struct kd_admission *admission, uint32_t sessions,
	const struct kd_quota_need *need, int64_t now_ms, struct aid_error *err)
{
	int r;

	if (admission->read_at_ms == 0 || now_ms - admission->read_at_ms >= KD_QUOTA_FRESH_MS) {
		if (aid_quota_read(0, &admission->quota, NULL) != AID_OK)
			return AID_OK;
		admission->read_at_ms = now_ms;
	}
	r = kd_quota_admit(&admission->quota, sessions, need, err);
	if (r != AID_OK)
		return r;
	admission->quota.bytes += need->bytes;
	admission->quota.keys += need->keys;
	return AID_OK;
}
