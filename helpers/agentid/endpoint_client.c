/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "endpoint.h"

#include "aws.h"
#include "clock.h"
#include "endpoint_request.h"
#include "ipc.h"
#include "jsonout.h"
#include "jsonscan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define HEAD_SIZE 256U
#define ANSWER_BYTES (CREDENTIAL_MAX + 128U)
#define QUIET_MS 5000 /* until the request has to be there */
#define DRAIN_MS 1000
#define DRAIN_BYTES 4096U
#define DRAIN_MAX 16U

static const struct {
	int code;
	const char *reason;
} reasons[] = {
	{200, "OK"},
	{400, "Bad Request"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{408, "Request Timeout"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{503, "Service Unavailable"},
};

static const char *reason_of(int code)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].code == code)
			return reasons[i].reason;
	}
	return "Error";
}

static void send_all(int fd, const char *bytes, size_t length, int flags)
{
	while (length > 0) {
		ssize_t put = send(fd, bytes, length, MSG_NOSIGNAL | flags);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return;
		bytes += put;
		length -= (size_t)put;
	}
}

static void answer(int fd, int code, const char *body, size_t length)
{
	char head[HEAD_SIZE];
	int head_length = snprintf(head, sizeof(head),
		"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
		"Cache-Control: no-store\r\nConnection: close\r\n%s\r\n",
		code, reason_of(code), length, code == 405 ? "Allow: GET\r\n" : "");

	send_all(fd, head, (size_t)head_length, MSG_MORE);
	send_all(fd, body, length, 0);
}

/* As the SDKs read it. */
static void answer_error(int fd, int code, const struct aid_error *err)
{
	struct jsonout json;

	if (jsonout_begin(&json, NULL) != AID_OK)
		return;
	jsonout_object(&json, NULL);
	jsonout_text(&json, "code", aid_status_name(err->status));
	jsonout_text(&json, "message", err->text);
	jsonout_object_end(&json);
	if (ferror(json.stream) == 0 && fflush(json.stream) == 0)
		answer(fd, code, json.text, json.length);
	jsonout_done(&json);
}

/* Bytes that nobody read would have the kernel reset the connection, and the answer with it. */
static void drain(int fd)
{
	char ignored[DRAIN_BYTES];
	unsigned int count = 0;

	(void)shutdown(fd, SHUT_WR);
	if (aid_ipc_limit_receive(fd, DRAIN_MS, NULL) != AID_OK)
		return;
	while (count++ < DRAIN_MAX && recv(fd, ignored, sizeof(ignored), 0) > 0)
		;
	explicit_bzero(ignored, sizeof(ignored));
}

void endpoint_client_refuse(int fd, const char *why)
{
	struct aid_error err = AID_ERROR_INIT;

	(void)aid_fail(&err, AID_E_BUSY, "%s", why);
	answer_error(fd, 503, &err);
}

/* What follows returns the HTTP status to answer with; 0: nobody is there to be answered. */

