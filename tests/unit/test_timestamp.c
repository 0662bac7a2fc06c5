/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "timestamp.h"

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} rows[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2026-01-02T03:04:05Z", 1767323045000},
		{"2026-01-02T03:04:05+00:00", 1767323045000},
		{"2026-01-02T03:04:05.1Z", 1767323045100},
		{"2026-01-02T03:04:05.123456789Z", 1767323045123},
		{"2024-02-29T23:59:59Z", 1709251199000},
		{"9999-12-31T23:59:59Z", 253402300799000},
		{"2023-02-29T00:00:00Z", -1}, {"2026-13-01T00:00:00Z", -1}, {"2026-00-01T00:00:00Z", -1},
		{"2026-01-32T00:00:00Z", -1}, {"2026-01-02T24:00:00Z", -1}, {"2026-01-02T03:60:05Z", -1},
		{"2026-01-02T03:04:61Z", -1}, {"2026-01-02 03:04:05Z", -1}, {"2026-01-02T03:04:05", -1},
		{"2026-01-02T03:04:05+01:00", -1}, {"2026-01-02T03:04:05.Z", -1}, {"1969-12-31T23:59:59Z", -1},
		{"2026-01-02T03:04:05.1234567890Z", -1}, {"2026-01-02T03:04:05Zx", -1}, {"", -1},
		{"1767323045", -1}, {"2026-1-02T03:04:05Z", -1}, {"-026-01-02T03:04:05Z", -1},
	};
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int r = aid_timestamp_parse(rows[i].text, &ms);

		if (r != (rows[i].ms < 0 ? AID_E_INVALID : AID_OK))
			print_error("'%s'\n", rows[i].text);
		assert_int_equal(r, rows[i].ms < 0 ? AID_E_INVALID : AID_OK);
		if (r == AID_OK)
			assert_int_equal(ms, rows[i].ms);
	}
}

static void test_format(void **state)
{
	char out[AID_TIMESTAMP_SIZE];

	(void)state;
	aid_timestamp_format(1767323045999, out);
	assert_string_equal(out, "2026-01-02T03:04:05Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse), cmocka_unit_test(test_format)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
