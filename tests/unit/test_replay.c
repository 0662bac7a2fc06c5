/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "replay.h"

#include <stdio.h>

#define T INT64_C(1000000)
#define KEEP 66000

static void test_once(void **state)
{
	AID_AUTO(aid_replay) *replay = aid_replay_new(8, KEEP);
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	assert_non_null(replay);
	assert_ok(aid_replay_note(replay, "key", "jti", T, &err), &err);
	assert_failed(aid_replay_note(replay, "key", "jti", T, &err), AID_E_DENIED, &err,
		"jti 'jti' was used before");
	assert_failed(aid_replay_note(replay, "key", "jti", T + KEEP - 1, &err), AID_E_DENIED, &err, "before");
	/* The pair counts, and where one text ends matters. */
	assert_ok(aid_replay_note(replay, "other", "jti", T, &err), &err);
	assert_ok(aid_replay_note(replay, "keyj", "ti", T, &err), &err);
	assert_ok(aid_replay_note(replay, "key", "jti", T + KEEP, &err), &err);
	assert_failed(aid_replay_note(replay, "key", "jti", T + KEEP, &err), AID_E_DENIED, &err, "before");
}

/* Over the limit nothing is forgotten early; what is forgotten makes room, in the right order. */
static void test_full(void **state)
{
	AID_AUTO(aid_replay) *replay = aid_replay_new(100, KEEP);
	struct aid_error err = AID_ERROR_INIT;
	char name[16];

	(void)state;
	for (int round = 0; round < 3; round++) {
		int64_t now = T + (int64_t)round * KEEP * 2;

		for (int i = 0; i < 100; i++) {
			(void)snprintf(name, sizeof(name), "n%d", i);
			assert_ok(aid_replay_note(replay, "k", name, now + i, &err), &err);
		}
		assert_failed(aid_replay_note(replay, "k", "one more", now + 100, &err), AID_E_BUSY, &err,
			"over 100 proofs in 66 s");
		assert_failed(aid_replay_note(replay, "k", "n0", now + 100, &err), AID_E_DENIED, &err, "n0");
		/* The first ten have run out. */
		assert_ok(aid_replay_note(replay, "k", "one more", now + KEEP + 9, &err), &err);
		assert_failed(aid_replay_note(replay, "k", "n10", now + KEEP + 9, &err), AID_E_DENIED, &err,
			"n10");
		assert_ok(aid_replay_note(replay, "k", "n9", now + KEEP + 9, &err), &err);
		/* So there is room for two of ten already taken, and eight more. */
		for (int i = 0; i < 8; i++) {
			(void)snprintf(name, sizeof(name), "m%d", i);
			assert_ok(aid_replay_note(replay, "k", name, now + KEEP + 9, &err), &err);
		}
		assert_failed(aid_replay_note(replay, "k", "m8", now + KEEP + 9, &err), AID_E_BUSY, &err,
			"over 100 proofs");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
