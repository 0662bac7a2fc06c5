/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* When the client secrets of agents with [rotate] are changed: the schedule, and orders by hand. What
 * there is to be done and whether this host is to do it, the secrets manager says, which agentid-fetch
 * asks; nothing is kept here but when to ask again. */
#ifndef KD_ROTATION_H
#define KD_ROTATION_H

#include "agent.h"
#include "error.h"
#include "list.h"
#include "verify.h"

#include <stdbool.h>
#include <stdint.h>

/* In place of a session's slot in the id of a request. */
#define KD_ROTATION_SLOT (KD_VERIFY_SLOT - 1U)
#define KD_ROTATION_MS 30000         /* how long one may take; less than half the lease in any case */
#define KD_ROTATION_MEND_EVERY_MS 60000

struct aid_frame;
struct kd_client;
struct kd_daemon;

enum kd_rotation_state { KD_ROTATION_IDLE = 0, KD_ROTATION_WAITING, KD_ROTATION_FLYING };

/* What is wanted of fetch. */
struct kd_rotation_order {
	bool force;   /* by hand: also when it is not due */
	bool mend;    /* the provider refuses the secret that the manager has */
	bool dry_run;
};

struct kd_rotation {
	struct kd_list node;
	char agent[KD_AGENT_ID_SIZE];
	enum kd_rotation_state state;
	struct kd_rotation_order order;
	struct kd_timer timer;    /* when to ask next */
	struct kd_timer deadline; /* of what is under way */
	struct kd_client *client; /* who waits for it; NULL: nobody */
	uint32_t id;
	unsigned int version;     /* that it was sent in */
	uint8_t sends;
	bool reopened;            /* files were opened again after AID_E_CREDENTIAL */
	bool suspected;           /* to mend when it is asked next */
	bool wanted;              /* by the configuration in force */
	unsigned int failures;    /* in a row */
	int status;               /* of the last one */
	int64_t rotated_wall_ms;  /* 0: not known */
	int64_t next_wall_ms;     /* 0: not known, or never */
	int64_t mended_boot_ms;   /* when mending was last tried; 0: not yet */
	char last_error[256];     /* "": the last one went well */
};

struct kd_rotations {
	struct kd_list list;
	uint32_t number;
};

void kd_rotations_init(struct kd_rotations *rotations);
void kd_rotations_done(struct kd_daemon *daemon);
/* A configuration has come into force. */
void kd_rotations_reload(struct kd_daemon *daemon);
/* NULL: the agent's secret is not rotated. */
struct kd_rotation *kd_rotation_find(const struct kd_daemon *daemon, const char *agent);
/* AID_MSG_ROTATE. */
void kd_rotation_begin(struct kd_daemon *daemon, struct kd_client *client, const struct aid_frame *frame);
/* The client goes away; its rotation goes on. */
void kd_rotation_leave(struct kd_daemon *daemon, struct kd_client *client);
/* The provider has refused the agent's secret, read anew: perhaps somebody changed it. */
void kd_rotation_suspect(struct kd_daemon *daemon, const char *agent);
/* Sends what waits. AID_E_BUSY: the socket is full; AID_E_UNREACHABLE: it is gone. */
int kd_rotations_flush(struct kd_daemon *daemon) AID_WUR;
void kd_rotation_answered(struct kd_daemon *daemon, const struct aid_frame *frame);
/* What was under way is sent once more. */
void kd_rotations_disconnected(struct kd_daemon *daemon);

#endif
