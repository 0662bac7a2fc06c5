/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid serve: the credentials of this session through a socket, for a container that has no key
 * calls. docs/PROTOCOL.md has what is said there. Its process has no privilege and no more in reach than
 * its own session's ring. */
#ifndef AID_SERVE_H
#define AID_SERVE_H

#include "error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- the socket (serve_socket.c) ---- */

/* A socket at path that everybody may connect to who gets there: who is answered is decided later. One
 * that nobody serves any more is replaced. AID_E_CONFIG, AID_E_IO. */
int serve_socket_bind(const char *path, int *ret_fd, struct aid_error *err) AID_WUR;
/* The service manager's: AID_E_UNSAFE where this account gets to its path without having it mounted,
 * as then every process of the account would. */
int serve_socket_check(int fd, struct aid_error *err) AID_WUR;
/* Removes path where it is still fd's. */
void serve_socket_remove(const char *path, int fd);

/* ---- who asks (serve_peer.c) ---- */

struct serve_peer {
	pid_t pid;
	uid_t uid;
	int pidfd; /* owned */
};

/* Who connected; from now on its pid cannot become another's unnoticed. AID_E_DENIED for one of
 * whom this process sees no pid. */
int serve_peer_of(int fd, struct serve_peer *ret_peer, struct aid_error *err) AID_WUR;
/* AID_E_DENIED unless the peer was started by ancestor, directly or not. */
int serve_peer_descends(const struct serve_peer *peer, pid_t ancestor, struct aid_error *err) AID_WUR;
/* Receives one packet and refuses (AID_E_DENIED) one that another process than the peer sent. */
int serve_peer_receive(int fd, const struct serve_peer *peer, void *buffer, size_t size, size_t *ret_length,
	struct aid_error *err) AID_WUR;

/* ---- one connection (serve_client.c) ---- */

/* Serves it and returns what has to be logged: AID_OK also for a credential that is not there.
 * ancestor 0: whoever got here may ask. */
int serve_client(int fd, pid_t ancestor, struct serve_peer *ret_peer, struct aid_error *err) AID_WUR;
/* Says that there is no time for it, without waiting. */
void serve_client_refuse(int fd, const char *why);

#endif
