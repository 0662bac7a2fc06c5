/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* One question to agentid-keyringd, and its answer of any number of frames. */
#ifndef AID_CLIENT_H
#define AID_CLIENT_H

#include "error.h"
#include "ipc.h"

#include <stdbool.h>
#include <stdint.h>

#define CLIENT_TIMEOUT_MS 10000

/* Called for each frame before the last one. Anything but AID_OK ends the call with it. */
typedef int (*client_visit)(void *context, const struct aid_frame *frame, struct aid_error *err);

/* The AID_MSG_DONE: 0 and "" where it says nothing. */
struct client_done {
	int64_t count;
	char note[256]; /* what did not go as asked, though the rest did */
};

/* Asks for type, about agent (NULL: none named), and waits until AID_MSG_DONE. An AID_MSG_ERROR becomes
 * its error. visit may be NULL where no frames are expected, ret_done where it does not matter.
 * AID_E_UNREACHABLE and AID_E_TIMEOUT name the socket. */
int client_ask(enum aid_msg type, const char *agent, client_visit visit, void *context,
	struct client_done *ret_done, struct aid_error *err) AID_WUR;

/* The same with what few questions need. */
struct client_question {
	enum aid_msg type;
	const char *agent;   /* NULL: none named */
	bool dry_run;
	int64_t timeout_ms;
};
int client_ask_for(const struct client_question *question, client_visit visit, void *context,
	struct client_done *ret_done, struct aid_error *err) AID_WUR;

/* A field that may be absent: fallback then. */
int client_int(const struct aid_frame *frame, enum aid_tag tag, int64_t fallback, int64_t *ret_value,
	struct aid_error *err) AID_WUR;

/* Several texts; an absent one is "". */
struct client_text {
	enum aid_tag tag;
	char *out;
	size_t size;
};
int client_texts(const struct aid_frame *frame, const struct client_text *texts, size_t count,
	struct aid_error *err) AID_WUR;

#endif
