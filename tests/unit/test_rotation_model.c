/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The machine of a rotation in every interleaving of two hosts, of which any may die before or after any
 * step, or not learn that a step was done; and with somebody's hands at the manager and the provider. */
#include "rotation.h"
#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>

#define NOW 1000000
#define EVERY 1000
#define LEASE 100

static const struct aid_rotation_order due_order = {.every_ms = EVERY, .lease_ms = LEASE};

#define HOSTS 2
#define KEY_SIZE 32
#define HEALER 7 /* a third host, which comes when all is quiet */

struct host {
	bool runs;
	struct aid_rotation machine;
	uint8_t version, pending, found; /* what it has read, made or seen */
};

struct world {
	uint8_t current, pending, version, staged_by; /* the manager */
	bool lease_over, fresh;                       /* fresh: rotated within the interval */
	uint8_t provider;
	uint8_t secrets, stages, faults, hands, starts; /* so far */
	struct host hosts[HOSTS];
};

struct bounds {
	uint8_t faults, hands, starts;
};

static struct aid_rotation_view view_of(const struct world *w, uint8_t who)
{
	return (struct aid_rotation_view){.now_ms = NOW, .rotated_ms = w->fresh ? NOW : 0,
		.pending = w->pending != 0, .pending_is_ours = w->staged_by == who,
		.staged_ms = w->lease_over ? NOW - LEASE : NOW};
}

static bool stage(struct world *w, const struct host *h, uint8_t who, uint8_t secret)
{
	if (w->version != h->version)
		return false;
	w->pending = secret;
	w->staged_by = who;
	w->lease_over = false;
	w->version++;
	return true;
}

static bool promote(struct world *w, const struct host *h)
{
	if (w->version != h->version)
		return false;
	w->current = h->pending;
	w->pending = 0;
	w->fresh = true;
	w->version++;
	return true;
}

static enum aid_rotation_outcome written(struct host *h, bool ok)
{
	h->version = (uint8_t)(h->version + (ok ? 1 : 0));
	return ok ? AID_ROTATION_WAS_OK : AID_ROTATION_WAS_LOST;
}

static enum aid_rotation_outcome compared(uint8_t wanted, uint8_t seen, enum aid_rotation_outcome other)
{
	return wanted == seen ? AID_ROTATION_WAS_OK : other;
}

/* What the step that is due does to the world, and what it says. */
static enum aid_rotation_outcome act(struct world *w, struct host *h, uint8_t who)
{
	switch (h->machine.step) {
	case AID_ROTATION_STAGE:
		h->pending = ++w->secrets;
		w->stages = (uint8_t)(w->stages + (w->version == h->version ? 1 : 0));
		return written(h, stage(w, h, who, h->pending));
	case AID_ROTATION_ADOPT:
		h->pending = h->found;
		return written(h, stage(w, h, who, h->found));
	case AID_ROTATION_TAKE:
		return written(h, stage(w, h, who, h->pending));
	case AID_ROTATION_SET:
		w->provider = h->pending;
		return AID_ROTATION_WAS_OK;
	case AID_ROTATION_PROVE:
		return compared(h->pending, w->provider, AID_ROTATION_WAS_REFUSED);
	case AID_ROTATION_PROVE_CURRENT:
		return compared(w->current, w->provider, AID_ROTATION_WAS_REFUSED);
	case AID_ROTATION_LOOK:
		h->found = w->provider;
		return compared(w->current, w->provider, AID_ROTATION_WAS_OTHER);
	case AID_ROTATION_PROMOTE:
		return written(h, promote(w, h));
	case AID_ROTATION_FORGET:
	case AID_ROTATION_READ:
	case AID_ROTATION_END:
		break;
	}
	return AID_ROTATION_WAS_OK;
}

static void read_manager(const struct world *w, struct host *h, uint8_t who)
{
	const struct aid_rotation_view view = view_of(w, who);

	h->version = w->version;
	h->pending = w->pending;
	aid_rotation_read(&h->machine, &view);
}

static void step(struct world *w, struct host *h, uint8_t who)
{
	if (h->machine.step == AID_ROTATION_READ)
		read_manager(w, h, who);
	else
		aid_rotation_ended(&h->machine, act(w, h, who));
	if (h->machine.step == AID_ROTATION_END)
		*h = (struct host){.runs = false};
}

static void start(struct host *h, const struct aid_rotation_order *order)
{
	*h = (struct host){.runs = true};
	aid_rotation_init(&h->machine, order);
}

/* Whoever comes when everybody has died puts it right, whatever was left. */
static void check_heals(const struct world *left)
{
	const struct aid_rotation_order order = {.every_ms = EVERY, .lease_ms = LEASE, .mend = true};
	struct world w = *left;
	struct host healer;

	w.lease_over = true;
	start(&healer, &order);
	for (int i = 0; i < 32 && healer.runs; i++)
		step(&w, &healer, HEALER);
	assert_false(healer.runs);
	assert_int_equal(w.current, w.provider);
	assert_int_equal(w.pending, 0);
}

/* Who reads the manager finds what the provider takes, and nobody rotates twice. */
static void check(const struct world *w)
{
	check_heals(w);
	if (w->hands > 0)
		return;
	assert_true(w->provider == w->current || w->provider == w->pending);
	assert_in_range(w->stages, 0, 1);
}

