/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "secret.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define SECRET_MAX_BYTES 16777216U /* 16 MiB */

#define SPARE_MAX 64U

/* All zero but for mapped when it is spare. */
struct aid_secret {
	size_t mapped;
	size_t capacity;
	size_t length;
	char bytes[];
};

/* The one state of the library, and only where main() asked for it: see aid_secret_keep(). */
static struct {
	struct aid_secret *blocks[SPARE_MAX];
	unsigned int count, limit;
} spare;

void aid_secret_keep(unsigned int blocks)
{
	spare.limit = blocks < SPARE_MAX ? blocks : SPARE_MAX;
}

static struct aid_secret *take_spare(size_t mapped)
{
	for (unsigned int i = spare.count; i-- > 0;) {
		struct aid_secret *secret = spare.blocks[i];

		if (secret->mapped != mapped)
			continue;
		spare.blocks[i] = spare.blocks[--spare.count];
		return secret;
	}
	return NULL;
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

struct aid_secret *aid_secret_new(size_t capacity)
{
	const size_t page = 4096;
	struct aid_secret *secret;
	size_t mapped;

	if (capacity == 0 || capacity > SECRET_MAX_BYTES)
		return NULL;
	mapped = (sizeof(*secret) + capacity + 1 + page - 1) & ~(page - 1);
	secret = take_spare(mapped);
	if (secret == NULL) {
		secret = map(mapped);
		if (secret == MAP_FAILED)
			return NULL;
		(void)madvise(secret, mapped, MADV_DONTDUMP);
	}
	secret->mapped = mapped;
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
	explicit_bzero(secret, mapped);
	if (spare.count < spare.limit) {
		secret->mapped = mapped;
		spare.blocks[spare.count++] = secret;
		return;
	}
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
