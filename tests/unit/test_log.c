/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "log.h"

static void test_quote(void **state)
{
	char out[600], big[300];

	(void)state;
	assert_string_equal(aid_log_quote("plain text", out, sizeof(out)), "plain text");
	assert_string_equal(aid_log_quote("", out, sizeof(out)), "");
	assert_string_equal(aid_log_quote("a'b\"c\\d", out, sizeof(out)), "a\\x27b\\x22c\\x5cd");
	assert_string_equal(aid_log_quote("l\nf\033\x7f\xff", out, sizeof(out)), "l\\x0af\\x1b\\x7f\\xff");
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(strlen(aid_log_quote(big, out, sizeof(out))), 128);
	memset(big, '\n', sizeof(big) - 1);
	assert_int_equal(strlen(aid_log_quote(big, out, sizeof(out))), 512);
}

static void test_small_room(void **state)
{
	char out[16];

	(void)state;
	for (size_t size = 1; size < sizeof(out); size++) {
		memset(out, 'Z', sizeof(out));
		assert_ptr_equal(aid_log_quote("\n\n\n\n\n\n", out, size), out);
		assert_true(strlen(out) < size);
		assert_int_equal(out[size], 'Z');
	}
	out[0] = 'Z';
	(void)aid_log_quote("abc", out, 0);
	assert_int_equal(out[0], 'Z');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quote),
		cmocka_unit_test(test_small_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
