/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Between vault_login.c and kv_vault.c. */
#ifndef AID_VAULT_PRIVATE_H
#define AID_VAULT_PRIVATE_H

#include "kv_vault.h"

void aid_vault_begin(struct aid_exchange_call *ret_call);
/* What every request has: that it is one, its namespace, its token. */
int aid_vault_headers(const struct aid_vault *vault, struct aid_exchange_call *call,
	struct aid_error *err) AID_WUR;
int aid_vault_refuse(const struct aid_exchange_answer *answer, const struct aid_secret *first,
	const struct aid_secret *second, struct aid_error *err);
/* Whether an error of the answer has this text in it. */
bool aid_vault_says(const struct aid_exchange_answer *answer, const char *text);

#endif
