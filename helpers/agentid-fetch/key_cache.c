/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "key_cache.h"

#include "clock.h"
#include "file.h"
#include "secret_source.h"

#include <errno.h>
#include <stdint.h>
#include <sys/stat.h>

#define KEYS_MAX 256U
/* A file written twice within a tick of the file system's clock keeps its time stamp: a key that
 * young is used, and not kept. */
#define SETTLED_MS 2000

struct entry {
	struct stat seen;
	uint64_t used;
	struct aid_signing_key *key; /* NULL: free */
};

struct key_cache {
	struct entry entries[KEYS_MAX];
	struct aid_signing_key *unkept; /* the last one that was not kept */
	uint64_t uses;
};

struct key_cache *key_cache_new(void)
{
	return calloc(1, sizeof(struct key_cache));
}

void key_cache_free(struct key_cache *cache)
{
	if (cache == NULL)
		return;
	for (size_t i = 0; i < KEYS_MAX; i++)
		aid_signing_key_free(cache->entries[i].key);
	aid_signing_key_free(cache->unkept);
	free(cache);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
		a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool has_settled(const struct stat *st)
{
	int64_t modified_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
	int64_t age_ms = aid_clock_wall_ms() - modified_ms;

	return age_ms > SETTLED_MS;
}

static struct entry *find(struct key_cache *cache, const struct stat *st)
{
	for (size_t i = 0; i < KEYS_MAX; i++) {
		if (cache->entries[i].key != NULL && same_file(&cache->entries[i].seen, st))
			return &cache->entries[i];
	}
	return NULL;
}

/* A free entry, that of an older version of the same file, or the one unused for longest. */
static struct entry *choose(struct key_cache *cache, const struct stat *st)
{
	struct entry *chosen = &cache->entries[0];

	for (size_t i = 0; i < KEYS_MAX; i++) {
		struct entry *e = &cache->entries[i];

		if (e->key != NULL && e->seen.st_dev == st->st_dev && e->seen.st_ino == st->st_ino)
			return e;
		if (chosen->key != NULL && (e->key == NULL || e->used < chosen->used))
			chosen = e;
	}
	return chosen;
}

static int check_regular(int fd, const char *what, struct stat *ret_st, struct aid_error *err)
{
	if (fstat(fd, ret_st) != 0)
		return aid_fail_errno(err, AID_E_CREDENTIAL, errno, "%s", what);
	if (!S_ISREG(ret_st->st_mode))
		return aid_fail(err, AID_E_CREDENTIAL, "%s is not in a regular file", what);
	return AID_OK;
}

int secret_read(int fd, const char *what, size_t max, struct aid_secret **ret_bytes,
	struct aid_error *err)
{
	struct stat st;
	int r;

	r = check_regular(fd, what, &st, err);
	if (r != AID_OK)
		return r;
	r = aid_file_read(fd, max, ret_bytes, err);
	return r == AID_OK ? AID_OK : aid_prefix(err, "%s", what);
}

static int parse(int fd, struct aid_signing_key **ret_key, struct aid_error *err)
{
	AID_AUTO(aid_secret) *pem = NULL;
	int r;

	r = secret_read(fd, "private key", AID_KEY_FILE_MAX, &pem, err);
	if (r != AID_OK)
		return r;
	return aid_signing_key_parse(aid_secret_peek(pem), aid_secret_length(pem), ret_key, err);
}

static void keep(struct key_cache *cache, const struct stat *st, struct aid_signing_key *key)
{
	struct entry *entry = choose(cache, st);

	aid_signing_key_free(entry->key);
	*entry = (struct entry){.seen = *st, .used = cache->uses, .key = key};
}

int key_cache_get(struct key_cache *cache, int fd, const struct aid_signing_key **ret_key,
	struct aid_error *err)
{
	struct aid_signing_key *key = NULL;
	struct entry *entry;
	struct stat st;
	int r;

	r = check_regular(fd, "private key", &st, err);
	if (r != AID_OK)
		return r;
	cache->uses++;
	entry = find(cache, &st);
	if (entry != NULL) {
		entry->used = cache->uses;
		*ret_key = entry->key;
		return AID_OK;
	}
	r = parse(fd, &key, err);
	if (r != AID_OK)
		return r;
	if (has_settled(&st)) {
		keep(cache, &st, key);
	} else {
		aid_signing_key_free(cache->unkept);
		cache->unkept = key;
	}
	*ret_key = key;
	return AID_OK;
}
