/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "../unit/unit.h"

#include "heap.h"

#include <stdlib.h>

#define N 1000

static void check_order(struct kd_heap *heap, size_t expected)
{
	int64_t last = INT64_MIN;
	struct kd_timer *timer;

	while ((timer = kd_heap_first(heap)) != NULL) {
		assert_true(timer->due_ms >= last);
		last = timer->due_ms;
		kd_heap_clear(heap, timer);
		assert_int_equal(timer->place, 0);
		expected--;
	}
	assert_int_equal(expected, 0);
}

static void test_order(void **state)
{
	static struct kd_timer timers[N];
	struct kd_heap heap = {0};
	unsigned int seed = 7;

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < N; i++)
			assert_int_equal(kd_heap_set(&heap, &timers[i], rand_r(&seed) % 500), AID_OK);
		/* Moved both ways, and some taken out of the middle. */
		for (int i = 0; i < N; i += 3)
			assert_int_equal(kd_heap_set(&heap, &timers[i], rand_r(&seed) % 500), AID_OK);
		for (int i = 0; i < N; i += 10)
			kd_heap_clear(&heap, &timers[i]);
		assert_int_equal(heap.count, N - N / 10);
		for (size_t i = 0; i < heap.count; i++)
			assert_int_equal(heap.items[i]->place, i + 1);
		check_order(&heap, N - N / 10);
	}
	kd_heap_done(&heap);
}

static void test_edges(void **state)
{
	struct kd_heap heap = {0};
	struct kd_timer a = {0}, b = {0};

	(void)state;
	assert_null(kd_heap_first(&heap));
	kd_heap_clear(&heap, &a);
	assert_int_equal(kd_heap_set(&heap, &a, 5), AID_OK);
	assert_int_equal(kd_heap_set(&heap, &b, -5), AID_OK);
	assert_ptr_equal(kd_heap_first(&heap), &b);
	assert_int_equal(kd_heap_set(&heap, &b, 6), AID_OK);
	assert_ptr_equal(kd_heap_first(&heap), &a);
	assert_int_equal(heap.count, 2);
	kd_heap_clear(&heap, &a);
	kd_heap_clear(&heap, &a);
	assert_ptr_equal(kd_heap_first(&heap), &b);
	kd_heap_done(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
