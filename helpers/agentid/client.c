/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "client.h"

#include "cleanup.h"
#include "clock.h"

#include <stdlib.h>

#define REQUEST_BYTES 512U
#define REQUEST_ID 1U

static int connect_to_root(int64_t timeout_ms, int *ret_fd, struct aid_error *err)
{
	struct aid_peer peer;
	AID_FD(fd);
	int r = aid_ipc_connect(AID_SOCKET_PATH, CLIENT_TIMEOUT_MS, &fd, err);

	if (r == AID_OK)
		r = aid_ipc_limit_receive(fd, timeout_ms, err);
	if (r == AID_OK)
		r = aid_ipc_peer(fd, &peer, err);
	if (r == AID_OK && peer.uid != 0)
		return aid_fail(err, AID_E_UNTRUSTED, "%s is served by uid %u, not by root",
			AID_SOCKET_PATH, peer.uid);
	if (r == AID_E_UNREACHABLE)
		return aid_prefix(err, "agentid-keyringd does not run");
	if (r == AID_OK)
		*ret_fd = aid_steal_fd(&fd);
	return r;
}

static int send_request(int fd, const struct client_question *question, unsigned int version,
	struct aid_error *err)
{
	uint8_t request[REQUEST_BYTES];
	struct aid_writer writer;

	aid_writer_begin(&writer, request, sizeof(request), question->type, REQUEST_ID);
	aid_writer_speak(&writer, version);
	aid_writer_text(&writer, AID_TAG_AGENT, question->agent);
	if (question->dry_run)
		aid_writer_int(&writer, AID_TAG_DRY_RUN, 1);
	if (aid_writer_end(&writer) != AID_OK)
		return aid_fail(err, AID_E_INVALID, "the request has more than %u bytes", REQUEST_BYTES);
	return aid_ipc_send(fd, request, writer.length, NULL, 0, err);
}

static int receive(int fd, int64_t timeout_ms, uint8_t *buffer, struct aid_frame *ret_frame,
	struct aid_error *err)
{
	size_t length;
	size_t n_fds;
	int r = aid_ipc_recv(fd, buffer, AID_IPC_FRAME_MAX, &length, NULL, 0, &n_fds, err);

	if (r == AID_E_TIMEOUT)
		return aid_fail(err, AID_E_TIMEOUT, "%s: no answer within %lld s", AID_SOCKET_PATH,
			(long long)timeout_ms / 1000);
	if (r != AID_OK)
		return aid_prefix(err, AID_SOCKET_PATH);
	r = aid_frame_parse(buffer, length, ret_frame, err);
	if (r == AID_OK && ret_frame->id != REQUEST_ID)
		return aid_fail(err, AID_E_PROTOCOL, "answer to request %u, not to %u", ret_frame->id,
			REQUEST_ID);
	return r;
}

static int read_done(const struct aid_frame *frame, struct client_done *ret_done, struct aid_error *err)
{
	struct client_done done;
	int r = client_int(frame, AID_TAG_COUNT_OF, 0, &done.count, err);

	if (r == AID_OK)
		r = aid_frame_text(frame, AID_TAG_TEXT, done.note, sizeof(done.note), err);
	if (r == AID_OK && ret_done != NULL)
		*ret_done = done;
	return r;
}

/* *ret_common is the version to ask again in, or 0. */
static int read_answer(int fd, int64_t timeout_ms, client_visit visit, void *context, struct client_done *ret_done,
	unsigned int *ret_common, struct aid_error *err)
{
	int64_t deadline = aid_clock_boot_ms() + timeout_ms;
	AID_FREE uint8_t *buffer = malloc(AID_IPC_FRAME_MAX);
	struct aid_frame frame;

	if (buffer == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	for (;;) {
		int r = receive(fd, timeout_ms, buffer, &frame, err);

		if (r != AID_OK)
			return r;
		if (frame.type == AID_MSG_ERROR) {
			*ret_common = aid_frame_agree(&frame, err);
			return err->status;
		}
		if (frame.type == AID_MSG_DONE)
			return read_done(&frame, ret_done, err);
		if (visit == NULL)
			return aid_fail(err, AID_E_PROTOCOL, "unexpected answer of type %d",
				(int)frame.type);
		r = visit(context, &frame, err);
		if (r != AID_OK)
			return r;
		if (aid_clock_boot_ms() > deadline)
			return aid_fail(err, AID_E_TIMEOUT, "%s: the answer took more than %lld s",
				AID_SOCKET_PATH, (long long)timeout_ms / 1000);
	}
}

int client_ask(enum aid_msg type, const char *agent, client_visit visit, void *context,
	struct client_done *ret_done, struct aid_error *err)
{
	const struct client_question question = {.type = type, .agent = agent,
		.timeout_ms = CLIENT_TIMEOUT_MS};

	return client_ask_for(&question, visit, context, ret_done, err);
}

int client_ask_for(const struct client_question *question, client_visit visit, void *context,
	struct client_done *ret_done, struct aid_error *err)
{
	int64_t timeout_ms = question->timeout_ms;
	AID_FD(fd);
	unsigned int version = aid_ipc_versions.max, common = 0;
	int r = connect_to_root(timeout_ms, &fd, err);

	if (r == AID_OK)
		r = send_request(fd, question, version, err);
	if (r == AID_OK)
		r = read_answer(fd, timeout_ms, visit, context, ret_done, &common, err);
	if (r != AID_E_VERSION || common == 0 || common == version)
		return r;
	*err = AID_ERROR_INIT;
	r = send_request(fd, question, common, err);
	if (r == AID_OK)
		r = read_answer(fd, timeout_ms, visit, context, ret_done, &common, err);
	return r;
}

int client_int(const struct aid_frame *frame, enum aid_tag tag, int64_t fallback, int64_t *ret_value,
	struct aid_error *err)
{
	if (!aid_frame_has(frame, tag)) {
		*ret_value = fallback;
		return AID_OK;
	}
	return aid_frame_int(frame, tag, INT64_MIN, INT64_MAX, ret_value, err);
}

int client_texts(const struct aid_frame *frame, const struct client_text *texts, size_t count,
	struct aid_error *err)
{
	for (size_t i = 0; i < count; i++) {
		int r = aid_frame_text(frame, texts[i].tag, texts[i].out, texts[i].size, err);

		if (r != AID_OK)
			return r;
	}
	return AID_OK;
}
