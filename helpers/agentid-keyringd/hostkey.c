/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "hostkey.h"

#include "clock.h"
#include "file.h"
#include "str.h"

#include <string.h>

/* A directory changed twice within a tick of the file system's clock keeps its time stamp: one that
 * changed so lately is read again. */
#define SETTLED_MS 2000
/* The directory itself is the same one; whether others could put another in its place is looked at
 * about this often. */
#define PARENTS_MS 1000

static int64_t in_ms(const struct timespec *time)
{
	return (int64_t)time->tv_sec * 1000 + time->tv_nsec / 1000000;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* The time of the last change of an inode cannot be set, so it tells a new one of the same number, too. */
static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && same_time(&a->st_mtim, &b->st_mtim) &&
		same_time(&a->st_ctim, &b->st_ctim);
}

static bool is_in(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return aid_str_has_prefix(path, directory) && path[length] == '/';
}

static bool is_known(const struct kd_host_key *key, const char *directory, const struct stat *now)
{
	int64_t wall_ms = aid_clock_wall_ms();

	return is_in(key->path, directory) && is_same(&key->directory, now) &&
		key->from_wall_ms <= wall_ms && wall_ms < key->until_wall_ms;
}

static int open_known(struct kd_host_key *key, int *ret_fd, struct aid_error *err)
{
	int64_t now_boot_ms = aid_clock_boot_ms();
	int r;

	if (now_boot_ms - key->checked_boot_ms < PARENTS_MS)
		return aid_file_open_again(key->path, AID_FILE_SECRET, ret_fd, err);
	r = aid_file_open(key->path, AID_FILE_SECRET, ret_fd, err);
	if (r == AID_OK)
		key->checked_boot_ms = now_boot_ms;
	return r;
}

static int choose(struct kd_host_key *key, const char *directory, struct aid_error *err)
{
	struct kd_host_key found = {.from_wall_ms = aid_clock_wall_ms(),
		.checked_boot_ms = aid_clock_boot_ms() - PARENTS_MS};
	bool was_there = lstat(directory, &found.directory) == 0;
	int r = aid_issuer_select(directory, found.from_wall_ms, found.path, &found.until_wall_ms, err);

	if (r != AID_OK)
		return r;
	if (!was_there || found.from_wall_ms - in_ms(&found.directory.st_ctim) < SETTLED_MS)
		found.until_wall_ms = found.from_wall_ms;
	*key = found;
	return AID_OK;
}

int kd_host_key_open(struct kd_host_key *key, const char *directory, int *ret_fd, struct aid_error *err)
{
	struct stat now;
	int r;

	if (lstat(directory, &now) != 0 || !is_known(key, directory, &now)) {
		key->path[0] = '\0';
		r = choose(key, directory, err);
		if (r != AID_OK)
			return r;
	}
	return open_known(key, ret_fd, err);
}
