/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "ask.h"

#include "cleanup.h"
#include "clock.h"
#include "ipc.h"
#include "keyring.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define REQUEST_BYTES 256U
#define ANSWER_BYTES 2048U
#define REQUEST_ID 1U
#define AGAIN_MS 20

static int read_cookie(uint8_t cookie[AID_COOKIE_BYTES], struct aid_error *err)
{
	aid_serial ring, key;
	size_t length = 0;
	int r = aid_ring_find(&ring, err);

	if (r == AID_OK)
		r = aid_ring_key(ring, AID_KEY_COOKIE, &key, err);
	if (r == AID_OK)
		r = aid_key_read(key, cookie, AID_COOKIE_BYTES, &length, err);
	if (r == AID_OK && length != AID_COOKIE_BYTES)
		return aid_fail(err, AID_E_PROTOCOL, AID_KEY_COOKIE " has %zu bytes, not %d", length,
			AID_COOKIE_BYTES);
	return r;
}

bool ask_has_cookie(void)
{
	uint8_t cookie[AID_COOKIE_BYTES];
	int r = read_cookie(cookie, NULL);

	explicit_bzero(cookie, sizeof(cookie));
	return r == AID_OK;
}

/* The cookie is for root alone. */
static int check_peer(int fd, struct aid_error *err)
{
	struct aid_peer peer;
	int r = aid_ipc_peer(fd, &peer, err);

	if (r == AID_OK && peer.uid != 0)
		return aid_fail(err, AID_E_UNTRUSTED, "%s is served by uid %u, not by root",
			AID_SOCKET_PATH, peer.uid);
	return r;
}

static int write_request(struct aid_writer *writer, uint8_t request[REQUEST_BYTES], const char *name,
	struct aid_error *err)
{
	uint8_t cookie[AID_COOKIE_BYTES];
	int r = read_cookie(cookie, err);

	if (r != AID_OK)
		return r;
	aid_writer_begin(writer, request, REQUEST_BYTES, AID_MSG_GET, REQUEST_ID);
	aid_writer_bytes(writer, AID_TAG_COOKIE, cookie, sizeof(cookie));
	aid_writer_text(writer, AID_TAG_NAME, name);
	explicit_bzero(cookie, sizeof(cookie));
	return aid_writer_end(writer) == AID_OK
		? AID_OK
		: aid_fail(err, AID_E_INVALID, "the request has more than %u bytes", REQUEST_BYTES);
}

/* *ret_hung_up: the daemon closed the connection and did not say why. */
static int call(struct aid_writer *writer, int64_t deadline_ms, bool *ret_hung_up, struct aid_error *err)
{
	uint8_t answer[ANSWER_BYTES] = {0};
	struct aid_frame frame;
	AID_FD(fd);
	int r = aid_ipc_connect(AID_SOCKET_PATH, ASK_TIMEOUT_MS, &fd, err);

	*ret_hung_up = false;
	if (r == AID_E_UNREACHABLE)
		return aid_prefix(err, "agentid-keyringd does not run");
	if (r == AID_OK)
		r = check_peer(fd, err);
	if (r == AID_OK)
		r = aid_ipc_call(fd, writer, answer, sizeof(answer), deadline_ms, &frame, err);
	*ret_hung_up = r == AID_E_UNREACHABLE && fd >= 0 && answer[0] == 0;
	if (r == AID_OK && frame.type != AID_MSG_DONE)
		return aid_fail(err, AID_E_PROTOCOL, "unexpected answer of type %d", (int)frame.type);
	return r;
}

int ask_for_credential(const char *name, struct aid_error *err)
{
	const struct timespec pause = {.tv_nsec = AGAIN_MS * 1000000L};
	int64_t deadline_ms = aid_clock_boot_ms() + ASK_TIMEOUT_MS;
	uint8_t request[REQUEST_BYTES];
	struct aid_writer writer;
	bool hung_up;
	int r = write_request(&writer, request, name, err);

	/* The daemon hangs up on an account that has too many connections at once. */
	while (r == AID_OK) {
		r = call(&writer, deadline_ms, &hung_up, err);
		if (!hung_up || aid_clock_boot_ms() >= deadline_ms)
			break;
		(void)nanosleep(&pause, NULL);
		r = AID_OK;
		aid_writer_speak(&writer, aid_ipc_versions.max);
	}
	explicit_bzero(request, sizeof(request));
	return r;
}

void ask_tell_used(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = AID_SOCKET_PATH};
	uint8_t request[REQUEST_BYTES];
	struct aid_writer writer;
	AID_FD(fd);

	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
		check_peer(fd, NULL) != AID_OK || write_request(&writer, request, name, NULL) != AID_OK)
		return;
	(void)!aid_ipc_send(fd, request, writer.length, NULL, 0, NULL);
	explicit_bzero(request, sizeof(request));
}
