/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "sandbox.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

int aid_sandbox_enter(struct aid_error *err)
{
	const struct rlimit none = {0, 0};

	(void)umask(077);
	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "RLIMIT_CORE");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "no_new_privs");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "undumpable");
	return AID_OK;
}

int aid_sandbox_descriptors(int first_free, struct aid_error *err)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_NOCTTY);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return aid_fail_errno(err, AID_E_IO, errno, "/dev/null");
	/* The last one opened may lie below first_free on a hole that the caller keeps. */
	(void)close(fd);
	if (close_range((unsigned int)first_free, ~0U, 0) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "close_range");
	return AID_OK;
}

/* A number that the kernel does not know ends the list; one no longer in the set needs no drop. */
static int drop_bounding_set(struct aid_error *err)
{
	for (unsigned long cap = 0; cap < 64; cap++) {
		int held = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);

		if (held < 0)
			return AID_OK;
		if (held == 1 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0)
			return aid_fail_errno(err, AID_E_IO, errno,
				"capability %lu in the bounding set", cap);
	}
	return AID_OK;
}

static bool has_none(const struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3])
{
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		if ((data[i].effective | data[i].permitted | data[i].inheritable) != 0)
			return false;
	}
	return true;
}

int aid_sandbox_drop_capabilities(struct aid_error *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	int r;

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "ambient capabilities");
	if (syscall(SYS_capget, &header, data) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "capget");
	/* Without CAP_SETPCAP the bounding set is out of reach; with no_new_privs it also cannot
	 * give anything to a process whose other sets are empty. */
	if ((data[0].effective & (1U << CAP_SETPCAP)) != 0) {
		r = drop_bounding_set(err);
		if (r != AID_OK)
			return r;
	}
	/* A service manager that took them all may also have forbidden the call. */
	if (has_none(data))
		return AID_OK;
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i] = (struct __user_cap_data_struct){0};
	if (syscall(SYS_capset, &header, data) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "capset");
	return AID_OK;
}

int aid_sandbox_drop_user(uid_t uid, gid_t gid, struct aid_error *err)
{
	if (uid == 0 || gid == 0)
		return aid_fail(err, AID_E_CONFIG, "uid %u gid %u: root is not unprivileged", uid, gid);
	if (setgroups(0, NULL) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "setgroups");
	if (setresgid(gid, gid, gid) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "gid %u", gid);
	if (setresuid(uid, uid, uid) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "uid %u", uid);
	if (setuid(0) == 0 || setgid(0) == 0)
		return aid_fail(err, AID_E_UNTRUSTED, "uid %u can still become root", uid);
	return AID_OK;
}
