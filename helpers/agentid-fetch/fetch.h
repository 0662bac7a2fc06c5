/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The whole daemon: one thread, one epoll set, no state but caches. A request has everything it needs;
 * a job is a request that waits for the network. */
#ifndef FETCH_H
#define FETCH_H

#include "http.h"
#include "ipc.h"
#include "key_cache.h"
#include "notify.h"

#include <stdint.h>
#include <sys/queue.h>

#define CLIENTS_MAX 16U
#define JOBS_MAX 8192U

struct aid_replay;
struct client;
struct fetch;
struct job;
struct manager;
struct provider;

/* What an epoll event leads to. */
struct source {
	void (*ready)(struct fetch *fetch, void *data, uint32_t events);
	void *data;
};

LIST_HEAD(job_list, job);

struct fetch {
	int epoll;
	int listener;
	int spare_fd; /* given up when descriptors run out */
	struct source listener_source, http_source, signal_source;
	struct aid_http *http;
	struct aid_notify notify;
	struct key_cache *keys;
	struct aid_replay *replay;     /* DPoP proofs; NULL until the first */
	int64_t started_boot_ms;
	char exchange_notice[320];     /* the last one that was logged */
	LIST_HEAD(, client) clients;
	size_t n_clients;
	struct job_list jobs;
	size_t n_jobs;
	int64_t next_deadline_boot_ms; /* not later than the earliest of any job */
	LIST_HEAD(, provider) providers;
	size_t n_providers;
	LIST_HEAD(, manager) managers;
	size_t n_managed;              /* secrets of all of them */
	uint64_t managed_serial;
	int64_t managed_next_boot_ms;  /* not later than anything is to be done for one */
	bool to_journal;               /* stderr is the journal: lines get a priority */
	bool stopping;
	uint8_t in[AID_IPC_FRAME_MAX];
	uint8_t out[AID_IPC_FRAME_MAX];
};

/* server.c: the socket and the loop. */
int server_start(struct fetch *fetch, int listener, int signals, struct aid_error *err) AID_WUR;
/* Until SIGTERM. */
void server_run(struct fetch *fetch);
void server_stop(struct fetch *fetch);
/* Sends the frame, or keeps a copy until the socket has room; a client that cannot take it any more is
 * closed later, by the loop. */
void client_send(struct client *client, const struct aid_writer *frame);
void client_send_error(struct fetch *fetch, struct client *client, uint32_t id,
	const struct aid_error *err);
/* Of AID_MSG_RETIRE: how many tokens were revoked, and why not (NULL: they were). */
void client_send_done(struct fetch *fetch, struct client *client, uint32_t id, int64_t count,
	const char *remark);
struct job_list *client_jobs(struct client *client);

/* sign.c: AID_MSG_SIGN, answered at once. */
void sign(struct fetch *fetch, struct client *client, const struct aid_frame *frame, const int *fds,
	size_t n_fds);

/* What AID_MSG_ISSUED carries. Wipes the frame afterwards. */
struct issued {
	const struct aid_secret *token;
	int64_t expires_wall_ms;
	const char *jti; /* "" for none */
	bool renewable;
};
void client_send_issued(struct fetch *fetch, struct client *client, uint32_t id,
	const struct issued *issued);

/* What AID_MSG_VERIFIED carries. */
struct verified {
	const char *claims; /* JSON */
	size_t length;
	const char *issuer;
	const char *subject; /* NULL: not printable */
	const char *token_id;
	int64_t expires_wall_ms;
};
void client_send_verified(struct fetch *fetch, struct client *client, uint32_t id,
	const struct verified *verified);

/* AID_MSG_ROTATE_STEP. */
void client_send_step(struct fetch *fetch, struct client *client, uint32_t id, const char *name,
	int64_t elapsed_ms, const char *remark);
/* What AID_MSG_ROTATED carries. Times are of the wall clock; 0: not known. */
struct rotated {
	const char *result;
	const char *sentence;
	int64_t rotated_wall_ms, next_wall_ms;
};
void client_send_rotated(struct fetch *fetch, struct client *client, uint32_t id,
	const struct rotated *rotated);

/* judge.c: AID_MSG_JUDGE. Answers now or later, exactly once, unless the client goes first. */
void judge_start(struct fetch *fetch, struct client *client, const struct aid_frame *frame,
	const int *fds, size_t n_fds);

/* say.c: one line on stderr. Foreign text is quoted. */
enum say_level { SAY_ERROR = 3, SAY_WARNING = 4, SAY_INFO = 6 };
void say(const struct fetch *fetch, enum say_level level, const char *op, const char *subject,
	int status, const char *detail);

#endif
