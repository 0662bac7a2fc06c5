/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "notify.h"

#include "cleanup.h"
#include "str.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static int parse_watchdog(const char *usec, const char *pid, int64_t *ret_ms, struct aid_error *err)
{
	uint64_t value, owner;

	*ret_ms = 0;
	if (usec == NULL)
		return AID_OK;
	if (aid_str_parse_uint(usec, 1, (uint64_t)INT64_MAX, &value) != AID_OK)
		return aid_fail(err, AID_E_CONFIG, "WATCHDOG_USEC '%.32s' is no number", usec);
	if (pid != NULL && aid_str_parse_uint(pid, 1, INT_MAX, &owner) != AID_OK)
		return aid_fail(err, AID_E_CONFIG, "WATCHDOG_PID '%.32s' is no process id", pid);
	if (pid != NULL && owner != (uint64_t)getpid())
		return AID_OK;
	*ret_ms = (int64_t)(value / 2000);
	if (*ret_ms == 0)
		*ret_ms = 1;
	return AID_OK;
}

static int connect_to(const char *path, int *ret_fd, struct aid_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(path);
	AID_FD(fd);
	int r;

	if ((path[0] != '/' && path[0] != '@') || length < 2 || length >= sizeof(address.sun_path))
		return aid_fail(err, AID_E_CONFIG, "NOTIFY_SOCKET '%.64s' is no socket address", path);
	memcpy(address.sun_path, path, length);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return aid_fail_errno(err, AID_E_IO, errno, "notify socket");
	r = connect(fd, (const struct sockaddr *)&address,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
	/* The variable is inherited, also where a mount of its own hides the socket. */
	if (r != 0 && (errno == ENOENT || errno == ECONNREFUSED))
		return AID_E_NOTFOUND;
	if (r != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "notify socket '%s'", path);
	*ret_fd = aid_steal_fd(&fd);
	return AID_OK;
}

int aid_notify_init(struct aid_notify *notify, const char *socket_path, const char *watchdog_usec,
	const char *watchdog_pid, struct aid_error *err)
{
	struct aid_notify made = {.fd = -1};
	int r;

	*notify = made;
	if (socket_path == NULL || socket_path[0] == '\0')
		return AID_OK;
	r = parse_watchdog(watchdog_usec, watchdog_pid, &made.watchdog_ms, err);
	if (r != AID_OK)
		return r;
	r = connect_to(socket_path, &made.fd, err);
	if (r == AID_E_NOTFOUND)
		return AID_OK;
	if (r != AID_OK)
		return r;
	*notify = made;
	return AID_OK;
}

void aid_notify_done(struct aid_notify *notify)
{
	if (notify->fd >= 0)
		(void)close(notify->fd);
	*notify = (struct aid_notify){.fd = -1};
}

void aid_notify_send(const struct aid_notify *notify, const char *state)
{
	if (notify->fd >= 0)
		(void)send(notify->fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void aid_notify_ping(const struct aid_notify *notify)
{
	if (notify->watchdog_ms > 0)
		aid_notify_send(notify, "WATCHDOG=1");
}
