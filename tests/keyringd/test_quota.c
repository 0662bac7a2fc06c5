/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "../unit/unit.h"

#include "quota.h"

static void test_bytes(void **state)
{
	struct aid_quota quota = {.keys = 100, .keys_max = 1000000, .bytes_max = 25000000};
	struct aid_error err = AID_ERROR_INIT;
	struct kd_quota_need need = kd_quota_session(1000);

	(void)state;
	assert_int_equal(need.keys, 5);
	assert_true(need.bytes > 1000 && need.bytes < 3000);
	/* Just enough for this one and the reserve of it and of 99 others. */
	quota.bytes = quota.bytes_max - need.bytes - 100 * KD_QUOTA_RESERVE_BYTES;
	assert_ok(kd_quota_admit(&quota, 99, &need, &err), &err);
	quota.bytes++;
	assert_failed(kd_quota_admit(&quota, 99, &need, &err), AID_E_QUOTA, &err,
		"of 25000000 bytes are used");
	assert_non_null(strstr(err.text, "raise kernel.keys.root_maxbytes"));
	quota.bytes--;
	assert_failed(kd_quota_admit(&quota, 100, &need, &err), AID_E_QUOTA, &err, "in reserve");
}

static void test_keys(void **state)
{
	struct aid_quota quota = {.keys_max = 200, .bytes_max = 25000000};
	const struct kd_quota_need need = kd_quota_session(1000);
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	quota.keys = 200 - 5 - KD_QUOTA_RESERVE_KEYS;
	assert_ok(kd_quota_admit(&quota, 0, &need, &err), &err);
	quota.keys++;
	assert_failed(kd_quota_admit(&quota, 0, &need, &err), AID_E_QUOTA, &err,
		"of 200 keys are used");
	assert_non_null(strstr(err.text, "raise kernel.keys.root_maxkeys"));
}

/* What was admitted counts before the kernel's figures are read again. */
static void test_admitted_counts(void **state)
{
	struct kd_admission admission = {.read_at_ms = 1000};
	struct aid_error err = AID_ERROR_INIT;
	struct kd_quota_need need = kd_quota_session(1000);

	(void)state;
	admission.quota = (struct aid_quota){.keys_max = 1000, .bytes_max = 1000000};
	admission.quota.bytes = 1000000 - 2 * need.bytes - KD_QUOTA_RESERVE_BYTES;
	assert_ok(kd_admission_ask(&admission, 0, &need, 1001, &err), &err);
	assert_int_equal(admission.quota.keys, 5);
	assert_failed(kd_admission_ask(&admission, 1, &need, 1002, &err), AID_E_QUOTA, &err, "quota");
}

/* Each credential is a key more, with what keyringd notes of it. */
static void test_credentials(void **state)
{
	struct aid_quota quota = {.keys_max = 1000, .bytes_max = 1000000};
	struct kd_quota_need need = kd_quota_session(1000);
	const struct kd_quota_need bare = need;
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	kd_quota_add_credential(&need, strlen("aws"), 17000, false);
	assert_int_equal(need.keys, bare.keys + 1);
	assert_true(need.bytes > bare.bytes + 17000 && need.bytes < bare.bytes + 18000);
	need = bare;
	kd_quota_add_credential(&need, strlen("aws"), 17000, true);
	assert_int_equal(need.keys, bare.keys + 2);
	assert_true(need.bytes > bare.bytes + 17300 && need.bytes < bare.bytes + 18000);
	quota.bytes = quota.bytes_max - bare.bytes - KD_QUOTA_RESERVE_BYTES;
	assert_ok(kd_quota_admit(&quota, 0, &bare, &err), &err);
	assert_failed(kd_quota_admit(&quota, 0, &need, &err), AID_E_QUOTA, &err, "more are needed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_admitted_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
