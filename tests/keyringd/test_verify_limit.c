/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "../unit/unit.h"

#include "verify.h"

#define T INT64_C(1000000)

static int ask(struct kd_verify *verify, uid_t uid, int64_t now, struct aid_error *err)
{
	struct kd_verifier *verifier;
	int r = kd_verify_admit(verify, uid, now, &verifier, err);

	/* It is answered at once. */
	if (r == AID_OK)
		verifier->flying--;
	return r;
}

static void test_rate(void **state)
{
	struct kd_verify verify = {0};
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	for (unsigned int i = 0; i < KD_VERIFY_RATE; i++)
		assert_ok(ask(&verify, 7, T, &err), &err);
	assert_failed(ask(&verify, 7, T, &err), AID_E_BUSY, &err, "over 500 verifications of uid 7 in a second");
	assert_ok(ask(&verify, 8, T, &err), &err);
	for (unsigned int i = 0; i < 2 * KD_VERIFY_RATE; i++)
		assert_ok(ask(&verify, 0, T, &err), &err);
	assert_failed(ask(&verify, 7, T + 1, &err), AID_E_BUSY, &err, "uid 7");
	assert_ok(ask(&verify, 7, T + 2, &err), &err);
	assert_failed(ask(&verify, 7, T + 2, &err), AID_E_BUSY, &err, "uid 7");
	/* What is not used does not add up. */
	for (unsigned int i = 0; i < KD_VERIFY_RATE; i++)
		assert_ok(ask(&verify, 7, T + 3600000, &err), &err);
	assert_failed(ask(&verify, 7, T + 3600000, &err), AID_E_BUSY, &err, "uid 7");
}

static void test_flying(void **state)
{
	struct kd_verify verify = {0};
	struct kd_verifier *verifier;
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	for (unsigned int i = 0; i < KD_VERIFY_PER_UID; i++)
		assert_ok(kd_verify_admit(&verify, 7, T, &verifier, &err), &err);
	assert_failed(kd_verify_admit(&verify, 7, T + 5000, &verifier, &err), AID_E_BUSY, &err,
		"32 verifications of uid 7 are under way");
	assert_ok(kd_verify_admit(&verify, 0, T, &verifier, &err), &err);
	verify.count = KD_VERIFY_MAX;
	assert_failed(kd_verify_admit(&verify, 0, T, &verifier, &err), AID_E_BUSY, &err,
		"512 verifications are under way");
}

static void test_users(void **state)
{
	struct kd_verify verify = {0};
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	for (uid_t uid = 1; uid <= KD_VERIFY_UIDS; uid++)
		assert_ok(ask(&verify, uid, T, &err), &err);
	assert_failed(ask(&verify, 1000, T, &err), AID_E_BUSY, &err, "64 users verify tokens within a second");
	assert_ok(ask(&verify, 1, T, &err), &err);
	/* Somebody's allowance is full again. */
	assert_ok(ask(&verify, 1000, T + 2, &err), &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_flying),
		cmocka_unit_test(test_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
