/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The keys of issuer.h: making and rotating. */
#include "issuer.h"

#include "file.h"
#include "issuer_private.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define KEY_FILE_MAX 16384U
#define OVERLAP_MAX_MS (INT64_C(30) * 24 * 3600 * 1000)

/* An open directory of root's that only root sees into, locked against another init or rotate. */
static int lock_directory(const char *directory, int *ret_fd, struct aid_error *err)
{
	AID_FD(fd);
	struct stat st;

	fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return aid_fail(err, AID_E_NOTFOUND, "%s: no such directory (agentid issuer init makes it)",
			directory);
	if (fd < 0 || fstat(fd, &st) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "%s", directory);
	if (st.st_uid != 0)
		return aid_fail(err, AID_E_UNTRUSTED, "%s: owned by uid %u, not by root", directory,
			st.st_uid);
	if ((st.st_mode & 077U) != 0)
		return aid_fail(err, AID_E_UNTRUSTED, "%s: mode %04o, at most 0700 is allowed", directory,
			st.st_mode & 07777U);
	if (flock(fd, LOCK_EX) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "%s: lock", directory);
	*ret_fd = aid_steal_fd(&fd);
	return AID_OK;
}

static int path_of(const char *directory, const char *name, char path[AID_ISSUER_PATH_SIZE],
	struct aid_error *err)
{
	int length = snprintf(path, AID_ISSUER_PATH_SIZE, "%s/%s", directory, name);

	if (length < 0 || length >= AID_ISSUER_PATH_SIZE)
		return aid_fail(err, AID_E_CONFIG, "%.64s: path over %d bytes", directory,
			AID_ISSUER_PATH_SIZE - 1);
	return AID_OK;
}

int aid_issuer_key_load(const char *directory, const struct aid_issuer_key *entry,
	struct aid_signing_key **ret_key, struct aid_error *err)
{
	AID_AUTO(aid_signing_key) *key = NULL;
	AID_AUTO(aid_secret) *pem = NULL;
	char path[AID_ISSUER_PATH_SIZE];
	AID_FD(fd);
	int r;

	r = path_of(directory, entry->name, path, err);
	if (r == AID_OK)
		r = aid_file_open(path, AID_FILE_SECRET, &fd, err);
	if (r != AID_OK)
		return r;
	r = aid_file_read(fd, KEY_FILE_MAX, &pem, err);
	if (r == AID_OK)
		r = aid_signing_key_parse(aid_secret_peek(pem), aid_secret_length(pem), &key, err);
	if (r != AID_OK) {
		(void)aid_prefix(err, "%s", path);
		return r;
	}
	if (!aid_streq(aid_signing_key_thumbprint(key), entry->kid))
		return aid_fail(err, AID_E_CREDENTIAL, "%s: holds key %s", path,
			aid_signing_key_thumbprint(key));
	*ret_key = aid_steal(&key);
	return AID_OK;
}

/* *ret_kid is the new key's. */
static int add_key(const char *directory, int directory_fd, enum aid_alg alg, int64_t activates_ms,
	char ret_kid[AID_ISSUER_KID_SIZE], struct aid_error *err)
{
	AID_AUTO(aid_signing_key) *key = NULL;
	AID_AUTO(aid_secret) *pem = NULL;
	char path[AID_ISSUER_PATH_SIZE], name[AID_ISSUER_NAME_SIZE];
	const char *kid;
	int r;

	if (alg != AID_ALG_RS256 && alg != AID_ALG_ES256)
		return aid_fail(err, AID_E_INVALID, "the host issuer signs with RS256 or ES256");
	r = aid_signing_key_generate(alg, &key, err);
	if (r == AID_OK)
		r = aid_signing_key_write(key, &pem, err);
	if (r != AID_OK)
		return r;
	kid = aid_signing_key_thumbprint(key);
	if (aid_issuer_key_name(activates_ms, kid, name) != AID_OK)
		return aid_fail(err, AID_E_INVALID, "activation at %" PRId64 " ms is out of range",
			activates_ms);
	r = path_of(directory, name, path, err);
	if (r == AID_OK)
		r = aid_file_replace(path, 0600, aid_secret_peek(pem), aid_secret_length(pem), err);
	if (r != AID_OK)
		return r;
	/* A key that was published must not be lost with the power. */
	if (fsync(directory_fd) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "%s: sync", directory);
	memcpy(ret_kid, kid, AID_ISSUER_KID_SIZE);
	return AID_OK;
}

static int find_key(const char *directory, const char *kid, int64_t now_wall_ms,
	struct aid_issuer_key *ret_key, struct aid_error *err)
{
	struct aid_issuer_keys keys;
	int r = aid_issuer_list(directory, now_wall_ms, &keys, err);

	if (r != AID_OK)
		return r;
	for (size_t i = 0; i < keys.count; i++) {
		if (!aid_streq(keys.items[i].kid, kid))
			continue;
		*ret_key = keys.items[i];
		return AID_OK;
	}
	return aid_fail(err, AID_E_IO, "%s: key %s vanished", directory, kid);
}

static bool has_key_set(int directory_fd)
{
	return faccessat(directory_fd, AID_ISSUER_KEY_SET, F_OK, 0) == 0 || errno != ENOENT;
}

