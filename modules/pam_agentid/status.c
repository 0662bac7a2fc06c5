/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "status.h"

#include <security/_pam_types.h>

int aid_status_to_pam(int status, enum aid_on_error on_error)
{
	if (status == AID_E_UNSAFE)
		return PAM_ABORT;
	if (status == AID_OK || on_error == AID_ON_ERROR_IGNORE)
		return PAM_SUCCESS;
	return status == AID_E_NOMEM ? PAM_BUF_ERR : PAM_SESSION_ERR;
}
