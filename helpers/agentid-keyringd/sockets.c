/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "sockets.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

int kd_socket_bind(const char *path, int type, mode_t mode, int *ret_fd, struct aid_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	AID_FD(fd);

	if (strlen(path) >= sizeof(address.sun_path))
		return aid_fail(err, AID_E_CONFIG, "socket path over %zu bytes",
			sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return aid_fail_errno(err, AID_E_IO, errno, "socket");
	if (unlink(path) != 0 && errno != ENOENT)
		return aid_fail_errno(err, AID_E_IO, errno, "%s", path);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "%s", path);
	if (chmod(path, mode) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "%s", path);
	*ret_fd = aid_steal_fd(&fd);
	return AID_OK;
}

int kd_socket_listen(const char *path, mode_t mode, int backlog, int *ret_fd, struct aid_error *err)
{
	AID_FD(fd);
	int r = kd_socket_bind(path, SOCK_SEQPACKET, mode, &fd, err);

	if (r != AID_OK)
		return r;
	if (listen(fd, backlog) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "%s", path);
	*ret_fd = aid_steal_fd(&fd);
	return AID_OK;
}

static int option_of(int fd, int option)
{
	int value = -1;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

int kd_socket_check(int fd, struct aid_error *err)
{
	int flags = fcntl(fd, F_GETFL);

	if (option_of(fd, SO_DOMAIN) != AF_UNIX || option_of(fd, SO_TYPE) != SOCK_SEQPACKET ||
		option_of(fd, SO_ACCEPTCONN) != 1)
		return aid_fail(err, AID_E_CONFIG,
			"descriptor %d is no listening sequential-packet socket", fd);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
		fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "descriptor %d", fd);
	return AID_OK;
}