/* ---- the worlds seen so far ---- */

struct seen {
	struct world *items;
	size_t count, capacity;
	uint32_t *table;
	size_t slots;
};

/* All that matters for what follows; holes and what was read are left out. */
static void key_of(const struct world *w, uint8_t key[KEY_SIZE])
{
	uint8_t *at = key;

	for (size_t i = 0; i < HOSTS; i++) {
		const struct host *h = &w->hosts[i];
		const struct aid_rotation *r = &h->machine;
		const uint8_t part[] = {h->runs, (uint8_t)r->step, (uint8_t)r->reads, r->took, r->adopted,
			r->was_set, r->order.mend, h->version, h->pending, h->found};

		memcpy(at, part, sizeof(part));
		at += sizeof(part);
	}
	const uint8_t rest[] = {w->current, w->pending, w->version, w->staged_by, w->lease_over, w->fresh,
		w->provider, w->secrets, w->stages, w->faults, w->hands, w->starts};

	memcpy(at, rest, sizeof(rest));
}

static uint32_t hash(const uint8_t key[KEY_SIZE])
{
	uint32_t value = 2166136261U;

	for (size_t i = 0; i < KEY_SIZE; i++)
		value = (value ^ key[i]) * 16777619U;
	return value;
}

static bool is_same(const struct world *w, const uint8_t key[KEY_SIZE])
{
	uint8_t other[KEY_SIZE];

	key_of(w, other);
	return memcmp(key, other, KEY_SIZE) == 0;
}

/* False: it was there. */
static bool remember(struct seen *seen, const struct world *w)
{
	uint8_t key[KEY_SIZE];
	size_t at;

	key_of(w, key);
	at = hash(key) % seen->slots;
	while (seen->table[at] != 0) {
		if (is_same(&seen->items[seen->table[at] - 1], key))
			return false;
		at = (at + 1) % seen->slots;
	}
	if (seen->count == seen->capacity) {
		seen->capacity *= 2;
		seen->items = realloc(seen->items, seen->capacity * sizeof(*seen->items));
		assert_non_null(seen->items);
	}
	assert_true(seen->count < seen->slots / 2);
	seen->items[seen->count++] = *w;
	seen->table[at] = (uint32_t)seen->count;
	return true;
}

static void try_host(struct seen *seen, const struct world *w, uint8_t i, const struct bounds *bounds)
{
	struct world next = *w;
	struct host *h = &next.hosts[i];

	if (!h->runs) {
		if (w->starts == bounds->starts)
			return;
		start(h, &due_order);
		next.starts++;
		(void)remember(seen, &next);
		return;
	}
	step(&next, h, (uint8_t)(i + 1));
	(void)remember(seen, &next);
	if (w->faults == bounds->faults)
		return;
	/* It dies before the step; after it; or does not learn that it was done. */
	next = *w;
	next.faults++;
	*h = (struct host){.runs = false};
	(void)remember(seen, &next);
	next = *w;
	next.faults++;
	if (h->machine.step != AID_ROTATION_READ)
		(void)act(&next, h, (uint8_t)(i + 1));
	*h = (struct host){.runs = false};
	(void)remember(seen, &next);
}

static void try_hands(struct seen *seen, const struct world *w, const struct bounds *bounds)
{
	struct world next;

	if (w->hands == bounds->hands)
		return;
	for (int i = 0; i < 3; i++) {
		next = *w;
		next.hands++;
		if (i == 0) {
			next.provider = ++next.secrets;
		} else {
			next.current = ++next.secrets;
			next.pending = i == 1 ? next.pending : 0; /* or the whole entry is replaced */
			next.version++;
		}
		(void)remember(seen, &next);
	}
}

static size_t explore(const struct bounds *bounds)
{
	struct seen seen = {.capacity = 1024, .slots = 1U << 22};
	struct world w;
	size_t count;

	seen.items = malloc(seen.capacity * sizeof(*seen.items));
	seen.table = calloc(seen.slots, sizeof(*seen.table));
	assert_non_null(seen.items);
	assert_non_null(seen.table);
	w = (struct world){.lease_over = false};
	w.current = w.provider = w.secrets = w.version = 1;
	(void)remember(&seen, &w);
	for (size_t at = 0; at < seen.count; at++) {
		w = seen.items[at];
		check(&w);
		for (uint8_t i = 0; i < HOSTS; i++)
			try_host(&seen, &w, i, bounds);
		try_hands(&seen, &w, bounds);
		if (w.pending != 0 && !w.lease_over) {
			w.lease_over = true;
			(void)remember(&seen, &w);
		}
	}
	count = seen.count;
	free(seen.items);
	free(seen.table);
	return count;
}

static void test_two_hosts_that_die(void **state)
{
	size_t count = explore(&(struct bounds){.faults = 2, .hands = 0, .starts = 4});

	(void)state;
	print_message("%zu states\n", count);
	assert_true(count > 10000);
}

static void test_two_hosts_and_somebody_s_hands(void **state)
{
	size_t count = explore(&(struct bounds){.faults = 1, .hands = 1, .starts = 2});

	(void)state;
	print_message("%zu states\n", count);
	assert_true(count > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_hosts_that_die),
		cmocka_unit_test(test_two_hosts_and_somebody_s_hands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
