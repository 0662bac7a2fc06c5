/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "jwks.h"

#define T INT64_C(1000000)

static void test_clamp(void **state)
{
	static const struct {
		int64_t max_age_s;
		int64_t want_ms;
	} rows[] = {
		{-1, AID_CACHE_MIN_MS}, {0, AID_CACHE_MIN_MS}, {299, AID_CACHE_MIN_MS}, {301, 301000},
		{86400, AID_CACHE_MAX_MS}, {86401, AID_CACHE_MAX_MS}, {INT64_MAX, AID_CACHE_MAX_MS},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct aid_cache_age age = {0};

		aid_cache_filled(&age, rows[i].max_age_s, T);
		assert_true(aid_cache_is_usable(&age, T + rows[i].want_ms - 1));
		assert_false(aid_cache_is_usable(&age, T + rows[i].want_ms));
	}
}

static void test_stale(void **state)
{
	const int64_t expired = T + AID_CACHE_MIN_MS;
	struct aid_cache_age age = {0};

	(void)state;
	assert_false(aid_cache_is_usable(&age, T));
	assert_false(aid_cache_is_bearable(&age, T));
	aid_cache_failed(&age, T);
	assert_false(aid_cache_is_usable(&age, T));
	aid_cache_filled(&age, -1, T);
	assert_false(aid_cache_is_usable(&age, expired));
	assert_true(aid_cache_is_bearable(&age, expired));
	/* A refresh has failed: what is there is used, and asked for again only after a while. */
	aid_cache_failed(&age, expired);
	assert_true(aid_cache_is_usable(&age, expired + AID_CACHE_RETRY_MS - 1));
	assert_false(aid_cache_is_usable(&age, expired + AID_CACHE_RETRY_MS));
	assert_true(aid_cache_is_bearable(&age, expired + AID_CACHE_STALE_MS - 1));
	assert_false(aid_cache_is_bearable(&age, expired + AID_CACHE_STALE_MS));
	aid_cache_failed(&age, expired + AID_CACHE_STALE_MS);
	assert_false(aid_cache_is_usable(&age, expired + AID_CACHE_STALE_MS));
	aid_cache_filled(&age, -1, expired + AID_CACHE_STALE_MS);
	assert_true(aid_cache_is_usable(&age, expired + AID_CACHE_STALE_MS));
}

static void test_force(void **state)
{
	struct aid_cache_age age = {0};

	(void)state;
	assert_true(aid_cache_force(&age, T));
	assert_false(aid_cache_force(&age, T));
	assert_false(aid_cache_force(&age, T + AID_JWKS_FORCE_MS - 1));
	assert_true(aid_cache_force(&age, T + AID_JWKS_FORCE_MS));
	assert_false(aid_cache_force(&age, T + AID_JWKS_FORCE_MS + 1));
}

/* Others' tokens do not use up the allowance of ours, nor the other way round. */
static void test_force_shown(void **state)
{
	struct aid_cache_age age = {0};

	(void)state;
	assert_true(aid_cache_force_shown(&age, T));
	assert_false(aid_cache_force_shown(&age, T + AID_JWKS_SHOWN_MS - 1));
	assert_true(aid_cache_force(&age, T + 1));
	assert_true(aid_cache_force_shown(&age, T + AID_JWKS_SHOWN_MS));
	assert_false(aid_cache_force(&age, T + AID_JWKS_SHOWN_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clamp),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_force),
		cmocka_unit_test(test_force_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
