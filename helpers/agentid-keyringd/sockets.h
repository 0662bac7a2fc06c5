/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Sockets with a path, made by the daemon itself where no service manager did it. */
#ifndef KD_SOCKETS_H
#define KD_SOCKETS_H

#include "error.h"

#include <sys/types.h>

/* Binds path, replacing what a process that is gone left there. The caller holds the lock of the
 * run directory, so nobody else serves it. */
int kd_socket_bind(const char *path, int type, mode_t mode, int *ret_fd, struct aid_error *err)
	AID_WUR;
/* The same for SOCK_SEQPACKET, listening. */
int kd_socket_listen(const char *path, mode_t mode, int backlog, int *ret_fd, struct aid_error *err)
	AID_WUR;
/* Checks a socket that was passed in: AF_UNIX, SOCK_SEQPACKET, listening. Makes it non-blocking. */
int kd_socket_check(int fd, struct aid_error *err) AID_WUR;

#endif
