/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid setup: what its parts share. */
#ifndef AID_SETUP_H
#define AID_SETUP_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum setup_option {
	SETUP_AUDIENCE,
	SETUP_CREDENTIAL,
	SETUP_HOST,
	SETUP_PROFILE,
	SETUP_SERVICE_ACCOUNT,
	SETUP_USERNAME,
	SETUP_OPTIONS
};

/* One file of the user, and what shall stand in it. */
struct setup {
	const char *values[SETUP_OPTIONS]; /* NULL: not given */
	bool bao;
	bool write;
	char *old;                         /* "" where there is no file */
	char *laid_out;                    /* the same contents in the lines of text; NULL: old itself */
	char *text;                        /* the new contents */
};

/* Each takes ->old and makes ->text. AID_E_CONFIG with what stands in the way; AID_E_NOMEM. */
int setup_aws(struct setup *setup, struct aid_error *err) AID_WUR;
int setup_docker(struct setup *setup, struct aid_error *err) AID_WUR;
int setup_gcp(struct setup *setup, struct aid_error *err) AID_WUR;
int setup_git(struct setup *setup, struct aid_error *err) AID_WUR;
int setup_kube(struct setup *setup, struct aid_error *err) AID_WUR;
int setup_vault(struct setup *setup, struct aid_error *err) AID_WUR;

/* The user's own regular file, or "" and mode 0600 where there is none. AID_E_UNTRUSTED for a symbolic
 * link, a file or a directory of somebody else, and one that others may write. */
int setup_read(const char *path, char **ret_text, mode_t *ret_mode, struct aid_error *err) AID_WUR;
/* Makes the directory where it is missing, and replaces the file as a whole. */
int setup_replace(const char *path, mode_t mode, const char *text, struct aid_error *err) AID_WUR;
/* The lines that change; of what goes, those that may hold a password are not shown. */
void setup_print_diff(const char *path, const char *old, const char *text);

#endif
