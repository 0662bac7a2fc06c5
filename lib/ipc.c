/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The socket half of ipc.h. */
#include "ipc.h"

#include "cleanup.h"
#include "clock.h"
#include "file.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#define ID_OFFSET 8U
#define ID_BYTES 4U

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int) * AID_IPC_FDS_MAX)];
};

static int set_timeout(int fd, int option, int64_t timeout_ms)
{
	/* Zero would mean "for ever" to the kernel. */
	int64_t ms = timeout_ms > 0 ? timeout_ms : 1;
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};

	return setsockopt(fd, SOL_SOCKET, option, &tv, sizeof(tv));
}

/* Waiting in a full backlog is interrupted by every signal of the host application. */
static int connect_until(int fd, const struct sockaddr_un *address, int64_t deadline_boot_ms)
{
	for (;;) {
		int64_t left;

		if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
			return 0;
		if (errno != EINTR)
			return errno;
		/* Signals that come faster than the kernel's timer ticks would keep it from ever ending. */
		left = deadline_boot_ms - aid_clock_boot_ms();
		if (left <= 0)
			return EAGAIN;
		if (set_timeout(fd, SO_SNDTIMEO, left) != 0)
			return errno;
	}
}

int aid_ipc_connect(const char *path, int64_t timeout_ms, int *ret_fd, struct aid_error *err)
{
	int64_t deadline_boot_ms = aid_clock_boot_ms() + timeout_ms;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	AID_FD(fd);
	int r;

	if (strlen(path) >= sizeof(address.sun_path))
		return aid_fail(err, AID_E_CONFIG, "socket path over %zu bytes",
			sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = aid_fd_raise(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
	if (fd < 0)
		return aid_fail_errno(err, AID_E_IO, errno, "socket");
	if (set_timeout(fd, SO_SNDTIMEO, timeout_ms) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "socket timeout");
	r = connect_until(fd, &address, deadline_boot_ms);
	/* A full backlog waits SO_SNDTIMEO and then says EAGAIN. */
	if (r == EAGAIN)
		return aid_fail(err, AID_E_TIMEOUT, "%s: no connection within %lld ms", path,
			(long long)timeout_ms);
	if (r != 0)
		return aid_fail_errno(err, AID_E_UNREACHABLE, r, "%s", path);
	*ret_fd = aid_steal_fd(&fd);
	return AID_OK;
}

int aid_ipc_peer(int fd, struct aid_peer *ret_peer, struct aid_error *err)
{
	struct ucred credentials;
	socklen_t size = sizeof(credentials);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "peer credentials");
	*ret_peer = (struct aid_peer){credentials.uid, credentials.gid, credentials.pid};
	return AID_OK;
}

int aid_ipc_limit_receive(int fd, int64_t timeout_ms, struct aid_error *err)
{
	if (set_timeout(fd, SO_RCVTIMEO, timeout_ms) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "socket timeout");
	return AID_OK;
}

static int send_frame(int fd, const void *bytes, size_t length, const int *fds, size_t n_fds,
	int flags, struct aid_error *err)
{
	struct iovec vector = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
	union control control = {0};
	ssize_t sent;

	if (n_fds > AID_IPC_FDS_MAX)
		return aid_fail(err, AID_E_INVALID, "%zu descriptors, at most %u", n_fds,
			AID_IPC_FDS_MAX);
	if (n_fds > 0) {
		message.msg_control = control.room;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * n_fds);
	}
	do {
		sent = sendmsg(fd, &message, MSG_NOSIGNAL | flags);
	} while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return AID_OK;
	if (errno == EAGAIN)
		return aid_fail(err, AID_E_BUSY, "the socket is full");
	return aid_fail_errno(err, AID_E_UNREACHABLE, errno, "send");
}

int aid_ipc_send(int fd, const void *bytes, size_t length, const int *fds, size_t n_fds,
	struct aid_error *err)
{
	return send_frame(fd, bytes, length, fds, n_fds, 0, err);
}

/* Waits only where it has to: the socket of a new connection has room. */
static int send_until(int fd, const struct aid_writer *request, int64_t deadline_boot_ms,
	struct aid_error *err)
{
	int r = send_frame(fd, request->buffer, request->length, NULL, 0, MSG_DONTWAIT, err);

	if (r != AID_E_BUSY)
		return r;
	/* The descriptor's own limit may be a whole timeout from now. */
	if (set_timeout(fd, SO_SNDTIMEO, deadline_boot_ms - aid_clock_boot_ms()) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "socket timeout");
	return send_frame(fd, request->buffer, request->length, NULL, 0, 0, err);
}

