/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "file.h"

#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define PATH_BYTES_MAX 1024U

static int check_parent(const char *directory, struct aid_error *err)
{
	struct stat st;

	if (lstat(directory, &st) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "%s", directory);
	if (!S_ISDIR(st.st_mode))
		return aid_fail(err, AID_E_UNTRUSTED, "%s: not a directory", directory);
	if (st.st_uid != 0)
		return aid_fail(err, AID_E_UNTRUSTED, "%s: directory is owned by uid %u, not by root",
			directory, st.st_uid);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (st.st_mode & S_ISVTX) == 0)
		return aid_fail(err, AID_E_UNTRUSTED,
			"%s: directory mode %04o lets others write; at most 0755 is allowed", directory,
			st.st_mode & 07777U);
	return AID_OK;
}

/* Whoever may rename a parent directory may replace the file: each of them counts. */
static int check_parents(const char *path, struct aid_error *err)
{
	char directory[PATH_BYTES_MAX];
	size_t length = strlen(path);

	memcpy(directory, path, length + 1);
	for (size_t i = length; i > 0; i--) {
		int r;

		if (directory[i] != '/')
			continue;
		directory[i] = '\0';
		r = check_parent(directory, err);
		if (r != AID_OK)
			return r;
	}
	return check_parent("/", err);
}

static int check_opened(int fd, const char *path, enum aid_file_kind kind, struct aid_error *err)
{
	mode_t forbidden = kind == AID_FILE_SECRET ? 077 : 022;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return aid_fail(err, AID_E_UNTRUSTED, "%s: not a regular file", path);
	if (st.st_uid != 0)
		return aid_fail(err, AID_E_UNTRUSTED, "%s: owned by uid %u, not by root", path,
			st.st_uid);
	if ((st.st_mode & forbidden) != 0)
		return aid_fail(err, AID_E_UNTRUSTED, "%s: mode %04o, at most %04o is allowed", path,
			st.st_mode & 07777U, kind == AID_FILE_SECRET ? 0600U : 0755U);
	if (kind == AID_FILE_SECRET && st.st_nlink > 1)
		return aid_fail(err, AID_E_UNTRUSTED, "%s: has %lu names (hard links), 1 is allowed",
			path, (unsigned long)st.st_nlink);
	return AID_OK;
}

int aid_fd_raise(int fd)
{
	int raised;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	raised = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	/* EINVAL: the limit of open files ends below. */
	if (raised < 0 && errno == EINVAL)
		errno = EMFILE;
	(void)close(fd);
	return raised;
}

static bool is_link(int directory, const char *name)
{
	struct stat st;

	return fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* The next component of a path below directory, which is closed. The errno of a failure is kept. */
static int step_into(int directory, const char *name, int flags)
{
	int fd = openat(directory, name, flags | O_NOFOLLOW | O_CLOEXEC);
	int saved_errno = errno;

	if (fd < 0 && saved_errno == ENOTDIR && is_link(directory, name))
		saved_errno = ELOOP;
	(void)close(directory);
	errno = saved_errno;
	return fd;
}

/* What openat2(2) does, component by component: systemd's RestrictSUIDSGID= answers ENOSYS to
 * openat2, because a filter cannot look into its argument. */
static int open_stepwise(const char *path, int flags)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[PATH_BYTES_MAX];

	path += strspn(path, "/");
	while (fd >= 0 && *path != '\0') {
		size_t length = strcspn(path, "/");

		memcpy(name, path, length);
		name[length] = '\0';
		path += length;
		path += strspn(path, "/");
		fd = step_into(fd, name, *path == '\0' ? flags : O_PATH | O_DIRECTORY);
	}
	return fd;
}

static int open_without_links(const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned int)flags,
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	return fd < 0 && errno == ENOSYS ? open_stepwise(path, flags) : fd;
}

int aid_file_open_again(const char *path, enum aid_file_kind kind, int *ret_fd, struct aid_error *err)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	AID_FD(fd);
	int r;

	if (path[0] != '/' || strlen(path) >= PATH_BYTES_MAX)
		return aid_fail(err, AID_E_CONFIG, "'%.64s': an absolute path of at most %u bytes is needed",
			path, PATH_BYTES_MAX - 1);
	fd = aid_fd_raise(open_without_links(path, flags));
	if (fd < 0 && errno == ENOENT)
		return aid_fail(err, AID_E_NOTFOUND, "%s: no such file", path);
	if (fd < 0 && errno == ELOOP)
		return aid_fail(err, AID_E_UNTRUSTED, "%s: a symbolic link stands in the path", path);
	if (fd < 0)
		return aid_fail_errno(err, AID_E_IO, errno, "%s", path);
	r = check_opened(fd, path, kind, err);
	if (r != AID_OK)
		return r;
	*ret_fd = aid_steal_fd(&fd);
	return AID_OK;
}

int aid_file_open(const char *path, enum aid_file_kind kind, int *ret_fd, struct aid_error *err)
{
	AID_FD(fd);
	int r = aid_file_open_again(path, kind, &fd, err);

	if (r == AID_OK)
		r = check_parents(path, err);
	if (r == AID_OK)
		*ret_fd = aid_steal_fd(&fd);
	return r;
}

int aid_file_read(int fd, size_t max, struct aid_secret **ret_bytes, struct aid_error *err)
{
	/* One byte more than allowed, so that "too big" is seen and not silently cut. */
	AID_AUTO(aid_secret) *bytes = aid_secret_new(max + 1);
	off_t offset = 0;

	if (bytes == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	for (;;) {
		size_t room;
		char *tail = aid_secret_tail(bytes, &room);
		ssize_t got = pread(fd, tail, room, offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return aid_fail_errno(err, AID_E_IO, errno, "read");
		if (got == 0)
			break;
		aid_secret_grown(bytes, (size_t)got);
		offset += got;
		if (aid_secret_length(bytes) > max)
			return aid_fail(err, AID_E_TOOBIG, "over %zu bytes", max);
	}
	*ret_bytes = aid_steal(&bytes);
	return AID_OK;
}

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t put = write(fd, bytes, length);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		bytes += put;
		length -= (size_t)put;
	}
	return 0;
}

/* The new name is not there after a power cut unless its directory was written, too. */
static int sync_parent(const char *path)
{
	char directory[PATH_BYTES_MAX];
	AID_FD(fd);
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] != '/')
		length--;
	memcpy(directory, path, length);
	directory[length] = '\0';
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) != 0 ? -errno : 0;
}

int aid_file_replace(const char *path, mode_t mode, const void *bytes, size_t length,
	struct aid_error *err)
{
	char temporary[PATH_BYTES_MAX];
	AID_FD(fd);
	int r;

	r = snprintf(temporary, sizeof(temporary), "%s.tmp.%d", path, (int)getpid());
	if (r < 0 || (size_t)r >= sizeof(temporary))
		return aid_fail(err, AID_E_CONFIG, "%.64s: path over %zu bytes", path,
			sizeof(temporary) - 1);
	/* A process with this id may have been killed here before. What one with another id left stays: it
	 * may be about to be renamed. Whoever calls has seen that nobody else writes to the directory. */
	(void)unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return aid_fail_errno(err, AID_E_IO, errno, "%s", temporary);
	r = write_all(fd, bytes, length);
	if (r == 0 && (fchmod(fd, mode) != 0 || fsync(fd) != 0 || rename(temporary, path) != 0))
		r = -errno;
	if (r == 0)
		r = sync_parent(path);
	if (r != 0) {
		(void)unlink(temporary);
		return aid_fail_errno(err, AID_E_IO, -r, "%s", path);
	}
	return AID_OK;
}
