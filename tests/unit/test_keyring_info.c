/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "keyring.h"

static int find(const char *text, const char *credential, int64_t *ret_seconds)
{
	return aid_info_find(text, strlen(text), credential, ret_seconds);
}

static void test_round_trip(void **state)
{
	char text[64];
	size_t length = 0;
	int64_t seconds = 0;

	(void)state;
	assert_int_equal(aid_info_add(text, sizeof(text), &length, "token", 1700000000999), AID_OK);
	assert_int_equal(aid_info_add(text, sizeof(text), &length, "aws", 1800000000000), AID_OK);
	assert_string_equal(text, "token 1700000000\naws 1800000000\n");
	assert_int_equal(aid_info_find(text, length, "token", &seconds), AID_OK);
	assert_int_equal(seconds, 1700000000);
	assert_int_equal(aid_info_find(text, length, "aws", &seconds), AID_OK);
	assert_int_equal(seconds, 1800000000);
	assert_int_equal(aid_info_find(text, length, "toka", &seconds), AID_E_NOTFOUND);
	assert_int_equal(aid_info_find(text, length, "tokens", &seconds), AID_E_NOTFOUND);
	assert_int_equal(aid_info_find(text, 0, "token", &seconds), AID_E_NOTFOUND);
	assert_int_equal(seconds, 1800000000);
}

/* A reader of the expiry alone reads both forms. */
static void test_lifetime(void **state)
{
	char text[64];
	size_t length = 0;
	int64_t expires_s = 0, lifetime_s = 0;

	(void)state;
	assert_int_equal(aid_info_add(text, sizeof(text), &length, "token", 1700000000000), AID_OK);
	assert_int_equal(aid_info_add_both(text, sizeof(text), &length, "aws", 1800000000000, 899001), AID_OK);
	assert_string_equal(text, "token 1700000000\naws 1800000000 900\n");
	assert_int_equal(aid_info_find_both(text, length, "aws", &expires_s, &lifetime_s), AID_OK);
	assert_true(expires_s == 1800000000 && lifetime_s == 900);
	assert_int_equal(aid_info_find_both(text, length, "token", &expires_s, &lifetime_s), AID_OK);
	assert_true(expires_s == 1700000000 && lifetime_s == 0);
	assert_int_equal(find(text, "aws", &expires_s), AID_OK);
	assert_int_equal(expires_s, 1800000000);
}

static void test_room(void **state)
{
	char text[17];
	size_t length = 0;

	(void)state;
	/* 17 bytes and the NUL do not fit into 17; one less does. */
	assert_int_equal(aid_info_add(text, sizeof(text), &length, "token", 1700000000000),
		AID_E_TOOBIG);
	assert_int_equal(length, 0);
	assert_int_equal(aid_info_add(text, sizeof(text), &length, "toka", 1700000000000), AID_OK);
	assert_int_equal(length, 16);
	assert_int_equal(aid_info_add(text, sizeof(text), &length, "a", 1000), AID_E_TOOBIG);
	assert_int_equal(length, 16);
}

static void test_malformed(void **state)
{
	static const char *const bad[] = {"token 1", "token \n", "token x\n", "token -1\n", "token 0\n",
		"token 1 \n", "token 1 x\n", "token 1 2 3\n", "token  1\n", "token 1234567890123\n", "token 253402300800\n"};
	int64_t seconds = 99;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(find(bad[i], "token", &seconds), AID_E_PROTOCOL);
	assert_int_equal(seconds, 99);
	assert_int_equal(find("token 253402300799\n", "token", &seconds), AID_OK);
	assert_int_equal(find("\n \ntoken 5\n", "token", &seconds), AID_OK);
	assert_int_equal(seconds, 5);
}

static void test_quota_cost(void **state)
{
	(void)state;
	/* Name, its NUL, payload, and the link in the ring. */
	assert_int_equal(aid_quota_cost(strlen("agentid:token"), 1000), 13 + 1 + 1000 + 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_lifetime),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_quota_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