/* Until the next one is written this host takes no token of its own: none of a key that others have. */
static int drop_key_set(int directory_fd, struct aid_error *err)
{
	if (unlinkat(directory_fd, AID_ISSUER_KEY_SET, 0) != 0 && errno != ENOENT)
		return aid_fail_errno(err, AID_E_IO, errno, AID_ISSUER_KEY_SET);
	if (fsync(directory_fd) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "sync");
	return AID_OK;
}

int aid_issuer_init(const char *directory, enum aid_alg alg, int64_t now_wall_ms,
	struct aid_issuer_key *ret_key, struct aid_error *err)
{
	char kid[AID_ISSUER_KID_SIZE];
	struct aid_issuer_keys keys;
	AID_FD(fd);
	int r;

	if (mkdir(directory, 0700) != 0 && errno != EEXIST)
		return aid_fail_errno(err, AID_E_IO, errno, "%s", directory);
	r = lock_directory(directory, &fd, err);
	if (r == AID_OK)
		r = aid_issuer_list(directory, now_wall_ms, &keys, err);
	if (r != AID_OK)
		return r;
	if (keys.count > 1 || (keys.count == 1 && has_key_set(fd)))
		return aid_fail(err, AID_E_DENIED, "%s: %zu keys are there already (agentid issuer rotate "
			"adds one)", directory, keys.count);
	/* One alone without a set: an earlier init got no further. */
	if (keys.count == 1)
		memcpy(kid, keys.items[0].kid, sizeof(kid));
	else
		r = add_key(directory, fd, alg, now_wall_ms, kid, err);
	if (r == AID_OK)
		r = aid_issuer_keep_set(directory, now_wall_ms, err);
	return r != AID_OK ? r : find_key(directory, kid, now_wall_ms, ret_key, err);
}

static int newest_alg(const char *directory, const struct aid_issuer_keys *keys,
	enum aid_alg *ret_alg, struct aid_error *err)
{
	AID_AUTO(aid_signing_key) *key = NULL;
	int r = aid_issuer_key_load(directory, &keys->items[keys->count - 1], &key, err);

	if (r == AID_OK)
		*ret_alg = aid_signing_key_default_alg(key);
	return r;
}

/* Deletes the retired keys of an earlier listing, or all of them. */
static int delete_keys(int directory_fd, const struct aid_issuer_keys *keys, bool all,
	struct aid_error *err)
{
	for (size_t i = 0; i < keys->count; i++) {
		if (!all && keys->items[i].state != AID_ISSUER_KEY_RETIRED)
			continue;
		if (unlinkat(directory_fd, keys->items[i].name, 0) != 0 && errno != ENOENT)
			return aid_fail_errno(err, AID_E_IO, errno, "%s", keys->items[i].name);
	}
	if (fsync(directory_fd) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "sync");
	return AID_OK;
}

static int check_rotation(const struct aid_issuer_rotation *rotation,
	const struct aid_issuer_keys *keys, struct aid_error *err)
{
	const struct aid_issuer_key *newest;

	if (rotation->overlap_ms < 0 || rotation->overlap_ms > OVERLAP_MAX_MS)
		return aid_fail(err, AID_E_INVALID, "overlap of %" PRId64 " s, 0 to 30 days are allowed",
			rotation->overlap_ms / 1000);
	if (keys->count == 0)
		return aid_fail(err, AID_E_NOTFOUND, "there is no key yet (agentid issuer init makes one)");
	newest = &keys->items[keys->count - 1];
	if (!rotation->compromised && newest->state == AID_ISSUER_KEY_WAITING)
		return aid_fail(err, AID_E_DENIED,
			"key %s already waits to become active: rotate again after that", newest->kid);
	return AID_OK;
}

static int64_t activation(const struct aid_issuer_rotation *rotation,
	const struct aid_issuer_keys *keys, int64_t now_wall_ms)
{
	int64_t newest = keys->items[keys->count - 1].activates_wall_ms;
	int64_t wanted = now_wall_ms + (rotation->compromised ? 0 : rotation->overlap_ms);

	/* The order of two keys of one second would be chance. */
	if (!rotation->compromised && wanted < newest + 1000)
		return newest + 1000;
	return wanted;
}

int aid_issuer_rotate(const char *directory, const struct aid_issuer_rotation *rotation,
	int64_t now_wall_ms, struct aid_issuer_key *ret_key, struct aid_error *err)
{
	enum aid_alg alg = rotation->alg;
	char kid[AID_ISSUER_KID_SIZE];
	struct aid_issuer_keys keys;
	AID_FD(fd);
	int r;

	r = lock_directory(directory, &fd, err);
	if (r == AID_OK)
		r = aid_issuer_list(directory, now_wall_ms, &keys, err);
	if (r == AID_OK)
		r = check_rotation(rotation, &keys, err);
	if (r == AID_OK && alg == 0)
		r = newest_alg(directory, &keys, &alg, err);
	if (r == AID_OK)
		r = add_key(directory, fd, alg, activation(rotation, &keys, now_wall_ms), kid, err);
	if (r == AID_OK && rotation->compromised)
		r = drop_key_set(fd, err);
	/* After the new one is safe: a failure here leaves too many keys, never none. */
	if (r == AID_OK)
		r = delete_keys(fd, &keys, rotation->compromised, err);
	if (r == AID_OK)
		r = aid_issuer_keep_set(directory, now_wall_ms, err);
	return r != AID_OK ? r : find_key(directory, kid, now_wall_ms, ret_key, err);
}
