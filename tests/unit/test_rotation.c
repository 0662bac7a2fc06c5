/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The machine of a rotation, step by step. */
#include "rotation.h"
#include "unit.h"

#include <stdbool.h>

#define NOW 1000000
#define EVERY 1000
#define LEASE 100

#define EVERY_DAY {.every_ms = EVERY, .lease_ms = LEASE}
#define NEVER {.lease_ms = LEASE}
#define BY_HAND {.lease_ms = LEASE, .force = true}
#define MEND {.every_ms = EVERY, .lease_ms = LEASE, .mend = true}
#define DRY_RUN {.every_ms = EVERY, .lease_ms = LEASE, .force = true, .dry_run = true}
#define QUIET(rotated) {.now_ms = NOW, .rotated_ms = (rotated)}
#define STAGED(ours, staged) \
	{.now_ms = NOW, .rotated_ms = NOW, .pending = true, .pending_is_ours = (ours), .staged_ms = (staged)}

static const struct aid_rotation_order due_order = EVERY_DAY;

static struct aid_rotation begin(const struct aid_rotation_order *order,
	const struct aid_rotation_view *view)
{
	struct aid_rotation r;

	aid_rotation_init(&r, order);
	assert_int_equal(r.step, AID_ROTATION_READ);
	aid_rotation_read(&r, view);
	return r;
}

static void goes(struct aid_rotation *r, enum aid_rotation_step step,
	enum aid_rotation_outcome outcome)
{
	assert_string_equal(aid_rotation_step_name(r->step), aid_rotation_step_name(step));
	aid_rotation_ended(r, outcome);
}

static void ends(const struct aid_rotation *r, enum aid_rotation_result result)
{
	assert_string_equal(aid_rotation_step_name(r->step), "end");
	assert_string_equal(aid_rotation_result_name(r->result), aid_rotation_result_name(result));
}

static void test_due(void **state)
{
	struct aid_rotation r = begin(&due_order, &(struct aid_rotation_view)QUIET(NOW - EVERY));

	(void)state;
	goes(&r, AID_ROTATION_STAGE, AID_ROTATION_WAS_OK);
	goes(&r, AID_ROTATION_SET, AID_ROTATION_WAS_OK);
	goes(&r, AID_ROTATION_PROVE, AID_ROTATION_WAS_OK);
	goes(&r, AID_ROTATION_PROMOTE, AID_ROTATION_WAS_OK);
	goes(&r, AID_ROTATION_FORGET, AID_ROTATION_WAS_OK);
	ends(&r, AID_ROTATION_ROTATED);
	assert_int_equal(aid_rotation_next_ms(&r), NOW + EVERY);
}