static int read_head(int fd, struct aid_secret *bytes, struct aid_error *err)
{
	int64_t deadline_ms = aid_clock_boot_ms() + QUIET_MS;

	while (!endpoint_request_is_whole(aid_secret_peek(bytes), aid_secret_length(bytes))) {
		int64_t left_ms = deadline_ms - aid_clock_boot_ms();
		size_t room;
		char *tail = aid_secret_tail(bytes, &room);
		ssize_t got;

		if (room == 0) {
			(void)aid_fail(err, AID_E_TOOBIG, "a request over %u bytes", ENDPOINT_REQUEST_MAX);
			return 431;
		}
		got = left_ms <= 0 || aid_ipc_limit_receive(fd, left_ms, err) != AID_OK ? 0 : recv(fd, tail, room, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (left_ms <= 0 || (got < 0 && errno == EAGAIN)) {
			(void)aid_fail(err, AID_E_TIMEOUT, "no whole request within %d ms", QUIET_MS);
			return 408;
		}
		if (got <= 0) {
			(void)aid_fail(err, AID_E_UNREACHABLE, "nothing was asked");
			return 0;
		}
		aid_secret_grown(bytes, (size_t)got);
	}
	return 200;
}

static int check_token(const struct endpoint *endpoint, const struct endpoint_text *said, struct aid_error *err)
{
	AID_AUTO(aid_secret) *shown = said->length == 0 ? NULL : aid_secret_from(said->at, said->length);

	if (shown != NULL && aid_secret_equal(shown, endpoint->token))
		return 200;
	(void)aid_fail(err, AID_E_DENIED, said->length == 0 ? "a request without an authorisation token"
							  : "another authorisation token than this endpoint's");
	return 403;
}

static int check_peer(const struct endpoint *endpoint, int fd, struct aid_error *err)
{
	unsigned int inode;
	uid_t uid;
	int r = endpoint_peer_of(fd, &uid, &inode, err);

	if (r == AID_OK)
		r = endpoint_peer_descends(inode, endpoint->ancestor, err);
	if (r == AID_OK)
		return 200;
	return r == AID_E_DENIED ? 403 : 500;
}

/* A page of another site that has its name lead here would show that name as the host. */
static int check_request(const struct endpoint *endpoint, int fd, const struct aid_secret *bytes, struct aid_error *err)
{
	struct endpoint_request request;
	int code;

	if (endpoint_request_parse(aid_secret_peek(bytes), aid_secret_length(bytes), &request, err) != AID_OK)
		return 400;
	if (!endpoint_text_is(&request.host, endpoint->host)) {
		(void)aid_fail(err, AID_E_DENIED, "the request is for another host than %s", endpoint->host);
		return 403;
	}
	if (!endpoint_text_is(&request.target, ENDPOINT_PATH)) {
		(void)aid_fail(err, AID_E_NOTFOUND, "another path than %s", ENDPOINT_PATH);
		return 404;
	}
	if (!endpoint_text_is(&request.method, "GET")) {
		(void)aid_fail(err, AID_E_INVALID, "another method than GET");
		return 405;
	}
	if (request.has_body) {
		(void)aid_fail(err, AID_E_PROTOCOL, "a GET with a body");
		return 400;
	}
	code = check_token(endpoint, &request.authorization, err);
	return code == 200 ? check_peer(endpoint, fd, err) : code;
}

static int code_of(int status)
{
	switch (status) {
	case AID_E_NOTFOUND:
	case AID_E_EXPIRED:
		return 404;
	case AID_E_DENIED:
	case AID_E_REVOKED:
		return 403;
	default:
		return aid_status_is_transient(status) ? 503 : 500;
	}
}

static int copy_member(const struct credential *credential, const char *from, const char *to,
	struct aid_secret *body, struct aid_error *err)
{
	const char *raw;
	char name[64];
	size_t length;

	if (jsonscan_raw(credential->bytes, credential->length, from, &raw, &length) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "it has no %s, which a container endpoint needs", from);
	for (size_t i = 0; i < length; i++) {
		if (raw[i] < 0x20 || raw[i] > 0x7e)
			return aid_fail(err, AID_E_PROTOCOL, "its %s is no printable ASCII", from);
	}
	(void)snprintf(name, sizeof(name), "%s\"%s\":\"", aid_secret_length(body) == 0 ? "{" : "\",", to);
	return aid_secret_append(body, name, strlen(name)) == AID_OK && aid_secret_append(body, raw, length) == AID_OK
		? AID_OK
		: aid_fail(err, AID_E_TOOBIG, "an answer over %u bytes", ANSWER_BYTES);
}

static int compose(const struct credential *credential, struct aid_secret *body, struct aid_error *err)
{
	static const char *const members[][2] = {{"AccessKeyId", "AccessKeyId"},
		{"SecretAccessKey", "SecretAccessKey"}, {"SessionToken", "Token"}, {"Expiration", "Expiration"}};
	int r = AID_OK;

	for (size_t i = 0; r == AID_OK && i < sizeof(members) / sizeof(members[0]); i++)
		r = copy_member(credential, members[i][0], members[i][1], body, err);
	return r == AID_OK ? aid_secret_append(body, "\"}", 2) : r;
}

static int answer_credential(const struct endpoint *endpoint, int fd, struct aid_error *err)
{
	AID_AUTO(aid_secret) *body = aid_secret_new(ANSWER_BYTES);
	struct credential *credential = calloc(1, sizeof(*credential));
	int r = AID_E_NOMEM;

	if (body == NULL || credential == NULL) {
		(void)aid_fail(err, AID_E_NOMEM, "out of memory");
	} else {
		r = aws_read(endpoint->credential, credential, err);
		if (r == AID_OK)
			r = compose(credential, body, err);
		credential_wipe(credential);
	}
	free(credential);
	if (r != AID_OK)
		return code_of(r);
	answer(fd, 200, aid_secret_peek(body), aid_secret_length(body));
	return 200;
}

int endpoint_client(const struct endpoint *endpoint, int fd, struct aid_error *err)
{
	AID_AUTO(aid_secret) *bytes = aid_secret_new(ENDPOINT_REQUEST_MAX);
	int code;

	if (bytes == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	code = read_head(fd, bytes, err);
	if (code == 200)
		code = check_request(endpoint, fd, bytes, err);
	if (code == 200)
		code = answer_credential(endpoint, fd, err);
	if (code == 200)
		return AID_OK;
	if (code == 0)
		return AID_E_UNREACHABLE;
	answer_error(fd, code, err);
	drain(fd);
	return err->status;
}
