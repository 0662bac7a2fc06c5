/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The credential for AWS of this session, for agentid aws and agentid aws-endpoint. */
#ifndef AID_AWS_H
#define AID_AWS_H

#include "credential.h"

/* credential_read() of what is a credential_process's JSON; AID_E_PROTOCOL where it is none. */
int aws_read(const char *name, struct credential *ret_credential, struct aid_error *err) AID_WUR;

#endif
