/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What the keyring files share; nobody else includes it. */
#ifndef AID_KEYRING_PRIVATE_H
#define AID_KEYRING_PRIVATE_H

#include "keyring.h"

/* One key as KEYCTL_DESCRIBE tells it. */
struct aid_key_info {
	char type[32];
	uid_t uid;
	uint32_t permissions;
	char name[256];
};

/* An errno of keyctl as a status: "what" is a short noun such as "ring". */
int aid_key_fail(struct aid_error *err, int sys_errno, const char *what);
/* AID_E_PROTOCOL for a description that does not fit the structure. */
int aid_key_describe(aid_serial key, struct aid_key_info *ret_info, struct aid_error *err) AID_WUR;
/* The links of a keyring; *ret_links is freed by the caller. */
int aid_keyring_links(aid_serial keyring, aid_serial **ret_links, size_t *ret_count,
	struct aid_error *err) AID_WUR;
/* True for a live keyring "agentid" of uid 0 with AID_PERM_RING. */
bool aid_key_info_is_ring(const struct aid_key_info *info);

#endif
