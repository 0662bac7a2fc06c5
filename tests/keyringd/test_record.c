/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "../unit/unit.h"

#include "ipc.h"
#include "record.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
