/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "verify_call.h"

#include "clock.h"
#include "ipc.h"
#include "session.h"
#include "trusts.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#define REQUEST_ID 1U
#define ISSUERS_SIZE ((size_t)AID_TRUSTS_MAX * (AID_TRUST_ISSUER_MAX + 1))
#define MARGIN_MS 100
#define PAUSE_MIN_MS 5U
#define PAUSE_PARTS 60U /* milliseconds among which those who were told "busy" spread */

_Static_assert(AID_VERIFY_PROOF_MAX + AID_TOKEN_MAX + AID_VERIFY_CERTIFICATE_MAX + ISSUERS_SIZE +
		AID_VERIFY_URI_MAX + 2048 <= AID_IPC_FRAME_MAX, "one request is one frame");

static int check_size(const char *what, size_t length, size_t max, struct aid_error *err)
{
	if (length < 1 || length > max)
		return aid_fail(err, AID_E_TOOBIG, "%s of %zu bytes, 1 to %zu are allowed", what, length, max);
	return AID_OK;
}

static int check_issuers(const char *const *issuers, struct aid_error *err)
{
	if (issuers[0] == NULL)
		return aid_fail(err, AID_E_INVALID, "no issuer is named");
	for (size_t i = 0; issuers[i] != NULL; i++) {
		size_t length = strlen(issuers[i]);

		if (i == AID_TRUSTS_MAX)
			return aid_fail(err, AID_E_TOOBIG, "over %u issuers", AID_TRUSTS_MAX);
		if (length < 1 || length > AID_TRUST_ISSUER_MAX || strchr(issuers[i], ' ') != NULL)
			return aid_fail(err, AID_E_INVALID, "'%.80s' is no issuer of 1 to %u bytes without blanks",
				issuers[i], AID_TRUST_ISSUER_MAX);
	}
	return AID_OK;
}

static int check(const struct aid_verify_request *request, struct aid_error *err)
{
	int r = check_size("a token", request->token_length, AID_TOKEN_MAX, err);

	if (r == AID_OK)
		r = check_size("an audience", strlen(request->audience), AID_VERIFY_PIN_MAX, err);
	if (r == AID_OK && request->subject != NULL)
		r = check_size("a subject", strlen(request->subject), AID_VERIFY_PIN_MAX, err);
	if (r == AID_OK && request->certificate != NULL)
		r = check_size("a certificate", strlen(request->certificate), AID_VERIFY_CERTIFICATE_MAX, err);
	if (r == AID_OK && request->issuers != NULL)
		r = check_issuers(request->issuers, err);
	if (r != AID_OK || request->proof == NULL)
		return r;
	if (request->method == NULL || request->uri == NULL)
		return aid_fail(err, AID_E_INVALID, "a DPoP proof is for one method and URI: give both");
	r = check_size("a DPoP proof", strlen(request->proof), AID_VERIFY_PROOF_MAX, err);
	if (r == AID_OK)
		r = check_size("a method", strlen(request->method), AID_VERIFY_METHOD_MAX, err);
	if (r == AID_OK)
		r = check_size("a URI", strlen(request->uri), AID_VERIFY_URI_MAX, err);
	return r;
}

/* They have been checked. */
static void write_issuers(const char *const *issuers, struct aid_writer *writer)
{
	char text[ISSUERS_SIZE];
	size_t used = 0;

	for (size_t i = 0; i < AID_TRUSTS_MAX && issuers[i] != NULL; i++) {
		size_t length = strlen(issuers[i]);

		if (i > 0)
			text[used++] = ' ';
		memcpy(text + used, issuers[i], length);
		used += length;
	}
	text[used] = '\0';
	aid_writer_text(writer, AID_TAG_ISSUERS, text);
}

static int write_cookie(struct aid_writer *writer, struct aid_error *err)
{
	uint8_t cookie[AID_COOKIE_BYTES];
	aid_serial ring;
	int r = aid_session_cookie(&ring, cookie, err);

	if (r == AID_E_NOTFOUND)
		return aid_fail(err, r, "no issuer is named, and there is no agent session here whose issuer "
			"could be meant");
	if (r == AID_OK)
		aid_writer_bytes(writer, AID_TAG_COOKIE, cookie, sizeof(cookie));
	explicit_bzero(cookie, sizeof(cookie));
	return r;
}

/* The daemon waits a little less than we do, so that its sentence arrives. */
static int64_t time_for_daemon(int64_t deadline_boot_ms)
{
	int64_t left_ms = deadline_boot_ms - aid_clock_boot_ms() - MARGIN_MS;

	return left_ms > AID_VERIFY_TIMEOUT_MIN_MS ? left_ms : AID_VERIFY_TIMEOUT_MIN_MS;
}

static int write_request(const struct aid_verify_request *request, int64_t deadline_boot_ms,
	struct aid_writer *writer, struct aid_error *err)
{
	int r = AID_OK;

	if (request->issuers != NULL)
		write_issuers(request->issuers, writer);
	else
		r = write_cookie(writer, err);
	if (r != AID_OK)
		return r;
	aid_writer_text(writer, AID_TAG_AUDIENCE, request->audience);
	aid_writer_text(writer, AID_TAG_SUBJECT, request->subject);
	aid_writer_int(writer, AID_TAG_MAX_LIFETIME_MS, request->max_lifetime_ms);
	aid_writer_int(writer, AID_TAG_TIMEOUT_MS, time_for_daemon(deadline_boot_ms));
	if (request->proof != NULL) {
		aid_writer_bytes(writer, AID_TAG_PROOF, request->proof, strlen(request->proof));
		aid_writer_text(writer, AID_TAG_METHOD, request->method);
		aid_writer_text(writer, AID_TAG_URI, request->uri);
	}
	if (request->certificate != NULL)
		aid_writer_bytes(writer, AID_TAG_CERTIFICATE, request->certificate,
			strlen(request->certificate));
	aid_writer_bytes(writer, AID_TAG_SECRET, request->token, request->token_length);
	return AID_OK;
}

