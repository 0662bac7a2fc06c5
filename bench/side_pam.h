/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#ifndef BENCH_SIDE_PAM_H
#define BENCH_SIDE_PAM_H

#include "side.h"

#include <security/pam_appl.h>

/* A handle with a conversation that answers nothing; confdir holds the service files. */
pam_handle_t *bench_pam_start(const char *service, const char *user, const char *confdir);

#endif
