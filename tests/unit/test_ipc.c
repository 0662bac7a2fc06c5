/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "cleanup.h"
#include "clock.h"
#include "ipc.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

static size_t frame(uint8_t *buffer, size_t capacity)
{
	struct aid_writer writer;

	aid_writer_begin(&writer, buffer, capacity, AID_MSG_OPEN, 77);
	aid_writer_text(&writer, AID_TAG_ACCOUNT, "bot");
	aid_writer_text(&writer, AID_TAG_SERVICE, "");
	aid_writer_text(&writer, AID_TAG_TTY, NULL);
	aid_writer_int(&writer, AID_TAG_RING, INT64_MIN);
	aid_writer_bytes(&writer, AID_TAG_COOKIE, "\0\1", 2);
	return aid_writer_end(&writer) == AID_OK ? writer.length : 0;
}

static void test_round_trip(void **state)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_frame parsed;
	uint8_t buffer[128], cookie[2];
	char text[8];
	int64_t value;

	(void)state;
	assert_ok(aid_frame_parse(buffer, frame(buffer, sizeof(buffer)), &parsed, &err), &err);
	assert_int_equal(parsed.type, AID_MSG_OPEN);
	assert_int_equal(parsed.id, 77);
	assert_true(aid_frame_has(&parsed, AID_TAG_SERVICE));
	assert_false(aid_frame_has(&parsed, AID_TAG_TTY));
	assert_ok(aid_frame_int(&parsed, AID_TAG_RING, INT64_MIN, -1, &value, &err), &err);
	assert_true(value == INT64_MIN);
	assert_failed(aid_frame_int(&parsed, AID_TAG_RING, 0, 9, &value, &err), AID_E_PROTOCOL, &err,
		"allowed 0 to 9");
	assert_failed(aid_frame_int(&parsed, AID_TAG_ACCOUNT, 0, 9, &value, &err), AID_E_PROTOCOL, &err,
		"is missing");
	assert_failed(aid_frame_int(&parsed, AID_TAG_PID, 0, 9, &value, &err), AID_E_PROTOCOL, &err,
		"is missing");
	assert_ok(aid_frame_text(&parsed, AID_TAG_ACCOUNT, text, 4, &err), &err);
	assert_string_equal(text, "bot");
	assert_failed(aid_frame_text(&parsed, AID_TAG_ACCOUNT, text, 3, &err), AID_E_PROTOCOL, &err,
		"has 3 bytes, at most 2");
	assert_failed(aid_frame_text(&parsed, AID_TAG_COOKIE, text, 8, &err), AID_E_PROTOCOL, &err,
		"not printable");
	assert_ok(aid_frame_text(&parsed, AID_TAG_TTY, text, 8, &err), &err);
	assert_string_equal(text, "");
	assert_failed(aid_frame_text_required(&parsed, AID_TAG_TTY, text, 8, &err), AID_E_PROTOCOL, &err,
		"is missing");
	assert_failed(aid_frame_text_required(&parsed, AID_TAG_SERVICE, text, 8, &err), AID_E_PROTOCOL,
		&err, "is missing");
	assert_ok(aid_frame_bytes(&parsed, AID_TAG_COOKIE, cookie, 2, &err), &err);
	assert_failed(aid_frame_bytes(&parsed, AID_TAG_COOKIE, cookie, 1, &err), AID_E_PROTOCOL, &err,
		"not 1 bytes long");
	assert_failed(aid_frame_bytes(&parsed, AID_TAG_TTY, cookie, 1, &err), AID_E_PROTOCOL, &err,
		"not 1 bytes long");
}

static void test_every_cut(void **state)
{
	struct aid_error err = AID_ERROR_INIT;
	uint8_t buffer[128];
	size_t length = frame(buffer, sizeof(buffer));

	(void)state;
	for (size_t n = 0; n < length; n++) {
		struct aid_frame parsed;

		assert_int_equal(aid_frame_parse(buffer, n, &parsed, &err), AID_E_PROTOCOL);
	}
	for (size_t n = 0; n < length; n++)
		assert_int_equal(frame(buffer, n), 0);
}

