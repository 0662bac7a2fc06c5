/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "serve.h"

#include "cleanup.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define SOCKET_MODE 0666
#define BACKLOG 64

static int connect_error(const struct sockaddr_un *address)
{
	AID_FD(fd);

	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno;
	return connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : errno;
}

/* What an earlier one left behind when it was killed. */
static int clear_place(const struct sockaddr_un *address, struct aid_error *err)
{
	struct stat st;

	if (lstat(address->sun_path, &st) != 0)
		return errno == ENOENT ? AID_OK : aid_fail_errno(err, AID_E_CONFIG, errno, "%s", address->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return aid_fail(err, AID_E_CONFIG, "%s is there and is no socket", address->sun_path);
	if (connect_error(address) != ECONNREFUSED)
		return aid_fail(err, AID_E_CONFIG, "%s is served by another process", address->sun_path);
	if (unlink(address->sun_path) != 0)
		return aid_fail_errno(err, AID_E_CONFIG, errno, "%s", address->sun_path);
	return AID_OK;
}

int serve_socket_bind(const char *path, int *ret_fd, struct aid_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	AID_FD(fd);
	int r;

	if (path[0] != '/' || strlen(path) >= sizeof(address.sun_path))
		return aid_fail(err, AID_E_INVALID, "--socket '%.120s': an absolute path of at most %zu bytes", path,
			sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	r = clear_place(&address, err);
	if (r != AID_OK)
		return r;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return aid_fail_errno(err, AID_E_IO, errno, "socket");
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
		chmod(path, SOCKET_MODE) != 0 || listen(fd, BACKLOG) != 0)
		return aid_fail_errno(err, AID_E_CONFIG, errno, "%s", path);
	*ret_fd = aid_steal_fd(&fd);
	return AID_OK;
}

int serve_socket_check(int fd, struct aid_error *err)
{
	struct sockaddr_un address = {0};
	socklen_t size = sizeof(address) - 1;
	int type = 0, listens = 0;
	socklen_t int_size = sizeof(int);
	int reached;

	if (getsockname(fd, (struct sockaddr *)&address, &size) != 0 || address.sun_family != AF_UNIX ||
		getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &int_size) != 0 || type != SOCK_SEQPACKET ||
		getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &int_size) != 0 || listens != 1)
		return aid_fail(err, AID_E_CONFIG, "descriptor %d is no listening sequential-packet socket", fd);
	if (address.sun_path[0] != '/')
		return aid_fail(err, AID_E_UNSAFE, "a socket without a path can be reached by everybody");
	reached = connect_error(&address);
	if (reached != EACCES)
		return aid_fail(err, AID_E_UNSAFE, "%s can be reached without having it mounted (%s): its directory must be "
			"root's, with mode 0700", address.sun_path, reached == 0 ? "connected" : strerrordesc_np(reached));
	return AID_OK;
}

void serve_socket_remove(const char *path, int fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	/* With the listener closed, one that still answers is somebody else's. */
	(void)close(fd);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (connect_error(&address) == ECONNREFUSED)
		(void)unlink(path);
}
