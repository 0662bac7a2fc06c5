/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What agentid:meta holds: enough to go on with a session after a restart, and no secret. The
 * encoding is a frame of ipc.h, but what its header has in the place of the protocol's version is the
 * record's own format: a record outlives the daemon that wrote it, and is read by the next release and,
 * after a downgrade, by the one before. docs/PROTOCOL.md has the rules. Decoding is total and fuzzed. */
#ifndef AID_RECORD_H
#define AID_RECORD_H

#include "error.h"
#include "protocol.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define AID_RECORD_FORMAT 1   /* of what is written, see versions.h */
#define AID_RECORD_MAX 1024U /* in every format */

struct aid_frame;

struct aid_record {
	char session[AID_SESSION_ID_SIZE];
	char agent[64];
	char account[64];
	uid_t uid;
	char service[64];
	char rhost[128];
	char tty[64];
	char invocation[33];
	pid_t leader;
	int64_t leader_start;    /* field 22 of /proc/PID/stat, to know a reused pid */
	int64_t opened_wall_ms;
	int64_t expires_wall_ms; /* of the token as the provider said it */
	int64_t expires_boot_ms; /* the same on the boot clock, which no clock step moves */
	int64_t lifetime_ms;     /* of the current token, from receipt to expiry */
	int64_t received_boot_ms;
	int64_t refreshes;
	char token_id[17];       /* 16 hexadecimal digits of the token's SHA-256 */
};

int aid_record_encode(const struct aid_record *record, void *buffer, size_t size, size_t *ret_length,
	struct aid_error *err) AID_WUR;
/* AID_E_VERSION: a newer format that says that this release knows too little of it. An error names the
 * session where the record does. */
int aid_record_decode(const void *bytes, size_t length, struct aid_record *ret_record,
	struct aid_error *err) AID_WUR;
/* A newer format may add fields, which are passed over. One that changes what a field means or leaves one
 * out says which format a reader has to know. AID_E_PROTOCOL, AID_E_VERSION. */
int aid_record_check_format(const struct aid_frame *frame, const char *what, struct aid_error *err)
	AID_WUR;

#endif
