/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "replay.h"

#include "pkey.h"

#include <stdlib.h>
#include <string.h>

#define SALT_BYTES 16U
#define NONE UINT32_MAX
#define TEXT_MAX 512U

/* The entries are a ring in the order of their times, so the oldest is where the next one goes. */
struct entry {
	uint8_t digest[16];
	int64_t forget_ms;
	uint32_t next; /* in the bucket */
};

struct aid_replay {
	uint8_t salt[SALT_BYTES]; /* else names could be made that all fall into one bucket */
	int64_t keep_ms;
	size_t max, oldest, count;
	uint32_t *buckets;
	struct entry *entries;
};

struct aid_replay *aid_replay_new(size_t max, int64_t keep_ms)
{
	struct aid_replay *replay = calloc(1, sizeof(*replay));

	if (replay == NULL || max == 0 || max > AID_REPLAY_MAX)
		goto failed;
	replay->keep_ms = keep_ms;
	replay->max = max;
	replay->entries = calloc(max, sizeof(*replay->entries));
	replay->buckets = malloc(max * sizeof(*replay->buckets));
	if (replay->entries == NULL || replay->buckets == NULL ||
		aid_random(replay->salt, sizeof(replay->salt)) != AID_OK)
		goto failed;
	for (size_t i = 0; i < max; i++)
		replay->buckets[i] = NONE;
	return replay;
failed:
	aid_replay_free(replay);
	return NULL;
}

void aid_replay_free(struct aid_replay *replay)
{
	if (replay == NULL)
		return;
	free(replay->entries);
	free(replay->buckets);
	free(replay);
}

static uint32_t *bucket_of(struct aid_replay *replay, const uint8_t digest[16])
{
	uint32_t number;

	memcpy(&number, digest, sizeof(number));
	return &replay->buckets[number % replay->max];
}

static void forget_oldest(struct aid_replay *replay)
{
	struct entry *entry = &replay->entries[replay->oldest];
	uint32_t *link = bucket_of(replay, entry->digest);

	while (*link != (uint32_t)replay->oldest)
		link = &replay->entries[*link].next;
	*link = entry->next;
	replay->oldest = (replay->oldest + 1) % replay->max;
	replay->count--;
}

static int digest_of(const struct aid_replay *replay, const char *owner, const char *name,
	uint8_t out[AID_SHA256_BYTES])
{
	size_t owner_length = strlen(owner), name_length = strlen(name);
	uint8_t text[SALT_BYTES + TEXT_MAX];

	if (owner_length + 1 + name_length > TEXT_MAX)
		return AID_E_TOOBIG;
	memcpy(text, replay->salt, SALT_BYTES);
	memcpy(text + SALT_BYTES, owner, owner_length);
	text[SALT_BYTES + owner_length] = '\0';
	memcpy(text + SALT_BYTES + owner_length + 1, name, name_length);
	return aid_sha256(text, SALT_BYTES + owner_length + 1 + name_length, out);
}

int aid_replay_note(struct aid_replay *replay, const char *owner, const char *name, int64_t now_ms,
	struct aid_error *err)
{
	uint8_t digest[AID_SHA256_BYTES];
	struct entry *entry;
	uint32_t *bucket;
	size_t index;

	if (digest_of(replay, owner, name, digest) != AID_OK)
		return aid_fail(err, AID_E_NOMEM, "the name cannot be hashed");
	while (replay->count > 0 && replay->entries[replay->oldest].forget_ms <= now_ms)
		forget_oldest(replay);
	bucket = bucket_of(replay, digest);
	for (uint32_t i = *bucket; i != NONE; i = replay->entries[i].next) {
		if (memcmp(replay->entries[i].digest, digest, sizeof(entry->digest)) == 0)
			return aid_fail(err, AID_E_DENIED, "jti '%.64s' was used before", name);
	}
	if (replay->count == replay->max)
		return aid_fail(err, AID_E_BUSY, "over %zu proofs in %lld s: try again later", replay->max,
			(long long)(replay->keep_ms / 1000));
	index = (replay->oldest + replay->count++) % replay->max;
	entry = &replay->entries[index];
	memcpy(entry->digest, digest, sizeof(entry->digest));
	entry->forget_ms = now_ms + replay->keep_ms;
	entry->next = *bucket;
	*bucket = (uint32_t)index;
	return AID_OK;
}