/* One byte changed each: the header, a tag, a length. */
static void test_header(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		int status;
		const char *sentence;
	} rows[] = {
		{2, 0, AID_E_VERSION, "protocol version 0, this side speaks 1"},
		{0, 'X', AID_E_PROTOCOL, "no agentid frame"},
		{2, 9, AID_E_VERSION, "protocol version 9, this side speaks 1"},
		{6, 1, AID_E_PROTOCOL, "header does not fit"},
		{12, 1, AID_E_PROTOCOL, "header does not fit"},
		{15, 1, AID_E_PROTOCOL, "header does not fit"},
		{AID_IPC_HEADER, AID_TAG_COUNT, AID_E_PROTOCOL, "unknown field"},
		{AID_IPC_HEADER + 1, 1, AID_E_PROTOCOL, "unknown field"},
		{AID_IPC_HEADER, AID_TAG_SERVICE, AID_E_PROTOCOL, "stands twice"},
		{AID_IPC_HEADER + 3, 1, AID_E_PROTOCOL, "field of 259 bytes in"},
	};
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct aid_frame parsed = {.id = 5};
		uint8_t buffer[128];
		size_t length = frame(buffer, sizeof(buffer));

		buffer[rows[i].at] = rows[i].value;
		assert_failed(aid_frame_parse(buffer, length, &parsed, &err), rows[i].status, &err,
			rows[i].sentence);
		/* The answer to another version must carry the id of the question. */
		assert_int_equal(parsed.id, rows[i].status == AID_E_VERSION ? 77 : 5);
	}
}

/* A field that may forbid something stops a request; one that only tells more is passed over. */
static void test_unknown_fields(void **state)
{
	static const struct {
		enum aid_msg type;
		int status;
	} rows[] = {{AID_MSG_OPEN, AID_E_PROTOCOL}, {AID_MSG_SIGN, AID_E_PROTOCOL},
		{AID_MSG_RETIRE, AID_E_PROTOCOL}, {AID_MSG_OPENED, AID_OK}, {AID_MSG_ERROR, AID_OK},
		{AID_MSG_ISSUED, AID_OK}};
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct aid_writer writer;
		struct aid_frame parsed;
		uint8_t buffer[128];
		int64_t value;

		aid_writer_begin(&writer, buffer, sizeof(buffer), rows[i].type, 1);
		aid_writer_int(&writer, AID_TAG_COUNT, 1);
		aid_writer_int(&writer, (enum aid_tag)UINT16_MAX, 2);
		aid_writer_int(&writer, AID_TAG_RING, 3);
		assert_int_equal(aid_writer_end(&writer), AID_OK);
		if (rows[i].status != AID_OK) {
			assert_failed(aid_frame_parse(buffer, writer.length, &parsed, &err), rows[i].status,
				&err, "unknown field");
			continue;
		}
		assert_ok(aid_frame_parse(buffer, writer.length, &parsed, &err), &err);
		assert_ok(aid_frame_int(&parsed, AID_TAG_RING, 3, 3, &value, &err), &err);
	}
}

/* What the two sides of a refusal make of it. other is what the asker is told that the server speaks. */
static unsigned int agree(int64_t min, int64_t max, struct aid_error *err)
{
	struct aid_error refusal = {AID_E_VERSION, 0, 0, -1, "", "protocol version 1, this side speaks 7"};
	struct aid_writer writer;
	struct aid_frame parsed;
	uint8_t buffer[128];

	aid_writer_begin(&writer, buffer, sizeof(buffer), AID_MSG_ERROR, 1);
	aid_writer_speak(&writer, 7);
	aid_writer_error(&writer, &refusal);
	aid_writer_int(&writer, AID_TAG_VERSION_MIN, min);
	if (max != 0)
		aid_writer_int(&writer, AID_TAG_VERSION_MAX, max);
	assert_int_equal(aid_writer_end(&writer), AID_OK);
	assert_ok(aid_frame_parse(buffer, writer.length, &parsed, err), err);
	return aid_frame_agree(&parsed, err);
}

