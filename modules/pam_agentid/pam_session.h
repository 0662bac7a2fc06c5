/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Opening and closing on a PAM handle, which keeps the sessions opened through it. */
#ifndef AID_PAM_SESSION_H
#define AID_PAM_SESSION_H

#include "options.h"

#include <security/pam_modules.h>

/* Both log each failure in one line and answer with the PAM code to return. */
int aid_pam_open(pam_handle_t *pamh, int argc, const char **argv);
int aid_pam_close(pam_handle_t *pamh, int argc, const char **argv);

#endif