static int read_verified(const struct aid_frame *reply, struct aid_verified *verified,
	struct aid_error *err)
{
	const struct aid_field *claims = &reply->fields[AID_TAG_CLAIMS];
	int r;

	if (reply->type != AID_MSG_VERIFIED)
		return aid_fail(err, AID_E_PROTOCOL, "message %d in answer to a verification",
			(int)reply->type);
	if (claims->length < 2 || claims->length > AID_CLAIMS_MAX)
		return aid_fail(err, AID_E_PROTOCOL, "claims of %zu bytes", claims->length);
	r = aid_frame_text_required(reply, AID_TAG_ISSUER, verified->issuer, sizeof(verified->issuer), err);
	if (r == AID_OK)
		r = aid_frame_text(reply, AID_TAG_SUBJECT, verified->subject, sizeof(verified->subject), err);
	if (r == AID_OK)
		r = aid_frame_text_required(reply, AID_TAG_TOKEN_ID, verified->token_id,
			sizeof(verified->token_id), err);
	if (r == AID_OK)
		r = aid_frame_int(reply, AID_TAG_EXPIRES_MS, 0, INT64_MAX, &verified->expires_wall_ms, err);
	if (r != AID_OK)
		return r;
	verified->claims = aid_secret_from(claims->bytes, claims->length);
	return verified->claims != NULL ? AID_OK : aid_fail(err, AID_E_NOMEM, "out of memory");
}

/* *ret_lost: the daemon was there and went away, or had no room for one more connection. */
static int ask_once(const struct aid_verify_request *request, struct aid_secret *frame,
	int64_t deadline_boot_ms, struct aid_verified *verified, bool *ret_lost, struct aid_error *err)
{
	struct aid_writer writer;
	struct aid_frame reply;
	struct aid_peer peer;
	AID_FD(fd);
	size_t room;
	char *buffer, *answer;
	int r;

	*ret_lost = false;
	aid_secret_clear(frame);
	buffer = aid_secret_tail(frame, &room);
	r = aid_ipc_connect(request->socket, deadline_boot_ms - aid_clock_boot_ms(), &fd, err);
	if (r == AID_OK)
		r = aid_ipc_peer(fd, &peer, err);
	if (r != AID_OK)
		return r;
	/* That says nothing about the token, as AID_E_UNTRUSTED would. */
	if (peer.uid != 0)
		return aid_fail(err, AID_E_UNREACHABLE, "%s is served by uid %u, not by root", request->socket,
			peer.uid);
	aid_writer_begin(&writer, buffer, room / 2, AID_MSG_VERIFY, REQUEST_ID);
	r = write_request(request, deadline_boot_ms, &writer, err);
	if (r != AID_OK)
		return r;
	if (aid_writer_end(&writer) != AID_OK)
		return aid_fail(err, AID_E_TOOBIG, "the request is over %u bytes", AID_IPC_FRAME_MAX);
	answer = buffer + room / 2;
	answer[0] = '\0'; /* no frame begins so */
	r = aid_ipc_call(fd, &writer, answer, room / 2, deadline_boot_ms, &reply, err);
	*ret_lost = (r == AID_E_UNREACHABLE || r == AID_E_IO) && answer[0] == '\0';
	if (r != AID_OK)
		return r;
	r = read_verified(&reply, verified, err);
	/* It is the daemon that cannot be understood, not the token. */
	if (r != AID_OK && r != AID_E_NOMEM && err != NULL)
		err->status = AID_E_UNREACHABLE;
	return r != AID_OK && r != AID_E_NOMEM ? AID_E_UNREACHABLE : r;
}

/* Neither the provider's own "busy", which a person should see, nor anything else. */
static bool may_pass(int r, bool lost, const struct aid_error *err)
{
	return lost || (r == AID_E_BUSY && err->http_status == 0);
}

static void pause_before(unsigned int attempt)
{
	unsigned int spread = ((unsigned int)getpid() * 31U + (unsigned int)aid_clock_boot_ms()) % PAUSE_PARTS;

	(void)poll(NULL, 0, (int)(PAUSE_MIN_MS + spread + (attempt < 20 ? attempt * 5 : 100)));
}

int aid_verify_call(const struct aid_verify_request *request, struct aid_verified *ret_verified,
	struct aid_error *err)
{
	int64_t deadline = aid_clock_boot_ms() + request->timeout_ms;
	struct aid_verified verified = {0};
	struct aid_error why = AID_ERROR_INIT;
	AID_AUTO(aid_secret) *frame = NULL;
	int r = check(request, err);

	if (r != AID_OK)
		return r;
	frame = aid_secret_new((size_t)2 * AID_IPC_FRAME_MAX);
	if (frame == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	for (unsigned int attempt = 0;; attempt++) {
		bool lost = false;

		r = ask_once(request, frame, deadline, &verified, &lost, &why);
		if (r == AID_OK) {
			*ret_verified = verified;
			return AID_OK;
		}
		if (!may_pass(r, lost, &why) || deadline - aid_clock_boot_ms() < (int64_t)2 * PAUSE_PARTS) {
			if (err != NULL)
				*err = why;
			return r;
		}
		pause_before(attempt);
	}
}

void aid_verified_done(struct aid_verified *verified)
{
	aid_secret_free(verified->claims);
	verified->claims = NULL;
}