static int take_fds(struct msghdr *message, int *fds, size_t max_fds, size_t *ret_n)
{
	size_t taken = 0;
	bool refused = (message->msg_flags & MSG_CTRUNC) != 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		int received[AID_IPC_FDS_MAX];

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
			count > AID_IPC_FDS_MAX)
			continue;
		memcpy(received, CMSG_DATA(c), count * sizeof(int));
		for (size_t i = 0; i < count; i++) {
			if (taken < max_fds) {
				fds[taken++] = received[i];
				continue;
			}
			(void)close(received[i]);
			refused = true;
		}
	}
	*ret_n = taken;
	return refused ? AID_E_PROTOCOL : AID_OK;
}

int aid_ipc_recv(int fd, void *buffer, size_t capacity, size_t *ret_length, int *fds, size_t max_fds,
	size_t *ret_n_fds, struct aid_error *err)
{
	struct iovec vector = {.iov_base = buffer, .iov_len = capacity};
	union control control;
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1,
		.msg_control = control.room, .msg_controllen = sizeof(control.room)};
	int taken[AID_IPC_FDS_MAX];
	size_t n_fds = 0;
	ssize_t got;
	int r;

	do {
		got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		return aid_fail(err, AID_E_BUSY, "nothing to receive");
	if (got < 0)
		return aid_fail_errno(err, AID_E_UNREACHABLE, errno, "receive");
	if (got == 0)
		return aid_fail(err, AID_E_UNREACHABLE, "the other side closed the connection");
	r = take_fds(&message, taken, max_fds < AID_IPC_FDS_MAX ? max_fds : AID_IPC_FDS_MAX, &n_fds);
	if (r == AID_OK && (message.msg_flags & MSG_TRUNC) == 0) {
		for (size_t i = 0; fds != NULL && i < n_fds; i++)
			fds[i] = taken[i];
		*ret_length = (size_t)got;
		*ret_n_fds = n_fds;
		return AID_OK;
	}
	while (n_fds > 0)
		(void)close(taken[--n_fds]);
	/* A secret may be in it, which nobody reads and nobody else would wipe. */
	explicit_bzero(buffer, (size_t)got < capacity ? (size_t)got : capacity);
	return aid_fail(err, AID_E_PROTOCOL, "frame over %zu bytes or with too many descriptors",
		capacity);
}

static int wait_readable(int fd, int64_t deadline_boot_ms, struct aid_error *err)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = deadline_boot_ms - aid_clock_boot_ms();
		int r;

		if (left <= 0)
			return aid_fail(err, AID_E_TIMEOUT, "no answer from agentid-keyringd in time");
		r = poll(&p, 1, left > 60000 ? 60000 : (int)left);
		if (r > 0)
			return AID_OK;
		if (r < 0 && errno != EINTR)
			return aid_fail_errno(err, AID_E_IO, errno, "poll");
	}
}

/* One packet there and one back. */
static int exchange(int fd, const struct aid_writer *request, void *buffer, size_t capacity,
	int64_t deadline_boot_ms, struct aid_frame *ret_reply, struct aid_error *err)
{
	size_t length, n_fds;
	int r;

	r = send_until(fd, request, deadline_boot_ms, err);
	if (r != AID_OK)
		return r;
	r = wait_readable(fd, deadline_boot_ms, err);
	if (r != AID_OK)
		return r;
	r = aid_ipc_recv(fd, buffer, capacity, &length, NULL, 0, &n_fds, err);
	return r == AID_OK ? aid_frame_parse(buffer, length, ret_reply, err) : r;
}

int aid_ipc_call(int fd, struct aid_writer *request, void *buffer, size_t capacity,
	int64_t deadline_boot_ms, struct aid_frame *ret_reply, struct aid_error *err)
{
	struct aid_error carried = AID_ERROR_INIT;
	struct aid_frame reply;
	unsigned int version = 0;
	int r = exchange(fd, request, buffer, capacity, deadline_boot_ms, &reply, err);

	if (r == AID_OK && reply.type == AID_MSG_ERROR)
		version = aid_frame_agree(&reply, &carried);
	if (version != 0) {
		aid_writer_speak(request, version);
		r = exchange(fd, request, buffer, capacity, deadline_boot_ms, &reply, err);
	}
	if (r != AID_OK)
		return r;
	if (reply.type == AID_MSG_ERROR) {
		(void)aid_frame_agree(&reply, &carried);
		if (err != NULL)
			*err = carried;
		return carried.status;
	}
	/* A late answer to a call before this one; the id stands at the same place in every frame. */
	if (memcmp((const uint8_t *)buffer + ID_OFFSET, request->buffer + ID_OFFSET, ID_BYTES) != 0)
		return aid_fail(err, AID_E_PROTOCOL, "answer to request %u, which was not asked",
			reply.id);
	*ret_reply = reply;
	return AID_OK;
}
