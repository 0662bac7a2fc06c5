/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* From enum aid_status to what PAM applications understand. */
#ifndef AID_PAM_STATUS_H
#define AID_PAM_STATUS_H

#include "options.h"

/* PAM_SUCCESS, PAM_SESSION_ERR, PAM_BUF_ERR where memory was short, or PAM_ABORT for AID_E_UNSAFE,
 * which nothing softens. */
int aid_status_to_pam(int status, enum aid_on_error on_error) AID_WUR;

#endif
