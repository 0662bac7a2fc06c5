/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The other end of agentid serve: a credential of the session whose socket is mounted here. */
#ifndef AID_SESSION_SOCKET_H
#define AID_SESSION_SOCKET_H

#include "credential.h"

/* Whether there is one. Root alone can have put it there. */
bool session_socket_is_there(void);
/* What the other end says, AID_E_BUSY too. */
int session_socket_read(const char *name, struct credential *ret_credential, struct aid_error *err) AID_WUR;

#endif
