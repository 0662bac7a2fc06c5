/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "secret.h"

#include "secret_arena.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define SECRET_MAX_BYTES 16777216U /* 16 MiB */
#define SHARED_RUN 12U

struct aid_secret {
	size_t mapped; /* bytes of a mapping of its own; 0: in the arena */
	size_t capacity;
	size_t length;
	char bytes[];
};

void aid_secret_keep(unsigned int regions)
{
	aid_arena_keep(regions);
}

/* Locking is best effort: a small RLIMIT_MEMLOCK must not stop a login. Asked for with the mapping it
 * is one system call instead of two, and no mapping has to be split. */
static void *map(size_t length)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	void *pages = mmap(NULL, length, PROT_READ | PROT_WRITE, flags | MAP_LOCKED, -1, 0);

	if (pages != MAP_FAILED)
		return pages;
	return mmap(NULL, length, PROT_READ | PROT_WRITE, flags, -1, 0);
}

static size_t size_of(size_t capacity)
{
	return sizeof(struct aid_secret) + capacity + 1;
}

static struct aid_secret *map_secret(size_t bytes)
{
	const size_t page = 4096;
	const size_t mapped = (bytes + page - 1) & ~(page - 1);
	struct aid_secret *secret = map(mapped);

	if (secret == MAP_FAILED)
		return NULL;
	(void)madvise(secret, mapped, MADV_DONTDUMP);
	secret->mapped = mapped;
	return secret;
}

struct aid_secret *aid_secret_new(size_t capacity)
{
	struct aid_secret *secret;

	if (capacity == 0 || capacity > SECRET_MAX_BYTES)
		return NULL;
	secret = aid_arena_take(size_of(capacity));
	if (secret == NULL)
		secret = map_secret(size_of(capacity));
	if (secret == NULL)
		return NULL;
	secret->capacity = capacity;
	return secret;
}

struct aid_secret *aid_secret_from(const void *bytes, size_t length)
{
	struct aid_secret *secret = aid_secret_new(length > 0 ? length : 1);

	if (secret == NULL)
		return NULL;
	memcpy(secret->bytes, bytes, length);
	secret->length = length;
	return secret;
}

void aid_secret_free(struct aid_secret *secret)
{
	size_t mapped;

	if (secret == NULL)
		return;
	mapped = secret->mapped;
	if (mapped == 0) {
		aid_arena_give(secret, size_of(secret->capacity));
		return;
	}
	explicit_bzero(secret, mapped);
	(void)munmap(secret, mapped);
}

const char *aid_secret_peek(const struct aid_secret *secret)
{
	return secret->bytes;
}

size_t aid_secret_length(const struct aid_secret *secret)
{
	return secret->length;
}

size_t aid_secret_capacity(const struct aid_secret *secret)
{
	return secret->capacity;
}

int aid_secret_append(struct aid_secret *secret, const void *bytes, size_t length)
{
	if (length > secret->capacity - secret->length)
		return AID_E_TOOBIG;
	memcpy(secret->bytes + secret->length, bytes, length);
	aid_secret_grown(secret, length);
	return AID_OK;
}

char *aid_secret_tail(struct aid_secret *secret, size_t *ret_room)
{
	*ret_room = secret->capacity - secret->length;
	return secret->bytes + secret->length;
}

void aid_secret_grown(struct aid_secret *secret, size_t length)
{
	if (length > secret->capacity - secret->length)
		length = secret->capacity - secret->length;
	secret->length += length;
	secret->bytes[secret->length] = '\0';
}

void aid_secret_clear(struct aid_secret *secret)
{
	explicit_bzero(secret->bytes, secret->capacity + 1);
	secret->length = 0;
}

void aid_secret_truncate(struct aid_secret *secret, size_t length)
{
	if (length >= secret->length)
		return;
	explicit_bzero(secret->bytes + length, secret->length - length);
	secret->length = length;
}

bool aid_secret_equal(const struct aid_secret *a, const struct aid_secret *b)
{
	volatile uint8_t difference = 0;

	if (a->length != b->length)
		return false;
	for (size_t i = 0; i < a->length; i++)
		difference = (uint8_t)(difference | (a->bytes[i] ^ b->bytes[i]));
	return difference == 0;
}

bool aid_secret_repeats(const struct aid_secret *secret, const char *text)
{
	size_t length = strlen(text);
	size_t run = secret != NULL ? secret->length : 0;

	if (run == 0)
		return false;
	if (run > SHARED_RUN)
		run = SHARED_RUN;
	for (size_t i = 0; i + run <= length; i++) {
		if (memmem(secret->bytes, secret->length, text + i, run) != NULL)
			return true;
	}
	return false;
}
