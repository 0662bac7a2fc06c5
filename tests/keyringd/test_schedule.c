/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "../unit/unit.h"

#include "schedule.h"

#define MIN_RANDOM 0U
#define MAX_RANDOM UINT32_MAX

static void test_spread(void **state)
{
	(void)state;
	assert_int_equal(kd_schedule_spread(0, MAX_RANDOM), 0);
	assert_int_equal(kd_schedule_spread(-5, MAX_RANDOM), 0);
	assert_int_equal(kd_schedule_spread(1000, MIN_RANDOM), 0);
	assert_int_equal(kd_schedule_spread(1000, MAX_RANDOM), 999);
	assert_int_equal(kd_schedule_spread(1000, 1U << 31), 500);
}

/* 80 % of 300 s is 240 s; jitter makes it up to 15 s earlier and never later. */
static void test_due(void **state)
{
	(void)state;
	assert_int_equal(kd_schedule_due(1000, 300000, 80, MIN_RANDOM), 1000 + 240000);
	assert_int_equal(kd_schedule_due(1000, 300000, 80, MAX_RANDOM), 1000 + 240000 - 14999);
	assert_int_equal(kd_schedule_due(0, 301, 80, MIN_RANDOM), 500); /* never sooner than 0.5 s */
	assert_int_equal(kd_schedule_due(0, 5000, 80, MIN_RANDOM), 4000);
	assert_int_equal(kd_schedule_due(0, 100000, 1, MAX_RANDOM), 501); /* half of 1 s at most */
	assert_int_equal(kd_schedule_due(7, 0, 80, MAX_RANDOM), 507);
}

static void test_backoff(void **state)
{
	const int64_t windows[] = {250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};

	(void)state;
	for (unsigned int i = 0; i < COUNT_OF(windows); i++) {
		assert_int_equal(kd_schedule_backoff(i + 1, MIN_RANDOM), 0);
		assert_int_equal(kd_schedule_backoff(i + 1, MAX_RANDOM), windows[i] - 1);
	}
	assert_int_equal(kd_schedule_backoff(UINT32_MAX, MAX_RANDOM), 29999);
	assert_int_equal(kd_schedule_backoff(0, MAX_RANDOM), 249);
}

static void test_retry(void **state)
{
	(void)state;
	assert_int_equal(kd_schedule_retry(AID_E_TIMEOUT, 1, -1, MAX_RANDOM), 249);
	assert_int_equal(kd_schedule_retry(AID_E_DENIED, 1, -1, MIN_RANDOM), 15000);
	assert_int_equal(kd_schedule_retry(AID_E_DENIED, 1, -1, MAX_RANDOM), 29999);
	assert_int_equal(kd_schedule_retry(AID_E_BUSY, 1, 2, MIN_RANDOM), 2000);
	assert_int_equal(kd_schedule_retry(AID_E_BUSY, 1, 2, MAX_RANDOM), 2999);
	assert_int_equal(kd_schedule_retry(AID_E_BUSY, 1, 120, MIN_RANDOM), 120000);
	assert_int_equal(kd_schedule_retry(AID_E_BUSY, 1, 86400, MIN_RANDOM), 120000);
	assert_int_equal(kd_schedule_retry(AID_E_BUSY, 1, 0, MAX_RANDOM), 249);
}

static void test_retire(void **state)
{
	(void)state;
	/* Nobody has logged in for long: at once. */
	assert_true(kd_schedule_retire(100000, 0) <= 100000);
	assert_true(kd_schedule_retire(100000, 100000 - KD_RETIRE_QUIET_MS) <= 100000);
	assert_int_equal(kd_schedule_retire(100000, 99999), 99999 + KD_RETIRE_QUIET_MS);
	assert_int_equal(kd_schedule_retire(100000, 100400), 100400 + KD_RETIRE_QUIET_MS);
	/* Logins one after the other do not put it off for ever. */
	assert_int_equal(kd_schedule_retire(100000, 100950), 101000);
	assert_int_equal(kd_schedule_retire(100000, 500000), 101000);
}

static void test_rotation(void **state)
{
	(void)state;
	assert_int_equal(kd_schedule_rotation_spread(86400000, MIN_RANDOM), 0);
	assert_int_equal(kd_schedule_rotation_spread(1000, MAX_RANDOM), 49);
	assert_int_equal(kd_schedule_rotation_spread(12000000, MAX_RANDOM), 599999);
	assert_int_equal(kd_schedule_rotation_spread(86400000, MAX_RANDOM), 599999);
	assert_int_equal(kd_schedule_rotation_spread(0, MAX_RANDOM), 0);
	/* What may pass by itself. */
	assert_int_equal(kd_schedule_rotation_again(AID_E_TIMEOUT, 1, MIN_RANDOM), 500);
	assert_int_equal(kd_schedule_rotation_again(AID_E_TIMEOUT, 1, MAX_RANDOM), 999);
	assert_int_equal(kd_schedule_rotation_again(AID_E_BUSY, 2, MIN_RANDOM), 1000);
	assert_int_equal(kd_schedule_rotation_again(AID_E_BUSY, 7, MAX_RANDOM), 59999);
	assert_int_equal(kd_schedule_rotation_again(AID_E_BUSY, 4000000000U, MIN_RANDOM), 30000);
	/* What does not: never more often than every minute. */
	assert_int_equal(kd_schedule_rotation_again(AID_E_DENIED, 1, MIN_RANDOM), 60000);
	assert_int_equal(kd_schedule_rotation_again(AID_E_CREDENTIAL, 1, MAX_RANDOM), 74999);
	assert_int_equal(kd_schedule_rotation_again(AID_E_CONFIG, 2, MIN_RANDOM), 120000);
	assert_int_equal(kd_schedule_rotation_again(AID_E_CONFIG, 100, MIN_RANDOM), 600000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_due),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_retry),
		cmocka_unit_test(test_retire),
		cmocka_unit_test(test_rotation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
