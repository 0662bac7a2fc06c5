/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "session.h"

#include "cleanup.h"
#include "clock.h"
#include "ipc.h"
#include "log.h"
#include "str.h"

#include <string.h>

#define REQUEST_BYTES 2048U
#define REPLY_BYTES 4096U
#define ACCOUNT_SIZE 64U /* as in struct aid_record */
#define SERVICE_SIZE 64U
#define RHOST_SIZE 128U
#define TTY_SIZE 64U
#define REQUEST_ID 1U

/* Asks keyringd one thing; the reply's fields point into buffer. */
static int call(const char *socket, struct aid_writer *request, int64_t deadline_boot_ms,
	uint8_t *buffer, size_t size, struct aid_frame *ret_reply, struct aid_error *err)
{
	AID_FD(fd);
	struct aid_peer peer;
	int r;

	r = aid_ipc_connect(socket, deadline_boot_ms - aid_clock_boot_ms(), &fd, err);
	if (r != AID_OK)
		return r;
	r = aid_ipc_peer(fd, &peer, err);
	if (r != AID_OK)
		return r;
	if (peer.uid != 0)
		return aid_fail(err, AID_E_UNTRUSTED, "%s is served by uid %u, not by root", socket,
			peer.uid);
	return aid_ipc_call(fd, request, buffer, size, deadline_boot_ms, ret_reply, err);
}

/* Text of strangers: made printable and cut to what the record keeps. */
static void write_foreign(struct aid_writer *writer, enum aid_tag tag, const char *text,
	char *scratch, size_t size)
{
	if (text != NULL && text[0] != '\0')
		aid_writer_text(writer, tag, aid_log_quote(text, scratch, size));
}

static int write_open(const struct aid_session_request *request,
	const struct aid_ring_place *place, struct aid_writer *writer, uint8_t *buffer,
	struct aid_error *err)
{
	char service[SERVICE_SIZE], rhost[RHOST_SIZE], tty[TTY_SIZE];

	if (!aid_str_is_printable(request->account) || strlen(request->account) >= ACCOUNT_SIZE)
		return aid_fail(err, AID_E_INVALID,
			"account name '%.64s' is not printable or has over %u bytes", request->account,
			ACCOUNT_SIZE - 1);
	aid_writer_begin(writer, buffer, REQUEST_BYTES, AID_MSG_OPEN, REQUEST_ID);
	aid_writer_text(writer, AID_TAG_ACCOUNT, request->account);
	aid_writer_text(writer, AID_TAG_AGENT, request->agent);
	aid_writer_int(writer, AID_TAG_UID, request->uid);
	aid_writer_int(writer, AID_TAG_RING, place->ring);
	if (place->invocation[0] != '\0')
		aid_writer_text(writer, AID_TAG_INVOCATION, place->invocation);
	aid_writer_int(writer, AID_TAG_TIMEOUT_MS, request->timeout_ms);
	write_foreign(writer, AID_TAG_SERVICE, request->service, service, sizeof(service));
	write_foreign(writer, AID_TAG_RHOST, request->rhost, rhost, sizeof(rhost));
	write_foreign(writer, AID_TAG_TTY, request->tty, tty, sizeof(tty));
	if (aid_writer_end(writer) != AID_OK)
		return aid_fail(err, AID_E_TOOBIG, "request over %u bytes", REQUEST_BYTES);
	return AID_OK;
}

static int read_opened(const struct aid_frame *reply, struct aid_session *session,
	struct aid_error *err)
{
	int r;

	if (reply->type != AID_MSG_OPENED)
		return aid_fail(err, AID_E_PROTOCOL, "message %u in answer to an open", reply->type);
	r = aid_frame_text_required(reply, AID_TAG_SESSION, session->id, sizeof(session->id), err);
	if (r != AID_OK)
		return r;
	r = aid_frame_text_required(reply, AID_TAG_AGENT, session->agent, sizeof(session->agent), err);
	if (r != AID_OK)
		return r;
	r = aid_frame_int(reply, AID_TAG_EXPIRES_MS, 0, INT64_MAX, &session->expires_wall_ms, err);
	if (r != AID_OK)
		return r;
	return aid_frame_bytes(reply, AID_TAG_COOKIE, session->cookie, sizeof(session->cookie), err);
}