static void test_agree(void **state)
{
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	assert_int_equal(agree(1, 1, &err), 1);
	assert_int_equal(agree(1, 9, &err), 1);
	assert_int_equal(err.status, AID_E_VERSION);
	assert_int_equal(agree(7, 7, &err), 0);
	assert_non_null(strstr(err.text, "this side speaks 1, the other side 7;"));
	assert_int_equal(agree(2, 65535, &err), 0);
	assert_non_null(strstr(err.text, "this side speaks 1, the other side 2 to 65535;"));
	/* Nonsense is not agreed to; what was said is passed on. */
	assert_int_equal(agree(0, 1, &err), 0);
	assert_int_equal(agree(3, 2, &err), 0);
	assert_int_equal(agree(1, 65536, &err), 0);
	assert_int_equal(agree(1, 0, &err), 0);
	assert_int_equal(err.status, AID_E_VERSION);
	assert_string_equal(err.text, "protocol version 1, this side speaks 7");
}

static void test_refusal(void **state)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_writer writer;
	struct aid_frame parsed;
	uint8_t question[128], buffer[256];
	size_t length = frame(question, sizeof(question));

	(void)state;
	question[2] = 9;
	assert_int_equal(aid_frame_parse(question, length, &parsed, &err), AID_E_VERSION);
	aid_writer_refusal(&writer, buffer, sizeof(buffer), &parsed, &err);
	assert_int_equal(aid_writer_end(&writer), AID_OK);
	/* In the asker's version, as that is the one it surely reads. */
	assert_int_equal(buffer[2], 9);
	assert_ok(aid_frame_parse(buffer, writer.length, &parsed, &err), &err);
	assert_int_equal(parsed.id, 77);
	assert_int_equal(aid_frame_agree(&parsed, &err), 1);
}

