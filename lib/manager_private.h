/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What the files about secrets managers share: kv_vault*.c, secretsmanager*.c, aws_keys.c. */
#ifndef AID_MANAGER_PRIVATE_H
#define AID_MANAGER_PRIVATE_H

#include "exchange_private.h"

/* Behind what is in call->body: text as it is, and bytes as a string of JSON. AID_E_TOOBIG; AID_E_INVALID
 * for bytes that are no UTF-8 text. */
int aid_call_text(struct aid_exchange_call *call, const char *text, struct aid_error *err) AID_WUR;
int aid_call_json(struct aid_exchange_call *call, const char *bytes, size_t length, struct aid_error *err)
	AID_WUR;
/* "name":"value" with a comma before it where one is needed. A NULL value is left out. */
int aid_call_member(struct aid_exchange_call *call, const char *name, const char *value,
	struct aid_error *err) AID_WUR;

/* What a server says of a refusal, without repeating a secret: see aid_exchange_refuse(). Secrets may be
 * NULL. */
struct aid_manager_refusal {
	int status;
	const char *code;
	const char *message;
	const struct aid_secret *first, *second;
};
int aid_manager_refuse(const struct aid_exchange_answer *answer,
	const struct aid_manager_refusal *refusal, struct aid_error *err);

/* A text of an answer that is to be a secret: 1 to AID_CLIENT_SECRET_MAX bytes. AID_E_CREDENTIAL for an
 * empty one, AID_E_TOOBIG, AID_E_NOTFOUND where there is none, AID_E_PROTOCOL where it is no text. */
int aid_manager_value(const struct aid_json *object, const char *name, const char *host,
	struct aid_secret **ret_value, struct aid_error *err) AID_WUR;

#endif
