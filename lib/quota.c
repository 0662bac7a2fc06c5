/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The kernel's key quota, for keyring.h. */
#include "keyring.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define KEY_USERS "/proc/key-users"
/* What each link costs its keyring (KEYQUOTA_LINK_BYTES of the kernel). */
#define LINK_BYTES 4U

/* "  UID: USAGE KEYS/INSTANTIATED COUNTED/MAX BYTES/MAX" */
static bool parse_line(const char *line, uid_t uid, struct aid_quota *ret_quota)
{
	struct aid_quota quota;
	unsigned int line_uid;

	/* NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers fit their types. */
	if (sscanf(line, "%u: %*u %*u/%*u %" SCNd64 "/%" SCNd64 " %" SCNd64 "/%" SCNd64, &line_uid,
			&quota.keys, &quota.keys_max, &quota.bytes, &quota.bytes_max) != 5)
		return false;
	if (line_uid != uid)
		return false;
	*ret_quota = quota;
	return true;
}

int aid_quota_read(uid_t uid, struct aid_quota *ret_quota, struct aid_error *err)
{
	FILE *file = fopen(KEY_USERS, "re");
	char line[128];
	bool found = false;

	if (file == NULL)
		return aid_fail_errno(err, AID_E_IO, errno, KEY_USERS);
	while (!found && fgets(line, sizeof(line), file) != NULL)
		found = parse_line(line, uid, ret_quota);
	(void)fclose(file);
	if (!found)
		return aid_fail(err, AID_E_NOTFOUND, KEY_USERS " has no line for uid %u", uid);
	return AID_OK;
}

size_t aid_quota_cost(size_t name_length, size_t payload_length)
{
	return name_length + 1 + payload_length + LINK_BYTES;
}
