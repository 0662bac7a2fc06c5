/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "str.h"

static void test_equality(void **state)
{
	(void)state;
	assert_true(aid_streq("a", "a"));
	assert_false(aid_streq("a", "b"));
	assert_false(aid_streq("a", "ab"));
	assert_false(aid_streq("a", NULL));
	assert_false(aid_streq(NULL, "a"));
	assert_true(aid_streq(NULL, NULL));
	assert_true(aid_streq_nocase("Bearer", "bEARER"));
	assert_false(aid_streq_nocase("Bearer", "Bearer2"));
	assert_false(aid_streq_nocase("Bearer2", "Bearer"));
	/* Only letters have a case: '@' and '`', '[' and '{' differ by the same bit. */
	assert_false(aid_streq_nocase("@[", "`{"));
	assert_false(aid_streq_nocase(NULL, "a"));
	assert_true(aid_streq_nocase(NULL, NULL));
	assert_true(aid_str_has_prefix("abc", "ab"));
	assert_true(aid_str_has_prefix("abc", ""));
	assert_false(aid_str_has_prefix("ab", "abc"));
	assert_true(aid_str_order("a", "b") < 0 && aid_str_order("b", "a") > 0);
	assert_true(aid_str_order(NULL, "a") < 0 && aid_str_order("a", NULL) > 0);
	assert_int_equal(aid_str_order(NULL, NULL), 0);
}

static void test_uint(void **state)
{
	static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "0x1", "1.0", "1e3", "a",
		"18446744073709551616", "99999999999999999999", "4", "11"};
	uint64_t value = 99;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(aid_str_parse_uint(bad[i], 5, 10, &value), AID_E_INVALID);
	assert_int_equal(value, 99);
	assert_int_equal(aid_str_parse_uint("5", 5, 10, &value), AID_OK);
	assert_int_equal(value, 5);
	assert_int_equal(aid_str_parse_uint("010", 5, 10, &value), AID_OK);
	assert_int_equal(value, 10);
	assert_int_equal(aid_str_parse_uint("18446744073709551615", 0, UINT64_MAX, &value), AID_OK);
	assert_true(value == UINT64_MAX);
}

static void test_bool(void **state)
{
	static const char *const bad[] = {"", "YES", "true", "1", "yes ", "on", "n"};
	bool value = true;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(aid_str_parse_bool(bad[i], &value), AID_E_INVALID);
	assert_int_equal(aid_str_parse_bool("no", &value), AID_OK);
	assert_false(value);
	assert_int_equal(aid_str_parse_bool("yes", &value), AID_OK);
	assert_true(value);
}

static void test_duration(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {{"1s", 1000}, {"300s", 300000}, {"10m", 600000}, {"2h", 7200000},
		{"366d", INT64_C(31622400000)}, {"31622400s", INT64_C(31622400000)}};
	static const char *const bad[] = {"", "s", "0s", "10", "10 s", "-1s", "1.5h", "1S", "1ms", "1w",
		"367d", "31622401s", "18446744073709551616s", "1h30m", "s1", "1s\n"};
	int64_t ms = 7;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(aid_str_parse_duration(bad[i], &ms), AID_E_INVALID);
	assert_int_equal(ms, 7);
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		assert_int_equal(aid_str_parse_duration(good[i].text, &ms), AID_OK);
		assert_int_equal(ms, good[i].ms);
	}
}

static void test_percent(void **state)
{
	static const char *const bad[] = {"", "%", "80", "0%", "100%", "-1%", "80 %", "8.5%", "80%%"};
	unsigned int percent = 7;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(aid_str_parse_percent(bad[i], &percent), AID_E_INVALID);
	assert_int_equal(percent, 7);
	assert_int_equal(aid_str_parse_percent("1%", &percent), AID_OK);
	assert_int_equal(aid_str_parse_percent("99%", &percent), AID_OK);
	assert_int_equal(percent, 99);
}

#define X63 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void test_agent_id(void **state)
{
	static const char *const good[] = {"a", "0", "my-ai-agent-1", "a.b_c-d", X63};
	static const char *const bad[] = {"", "A", "-a", ".a", "_a", "a/b", "a b", "a:b", "a\n", "\xc3\xa9",
		X63 "x", ".."};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++)
		assert_true(aid_str_is_agent_id(good[i]));
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(aid_str_is_agent_id(bad[i]));
}

static void test_b64token(void **state)
{
	static const char *const good[] = {"a", "aZ09-._~+/", "abc=", "abc=="};
	static const char *const bad[] = {"", "=", "a=b", "a b", "a\n", "a\r\nX: y", "a,b", "a\"", "\xc3\xa9"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++)
		assert_true(aid_str_is_b64token(good[i], strlen(good[i])));
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(aid_str_is_b64token(bad[i], strlen(bad[i])));
	assert_false(aid_str_is_b64token("a\0b", 3));
}

static void test_printable(void **state)
{
	(void)state;
	assert_true(aid_str_is_printable("https://x/ y~"));
	assert_false(aid_str_is_printable(""));
	assert_false(aid_str_is_printable(" a"));
	assert_false(aid_str_is_printable("a "));
	assert_false(aid_str_is_printable("a\tb"));
	assert_false(aid_str_is_printable("a\x7f"));
	assert_false(aid_str_is_printable("\xc3\xa9"));
}

static void test_hex(void **state)
{
	static const char *const bad[] = {"", "00f", "00ff0", "00FF", "00fg", "0 ff", "00ff00"};
	uint8_t bytes[2] = {9, 9};
	char text[5];

	(void)state;
	aid_str_hex("\x00\xff", 2, text);
	assert_string_equal(text, "00ff");
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(aid_str_unhex(bad[i], bytes, 2), AID_E_INVALID);
	assert_int_equal(aid_str_unhex("a0ff", bytes, 2), AID_OK);
	assert_memory_equal(bytes, "\xa0\xff", 2);
	assert_int_equal(aid_str_unhex("", bytes, 0), AID_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equality), cmocka_unit_test(test_uint),
		cmocka_unit_test(test_bool), cmocka_unit_test(test_duration),
		cmocka_unit_test(test_percent), cmocka_unit_test(test_agent_id),
		cmocka_unit_test(test_b64token), cmocka_unit_test(test_printable),
		cmocka_unit_test(test_hex),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
