/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Shared by issuer.c and issuer_publish.c only. */
#ifndef AID_ISSUER_PRIVATE_H
#define AID_ISSUER_PRIVATE_H

#include "issuer.h"
#include "signing_key.h"

/* Opens (trusted file of root's), reads and parses a key of the directory and checks that it is the
 * one its name says. */
int aid_issuer_key_load(const char *directory, const struct aid_issuer_key *entry,
	struct aid_signing_key **ret_key, struct aid_error *err) AID_WUR;
/* Writes AID_ISSUER_KEY_SET anew. */
int aid_issuer_keep_set(const char *directory, int64_t now_wall_ms, struct aid_error *err) AID_WUR;

#endif
