/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "heap.h"

#include <stdlib.h>

static void place(struct kd_heap *heap, size_t index, struct kd_timer *timer)
{
	heap->items[index] = timer;
	timer->place = (uint32_t)index + 1;
}

static void sift_up(struct kd_heap *heap, size_t index)
{
	struct kd_timer *timer = heap->items[index];

	while (index > 0) {
		size_t parent = (index - 1) / 2;

		if (heap->items[parent]->due_ms <= timer->due_ms)
			break;
		place(heap, index, heap->items[parent]);
		index = parent;
	}
	place(heap, index, timer);
}

static void sift_down(struct kd_heap *heap, size_t index)
{
	struct kd_timer *timer = heap->items[index];

	for (;;) {
		size_t child = 2 * index + 1;

		if (child >= heap->count)
			break;
		if (child + 1 < heap->count && heap->items[child + 1]->due_ms < heap->items[child]->due_ms)
			child++;
		if (timer->due_ms <= heap->items[child]->due_ms)
			break;
		place(heap, index, heap->items[child]);
		index = child;
	}
	place(heap, index, timer);
}

static int grow(struct kd_heap *heap)
{
	size_t capacity = heap->capacity > 0 ? heap->capacity * 2 : 64;
	struct kd_timer **items = reallocarray(heap->items, capacity, sizeof(struct kd_timer *));

	if (items == NULL)
		return AID_E_NOMEM;
	heap->items = items;
	heap->capacity = capacity;
	return AID_OK;
}

int kd_heap_set(struct kd_heap *heap, struct kd_timer *timer, int64_t due_ms)
{
	size_t index;

	if (timer->place == 0) {
		if (heap->count == heap->capacity && grow(heap) != AID_OK)
			return AID_E_NOMEM;
		place(heap, heap->count++, timer);
	}
	timer->due_ms = due_ms;
	index = timer->place - 1;
	sift_up(heap, index);
	sift_down(heap, timer->place - 1);
	return AID_OK;
}

void kd_heap_clear(struct kd_heap *heap, struct kd_timer *timer)
{
	size_t index;
	struct kd_timer *last;

	if (timer->place == 0)
		return;
	index = timer->place - 1;
	timer->place = 0;
	last = heap->items[--heap->count];
	if (last == timer)
		return;
	place(heap, index, last);
	sift_up(heap, index);
	sift_down(heap, last->place - 1);
}

struct kd_timer *kd_heap_first(const struct kd_heap *heap)
{
	return heap->count > 0 ? heap->items[0] : NULL;
}

void kd_heap_done(struct kd_heap *heap)
{
	free(heap->items);
	*heap = (struct kd_heap){0};
}