static void test_when(void **state)
{
	static const struct {
		struct aid_rotation_order order;
		struct aid_rotation_view view;
		enum aid_rotation_step step;
		enum aid_rotation_result result;
		int64_t next_ms;
	} all[] = {
		/* when */
		{EVERY_DAY, QUIET(NOW - EVERY + 1), AID_ROTATION_END, AID_ROTATION_NOT_DUE, NOW + 1},
		{EVERY_DAY, QUIET(0), AID_ROTATION_STAGE, 0, 0},
		{EVERY_DAY, QUIET(NOW + EVERY), AID_ROTATION_END, AID_ROTATION_NOT_DUE, NOW + 2 * EVERY},
		{EVERY_DAY, QUIET(NOW + EVERY + 1), AID_ROTATION_STAGE, 0, 0},
		{NEVER, QUIET(0), AID_ROTATION_END, AID_ROTATION_NOT_DUE, 0},
		{BY_HAND, QUIET(NOW), AID_ROTATION_STAGE, 0, 0},
		/* whose */
		{EVERY_DAY, STAGED(true, NOW), AID_ROTATION_TAKE, 0, 0},
		{EVERY_DAY, STAGED(false, NOW - LEASE + 1), AID_ROTATION_END, AID_ROTATION_ELSEWHERE, NOW + 1},
		{BY_HAND, STAGED(false, NOW), AID_ROTATION_END, AID_ROTATION_ELSEWHERE, NOW + LEASE},
		{EVERY_DAY, STAGED(false, NOW - LEASE), AID_ROTATION_TAKE, 0, 0},
		{EVERY_DAY, STAGED(false, 0), AID_ROTATION_TAKE, 0, 0},
		{EVERY_DAY, STAGED(false, NOW + LEASE + 1), AID_ROTATION_TAKE, 0, 0},
		/* what else is wanted */
		{MEND, QUIET(NOW), AID_ROTATION_PROVE_CURRENT, 0, 0},
		{MEND, STAGED(true, NOW), AID_ROTATION_TAKE, 0, 0},
		{DRY_RUN, STAGED(true, NOW), AID_ROTATION_PROVE_CURRENT, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		struct aid_rotation r = begin(&all[i].order, &all[i].view);

		if (r.step != all[i].step || (r.step == AID_ROTATION_END && r.result != all[i].result))
			fail_msg("case %zu: step %s, result %s", i, aid_rotation_step_name(r.step),
				aid_rotation_result_name(r.result));
		if (r.step == AID_ROTATION_END)
			assert_int_equal(aid_rotation_next_ms(&r), all[i].next_ms);
	}
}

static const struct aid_rotation_view half_done = STAGED(true, NOW);

static void test_half_done(void **state)
{
	struct aid_rotation r = begin(&due_order, &half_done);

	(void)state;
	/* It died after the provider had learned it. */
	goes(&r, AID_ROTATION_TAKE, AID_ROTATION_WAS_OK);
	goes(&r, AID_ROTATION_PROVE, AID_ROTATION_WAS_OK);
	goes(&r, AID_ROTATION_PROMOTE, AID_ROTATION_WAS_OK);
	goes(&r, AID_ROTATION_FORGET, AID_ROTATION_WAS_OK);
	ends(&r, AID_ROTATION_FINISHED);
	/* Before. */
	r = begin(&due_order, &half_done);
	goes(&r, AID_ROTATION_TAKE, AID_ROTATION_WAS_OK);
	goes(&r, AID_ROTATION_PROVE, AID_ROTATION_WAS_REFUSED);
	goes(&r, AID_ROTATION_SET, AID_ROTATION_WAS_OK);
	goes(&r, AID_ROTATION_PROVE, AID_ROTATION_WAS_OK);
	goes(&r, AID_ROTATION_PROMOTE, AID_ROTATION_WAS_OK);
	goes(&r, AID_ROTATION_FORGET, AID_ROTATION_WAS_OK);
	ends(&r, AID_ROTATION_FINISHED);
}

static void test_refused(void **state)
{
	struct aid_rotation r = begin(&due_order, &half_done);

	(void)state;
	goes(&r, AID_ROTATION_TAKE, AID_ROTATION_WAS_OK);
	goes(&r, AID_ROTATION_PROVE, AID_ROTATION_WAS_REFUSED);
	goes(&r, AID_ROTATION_SET, AID_ROTATION_WAS_OK);
	goes(&r, AID_ROTATION_PROVE, AID_ROTATION_WAS_REFUSED);
	ends(&r, AID_ROTATION_FAILED);
	assert_int_equal(r.failure, AID_ROTATION_BY_PROVIDER);
}

static void test_own_secret_of_provider(void **state)
{
	struct aid_rotation r = begin(&due_order, &(struct aid_rotation_view)QUIET(0));

	(void)state;
	goes(&r, AID_ROTATION_STAGE, AID_ROTATION_WAS_OK);
	goes(&r, AID_ROTATION_SET, AID_ROTATION_WAS_OTHER);
	goes(&r, AID_ROTATION_ADOPT, AID_ROTATION_WAS_OK);
	goes(&r, AID_ROTATION_PROVE, AID_ROTATION_WAS_OK);
	goes(&r, AID_ROTATION_PROMOTE, AID_ROTATION_WAS_OK);
	goes(&r, AID_ROTATION_FORGET, AID_ROTATION_WAS_OK);
	ends(&r, AID_ROTATION_MENDED);
}

static void test_mend(void **state)
{
	const struct aid_rotation_order order = MEND;
	const struct aid_rotation_view view = QUIET(NOW);
	struct aid_rotation r = begin(&order, &view);

	(void)state;
	goes(&r, AID_ROTATION_PROVE_CURRENT, AID_ROTATION_WAS_OK);
	ends(&r, AID_ROTATION_SOUND);
	r = begin(&order, &view);
	goes(&r, AID_ROTATION_PROVE_CURRENT, AID_ROTATION_WAS_REFUSED);
	goes(&r, AID_ROTATION_LOOK, AID_ROTATION_WAS_OTHER);
	goes(&r, AID_ROTATION_ADOPT, AID_ROTATION_WAS_OK);
	goes(&r, AID_ROTATION_PROVE, AID_ROTATION_WAS_OK);
	goes(&r, AID_ROTATION_PROMOTE, AID_ROTATION_WAS_OK);
	goes(&r, AID_ROTATION_FORGET, AID_ROTATION_WAS_OK);
	ends(&r, AID_ROTATION_MENDED);
	r = begin(&order, &view);
	goes(&r, AID_ROTATION_PROVE_CURRENT, AID_ROTATION_WAS_REFUSED);
	goes(&r, AID_ROTATION_LOOK, AID_ROTATION_WAS_OK);
	ends(&r, AID_ROTATION_FAILED);
	assert_int_equal(r.failure, AID_ROTATION_BY_PROVIDER);
	r = begin(&order, &view);
	goes(&r, AID_ROTATION_PROVE_CURRENT, AID_ROTATION_WAS_REFUSED);
	goes(&r, AID_ROTATION_LOOK, AID_ROTATION_WAS_OTHER);
	goes(&r, AID_ROTATION_ADOPT, AID_ROTATION_WAS_OK);
	goes(&r, AID_ROTATION_PROVE, AID_ROTATION_WAS_REFUSED);
	ends(&r, AID_ROTATION_FAILED);
}

static void test_dry_run(void **state)
{
	const struct aid_rotation_order order = DRY_RUN;
	struct aid_rotation r;

	(void)state;
	for (int i = 0; i < 4; i++) {
		r = begin(&order, &half_done);
		goes(&r, AID_ROTATION_PROVE_CURRENT, i < 2 ? AID_ROTATION_WAS_OK : AID_ROTATION_WAS_REFUSED);
		goes(&r, AID_ROTATION_LOOK, i % 2 == 0 ? AID_ROTATION_WAS_OK : AID_ROTATION_WAS_OTHER);
		ends(&r, AID_ROTATION_PLANNED);
	}
}

static void test_lost(void **state)
{
	struct aid_rotation r = begin(&due_order, &(struct aid_rotation_view)QUIET(0));

	(void)state;
	/* Another host was quicker, and is done. */
	goes(&r, AID_ROTATION_STAGE, AID_ROTATION_WAS_LOST);
	assert_int_equal(r.step, AID_ROTATION_READ);
	aid_rotation_read(&r, &(struct aid_rotation_view)QUIET(NOW));
	ends(&r, AID_ROTATION_NOT_DUE);
	/* Somebody wrote over what was staged, when the provider knew it. */
	r = begin(&due_order, &(struct aid_rotation_view)QUIET(0));
	goes(&r, AID_ROTATION_STAGE, AID_ROTATION_WAS_OK);
	goes(&r, AID_ROTATION_SET, AID_ROTATION_WAS_OK);
	goes(&r, AID_ROTATION_PROVE, AID_ROTATION_WAS_OK);
	goes(&r, AID_ROTATION_PROMOTE, AID_ROTATION_WAS_LOST);
	aid_rotation_read(&r, &(struct aid_rotation_view)QUIET(NOW));
	assert_int_equal(r.step, AID_ROTATION_PROVE_CURRENT);
	/* And does so all the time. */
	r = begin(&due_order, &(struct aid_rotation_view)QUIET(0));
	for (unsigned int i = 1; i < AID_ROTATION_READS_MAX; i++) {
		goes(&r, AID_ROTATION_STAGE, AID_ROTATION_WAS_LOST);
		aid_rotation_read(&r, &(struct aid_rotation_view)QUIET(0));
	}
	goes(&r, AID_ROTATION_STAGE, AID_ROTATION_WAS_LOST);
	aid_rotation_read(&r, &(struct aid_rotation_view)QUIET(0));
	ends(&r, AID_ROTATION_FAILED);
	assert_int_equal(r.failure, AID_ROTATION_BY_MANAGER);
}

static void test_failure(void **state)
{
	struct aid_rotation r;

	(void)state;
	aid_rotation_init(&r, &due_order);
	aid_rotation_ended(&r, AID_ROTATION_WAS_FAILURE);
	ends(&r, AID_ROTATION_FAILED);
	r = begin(&due_order, &half_done);
	goes(&r, AID_ROTATION_TAKE, AID_ROTATION_WAS_FAILURE);
	ends(&r, AID_ROTATION_FAILED);
	assert_int_equal(r.failure, AID_ROTATION_BY_STEP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_due),
		cmocka_unit_test(test_when),
		cmocka_unit_test(test_half_done),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_own_secret_of_provider),
		cmocka_unit_test(test_mend),
		cmocka_unit_test(test_dry_run),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
