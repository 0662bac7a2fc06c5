/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "../unit/unit.h"

#include "ipc.h"
#include "record.h"
#include "str.h"

static struct aid_record example(void)
{
	return (struct aid_record){.session = "0123456789abcdef", .agent = "a", .account = "svc",
		.uid = 1001, .service = "sshd", .rhost = "host", .tty = "pts/0",
		.invocation = "00112233445566778899aabbccddeeff", .leader = 17, .leader_start = 4711,
		.opened_wall_ms = 1, .expires_wall_ms = 2, .expires_boot_ms = 3, .lifetime_ms = 4,
		.received_boot_ms = 5, .refreshes = 6, .token_id = "fedcba9876543210"};
}

static void test_round_trip(void **state)
{
	struct aid_record in = example(), out;
	struct aid_error err = AID_ERROR_INIT;
	uint8_t bytes[AID_RECORD_MAX];
	size_t length;

	(void)state;
	assert_ok(aid_record_encode(&in, bytes, sizeof(bytes), &length, &err), &err);
	assert_ok(aid_record_decode(bytes, length, &out, &err), &err);
	assert_memory_equal(&in, &out, sizeof(in));
	in.rhost[0] = in.tty[0] = in.invocation[0] = '\0';
	memset(&in.rhost, 0, sizeof(in.rhost));
	memset(&in.tty, 0, sizeof(in.tty));
	memset(&in.invocation, 0, sizeof(in.invocation));
	assert_ok(aid_record_encode(&in, bytes, sizeof(bytes), &length, &err), &err);
	assert_ok(aid_record_decode(bytes, length, &out, &err), &err);
	assert_memory_equal(&in, &out, sizeof(in));
}

/* The longest texts fit into what a meta key may hold. */
static void test_largest(void **state)
{
	struct aid_record in = example();
	struct aid_error err = AID_ERROR_INIT;
	uint8_t bytes[AID_RECORD_MAX];
	size_t length;

	(void)state;
	memset(in.agent, 'a', sizeof(in.agent) - 1);
	memset(in.account, 'a', sizeof(in.account) - 1);
	memset(in.service, 'a', sizeof(in.service) - 1);
	memset(in.rhost, 'a', sizeof(in.rhost) - 1);
	memset(in.tty, 'a', sizeof(in.tty) - 1);
	assert_ok(aid_record_encode(&in, bytes, sizeof(bytes), &length, &err), &err);
	assert_failed(aid_record_encode(&in, bytes, length - 1, &length, &err), AID_E_TOOBIG, &err,
		"over 1024 bytes");
}

static void test_every_cut_is_refused(void **state)
{
	struct aid_record in = example(), out;
	struct aid_error err = AID_ERROR_INIT;
	uint8_t bytes[AID_RECORD_MAX];
	size_t length;

	(void)state;
	assert_ok(aid_record_encode(&in, bytes, sizeof(bytes), &length, &err), &err);
	for (size_t cut = 0; cut < length; cut++)
		assert_int_equal(aid_record_decode(bytes, cut, &out, NULL), AID_E_PROTOCOL);
	memset(bytes, 'x', sizeof(bytes));
	assert_failed(aid_record_decode(bytes, AID_RECORD_MAX + 1, &out, &err), AID_E_TOOBIG, &err,
		"at most 1024");
}

static int decode_changed(void (*change)(struct aid_record *record), struct aid_error *err)
{
	struct aid_record record = example();
	uint8_t bytes[AID_RECORD_MAX];
	size_t length;

	change(&record);
	assert_ok(aid_record_encode(&record, bytes, sizeof(bytes), &length, err), err);
	return aid_record_decode(bytes, length, &record, err);
}

static void no_agent(struct aid_record *r) { r->agent[0] = '\0'; }
static void odd_agent(struct aid_record *r) { r->agent[0] = '/'; }
static void odd_session(struct aid_record *r) { r->session[3] = 'X'; }
static void short_session(struct aid_record *r) { r->session[15] = '\0'; }
static void odd_token_id(struct aid_record *r) { r->token_id[0] = 'g'; }
static void odd_service(struct aid_record *r) { r->service[0] = '\n'; }
static void no_leader(struct aid_record *r) { r->leader = 0; }
static void early(struct aid_record *r) { r->expires_wall_ms = -1; }