static void test_version_ranges(void **state)
{
	static const struct {
		struct aid_versions one, other;
		unsigned int common;
	} rows[] = {{{1, 1}, {1, 1}, 1}, {{1, 3}, {2, 5}, 3}, {{2, 5}, {1, 3}, 3}, {{1, 3}, {4, 5}, 0},
		{{4, 5}, {1, 3}, 0}, {{1, 3}, {3, 3}, 3}, {{2, 2}, {1, 3}, 2}};
	char text[AID_VERSIONS_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(aid_versions_common(&rows[i].one, &rows[i].other), rows[i].common);
	assert_string_equal(aid_versions_text(&rows[0].one, text), "1");
	assert_string_equal(aid_versions_text(&rows[1].one, text), "1 to 3");
	assert_true(aid_ipc_versions.min >= 1 && aid_ipc_versions.min <= aid_ipc_versions.max);
}

static void test_limits(void **state)
{
	static uint8_t buffer[AID_IPC_FRAME_MAX + 64], bytes[AID_IPC_FRAME_MAX];
	struct aid_error err = AID_ERROR_INIT;
	struct aid_writer writer;
	struct aid_frame parsed;

	(void)state;
	aid_writer_begin(&writer, buffer, sizeof(buffer), AID_MSG_ISSUED, 1);
	aid_writer_bytes(&writer, AID_TAG_SECRET, bytes, AID_IPC_FRAME_MAX - AID_IPC_HEADER - 4);
	assert_int_equal(aid_writer_end(&writer), AID_OK);
	assert_int_equal(writer.length, AID_IPC_FRAME_MAX);
	assert_ok(aid_frame_parse(buffer, writer.length, &parsed, &err), &err);
	aid_writer_begin(&writer, buffer, sizeof(buffer), AID_MSG_ISSUED, 1);
	aid_writer_bytes(&writer, AID_TAG_SECRET, bytes, AID_IPC_FRAME_MAX - AID_IPC_HEADER - 3);
	assert_int_equal(aid_writer_end(&writer), AID_E_TOOBIG);
	aid_writer_begin(&writer, buffer, sizeof(buffer), AID_MSG_ISSUED, 1);
	aid_writer_bytes(&writer, AID_TAG_SECRET, bytes, 65536);
	assert_int_equal(aid_writer_end(&writer), AID_E_TOOBIG);
}

static void test_error(void **state)
{
	struct aid_error sent = {AID_E_BUSY, 11, 503, 30, "temporarily_unavailable", "later"};
	struct aid_error err = AID_ERROR_INIT;
	struct aid_writer writer;
	struct aid_frame parsed;
	uint8_t buffer[512];

	(void)state;
	aid_writer_begin(&writer, buffer, sizeof(buffer), AID_MSG_ERROR, 1);
	aid_writer_error(&writer, &sent);
	assert_int_equal(aid_writer_end(&writer), AID_OK);
	assert_ok(aid_frame_parse(buffer, writer.length, &parsed, &err), &err);
	aid_frame_error(&parsed, &err);
	assert_int_equal(err.status, AID_E_BUSY);
	assert_int_equal(err.sys_errno, 11);
	assert_int_equal(err.http_status, 503);
	assert_int_equal(err.retry_after_s, 30);
	assert_string_equal(err.oauth_code, "temporarily_unavailable");
	assert_string_equal(err.text, "later");
}

/* An error frame without a status, or one that says "ok", is an error all the same. */
static void test_error_of_nothing(void **state)
{
	static const int64_t statuses[] = {0, 1, -1000, INT64_MIN};
	struct aid_error err;
	struct aid_writer writer;
	struct aid_frame parsed;
	uint8_t buffer[64];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(statuses); i++) {
		aid_writer_begin(&writer, buffer, sizeof(buffer), AID_MSG_ERROR, 1);
		aid_writer_int(&writer, AID_TAG_STATUS, statuses[i]);
		assert_int_equal(aid_writer_end(&writer), AID_OK);
		assert_int_equal(aid_frame_parse(buffer, writer.length, &parsed, NULL), AID_OK);
		aid_frame_error(&parsed, &err);
		assert_int_equal(err.status, AID_E_PROTOCOL);
	}
	parsed = (struct aid_frame){.type = AID_MSG_ERROR};
	aid_frame_error(&parsed, &err);
	assert_int_equal(err.status, AID_E_PROTOCOL);
}

struct pair {
	int a, b;
};

static struct pair pair_new(void)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	return (struct pair){fds[0], fds[1]};
}

static void pair_done(struct pair *pair)
{
	if (pair->a >= 0)
		(void)close(pair->a);
	(void)close(pair->b);
}

static void test_descriptors(void **state)
{
	struct pair pair = pair_new();
	struct aid_error err = AID_ERROR_INIT;
	int sent[5] = {0, 0, 0, 0, 0}, got[4];
	size_t length, count = 0;
	const char zeros[8] = {0};
	char buffer[16];

	(void)state;
	assert_ok(aid_ipc_send(pair.a, "hello", 5, sent, 4, &err), &err);
	assert_ok(aid_ipc_recv(pair.b, buffer, sizeof(buffer), &length, got, 4, &count, &err), &err);
	assert_int_equal(count, 4);
	assert_int_equal(length, 5);
	for (size_t i = 0; i < count; i++) {
		assert_true((fcntl(got[i], F_GETFD) & FD_CLOEXEC) != 0);
		assert_int_equal(close(got[i]), 0);
	}
	assert_failed(aid_ipc_send(pair.a, "x", 1, sent, 5, &err), AID_E_INVALID, &err, "at most 4");
	/* More than asked for: all are closed again, the frame is refused, and nothing of it is left. */
	got[0] = -7;
	length = count = 77;
	assert_ok(aid_ipc_send(pair.a, "hello", 5, sent, 2, &err), &err);
	assert_failed(aid_ipc_recv(pair.b, buffer, sizeof(buffer), &length, got, 1, &count, &err),
		AID_E_PROTOCOL, &err, "too many descriptors");
	assert_int_equal(fcntl(pair.b + 1, F_GETFD), -1);
	assert_int_equal(got[0], -7);
	assert_memory_equal(buffer, zeros, 5);
	assert_ok(aid_ipc_send(pair.a, "longer than that", 16, NULL, 0, &err), &err);
	assert_failed(aid_ipc_recv(pair.b, buffer, 8, &length, NULL, 0, &count, &err), AID_E_PROTOCOL,
		&err, "over 8 bytes");
	assert_memory_equal(buffer, zeros, 8);
	assert_true(length == 77 && count == 77);
	pair_done(&pair);
}

