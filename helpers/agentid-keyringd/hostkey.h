/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The key that this host signs with now. Which file it is is remembered for as long as the directory is
 * the one that was read, so that a hundred openings do not read it a hundred times. */
#ifndef KD_HOSTKEY_H
#define KD_HOSTKEY_H

#include "error.h"
#include "issuer_dir.h"

#include <stdint.h>
#include <sys/stat.h>

struct kd_host_key {
	struct stat directory;    /* as it was when it was read */
	int64_t from_wall_ms;     /* in between, path is the key's */
	int64_t until_wall_ms;
	int64_t checked_boot_ms;  /* when every parent of the file was last looked at */
	char path[AID_ISSUER_PATH_SIZE]; /* "": not known */
};

/* Opens the file anew in any case. *ret_fd is owned by the caller. As aid_issuer_select() and
 * aid_file_open() fail. */
int kd_host_key_open(struct kd_host_key *key, const char *directory, int *ret_fd, struct aid_error *err)
	AID_WUR;

#endif
