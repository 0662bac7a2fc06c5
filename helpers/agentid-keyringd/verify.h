/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Verifications of other agents' tokens, for any process of the host: decides which issuers may be
 * asked, and how often; agentid-fetch does the rest. No byte of the token is looked at here. */
#ifndef KD_VERIFY_H
#define KD_VERIFY_H

#include "error.h"
#include "fetchlink.h"
#include "list.h"
#include "retire.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define KD_VERIFY_MAX 512U       /* under way at a time */
#define KD_VERIFY_PER_UID 32U    /* of one uid other than root */
#define KD_VERIFY_RATE 500U      /* a second, of one uid other than root; as many may come at once */
#define KD_VERIFY_UIDS 64U       /* who verify within a second */
/* In place of a session's slot in the id of a request. */
#define KD_VERIFY_SLOT (KD_RETIRE_SLOT - 1U)

struct aid_frame;
struct kd_client;
struct kd_daemon;

/* What one uid may still do. All zero: free. */
struct kd_verifier {
	uid_t uid;
	bool used;
	unsigned int flying;
	int64_t allowance;   /* thousandths of a verification */
	int64_t refilled_ms; /* boot clock */
};

struct kd_verify {
	struct kd_list waiting; /* for room in the socket to fetch */
	struct kd_list flying;
	unsigned int count;
	uint32_t number;
	struct kd_verifier verifiers[KD_VERIFY_UIDS];
};

void kd_verify_init(struct kd_verify *verify);
void kd_verify_done(struct kd_daemon *daemon);
/* AID_MSG_VERIFY. */
void kd_verify_begin(struct kd_daemon *daemon, struct kd_client *client, const struct aid_frame *frame);
/* The client goes away. Its verification goes on, for nobody. */
void kd_verify_leave(struct kd_daemon *daemon, struct kd_client *client);
/* Sends what waits. AID_E_BUSY: the socket is full; AID_E_UNREACHABLE: it is gone. */
int kd_verify_flush(struct kd_daemon *daemon) AID_WUR;
void kd_verify_answered(struct kd_daemon *daemon, const struct aid_frame *frame);
/* What was under way is sent once more. */
void kd_verify_disconnected(struct kd_daemon *daemon);

/* Pure: takes one verification from a uid's allowance. AID_E_BUSY over a limit above. */
int kd_verify_admit(struct kd_verify *verify, uid_t uid, int64_t now_ms,
	struct kd_verifier **ret_verifier, struct aid_error *err) AID_WUR;

#endif
