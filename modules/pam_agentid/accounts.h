/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Which accounts are agents': the question asked for every login of the host, so it is answered
 * without agentid-keyringd. */
#ifndef AID_PAM_ACCOUNTS_H
#define AID_PAM_ACCOUNTS_H

#include "configuration.h"
#include "error.h"

/* Looks account up in the index file (AID_ACCOUNTS_PATH) or, where there is none or others than root
 * may write it, in the configuration. AID_E_CONFIG only for an
 * account that some agent file names: a mistake there must not shut everybody else out. */
int aid_accounts_has(const char *index, const struct aid_config_paths *paths, const char *account,
	bool *ret_is_agent, struct aid_error *err) AID_WUR;
/* The pure half: lines "ACCOUNT AGENT". */
bool aid_accounts_find(const char *text, size_t length, const char *account);

#endif
