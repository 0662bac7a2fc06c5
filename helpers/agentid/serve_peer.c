/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Which process is at the other end. Only a process's own start can make it a descendant: another one of
 * the same account, in the same container or control group, is none. */
#include "serve.h"

#include "cleanup.h"
#include "ipc.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define STAT_BYTES 1024U
#define DEPTH_MAX 64U
#define FIELD_PARENT 2 /* field 4, after the name, which is field 2 */
#define FIELD_START 20 /* field 22 */

struct link {
	pid_t pid;
	pid_t parent;
	uint64_t start;
};

static bool lives(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return poll(&p, 1, 0) == 0;
}

static int parse_field(const char *name_end, int field, uint64_t max, uint64_t *ret_value)
{
	char digits[24];
	size_t length;

	for (int i = 0; name_end != NULL && i < field; i++)
		name_end = strchr(name_end + 1, ' ');
	if (name_end == NULL)
		return AID_E_PROTOCOL;
	length = strcspn(++name_end, " \n");
	if (length == 0 || length >= sizeof(digits))
		return AID_E_PROTOCOL;
	memcpy(digits, name_end, length);
	digits[length] = '\0';
	return aid_str_parse_uint(digits, 0, max, ret_value);
}

static int parse_stat(const char *stat, pid_t *ret_parent, uint64_t *ret_start)
{
	/* The name may hold anything, brackets and spaces too: it ends at the last bracket. */
	const char *name_end = strrchr(stat, ')');
	uint64_t parent, start;

	if (parse_field(name_end, FIELD_PARENT, INT32_MAX, &parent) != AID_OK ||
		parse_field(name_end, FIELD_START, INT64_MAX, &start) != AID_OK)
		return AID_E_PROTOCOL;
	*ret_parent = (pid_t)parent;
	*ret_start = start;
	return AID_OK;
}

static int read_link(pid_t pid, struct link *ret_link, struct aid_error *err)
{
	char path[32], text[STAT_BYTES];
	AID_FD(fd);
	ssize_t got;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (got <= 0)
		return aid_fail_errno(err, AID_E_DENIED, errno, "%s", path);
	text[got] = '\0';
	ret_link->pid = pid;
	if (parse_stat(text, &ret_link->parent, &ret_link->start) != AID_OK)
		return aid_fail(err, AID_E_DENIED, "%s is in an unknown form", path);
	return AID_OK;
}

/* From pid up to ancestor. */
static int climb(pid_t pid, pid_t ancestor, struct link *links, size_t *ret_count, struct aid_error *err)
{
	size_t count = 0;

	for (pid_t at = pid; at != ancestor; at = links[count++].parent) {
		if (at <= 1 || count == DEPTH_MAX)
			return aid_fail(err, AID_E_DENIED, "process %d was not started by this session's agentid",
				(int)pid);
		if (read_link(at, &links[count], err) != AID_OK)
			return AID_E_DENIED;
	}
	*ret_count = count;
	return AID_OK;
}

int serve_peer_descends(const struct serve_peer *peer, pid_t ancestor, struct aid_error *err)
{
	struct link first[DEPTH_MAX], second[DEPTH_MAX];
	size_t count, again;
	int r = climb(peer->pid, ancestor, first, &count, err);

	/* A parent may end while it is climbed, and its pid become another's. What is the same twice was
	 * there all the time: an orphan gets a parent that lived before, and never its old one's pid. */
	if (r == AID_OK)
		r = climb(peer->pid, ancestor, second, &again, err);
	if (r != AID_OK)
		return r;
	if (count == 0 || count != again || memcmp(first, second, count * sizeof(first[0])) != 0 || !lives(peer->pidfd))
		return aid_fail(err, AID_E_DENIED, "the ancestors of process %d changed meanwhile", (int)peer->pid);
	return AID_OK;
}

int serve_peer_of(int fd, struct serve_peer *ret_peer, struct aid_error *err)
{
	const int on = 1;
	struct aid_peer peer;
	int pidfd;
	int r = aid_ipc_peer(fd, &peer, err);

	if (r != AID_OK)
		return r;
	ret_peer->pid = peer.pid;
	ret_peer->uid = peer.uid;
	if (peer.pid <= 0)
		return aid_fail(err, AID_E_DENIED, "a process outside of this process namespace asks");
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "SO_PASSCRED");
	pidfd = (int)syscall(SYS_pidfd_open, peer.pid, 0);
	if (pidfd < 0)
		return aid_fail_errno(err, errno == ESRCH ? AID_E_DENIED : AID_E_IO, errno, "process %d", (int)peer.pid);
	ret_peer->pidfd = pidfd;
	return AID_OK;
}

static pid_t sender_of(struct msghdr *message)
{
	struct ucred credentials;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS ||
			c->cmsg_len != CMSG_LEN(sizeof(credentials)))
			continue;
		memcpy(&credentials, CMSG_DATA(c), sizeof(credentials));
		return credentials.pid;
	}
	return 0;
}

int serve_peer_receive(int fd, const struct serve_peer *peer, void *buffer, size_t size, size_t *ret_length,
	struct aid_error *err)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec vector = {.iov_base = buffer, .iov_len = size};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.room,
		.msg_controllen = sizeof(control.room)};
	ssize_t got;

	/* The kernel closes descriptors for which there is no room. */
	do {
		got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got <= 0)
		return aid_fail(err, AID_E_UNREACHABLE, "nothing was asked");
	if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
		return aid_fail(err, AID_E_PROTOCOL, "a packet over %zu bytes or with descriptors", size);
	/* What was sent while the peer lives, with its pid, is of the peer. */
	if (sender_of(&message) != peer->pid || !lives(peer->pidfd))
		return aid_fail(err, AID_E_DENIED, "another process than %d asks on its connection", (int)peer->pid);
	*ret_length = (size_t)got;
	return AID_OK;
}
