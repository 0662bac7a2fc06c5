/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* A session seen from the process that opens it: place a ring, have keyringd fill it, close it.
 * Used by the PAM module and by agentid exec; links nothing but keyutils. */
#ifndef AID_SESSION_H
#define AID_SESSION_H

#include "error.h"
#include "keyring.h"
#include "protocol.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct aid_session_request {
	const char *socket;   /* AID_SOCKET_PATH */
	const char *account;
	uid_t uid;
	const char *agent;    /* NULL: the agent of the account */
	const char *service;
	const char *rhost;    /* NULL where unknown */
	const char *tty;      /* NULL where unknown */
	int64_t timeout_ms;   /* for everything together */
};

struct aid_session {
	char id[AID_SESSION_ID_SIZE];
	char agent[64];
	uint8_t cookie[AID_COOKIE_BYTES]; /* wipe with explicit_bzero when done */
	aid_serial ring;
	int64_t expires_wall_ms;
	bool joined;
};

/* Joins or finds the session keyring, makes the ring and waits until keyringd put the token in it.
 * On failure the ring is gone again (a joined session keyring stays, empty). */
int aid_session_open(const struct aid_session_request *request, struct aid_session *ret_session,
	struct aid_error *err) AID_WUR;
/* Ends a session, from any uid. session NULL: the one whose ring this process possesses.
 * AID_E_NOTFOUND when there is nothing to end. */
int aid_session_close(const char *socket, const struct aid_session *session, int64_t timeout_ms,
	struct aid_error *err) AID_WUR;
/* What the session that this process possesses is known by; wipe the cookie when done.
 * AID_E_NOTFOUND when there is none or it has ended. */
int aid_session_cookie(aid_serial *ret_ring, uint8_t cookie[AID_COOKIE_BYTES], struct aid_error *err)
	AID_WUR;

#endif
