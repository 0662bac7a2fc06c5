/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "serve.h"

#include "credential.h"
#include "ipc.h"
#include "names.h"
#include "secret.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define REQUEST_BYTES 256U
#define HELLO_BYTES 64U
#define ERROR_BYTES 512U
#define ANSWER_BYTES (CREDENTIAL_MAX + 128U)
#define QUIET_MS 5000 /* until the request has to be there */

static void answer_error(int fd, uint32_t id, unsigned int version, const struct aid_error *err)
{
	uint8_t buffer[ERROR_BYTES];
	struct aid_writer writer;

	aid_writer_begin(&writer, buffer, sizeof(buffer), AID_MSG_ERROR, id);
	aid_writer_speak(&writer, version);
	aid_writer_error(&writer, err);
	if (aid_writer_end(&writer) == AID_OK)
		(void)!aid_ipc_send(fd, buffer, writer.length, NULL, 0, NULL);
}

void serve_client_refuse(int fd, const char *why)
{
	struct aid_error err = AID_ERROR_INIT;

	(void)aid_fail(&err, AID_E_BUSY, "%s", why);
	answer_error(fd, 0, aid_ipc_versions.max, &err);
}

static int say_hello(int fd, uint8_t challenge[AID_CHALLENGE_BYTES], struct aid_error *err)
{
	uint8_t buffer[HELLO_BYTES];
	struct aid_writer writer;

	if (getrandom(challenge, AID_CHALLENGE_BYTES, 0) != AID_CHALLENGE_BYTES)
		return aid_fail(err, AID_E_IO, "no random bytes");
	aid_writer_begin(&writer, buffer, sizeof(buffer), AID_MSG_HELLO, 0);
	aid_writer_bytes(&writer, AID_TAG_CHALLENGE, challenge, AID_CHALLENGE_BYTES);
	if (aid_writer_end(&writer) != AID_OK)
		return aid_fail(err, AID_E_IO, "a greeting over %u bytes", HELLO_BYTES);
	return aid_ipc_send(fd, buffer, writer.length, NULL, 0, err);
}

static int check_request(const struct aid_frame *request, const uint8_t challenge[AID_CHALLENGE_BYTES],
	char name[64], struct aid_error *err)
{
	uint8_t said[AID_CHALLENGE_BYTES];
	int r;

	if (request->type != AID_MSG_READ)
		return aid_fail(err, AID_E_DENIED,
			"message %d: this socket gives the credentials of one session and does nothing else",
			(int)request->type);
	r = aid_frame_bytes(request, AID_TAG_CHALLENGE, said, sizeof(said), err);
	if (r != AID_OK)
		return r;
	/* It proves no secret, but that the request was sent after the peer was looked at. */
	if (memcmp(said, challenge, sizeof(said)) != 0)
		return aid_fail(err, AID_E_DENIED, "the request does not repeat what it was greeted with");
	r = aid_frame_text_required(request, AID_TAG_NAME, name, 64, err);
	if (r == AID_OK && !name_is_credential(name))
		return aid_fail(err, AID_E_INVALID, "'%s' is no name of a credential", name);
	return r;
}

static int answer_credential(int fd, const struct aid_frame *request, const struct credential *credential,
	struct aid_error *err)
{
	struct aid_writer writer;
	char *buffer;
	size_t room;
	AID_AUTO(aid_secret) *frame = aid_secret_new(ANSWER_BYTES);

	if (frame == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	buffer = aid_secret_tail(frame, &room);
	aid_writer_begin(&writer, buffer, room, AID_MSG_CREDENTIAL, request->id);
	aid_writer_speak(&writer, request->version);
	aid_writer_bytes(&writer, AID_TAG_SECRET, credential->bytes, credential->length);
	if (credential->expires_s > 0)
		aid_writer_int(&writer, AID_TAG_EXPIRES_MS, credential->expires_s * 1000);
	if (aid_writer_end(&writer) != AID_OK)
		return aid_fail(err, AID_E_TOOBIG, "the answer is over %u bytes", ANSWER_BYTES);
	return aid_ipc_send(fd, buffer, writer.length, NULL, 0, err);
}

/* A credential that is not there is an answer like any other. */
static int answer(int fd, const struct aid_frame *request, const char *name, struct aid_error *err)
{
	struct aid_error why = AID_ERROR_INIT;
	struct credential *credential = calloc(1, sizeof(*credential));
	int r;

	if (credential == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	r = credential_read_here(name, 0, credential, &why);
	if (r == AID_OK)
		r = answer_credential(fd, request, credential, err);
	else
		answer_error(fd, request->id, request->version, &why);
	credential_wipe(credential);
	free(credential);
	return r == AID_OK || why.status != AID_OK ? AID_OK : r;
}

static int serve_request(int fd, const struct serve_peer *peer, struct aid_error *err)
{
	uint8_t challenge[AID_CHALLENGE_BYTES], buffer[REQUEST_BYTES];
	struct aid_frame request = {0};
	char name[64];
	size_t length = 0;
	int r = say_hello(fd, challenge, err);

	if (r == AID_OK)
		r = serve_peer_receive(fd, peer, buffer, sizeof(buffer), &length, err);
	if (r == AID_OK)
		r = aid_frame_parse(buffer, length, &request, err);
	if (r == AID_E_VERSION) {
		uint8_t refusal[ERROR_BYTES];
		struct aid_writer writer;

		aid_writer_refusal(&writer, refusal, sizeof(refusal), &request, err);
		if (aid_writer_end(&writer) == AID_OK)
			(void)!aid_ipc_send(fd, refusal, writer.length, NULL, 0, NULL);
		return r;
	}
	if (r == AID_OK)
		r = check_request(&request, challenge, name, err);
	if (r == AID_OK)
		return answer(fd, &request, name, err);
	answer_error(fd, request.id, aid_ipc_versions.max, err);
	return r;
}

int serve_client(int fd, pid_t ancestor, struct serve_peer *ret_peer, struct aid_error *err)
{
	struct serve_peer peer = {.pidfd = -1};
	int r = aid_ipc_limit_receive(fd, QUIET_MS, err);

	if (r == AID_OK)
		r = serve_peer_of(fd, &peer, err);
	if (r == AID_OK && ancestor != 0)
		r = serve_peer_descends(&peer, ancestor, err);
	if (r == AID_OK)
		r = serve_request(fd, &peer, err);
	else
		answer_error(fd, 0, aid_ipc_versions.max, err);
	if (peer.pidfd >= 0)
		(void)close(peer.pidfd);
	peer.pidfd = -1;
	*ret_peer = peer;
	return r;
}
