/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include <errno.h>

static void test_fail(void **state)
{
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	err.http_status = 401;
	assert_int_equal(aid_fail(&err, AID_E_DENIED, "%d of %s", 7, "x"), AID_E_DENIED);
	assert_int_equal(err.status, AID_E_DENIED);
	assert_string_equal(err.text, "7 of x");
	assert_int_equal(err.http_status, 0);
	assert_int_equal(err.retry_after_s, -1);
	assert_int_equal(aid_fail(NULL, AID_E_IO, "x"), AID_E_IO);
	assert_int_equal(aid_fail_errno(NULL, AID_E_IO, EPERM, "x"), AID_E_IO);
}

static void test_errno(void **state)
{
	struct aid_error err;

	(void)state;
	assert_int_equal(aid_fail_errno(&err, AID_E_IO, ENOENT, "%s", "/f"), AID_E_IO);
	assert_int_equal(err.sys_errno, ENOENT);
	assert_string_equal(err.text, "/f: No such file or directory");
}

static void test_prefix(void **state)
{
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	(void)aid_fail(&err, AID_E_BUSY, "later");
	err.http_status = 503;
	assert_int_equal(aid_prefix(&err, "op '%s'", "a"), AID_E_BUSY);
	assert_string_equal(err.text, "op 'a': later");
	assert_int_equal(err.http_status, 503);
	assert_true(aid_prefix(NULL, "x") < 0);
}

static void test_printable(void **state)
{
	struct aid_error err;

	(void)state;
	(void)aid_fail(&err, AID_E_IO, "%s", "a\033[31m\n\xc3\xa9\x7f%s");
	assert_string_equal(err.text, "a?[31m????%s");
}

static void test_long(void **state)
{
	struct aid_error err;
	char text[600];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)aid_fail(&err, AID_E_IO, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	(void)aid_fail_errno(&err, AID_E_IO, EIO, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	(void)aid_prefix(&err, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(aid_status_name(AID_OK), "ok");
	assert_string_equal(aid_status_name(AID_E_NOMEM), "no-memory");
	assert_string_equal(aid_status_name(AID_E_EXPIRED), "expired");
	assert_string_equal(aid_status_name(AID_E_INVALID), "invalid");
	assert_string_equal(aid_status_name(1), "unknown");
	assert_string_equal(aid_status_name(AID_E_LAST_WK - 1), "unknown");
}

static void test_transient(void **state)
{
	(void)state;
	for (int status = AID_E_LAST_WK; status <= AID_OK; status++)
		assert_int_equal(aid_status_is_transient(status), status == AID_E_TIMEOUT ||
			status == AID_E_UNREACHABLE || status == AID_E_BUSY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fail), cmocka_unit_test(test_errno),
		cmocka_unit_test(test_prefix), cmocka_unit_test(test_printable),
		cmocka_unit_test(test_long), cmocka_unit_test(test_names),
		cmocka_unit_test(test_transient),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