static int fill_ring(const struct aid_session_request *request,
	const struct aid_ring_place *place, int64_t deadline_boot_ms, struct aid_session *session,
	struct aid_error *err)
{
	uint8_t out[REQUEST_BYTES], in[REPLY_BYTES];
	struct aid_writer writer;
	struct aid_frame reply;
	int r = write_open(request, place, &writer, out, err);

	if (r != AID_OK)
		return r;
	r = call(request->socket, &writer, deadline_boot_ms, in, sizeof(in), &reply, err);
	if (r == AID_OK)
		r = read_opened(&reply, session, err);
	explicit_bzero(in, sizeof(in)); /* the cookie */
	return r;
}

int aid_session_open(const struct aid_session_request *request, struct aid_session *ret_session,
	struct aid_error *err)
{
	int64_t deadline_boot_ms = aid_clock_boot_ms() + request->timeout_ms;
	struct aid_session session = {0};
	struct aid_ring_place place;
	int r;

	/* Before asking: also a session that stays without a token must not go on in the session
	 * keyring of the process it comes from, which may be another agent's. */
	r = aid_ring_place(request->uid, &place, err);
	if (r != AID_OK)
		return r;
	session.ring = place.ring;
	session.joined = place.joined;
	r = fill_ring(request, &place, deadline_boot_ms, &session, err);
	if (r != AID_OK)
		aid_ring_abandon(place.ring);
	else
		*ret_session = session;
	explicit_bzero(session.cookie, sizeof(session.cookie));
	return r;
}

static int read_cookie(aid_serial ring, uint8_t cookie[AID_COOKIE_BYTES], struct aid_error *err)
{
	aid_serial key;
	size_t length;
	int r = aid_ring_key(ring, AID_KEY_COOKIE, &key, err);

	if (r != AID_OK)
		return r;
	r = aid_key_read(key, cookie, AID_COOKIE_BYTES, &length, err);
	if (r != AID_OK)
		return r;
	if (length != AID_COOKIE_BYTES)
		return aid_fail(err, AID_E_PROTOCOL, "cookie of %zu bytes, wanted %d", length,
			AID_COOKIE_BYTES);
	return AID_OK;
}

static int tell_closed(const char *socket, const uint8_t cookie[AID_COOKIE_BYTES],
	int64_t deadline_boot_ms, struct aid_error *err)
{
	uint8_t out[REQUEST_BYTES], in[REPLY_BYTES];
	struct aid_writer writer;
	struct aid_frame reply;
	int r;

	aid_writer_begin(&writer, out, sizeof(out), AID_MSG_CLOSE, REQUEST_ID);
	aid_writer_bytes(&writer, AID_TAG_COOKIE, cookie, AID_COOKIE_BYTES);
	r = aid_writer_end(&writer);
	if (r == AID_OK)
		r = call(socket, &writer, deadline_boot_ms, in, sizeof(in), &reply, err);
	explicit_bzero(out, sizeof(out));
	if (r == AID_OK && reply.type != AID_MSG_DONE)
		return aid_fail(err, AID_E_PROTOCOL, "message %u in answer to a close", reply.type);
	return r;
}

int aid_session_cookie(aid_serial *ret_ring, uint8_t cookie[AID_COOKIE_BYTES], struct aid_error *err)
{
	int r = aid_ring_find(ret_ring, err);

	if (r == AID_OK)
		r = read_cookie(*ret_ring, cookie, err);
	if (r == AID_E_REVOKED || r == AID_E_EXPIRED)
		return aid_fail(err, AID_E_NOTFOUND, "the session has ended already");
	return r;
}

int aid_session_close(const char *socket, const struct aid_session *session, int64_t timeout_ms,
	struct aid_error *err)
{
	int64_t deadline_boot_ms = aid_clock_boot_ms() + timeout_ms;
	uint8_t cookie[AID_COOKIE_BYTES];
	aid_serial ring;
	int r;

	if (session == NULL) {
		r = aid_session_cookie(&ring, cookie, err);
		if (r != AID_OK)
			return r;
	} else {
		ring = session->ring;
		memcpy(cookie, session->cookie, sizeof(cookie));
	}
	r = tell_closed(socket, cookie, deadline_boot_ms, err);
	explicit_bzero(cookie, sizeof(cookie));
	/* Root can end the keys without the daemon, which then finds the ring gone. */
	if (r != AID_OK && r != AID_E_NOTFOUND && geteuid() == 0 && aid_ring_check(ring, NULL) == AID_OK)
		aid_ring_revoke(0, ring);
	return r;
}
