/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "http_header.h"

static void test_dates(void **state)
{
	static const char *const good[] = {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
		"Sun Nov  6 08:49:37 1994"};
	static const char *const bad[] = {"", "soon", "784111777", "Sun, 06 Nov 1994 08:49:37",
		"Sun, 06 Nov 1994 08:49:37 GMT x", "Sun, 32 Nov 1994 08:49:37 GMT",
		"Thu, 01 Jan 1960 00:00:00 GMT"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++)
		assert_int_equal(aid_http_date(good[i]), 784111777);
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(aid_http_date(bad[i]), 0);
}

static void test_retry_after(void **state)
{
	static const struct {
		const char *value;
		int want;
	} rows[] = {
		{"0", 0}, {"2", 2}, {"120", 120}, {"121", 120}, {"86400", 120},
		{"99999999999999999999999999", 120}, {"", -1}, {"soon", -1}, {"-1", -1}, {"1.5", -1},
		{"2 ", -1}, {"0x10", -1}, {"Sun, 06 Nov 1994 08:49:37 GMT", 30},
		{"Sun, 06 Nov 1994 08:48:37 GMT", 0}, {"Sun, 06 Nov 1994 09:49:37 GMT", 120},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(aid_http_retry_after(rows[i].value, 784111747), rows[i].want);
}

static void test_max_age(void **state)
{
	static const struct {
		const char *value;
		int64_t want;
	} rows[] = {
		{"max-age=600", 600}, {"public, max-age=600", 600}, {"Max-Age=7,must-revalidate", 7},
		{"max-age=\"600\"", 600}, {"no-store", 0}, {"max-age=600, no-cache", 0}, {"", -1},
		{"max-age", -1}, {"max-age=", -1}, {"max-age=-1", -1}, {"max-age=1.5", -1},
		{"max-age=999999999999999", -1}, {"s-maxage=600", -1}, {",,, ,", -1},
		{"max-age=99999999999", 99999999999},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(aid_http_max_age(rows[i].value), rows[i].want);
}

static void test_lines(void **state)
{
	char value[8];

	(void)state;
	assert_true(aid_http_header_is("Date:  x y \r\n", 13, "date", value, sizeof(value)));
	assert_string_equal(value, "x y");
	assert_true(aid_http_header_is("date:123456789", 14, "date", value, sizeof(value)));
	assert_string_equal(value, "1234567");
	assert_true(aid_http_header_is("date:", 5, "date", value, sizeof(value)));
	assert_string_equal(value, "");
	assert_false(aid_http_header_is("date", 4, "date", value, sizeof(value)));
	assert_false(aid_http_header_is("dates: x", 8, "date", value, sizeof(value)));
	assert_false(aid_http_header_is("x-date: x", 9, "date", value, sizeof(value)));
	/* Nothing past the length given is looked at. */
	assert_false(aid_http_header_is("date: x", 4, "date", value, sizeof(value)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_max_age),
		cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
