/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Where client secrets and private keys come from: "file:/path" (root-owned, 0600 or stricter) and
 * "credential:NAME" (a systemd credential of agentid-keyringd), one row in the table of secret_source.c
 * per kind. keyringd opens, fetch reads: the bytes never pass through the process that writes keyrings.
 * A client secret may be a secrets manager's, too (secret_manager.h), which fetch asks itself. */
#ifndef AID_SECRET_SOURCE_H
#define AID_SECRET_SOURCE_H

#include "error.h"

#define AID_CLIENT_SECRET_MAX 4096U /* bytes of a client secret */
#define AID_KEY_FILE_MAX 65536U     /* bytes of a PEM file */

/* AID_E_CONFIG with the reason when a reference has no known form. */
int aid_secret_ref_check(const char *reference, struct aid_error *err) AID_WUR;
/* The same where no secrets manager can be the source. */
int aid_secret_ref_check_local(const char *reference, struct aid_error *err) AID_WUR;
/* Opens what the reference names, now; credentials_dir is NULL where there is none.
 * AID_E_NOTFOUND, AID_E_UNTRUSTED, AID_E_CONFIG, AID_E_IO; AID_E_INVALID for a secrets manager's. */
int aid_secret_ref_open(const char *reference, const char *credentials_dir, int *ret_fd,
	struct aid_error *err) AID_WUR;

#endif
