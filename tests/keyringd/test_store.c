/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* When a token ends in the kernel, whatever the wall clock did since it was received. */
#include "../unit/unit.h"

#include "fake_clock.h"
#include "store.h"

#define WALL INT64_C(1790000000000)
#define BOOT INT64_C(5000000)
#define LIFE INT64_C(300000)
#define HOUR INT64_C(3600000)
#define TEN_YEARS (INT64_C(3652) * 24 * HOUR)

static const struct kd_session session = {.expires_wall_ms = WALL + LIFE,
	.expires_boot_ms = BOOT + LIFE, .lifetime_ms = LIFE, .received_boot_ms = BOOT};

static int setup(void **state)
{
	(void)state;
	fake_clock_set(WALL, BOOT);
	return 0;
}

static void test_nothing_happens(void **state)
{
	(void)state;
	assert_int_equal(kd_store_expiry(&session), WALL + LIFE);
	fake_clock_pass(200000);
	assert_int_equal(kd_store_expiry(&session), WALL + LIFE);
}

/* The token's own end stays: verifiers refuse it after that. */
static void test_forward(void **state)
{
	(void)state;
	fake_clock_step(HOUR);
	assert_int_equal(kd_store_expiry(&session), WALL + LIFE);
	fake_clock_step(TEN_YEARS);
	assert_int_equal(kd_store_expiry(&session), WALL + LIFE);
}

/* The wall clock's end is an hour further away than the token's life: the boot clock's counts. */
static void test_backward(void **state)
{
	(void)state;
	fake_clock_pass(100000);
	fake_clock_step(-HOUR);
	assert_int_equal(kd_store_expiry(&session), WALL + 100000 - HOUR + 200000);
	fake_clock_step(-TEN_YEARS);
	assert_int_equal(kd_store_expiry(&session), WALL + 100000 - HOUR - TEN_YEARS + 200000);
}

/* 500 parts of a million are as fast as a clock is ever slewed: 150 ms in a life of 300 s. */
static void test_slewed(void **state)
{
	(void)state;
	fake_clock_pass(LIFE / 2);
	fake_clock_step(75);
	assert_int_equal(kd_store_expiry(&session), WALL + LIFE);
	fake_clock_step(-150);
	assert_int_equal(kd_store_expiry(&session), WALL + LIFE - 75);
}

/* In a sleep of two hours both clocks go on. */
static void test_slept(void **state)
{
	(void)state;
	fake_clock_pass(2 * HOUR);
	assert_int_equal(kd_store_expiry(&session), WALL + LIFE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nothing_happens, setup),
		cmocka_unit_test_setup(test_forward, setup),
		cmocka_unit_test_setup(test_backward, setup),
		cmocka_unit_test_setup(test_slewed, setup),
		cmocka_unit_test_setup(test_slept, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
