/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What the requests for tokens and those for credentials share; nobody else includes it. */
#ifndef KD_FETCHREQUEST_PRIVATE_H
#define KD_FETCHREQUEST_PRIVATE_H

#include "agent.h"
#include "daemon.h"
#include "fetchrequest.h"

struct kd_building {
	struct kd_daemon *daemon;
	const struct kd_agent *agent; /* configured */
	const struct kd_ask *ask;
	struct kd_request *request;
	struct aid_writer writer;
	char letters[AID_IPC_FDS_MAX + 1];
	bool host_named;              /* HOST_ISSUER and HOST_SUBJECT stand in the frame */
	bool managers[AID_MANAGER_COUNT]; /* so do the options of this one */
};

/* The fields of TOKEN, which other messages have in part; NULL and 0 are left out. */
struct kd_token_fields {
	const char *audience, *scope, *resource;
	int format;
	int64_t max_lifetime_ms;
};

void kd_building_fd(struct kd_building *b, char letter, int fd);
/* key is the option's name, for sentences. */
int kd_building_reference(struct kd_building *b, const char *key, const char *reference, char letter,
	struct aid_error *err) AID_WUR;
/* A client secret: a descriptor of this letter, or what a secrets manager is asked for. */
int kd_building_secret(struct kd_building *b, const char *reference, char letter, struct aid_error *err)
	AID_WUR;
/* The host's signing key, once. */
int kd_building_host_key(struct kd_building *b, struct aid_error *err) AID_WUR;
void kd_building_host_names(struct kd_building *b);
void kd_building_token(struct kd_building *b, const struct kd_token_fields *fields);
/* What the client of [token] proves itself with. */
int kd_building_client(struct kd_building *b, struct aid_error *err) AID_WUR;

/* An EXCHANGE, or a RETIRE of a credential: all but the end of the frame. */
int kd_building_exchange(struct kd_building *b, struct aid_error *err) AID_WUR;
/* What a ROTATE_SECRET has beside the fields of a TOKEN. */
int kd_building_rotation(struct kd_building *b, struct aid_error *err) AID_WUR;

#endif
