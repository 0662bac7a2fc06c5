/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* One AID_MSG_CREDENTIAL_INFO. What the daemon did not say is "" or 0, and a type "?". */
#ifndef AID_CREDENTIALINFO_H
#define AID_CREDENTIALINFO_H

#include "ipc.h"
#include "jsonout.h"
#include "target.h"

#define CREDENTIAL_INFO_MAX 16U /* shown of one session: AID_CREDENTIALS_MAX */

struct credential_info {
	char session[AID_SESSION_ID_SIZE];
	char name[AID_CREDENTIAL_NAME_MAX + 1];
	char state[32];
	char last_error[256];
	const char *type; /* "aws-sts", ...; "?" for one that is not known here */
	int64_t expires_ms, refresh_ms, refreshes, failures;
};

int credential_info_read(const struct aid_frame *frame, struct credential_info *ret_info,
	struct aid_error *err) AID_WUR;
/* As one object of an array. */
void credential_info_json(const struct credential_info *info, int64_t now_wall_ms, struct jsonout *out);

#endif