static void test_states(void **state)
{
	struct pair pair = pair_new();
	struct aid_error err = AID_ERROR_INIT;
	size_t length, count;
	char buffer[16];

	(void)state;
	assert_failed(aid_ipc_recv(pair.b, buffer, sizeof(buffer), &length, NULL, 0, &count, &err),
		AID_E_BUSY, &err, "nothing to receive");
	while (aid_ipc_send(pair.a, buffer, sizeof(buffer), NULL, 0, &err) == AID_OK)
		continue;
	assert_int_equal(err.status, AID_E_BUSY);
	(void)close(pair.a);
	pair.a = -1;
	while (aid_ipc_recv(pair.b, buffer, sizeof(buffer), &length, NULL, 0, &count, &err) == AID_OK)
		continue;
	assert_int_equal(err.status, AID_E_UNREACHABLE);
	assert_failed(aid_ipc_send(pair.b, "x", 1, NULL, 0, &err), AID_E_UNREACHABLE, &err, "send");
	pair_done(&pair);
}

static void test_connect(void **state)
{
	struct aid_error err = AID_ERROR_INIT;
	char path[200];
	int fd = -1;

	(void)state;
	assert_failed(aid_ipc_connect("/nonexistent/sock", 100, &fd, &err), AID_E_UNREACHABLE, &err,
		"/nonexistent/sock");
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_failed(aid_ipc_connect(path, 100, &fd, &err), AID_E_CONFIG, &err, "socket path over 107");
	assert_int_equal(fd, -1);
}

static void test_call(void **state)
{
	struct pair pair = pair_new();
	struct aid_error err = AID_ERROR_INIT, refused = {AID_E_DENIED, 0, 0, -1, "", "no"};
	struct aid_writer request, reply;
	uint8_t question[64], answer[256], buffer[256];
	struct aid_frame parsed = {.id = 5};
	struct aid_peer peer;

	(void)state;
	aid_writer_begin(&request, question, sizeof(question), AID_MSG_LIST, 3);
	assert_int_equal(aid_writer_end(&request), AID_OK);
	assert_failed(aid_ipc_call(pair.a, &request, buffer, sizeof(buffer), aid_clock_boot_ms() - 1, &parsed,
		&err), AID_E_TIMEOUT, &err, "no answer");
	aid_writer_begin(&reply, answer, sizeof(answer), AID_MSG_ERROR, 3);
	aid_writer_error(&reply, &refused);
	assert_int_equal(aid_writer_end(&reply), AID_OK);
	assert_ok(aid_ipc_send(pair.b, answer, reply.length, NULL, 0, &err), &err);
	assert_failed(aid_ipc_call(pair.a, &request, buffer, sizeof(buffer), aid_clock_boot_ms() + 5000,
		&parsed, &err), AID_E_DENIED, &err, "no");
	assert_int_equal(parsed.id, 5);
	assert_ok(aid_ipc_peer(pair.a, &peer, &err), &err);
	assert_int_equal(peer.uid, geteuid());
	assert_int_equal(peer.pid, getpid());
	pair_done(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_header), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_unknown_fields), cmocka_unit_test(test_agree),
		cmocka_unit_test(test_refusal), cmocka_unit_test(test_version_ranges),
		cmocka_unit_test(test_error), cmocka_unit_test(test_error_of_nothing),
		cmocka_unit_test(test_descriptors), cmocka_unit_test(test_states),
		cmocka_unit_test(test_connect), cmocka_unit_test(test_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
