/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "../unit/unit.h"

#include "quota.h"

static void test_bytes(void **state)
{
	struct aid_quota quota = {.keys = 100, .keys_max = 1000000, .bytes_max = 25000000};
	struct aid_error err = AID_ERROR_INIT;
	int64_t keys, need = kd_quota_session_bytes(1000, &keys);

	(void)state;
	assert_int_equal(keys, 5);
	assert_true(need > 1000 && need < 3000);
	/* Just enough for this one and the reserve of it and of 99 others. */
	quota.bytes = quota.bytes_max - need - 100 * KD_QUOTA_RESERVE_BYTES;
	assert_ok(kd_quota_admit(&quota, 99, 1000, &err), &err);
	quota.bytes++;
	assert_failed(kd_quota_admit(&quota, 99, 1000, &err), AID_E_QUOTA, &err,
		"of 25000000 bytes are used");
	assert_non_null(strstr(err.text, "raise kernel.keys.root_maxbytes"));
	quota.bytes--;
	assert_failed(kd_quota_admit(&quota, 100, 1000, &err), AID_E_QUOTA, &err, "in reserve");
}

static void test_keys(void **state)
{
	struct aid_quota quota = {.keys_max = 200, .bytes_max = 25000000};
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	quota.keys = 200 - 5 - KD_QUOTA_RESERVE_KEYS;
	assert_ok(kd_quota_admit(&quota, 0, 1000, &err), &err);
	quota.keys++;
	assert_failed(kd_quota_admit(&quota, 0, 1000, &err), AID_E_QUOTA, &err,
		"of 200 keys are used");
	assert_non_null(strstr(err.text, "raise kernel.keys.root_maxkeys"));
}

/* What was admitted counts before the kernel's figures are read again. */
static void test_admitted_counts(void **state)
{
	struct kd_admission admission = {.read_at_ms = 1000};
	struct aid_error err = AID_ERROR_INIT;
	int64_t keys, need = kd_quota_session_bytes(1000, &keys);

	(void)state;
	admission.quota = (struct aid_quota){.keys_max = 1000, .bytes_max = 1000000};
	admission.quota.bytes = 1000000 - 2 * need - KD_QUOTA_RESERVE_BYTES;
	assert_ok(kd_admission_ask(&admission, 0, 1000, 1001, &err), &err);
	assert_int_equal(admission.quota.keys, 5);
	assert_failed(kd_admission_ask(&admission, 1, 1000, 1002, &err), AID_E_QUOTA, &err, "quota");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_admitted_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
