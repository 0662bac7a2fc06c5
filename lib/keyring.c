/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What placing, reading and storing have in common. */
#include "keyring_private.h"

#include "cleanup.h"
#include "str.h"

#include <errno.h>
#include <keyutils.h>
#include <stdio.h>
#include <string.h>

#define DESCRIPTION_MAX 512U
/* A keyring that grows between asking for its size and reading it is read again. */
#define LINKS_TRIES 8

int aid_key_fail(struct aid_error *err, int sys_errno, const char *what)
{
	static const struct {
		int sys_errno;
		int status;
	} map[] = {
		{ENOKEY, AID_E_NOTFOUND},
		{EKEYEXPIRED, AID_E_EXPIRED},
		{EKEYREVOKED, AID_E_REVOKED},
		{EDQUOT, AID_E_QUOTA},
		{EACCES, AID_E_DENIED},
		{EPERM, AID_E_DENIED},
		/* Container seccomp filters answer keyctl with one of EPERM and ENOSYS. */
		{ENOSYS, AID_E_DENIED},
		{ENOMEM, AID_E_NOMEM},
	};

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
		if (map[i].sys_errno == sys_errno)
			return aid_fail_errno(err, map[i].status, sys_errno, "%s", what);
	}
	return aid_fail_errno(err, AID_E_IO, sys_errno, "%s", what);
}

int aid_key_describe(aid_serial key, struct aid_key_info *ret_info, struct aid_error *err)
{
	char text[DESCRIPTION_MAX];
	struct aid_key_info info = {0};
	int name_at = 0;
	long length = keyctl_describe(key, text, sizeof(text));

	if (length < 0)
		return aid_key_fail(err, errno, "describe key");
	if ((size_t)length > sizeof(text))
		return aid_fail(err, AID_E_PROTOCOL, "key description of %ld bytes, at most %zu", length,
			sizeof(text));
	/* "type;uid;gid;permissions;name", by the kernel itself: its numbers fit their types. */
	/* NOLINTNEXTLINE(cert-err34-c) */
	if (sscanf(text, "%31[^;];%u;%*u;%x;%n", info.type, &info.uid, &info.permissions, &name_at) !=
			3 ||
		name_at == 0 || strlen(text + name_at) >= sizeof(info.name))
		return aid_fail(err, AID_E_PROTOCOL, "key description in an unknown form");
	memcpy(info.name, text + name_at, strlen(text + name_at) + 1);
	*ret_info = info;
	return AID_OK;
}

int aid_keyring_links(aid_serial keyring, aid_serial **ret_links, size_t *ret_count,
	struct aid_error *err)
{
	size_t size = 64 * sizeof(aid_serial);

	for (int i = 0; i < LINKS_TRIES; i++) {
		AID_FREE aid_serial *links = malloc(size);
		long length;

		if (links == NULL)
			return aid_fail(err, AID_E_NOMEM, "out of memory");
		length = keyctl_read(keyring, (char *)links, size);
		if (length < 0)
			return aid_key_fail(err, errno, "read keyring");
		if ((size_t)length <= size) {
			*ret_count = (size_t)length / sizeof(aid_serial);
			*ret_links = aid_steal(&links);
			return AID_OK;
		}
		size = (size_t)length + 64 * sizeof(aid_serial);
	}
	return aid_fail(err, AID_E_BUSY, "the keyring grew at each of %d readings", LINKS_TRIES);
}

bool aid_key_info_is_ring(const struct aid_key_info *info)
{
	return aid_streq(info->type, "keyring") && info->uid == 0 &&
		info->permissions == AID_PERM_RING && aid_streq(info->name, AID_RING_NAME);
}
