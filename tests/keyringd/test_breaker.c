/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "../unit/unit.h"

#include "breaker.h"

static void fail_times(struct kd_breaker *breaker, unsigned int times, int64_t now)
{
	for (unsigned int i = 0; i < times; i++)
		assert_false(kd_breaker_failure(breaker, false, now));
}

static void test_opens_after_five(void **state)
{
	struct kd_breaker breaker = {0};

	(void)state;
	fail_times(&breaker, 4, 0);
	assert_int_equal(kd_breaker_ask(&breaker, 0), KD_BREAKER_GO);
	assert_false(kd_breaker_success(&breaker)); /* starts the count again */
	fail_times(&breaker, 4, 0);
	assert_true(kd_breaker_failure(&breaker, false, 1000));
	assert_int_equal(kd_breaker_ask(&breaker, 1000 + 4999), KD_BREAKER_WAIT);
	assert_false(kd_breaker_failure(&breaker, false, 2000)); /* one that was under way */
	assert_int_equal(breaker.retry_at_ms, 6000);
}

static void test_one_probe(void **state)
{
	struct kd_breaker breaker = {0};

	(void)state;
	fail_times(&breaker, 4, 0);
	assert_true(kd_breaker_failure(&breaker, false, 0));
	assert_int_equal(kd_breaker_ask(&breaker, 5000), KD_BREAKER_PROBE);
	assert_int_equal(kd_breaker_ask(&breaker, 9000), KD_BREAKER_WAIT);
	assert_false(kd_breaker_failure(&breaker, true, 10000));
	assert_int_equal(breaker.retry_at_ms, 20000); /* twice as long */
	for (int64_t want = 20000; want <= 30000; want += 10000) {
		int64_t now = breaker.retry_at_ms;

		assert_int_equal(kd_breaker_ask(&breaker, now), KD_BREAKER_PROBE);
		assert_false(kd_breaker_failure(&breaker, true, now));
		assert_int_equal(breaker.retry_at_ms - now, want);
	}
	assert_int_equal(kd_breaker_ask(&breaker, breaker.retry_at_ms), KD_BREAKER_PROBE);
	assert_true(kd_breaker_success(&breaker));
	assert_int_equal(kd_breaker_ask(&breaker, 0), KD_BREAKER_GO);
	assert_int_equal(breaker.failures, 0);
}

static void test_abandoned_probe(void **state)
{
	struct kd_breaker breaker = {0};

	(void)state;
	kd_breaker_abandon(&breaker, 1);
	assert_int_equal(kd_breaker_ask(&breaker, 1), KD_BREAKER_GO);
	fail_times(&breaker, 4, 0);
	assert_true(kd_breaker_failure(&breaker, false, 0));
	assert_int_equal(kd_breaker_ask(&breaker, 5000), KD_BREAKER_PROBE);
	kd_breaker_abandon(&breaker, 5001);
	assert_int_equal(kd_breaker_ask(&breaker, 5001), KD_BREAKER_PROBE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opens_after_five),
		cmocka_unit_test(test_one_probe),
		cmocka_unit_test(test_abandoned_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
