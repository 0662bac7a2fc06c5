/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "quota.h"

#include "record.h"

#include <string.h>

int64_t kd_quota_session_bytes(size_t token_size, int64_t *ret_keys)
{
	size_t bytes = aid_quota_cost(strlen(AID_KEY_TOKEN), token_size) +
		aid_quota_cost(strlen(AID_KEY_META), AID_RECORD_MAX / 2) +
		aid_quota_cost(strlen(AID_KEY_COOKIE), AID_COOKIE_BYTES) +
		aid_quota_cost(strlen(AID_KEY_INFO), 32) +
		aid_quota_cost(strlen("agentid:ring:1234567890"), 0);

	*ret_keys = 5;
	return (int64_t)bytes;
}

int kd_quota_admit(const struct aid_quota *quota, uint32_t sessions, size_t token_size,
	struct aid_error *err)
{
	int64_t keys;
	int64_t bytes = kd_quota_session_bytes(token_size, &keys);
	int64_t reserve = ((int64_t)sessions + 1) * KD_QUOTA_RESERVE_BYTES;

	if (quota->bytes + bytes + reserve > quota->bytes_max)
		return aid_fail(err, AID_E_QUOTA,
			"key quota of root: %lld of %lld bytes are used, a session needs %lld and %u "
			"sessions need %lld in reserve: raise kernel.keys.root_maxbytes",
			(long long)quota->bytes, (long long)quota->bytes_max, (long long)bytes, sessions,
			(long long)reserve);
	if (quota->keys + keys + KD_QUOTA_RESERVE_KEYS > quota->keys_max)
		return aid_fail(err, AID_E_QUOTA,
			"key quota of root: %lld of %lld keys are used and a session needs %lld: raise "
			"kernel.keys.root_maxkeys",
			(long long)quota->keys, (long long)quota->keys_max, (long long)keys);
	return AID_OK;
}

int kd_admission_ask(struct kd_admission *admission, uint32_t sessions, size_t token_size,
	int64_t now_ms, struct aid_error *err)
{
	int64_t keys;
	int r;

	if (admission->read_at_ms == 0 || now_ms - admission->read_at_ms >= KD_QUOTA_FRESH_MS) {
		if (aid_quota_read(0, &admission->quota, NULL) != AID_OK)
			return AID_OK;
		admission->read_at_ms = now_ms;
	}
	r = kd_quota_admit(&admission->quota, sessions, token_size, err);
	if (r != AID_OK)
		return r;
	admission->quota.bytes += kd_quota_session_bytes(token_size, &keys);
	admission->quota.keys += keys;
	return AID_OK;
}
