/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "leader.h"

#include "cleanup.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5; older headers lack the name */
#endif

#define STAT_BYTES 1024U
#define FIELD_AFTER_NAME 20 /* starttime is field 22, the name field 2 */

int kd_leader_parse_start(const char *stat, int64_t *ret_start)
{
	/* The name may hold anything, brackets and spaces too: it ends at the last bracket. */
	const char *at = strrchr(stat, ')');
	char digits[24];
	uint64_t value;
	size_t length;

	for (int i = 0; at != NULL && i < FIELD_AFTER_NAME; i++)
		at = strchr(at + 1, ' ');
	if (at == NULL)
		return AID_E_PROTOCOL;
	length = strcspn(++at, " \n");
	if (length == 0 || length >= sizeof(digits))
		return AID_E_PROTOCOL;
	memcpy(digits, at, length);
	digits[length] = '\0';
	if (aid_str_parse_uint(digits, 0, INT64_MAX, &value) != AID_OK)
		return AID_E_PROTOCOL;
	*ret_start = (int64_t)value;
	return AID_OK;
}

/* Says nothing about the process. */
static bool is_shortage(int number)
{
	return number == EMFILE || number == ENFILE || number == ENOMEM;
}

int kd_leader_start(pid_t pid, int64_t *ret_start, struct aid_error *err)
{
	char path[32], text[STAT_BYTES];
	AID_FD(fd);
	ssize_t got;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && is_shortage(errno))
		return aid_fail_errno(err, AID_E_BUSY, errno, "%s", path);
	if (fd < 0)
		return aid_fail(err, AID_E_NOTFOUND, "process %d is gone", (int)pid);
	got = read(fd, text, sizeof(text) - 1);
	if (got <= 0)
		return aid_fail(err, AID_E_NOTFOUND, "process %d is gone", (int)pid);
	text[got] = '\0';
	if (kd_leader_parse_start(text, ret_start) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "%s has no start time", path);
	return AID_OK;
}

static bool has_ended(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return poll(&p, 1, 0) != 0;
}

int kd_leader_of_peer(int socket, pid_t pid, int *ret_pidfd, struct aid_error *err)
{
	AID_FD(fd);
	socklen_t size = sizeof(fd);

	if (pid <= 0)
		return aid_fail(err, AID_E_DENIED, "the opener is in a process namespace of its own");
	/* Before Linux 6.5 the number must do; the peer lives, for it waits on this connection. */
	if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &fd, &size) != 0)
		fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0 && is_shortage(errno))
		return aid_fail_errno(err, AID_E_BUSY, errno, "pidfd of process %d", (int)pid);
	if (fd < 0)
		return aid_fail_errno(err, AID_E_NOTFOUND, errno, "process %d", (int)pid);
	*ret_pidfd = aid_steal_fd(&fd);
	return AID_OK;
}

int kd_leader_start_of(int pidfd, pid_t pid, int64_t *ret_start, struct aid_error *err)
{
	int64_t start;
	int r = kd_leader_start(pid, &start, err);

	if (r != AID_OK)
		return r;
	/* Alive after its start time was read: the time is of this process. */
	if (has_ended(pidfd))
		return aid_fail(err, AID_E_NOTFOUND, "process %d is gone", (int)pid);
	*ret_start = start;
	return AID_OK;
}

int kd_leader_find(pid_t pid, int64_t start, int *ret_pidfd, struct aid_error *err)
{
	AID_FD(fd);
	int64_t found;
	int r;

	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0 && is_shortage(errno))
		return aid_fail_errno(err, AID_E_BUSY, errno, "pidfd of process %d", (int)pid);
	if (fd < 0)
		return aid_fail_errno(err, errno == ESRCH ? AID_E_NOTFOUND : AID_E_IO, errno,
			"process %d", (int)pid);
	r = kd_leader_start_of(fd, pid, &found, err);
	if (r != AID_OK)
		return r;
	if (found != start)
		return aid_fail(err, AID_E_NOTFOUND, "process %d is gone", (int)pid);
	*ret_pidfd = aid_steal_fd(&fd);
	return AID_OK;
}