static void test_odd_values(void **state)
{
	const struct {
		void (*change)(struct aid_record *record);
		const char *sentence;
	} cases[] = {{no_agent, "is missing"}, {odd_agent, "agent id"}, {odd_session, "hexadecimal"},
		{short_session, "hexadecimal"}, {odd_token_id, "hexadecimal"},
		{odd_service, "printable"}, {no_leader, "allowed 1"}, {early, "allowed 0"}};
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_failed(decode_changed(cases[i].change, &err), AID_E_PROTOCOL, &err,
			cases[i].sentence);
}

/* What the first release wrote, byte by byte: it is read for ever. */
static void test_format_1(void **state)
{
	static const char hex[] =
		"414401001200000000000000dd0000000d00100030313233343536373839616263646566060001006107"
		"00030073766308000800e90300000000000009000400737368640a000400686f73740b0005007074732f"
		"300f00200030303131323233333434353536363737383839396161626263636464656566661600080011"
		"000000000000003800080067120000000000001300080001000000000000001200080002000000000000"
		"003900080003000000000000001500080004000000000000003a00080005000000000000001900080006"
		"000000000000002400100066656463626139383736353433323130";
	struct aid_record out, wanted = example();
	struct aid_error err = AID_ERROR_INIT;
	uint8_t bytes[sizeof(hex) / 2];

	(void)state;
	assert_int_equal(aid_str_unhex(hex, bytes, sizeof(bytes)), AID_OK);
	assert_ok(aid_record_decode(bytes, sizeof(bytes), &out, &err), &err);
	assert_memory_equal(&wanted, &out, sizeof(wanted));
}

/* A record of another format, with fields that this release does not know. */
static size_t foreign(uint8_t *bytes, size_t size, unsigned int format, int64_t needs, bool whole)
{
	struct aid_record record = example();
	struct aid_writer writer;
	struct aid_error err = AID_ERROR_INIT;
	size_t length;

	assert_ok(aid_record_encode(&record, bytes, size, &length, &err), &err);
	writer = (struct aid_writer){.buffer = bytes, .capacity = size, .length = length};
	/* Without its last field, the token's id. */
	if (!whole)
		writer.length -= 4 + sizeof(record.token_id) - 1;
	aid_writer_speak(&writer, format);
	aid_writer_text(&writer, (enum aid_tag)900, "of another time");
	if (needs != 0)
		aid_writer_int(&writer, AID_TAG_RECORD_NEEDS, needs);
	assert_int_equal(aid_writer_end(&writer), AID_OK);
	return writer.length;
}

static void test_formats(void **state)
{
	static const struct {
		unsigned int format;
		int64_t needs;
		bool whole;
		int status;
		const char *sentence;
	} rows[] = {
		{1, 0, true, AID_OK, ""},
		{2, 0, true, AID_OK, ""},
		{65535, 1, true, AID_OK, ""},
		{7, 5, true, AID_E_VERSION,
			"session 0123456789abcdef of agent a: session record of format 7 needs a reader of "
			"format 5, this one knows 1"},
		{7, 0, false, AID_E_PROTOCOL, "session 0123456789abcdef of agent a: frame: text 36 is missing"},
		{0, 0, true, AID_E_PROTOCOL, "session record of format 0"},
		{7, -1, true, AID_E_PROTOCOL, "allowed 1 to 65535"},
		{7, 65536, true, AID_E_PROTOCOL, "allowed 1 to 65535"},
	};
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint8_t bytes[AID_RECORD_MAX];
		struct aid_record out = {.refreshes = 99}, in = example();
		size_t length = foreign(bytes, sizeof(bytes), rows[i].format, rows[i].needs, rows[i].whole);
		int r = aid_record_decode(bytes, length, &out, &err);

		if (rows[i].status == AID_OK) {
			assert_ok(r, &err);
			assert_memory_equal(&in, &out, sizeof(in));
			continue;
		}
		assert_failed(r, rows[i].status, &err, rows[i].sentence);
		assert_int_equal(out.refreshes, 99);
	}
}

static void test_other_frames(void **state)
{
	struct aid_record out;
	struct aid_writer writer;
	struct aid_error err = AID_ERROR_INIT;
	uint8_t bytes[64];

	(void)state;
	aid_writer_begin(&writer, bytes, sizeof(bytes), AID_MSG_DONE, 0);
	assert_int_equal(aid_writer_end(&writer), AID_OK);
	assert_failed(aid_record_decode(bytes, writer.length, &out, &err), AID_E_PROTOCOL, &err,
		"frame type");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_every_cut_is_refused),
		cmocka_unit_test(test_odd_values),
		cmocka_unit_test(test_other_frames),
		cmocka_unit_test(test_format_1),
		cmocka_unit_test(test_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
