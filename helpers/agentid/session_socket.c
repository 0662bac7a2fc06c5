/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "session_socket.h"

#include "clock.h"
#include "ipc.h"
#include "secret.h"

#include <string.h>

#define REQUEST_BYTES 256U
#define HELLO_BYTES 1024U
#define REQUEST_ID 1U
#define CONNECT_MS 5000
#define ANSWER_MS 30000

bool session_socket_is_there(void)
{
	return access(AID_SESSION_SOCKET_PATH, F_OK) == 0;
}

static int read_hello(int fd, uint8_t challenge[AID_CHALLENGE_BYTES], struct aid_error *err)
{
	uint8_t buffer[HELLO_BYTES];
	struct aid_frame hello;
	size_t length, n_fds;
	int r = aid_ipc_recv(fd, buffer, sizeof(buffer), &length, NULL, 0, &n_fds, err);

	if (r == AID_OK)
		r = aid_frame_parse(buffer, length, &hello, err);
	if (r != AID_OK)
		return r;
	if (hello.type == AID_MSG_ERROR) {
		struct aid_error said = AID_ERROR_INIT;

		aid_frame_error(&hello, err != NULL ? err : &said);
		return err != NULL ? err->status : said.status;
	}
	if (hello.type != AID_MSG_HELLO)
		return aid_fail(err, AID_E_PROTOCOL, "message %d in place of a greeting", (int)hello.type);
	return aid_frame_bytes(&hello, AID_TAG_CHALLENGE, challenge, AID_CHALLENGE_BYTES, err);
}

static int take_credential(const struct aid_frame *reply, struct credential *credential, struct aid_error *err)
{
	const struct aid_field *secret = &reply->fields[AID_TAG_SECRET];
	int64_t expires_ms = 0;
	int r = AID_OK;

	if (reply->type != AID_MSG_CREDENTIAL || secret->bytes == NULL || secret->length > CREDENTIAL_MAX)
		return aid_fail(err, AID_E_PROTOCOL, "message %d with %zu bytes in place of a credential",
			(int)reply->type, secret->length);
	if (aid_frame_has(reply, AID_TAG_EXPIRES_MS))
		r = aid_frame_int(reply, AID_TAG_EXPIRES_MS, 0, INT64_MAX, &expires_ms, err);
	if (r != AID_OK)
		return r;
	memcpy(credential->bytes, secret->bytes, secret->length);
	credential->length = secret->length;
	credential->expires_s = expires_ms / 1000;
	return AID_OK;
}

static int call(int fd, const char *name, const uint8_t challenge[AID_CHALLENGE_BYTES],
	struct credential *credential, struct aid_error *err)
{
	uint8_t request[REQUEST_BYTES];
	struct aid_writer writer;
	struct aid_frame reply;
	char *buffer;
	size_t room;
	AID_AUTO(aid_secret) *answer = aid_secret_new(AID_IPC_FRAME_MAX);
	int r;

	if (answer == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	buffer = aid_secret_tail(answer, &room);
	aid_writer_begin(&writer, request, sizeof(request), AID_MSG_READ, REQUEST_ID);
	aid_writer_bytes(&writer, AID_TAG_CHALLENGE, challenge, AID_CHALLENGE_BYTES);
	aid_writer_text(&writer, AID_TAG_NAME, name);
	if (aid_writer_end(&writer) != AID_OK)
		return aid_fail(err, AID_E_INVALID, "the request has more than %u bytes", REQUEST_BYTES);
	r = aid_ipc_call(fd, &writer, buffer, room, aid_clock_boot_ms() + ANSWER_MS, &reply, err);
	return r == AID_OK ? take_credential(&reply, credential, err) : r;
}

int session_socket_read(const char *name, struct credential *ret_credential, struct aid_error *err)
{
	uint8_t challenge[AID_CHALLENGE_BYTES];
	AID_FD(fd);
	int r = aid_ipc_connect(AID_SESSION_SOCKET_PATH, CONNECT_MS, &fd, err);

	if (r == AID_E_UNREACHABLE)
		return aid_prefix(err, "agentid serve does not answer");
	if (r == AID_OK)
		r = aid_ipc_limit_receive(fd, CONNECT_MS, err);
	if (r == AID_OK)
		r = read_hello(fd, challenge, err);
	return r == AID_OK ? call(fd, name, challenge, ret_credential, err) : r;
}
