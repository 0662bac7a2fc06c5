/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The parts of the module that need no PAM handle. */
#include "unit.h"

#include "accounts.h"
#include "options.h"
#include "status.h"

#include <security/_pam_types.h>

static int parse(const char *argument, struct aid_options *options, struct aid_error *err)
{
	const char *argv[] = {argument};

	return aid_options_parse(1, argv, options, err);
}

static void test_options(void **state)
{
	const char *argv[] = {"agent=a-1", "debug", "on_error=ignore", "timeout=20s"};
	struct aid_error err = AID_ERROR_INIT;
	struct aid_options options;

	(void)state;
	assert_ok(aid_options_parse(4, argv, &options, &err), &err);
	assert_string_equal(options.agent, "a-1");
	assert_true(options.debug);
	assert_int_equal(options.on_error, AID_ON_ERROR_IGNORE);
	assert_int_equal(options.timeout_ms, 20000);
	assert_ok(aid_options_parse(0, NULL, &options, &err), &err);
	assert_null(options.agent);
	assert_false(options.debug);
	assert_int_equal(options.on_error, AID_ON_ERROR_FAIL);
	assert_int_equal(options.timeout_ms, 10000);
}

static void test_bad_options(void **state)
{
	static const char *const bad[] = {"", "agent", "agent=", "agent=A", "agent=../x", "debug=1",
		"debugs", "on_error", "on_error=", "on_error=Ignore", "timeout=", "timeout=0", "timeout=0s",
		"timeout=61", "timeout=61s", "timeout=2m", "timeout=-1", "timeout=1.5", "use_first_pass"};
	struct aid_error err = AID_ERROR_INIT;
	struct aid_options options;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_failed(parse(bad[i], &options, &err), AID_E_CONFIG, &err, bad[i]);
		assert_null(options.agent);
		assert_int_equal(options.timeout_ms, 10000);
	}
}

static void test_status(void **state)
{
	(void)state;
	assert_int_equal(aid_status_to_pam(AID_OK, AID_ON_ERROR_FAIL), PAM_SUCCESS);
	assert_int_equal(aid_status_to_pam(AID_E_NOMEM, AID_ON_ERROR_FAIL), PAM_BUF_ERR);
	for (int status = -1; status >= AID_E_LAST_WK; status--) {
		int pam = aid_status_to_pam(status, AID_ON_ERROR_FAIL);

		assert_true(pam == PAM_SESSION_ERR || pam == PAM_BUF_ERR || pam == PAM_ABORT);
		if (status != AID_E_UNSAFE)
			assert_int_equal(aid_status_to_pam(status, AID_ON_ERROR_IGNORE), PAM_SUCCESS);
	}
	assert_int_equal(aid_status_to_pam(AID_E_UNSAFE, AID_ON_ERROR_IGNORE), PAM_ABORT);
}

static void test_accounts(void **state)
{
	static const char text[] = "alice agent-a\nbob agent-b\nlast agent-c";

	(void)state;
	assert_true(aid_accounts_find(text, strlen(text), "alice"));
	assert_true(aid_accounts_find(text, strlen(text), "bob"));
	assert_true(aid_accounts_find(text, strlen(text), "last"));
	assert_false(aid_accounts_find(text, strlen(text), "ali"));
	assert_false(aid_accounts_find(text, strlen(text), "alicex"));
	assert_false(aid_accounts_find(text, strlen(text), "agent-a"));
	assert_false(aid_accounts_find(text, strlen(text), ""));
	assert_false(aid_accounts_find(text, strlen(text), "alice agent-a\nbob"));
	assert_false(aid_accounts_find("", 0, "alice"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_accounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
