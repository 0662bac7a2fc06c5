/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "secret_arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/random.h>
#include <unistd.h>

#define PAGE 4096U
#define REGION_BYTES 65536U
#define SLOT_MIN 256U
#define SLOTS_MAX (REGION_BYTES / SLOT_MIN)

/* Of a slot, with its guards. The odd ones are what agentid-fetch has at a time for each request: the
 * first part of an answer, a client secret, a form, an answer that grew once. */
static const uint16_t slot_bytes[] = {SLOT_MIN, 512, 1024, 2048, 3328, 4352, 5120, 8192, 12544};
#define CLASSES (sizeof(slot_bytes) / sizeof(slot_bytes[0]))

/* What is known about a region lies outside of it, so that a secret written past its end cannot
 * change it. */
struct region {
	LIST_ENTRY(region) link; /* in a list while it has both used and free slots, or is spare */
	char *slots;
	unsigned int class;
	unsigned int used;
	unsigned int fresh;  /* slots from here on were never taken */
	unsigned int n_free; /* of those before */
	uint16_t free[SLOTS_MAX];
};

LIST_HEAD(region_list, region);

/* Before what was taken; behind it follows the guard once more. A free one is zero, and no guard. */
struct head {
	uint64_t guard;
	struct region *region;
};

static struct {
	struct region_list with_room[CLASSES];
	struct region_list spare;
	unsigned int n_spare, limit;
	uint64_t key;
} arena;

#ifdef __has_feature
#define HAS_FEATURE(feature) __has_feature(feature)
#else
#define HAS_FEATURE(feature) 0
#endif
#if HAS_FEATURE(address_sanitizer) || defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(start, bytes) ((void)(start), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(start, bytes) ((void)(start), (void)(bytes))
#endif

/* Not abort(): pam_agentid.so, which has no arena, must not even import it. */
static _Noreturn void die(void)
{
	static const char text[] = "agentid: memory beside a secret was overwritten, or it was freed twice\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	__builtin_trap();
}

static uint64_t guard_of(const struct head *head)
{
	return arena.key ^ (uintptr_t)head ^ (uintptr_t)head->region;
}

static char *slot_of(const struct region *region, unsigned int index)
{
	return region->slots + (size_t)index * slot_bytes[region->class];
}

/* Between two pages that cannot be touched. A region that cannot be locked is none: a single secret,
 * mapped alone, may still fit below RLIMIT_MEMLOCK. */
static char *map(void)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	char *pages = mmap(NULL, REGION_BYTES + (size_t)2 * PAGE, PROT_NONE, flags, -1, 0);
	void *slots;

	if (pages == MAP_FAILED)
		return NULL;
	slots = mmap(pages + PAGE, REGION_BYTES, PROT_READ | PROT_WRITE, flags | MAP_LOCKED | MAP_FIXED,
		-1, 0);
	if (slots == MAP_FAILED) {
		(void)munmap(pages, REGION_BYTES + (size_t)2 * PAGE);
		return NULL;
	}
	(void)madvise(slots, REGION_BYTES, MADV_DONTDUMP);
	ASAN_POISON_MEMORY_REGION(slots, REGION_BYTES);
	return slots;
}

static void release(struct region *region)
{
	ASAN_UNPOISON_MEMORY_REGION(region->slots, REGION_BYTES);
	(void)munmap(region->slots - PAGE, REGION_BYTES + (size_t)2 * PAGE);
	free(region);
}

static struct region *make_region(void)
{
	struct region *region = LIST_FIRST(&arena.spare);

	if (region != NULL) {
		LIST_REMOVE(region, link);
		arena.n_spare--;
		return region;
	}
	region = calloc(1, sizeof(*region));
	if (region == NULL)
		return NULL;
	region->slots = map();
	if (region->slots == NULL) {
		free(region);
		return NULL;
	}
	return region;
}

static struct region *region_with_room(unsigned int class)
{
	struct region *region = LIST_FIRST(&arena.with_room[class]);

	if (region != NULL)
		return region;
	region = make_region();
	if (region == NULL)
		return NULL;
	region->class = class;
	region->fresh = 0;
	region->n_free = 0;
	LIST_INSERT_HEAD(&arena.with_room[class], region, link);
	return region;
}

static unsigned int room(const struct region *region)
{
	return REGION_BYTES / slot_bytes[region->class] - region->used;
}

static char *take_slot(struct region *region)
{
	unsigned int index = region->n_free > 0 ? region->free[--region->n_free] : region->fresh++;

	region->used++;
	if (room(region) == 0)
		LIST_REMOVE(region, link);
	return slot_of(region, index);
}

static void give_slot(struct region *region, const char *slot)
{
	if (room(region) == 0)
		LIST_INSERT_HEAD(&arena.with_room[region->class], region, link);
	region->free[region->n_free++] =
		(uint16_t)((size_t)(slot - region->slots) / slot_bytes[region->class]);
	if (--region->used > 0)
		return;
	LIST_REMOVE(region, link);
	if (arena.n_spare >= arena.limit) {
		release(region);
		return;
	}
	LIST_INSERT_HEAD(&arena.spare, region, link);
	arena.n_spare++;
}

void aid_arena_keep(unsigned int regions)
{
	arena.limit = regions;
	/* The place of the program in memory is as random as need be where the kernel has nothing. */
	if (arena.key == 0 &&
		getrandom(&arena.key, sizeof(arena.key), GRND_NONBLOCK) != (ssize_t)sizeof(arena.key))
		arena.key = ~(uint64_t)(uintptr_t)&arena;
	while (arena.n_spare > regions) {
		struct region *region = LIST_FIRST(&arena.spare);

		LIST_REMOVE(region, link);
		arena.n_spare--;
		release(region);
	}
}

static void set_guards(struct head *head, struct region *region, size_t bytes)
{
	head->region = region;
	head->guard = guard_of(head);
	memcpy((char *)(head + 1) + bytes, &head->guard, sizeof(head->guard));
}

static bool guards_stand(const struct head *head, size_t bytes)
{
	const uint64_t guard = guard_of(head);

	return head->guard == guard &&
		memcmp((const char *)(head + 1) + bytes, &guard, sizeof(guard)) == 0;
}

void *aid_arena_take(size_t bytes)
{
	const size_t whole = sizeof(struct head) + bytes + sizeof(uint64_t);
	struct region *region;
	unsigned int class = 0;
	struct head *head;

	if (arena.limit == 0)
		return NULL;
	while (class < CLASSES && slot_bytes[class] < whole)
		class++;
	if (class == CLASSES)
		return NULL;
	region = region_with_room(class);
	if (region == NULL)
		return NULL;
	head = (void *)take_slot(region);
	ASAN_UNPOISON_MEMORY_REGION(head, slot_bytes[class]);
	set_guards(head, region, bytes);
	ASAN_POISON_MEMORY_REGION(head, slot_bytes[class]);
	ASAN_UNPOISON_MEMORY_REGION(head + 1, bytes);
	return head + 1;
}

void aid_arena_give(void *taken, size_t bytes)
{
	struct head *head = (struct head *)taken - 1;
	struct region *region;
	size_t slot;

	ASAN_UNPOISON_MEMORY_REGION(head, sizeof(*head) + bytes + sizeof(uint64_t));
	if (!guards_stand(head, bytes))
		die();
	region = head->region;
	slot = slot_bytes[region->class];
	ASAN_UNPOISON_MEMORY_REGION(head, slot);
	explicit_bzero(head, slot);
	ASAN_POISON_MEMORY_REGION(head, slot);
	give_slot(region, (const char *)head);
}
