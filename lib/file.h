/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Files that must be trusted before a byte of them is believed. */
#ifndef AID_FILE_H
#define AID_FILE_H

#include "cleanup.h"
#include "error.h"
#include "secret.h"

#include <sys/types.h>

enum aid_file_kind {
	AID_FILE_CONFIG, /* owned by root, not writable by group or other */
	AID_FILE_SECRET  /* owned by root, no access at all for group and other, one link */
};

/* Moves a descriptor that fell on 0, 1 or 2, because the host application has closed those, out of
 * the way of whoever means standard output. Takes fd, returns the one to use, close-on-exec, or -1
 * with errno. */
int aid_fd_raise(int fd);

/* Opens an absolute path for reading: no symbolic link in any component, no magic link, a regular
 * file of the kind's owner and mode, every parent directory root's and not writable by others
 * (a sticky one such as /tmp is allowed). AID_E_NOTFOUND, AID_E_UNTRUSTED with the mode or owner
 * seen and wanted, AID_E_IO. ret_fd is owned by the caller, close-on-exec. */
int aid_file_open(const char *path, enum aid_file_kind kind, int *ret_fd, struct aid_error *err)
	AID_WUR;
/* The same for a path that aid_file_open() has opened lately: the directories are not looked at again. */
int aid_file_open_again(const char *path, enum aid_file_kind kind, int *ret_fd, struct aid_error *err)
	AID_WUR;
/* Reads a descriptor to its end, from offset 0 where it can seek. AID_E_TOOBIG over max bytes. */
int aid_file_read(int fd, size_t max, struct aid_secret **ret_bytes, struct aid_error *err) AID_WUR;
/* Writes path atomically: a temporary file in the same directory, fsync, rename. */
int aid_file_replace(const char *path, mode_t mode, const void *bytes, size_t length,
	struct aid_error *err) AID_WUR;

#endif
