/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What the session that this process is in asks agentid-keyringd for, with the cookie of its ring. */
#ifndef AID_ASK_H
#define AID_ASK_H

#include "error.h"

#include <stdbool.h>
#include <stdint.h>

#define ASK_TIMEOUT_MS 15000

/* Has a credential made, or made anew: AID_OK when it can be read. AID_E_NOTFOUND where the ring has no
 * cookie, and for a name that is not configured; else why it cannot be got. */
int ask_for_credential(const char *name, struct aid_error *err) AID_WUR;
/* Whether this process is in a session that can ask at all. */
bool ask_has_cookie(void);
/* Lets the daemon know that a credential is used, and waits for nothing. */
void ask_tell_used(const char *name);

#endif
