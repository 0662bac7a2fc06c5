/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What a rotation proves itself with to the secrets manager. */
#ifndef ROTATE_ACCESS_H
#define ROTATE_ACCESS_H

#include "rotate.h"

struct manager_access {
	int key_fd;                   /* of the host, for an assertion; owned; -1: none */
	char *host_issuer;
	struct aid_secret *secret_id; /* AppRole; NULL: none */
	struct aid_secret *token;     /* what came of it; NULL: not yet */
	void (*then)(struct rotate *rotate);
};

/* AID_E_PROTOCOL, AID_E_CREDENTIAL. letters and fds are those of the frame. */
int rotate_access_read(const struct aid_frame *frame, const char *letters, const int *fds,
	struct manager_access **ret_access, struct aid_error *err) AID_WUR;
void rotate_access_free(struct manager_access *access);
/* Vault: gets a token, and then goes on. */
void rotate_log_in(struct rotate *rotate, void (*then)(struct rotate *rotate));

#endif
