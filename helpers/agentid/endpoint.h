/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The parts of agentid aws-endpoint: the credential of a session for SDKs that start no program and ask a
 * port on the loopback interface instead, which anybody on the host can connect to. */
#ifndef AID_ENDPOINT_H
#define AID_ENDPOINT_H

#include "secret.h"

#include <stdbool.h>
#include <sys/types.h>

#define ENDPOINT_PATH "/credentials"
#define ENDPOINT_HOST_SIZE 32U
#define ENDPOINT_TOKEN_PATH_SIZE 64U

struct endpoint {
	const char *credential;
	const struct aid_secret *token;
	char host[ENDPOINT_HOST_SIZE]; /* 127.0.0.1:PORT */
	pid_t ancestor;                /* of who may ask */
};

/* The authorisation token, in a file that is on no file system: a sealed memfd(2), locked, which a process
 * holds that does nothing else and ends with this one. */
struct endpoint_token {
	struct aid_secret *secret;
	pid_t keeper;
	int pidfd; /* its */
	char path[ENDPOINT_TOKEN_PATH_SIZE]; /* /proc/KEEPER/fd/N: to be opened by this user alone */
};

/* Has to be ended also after a failure. */
int endpoint_token_make(struct endpoint_token *ret_token, struct aid_error *err) AID_WUR;
void endpoint_token_end(struct endpoint_token *token);

/* Who connected: the owner and inode of the socket at the other end. AID_E_DENIED when it has gone. */
int endpoint_peer_of(int fd, uid_t *ret_uid, unsigned int *ret_inode, struct aid_error *err) AID_WUR;
/* Whether a process that descends from ancestor has that socket; AID_E_DENIED. */
int endpoint_peer_descends(unsigned int inode, pid_t ancestor, struct aid_error *err) AID_WUR;

/* Reads one request from fd and answers it; err says why there was no credential. AID_E_UNREACHABLE where
 * nothing was asked. */
int endpoint_client(const struct endpoint *endpoint, int fd, struct aid_error *err) AID_WUR;
/* Says that there is no time for it, without waiting. */
void endpoint_client_refuse(int fd, const char *why);

#endif
