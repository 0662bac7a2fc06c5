/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* A credential of the session that this process is in. agentid get and every adapter obtain theirs
 * here and nowhere else, so that what makes a missing one has one place. */
#ifndef AID_CREDENTIAL_H
#define AID_CREDENTIAL_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CREDENTIAL_MAX 32767U /* what the kernel lets a user key hold */

struct credential {
	char bytes[CREDENTIAL_MAX + 1U]; /* followed by a NUL that length does not count */
	size_t length;
	int64_t expires_s; /* since 1970; 0 where agentid:info does not say */
};

/* Reads "agentid:NAME". One that is missing or expired the daemon is asked for, and then up to wait_ms
 * waited for. No daemon is asked for one that is there, but told of the use in the second half of its
 * life. AID_E_NOTFOUND, AID_E_EXPIRED, AID_E_REVOKED, AID_E_TOOBIG, and why it cannot be got. Wipe it with
 * credential_wipe(), also after a failure. */
int credential_read_here(const char *name, int64_t wait_ms, struct credential *ret_credential,
	struct aid_error *err) AID_WUR;
/* The same, and in a container that has agentid serve's socket and no ring through that. */
int credential_read(const char *name, int64_t wait_ms, struct credential *ret_credential,
	struct aid_error *err) AID_WUR;
/* The same for what goes into a header or a line: AID_E_PROTOCOL unless every byte may stand in a
 * bearer token (RFC 6750 section 2.1). Sets ->expires_s. */
int credential_read_bearer(const char *name, struct credential *ret_credential, struct aid_error *err)
	AID_WUR;
void credential_wipe(struct credential *credential);

#endif
