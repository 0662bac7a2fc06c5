/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Secrets managers as sources of a client secret: "vault:MOUNT/PATH#FIELD" and "aws-sm:ID[#FIELD]". What a
 * reference names there, and the options that a section [secrets NAME] of agentid.conf has for each; the
 * tables of secret_manager.c are the one list of those. */
#ifndef AID_SECRET_MANAGER_H
#define AID_SECRET_MANAGER_H

#include "error.h"
#include "target.h"

#define AID_VAULT_PATH_MAX 512U   /* bytes of MOUNT/PATH */
#define AID_SM_ID_MAX 512U        /* bytes of a name or an ARN */
#define AID_SECRET_FIELD_MAX 128U /* bytes */

enum aid_manager { AID_MANAGER_NONE, AID_MANAGER_VAULT, AID_MANAGER_AWS_SM, AID_MANAGER_COUNT };

/* AID_MANAGER_NONE for a reference of another source. */
enum aid_manager aid_manager_of(const char *reference);
/* Its options. NULL for AID_MANAGER_NONE. */
const struct aid_target *aid_manager_target(enum aid_manager manager);

struct aid_manager_place {
	enum aid_manager manager;
	char path[AID_VAULT_PATH_MAX + 1];
	char field[AID_SECRET_FIELD_MAX + 1]; /* "": the whole secret */
};
_Static_assert(AID_SM_ID_MAX <= AID_VAULT_PATH_MAX, "either fits a path");

/* AID_E_CONFIG with what is allowed, without repeating the reference. */
int aid_manager_parse(const char *reference, struct aid_manager_place *ret_place, struct aid_error *err)
	AID_WUR;

/* "MOUNT/PATH": at least two segments of printable ASCII, none "." or "..", none empty. Segments are
 * escaped when they are sent. AID_E_CONFIG. */
int aid_kv_path_check(const char *path, struct aid_error *err) AID_WUR;
/* A name or an ARN, with the characters those have. AID_E_CONFIG. */
int aid_sm_id_check(const char *id, struct aid_error *err) AID_WUR;

#endif
