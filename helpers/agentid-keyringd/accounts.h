/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* AID_ACCOUNTS_PATH: which accounts are agents, for the PAM module. */
#ifndef KD_ACCOUNTS_H
#define KD_ACCOUNTS_H

#include "configuration.h"

/* Writes the accounts of the agents and of the refused files, so that nobody logs in without a token
 * because a file is broken. While the account of a refused file is not known, the accounts that the
 * index had before stay in it. AID_E_NOMEM, AID_E_IO. */
int kd_accounts_write(const char *path, const struct aid_config *config, struct aid_error *err)
	AID_WUR;

#endif
