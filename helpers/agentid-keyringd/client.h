/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Connections to the public socket. One request at a time per connection; a single answer always
 * fits into the socket, and lists go on when the reader has made room, so nothing is buffered here. */
#ifndef KD_CLIENT_H
#define KD_CLIENT_H

#include "error.h"
#include "heap.h"
#include "ipc.h"
#include "list.h"
#include "loop.h"
#include "protocol.h"

#include <stdbool.h>
#include <stdint.h>

#define KD_CLIENTS_PER_UID 64U /* connections of one uid other than root */
#define KD_CLIENT_IDLE_MS 10000
#define KD_CLIENT_IDLE_ROOT_MS 60000
#define KD_BACKLOG 4096

struct kd_rotation;
struct kd_session;
struct verification;

enum kd_client_state { KD_CLIENT_IDLE = 1, KD_CLIENT_WAITING, KD_CLIENT_STREAMING };

struct kd_client {
	struct kd_list node;      /* all clients, or those to be freed */
	struct kd_list waiter;    /* in the session's list while waiting */
	struct kd_session *session; /* waited for */
	struct verification *verification; /* the same, see verify.h */
	struct kd_rotation *rotation;      /* the same, see rotation.h */
	struct kd_watch watch;
	struct kd_timer timer;    /* drops whoever is idle or too slow */
	struct aid_peer peer;
	enum kd_client_state state;
	bool dead;
	bool opened;              /* the last answer was OPENED, of this session: */
	uint8_t opened_id[AID_SESSION_ID_BYTES];
	uint32_t request_id;
	unsigned int version;     /* of its last request, and so of the answers */
	enum aid_msg request;     /* of a stream */
	bool head_sent;
	uint32_t cursor;
	uint32_t part;            /* of the session at the cursor: 0 itself, then its credentials */
	char filter[64];          /* agent id, or "" */
};

struct kd_clients {
	struct kd_watch listener;
	struct kd_timer listen_again;
	struct kd_list all;
	struct kd_list dead;
	uint8_t in[AID_IPC_FRAME_MAX]; /* one request; wiped after each */
};

/* Serves a listening socket, which this then owns. */
int kd_clients_init(struct kd_daemon *daemon, int listener, struct aid_error *err) AID_WUR;
void kd_clients_done(struct kd_daemon *daemon);
/* Accepts nobody any more. Where the service manager holds the socket, who comes now waits in it for the
 * next daemon. */
void kd_clients_refuse(struct kd_daemon *daemon);
/* Somebody who was accepted has no answer yet. */
bool kd_clients_are_waiting(struct kd_daemon *daemon);
/* Frees the clients dropped since the last call: never in the middle of a handler. */
void kd_clients_reap(struct kd_daemon *daemon);

void kd_client_drop(struct kd_daemon *daemon, struct kd_client *client);
/* The answer depends on the session's request to fetch; without a session, on whoever calls this. */
void kd_client_wait(struct kd_daemon *daemon, struct kd_client *client, struct kd_session *session);
/* The same where it depends on something else; list is of those that wait for it. */
void kd_client_wait_in(struct kd_daemon *daemon, struct kd_client *client, struct kd_list *list);
void kd_client_answer_error(struct kd_daemon *daemon, struct kd_client *client,
	const struct aid_error *err);
/* text may be NULL: a remark for a person. */
void kd_client_answer_done(struct kd_daemon *daemon, struct kd_client *client, int64_t count,
	const char *text);
/* Begins an answer to the client's request, in the version that it speaks. */
void kd_client_begin(const struct kd_client *client, struct aid_writer *writer, void *buffer,
	size_t capacity, enum aid_msg type);
/* Sends a finished frame. AID_E_BUSY: there is no room now. */
int kd_client_send(struct kd_client *client, const struct aid_writer *writer) AID_WUR;
void kd_client_becomes_idle(struct kd_daemon *daemon, struct kd_client *client);

/* For everybody in a session's list of waiting clients, which is empty afterwards. */
void kd_clients_answer_error(struct kd_daemon *daemon, struct kd_list *waiters,
	const struct aid_error *err);
void kd_clients_answer_done(struct kd_daemon *daemon, struct kd_list *waiters);
void kd_clients_answer_opened(struct kd_daemon *daemon, struct kd_session *session);

#endif
