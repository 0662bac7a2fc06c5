/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "../unit/unit.h"

#include "agent.h"
#include "sessions.h"
#include "str.h"

#include <stdio.h>

#define N 3000

static struct kd_session *make(uint32_t number)
{
	const char *const texts[KD_N_TEXTS] = {"sshd", NULL, "pts/1", ""};
	struct kd_session *session = kd_session_new(texts);

	assert_non_null(session);
	/* Many share their first bytes, so that chains get long. */
	memset(session->id, 0, sizeof(session->id));
	session->id[0] = (uint8_t)number;
	session->id[6] = (uint8_t)(number >> 8);
	memset(session->cookie, (int)(number % 7), sizeof(session->cookie));
	memcpy(session->cookie + 20, &number, sizeof(number));
	session->ring = (aid_serial)(number * 16 + 1);
	session->state = KD_LIVE;
	return session;
}

static void check_found(const struct kd_sessions *table, const struct kd_session *s, bool there)
{
	const struct kd_session *want = there ? s : NULL;

	assert_ptr_equal(kd_sessions_by_id(table, s->id), want);
	assert_ptr_equal(kd_sessions_by_cookie(table, s->cookie), want);
	assert_ptr_equal(kd_sessions_by_ring(table, s->ring), want);
	if (there)
		assert_ptr_equal(kd_sessions_by_slot(table, s->slot), s);
}

static void test_table(void **state)
{
	static struct kd_session *all[N];
	struct kd_sessions table = {0};
	struct kd_session *again;

	(void)state;
	for (uint32_t i = 0; i < N; i++) {
		all[i] = make(i);
		check_found(&table, all[i], false);
		assert_int_equal(kd_sessions_add(&table, all[i]), AID_OK);
	}
	assert_int_equal(table.count, N);
	for (uint32_t i = 0; i < N; i++)
		check_found(&table, all[i], true);
	for (uint32_t i = 0; i < N; i += 2)
		kd_sessions_remove(&table, all[i]);
	for (uint32_t i = 0; i < N; i++)
		check_found(&table, all[i], i % 2 == 1);
	/* The lowest free slot is taken again, so that the table stays dense. */
	again = all[0];
	assert_int_equal(kd_sessions_add(&table, again), AID_OK);
	assert_int_equal(again->slot, 0);
	assert_null(kd_sessions_by_slot(&table, UINT32_MAX));
	for (uint32_t i = 2; i < N; i += 2)
		kd_session_free(all[i]);
	kd_sessions_done(&table);
}

/* A cookie that differs in one bit anywhere is another one. */
static void test_cookie(void **state)
{
	struct kd_sessions table = {0};
	struct kd_session *session = make(1);
	uint8_t cookie[AID_COOKIE_BYTES];

	(void)state;
	assert_int_equal(kd_sessions_add(&table, session), AID_OK);
	for (size_t bit = 0; bit < 8 * sizeof(cookie); bit++) {
		memcpy(cookie, session->cookie, sizeof(cookie));
		cookie[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_null(kd_sessions_by_cookie(&table, cookie));
	}
	assert_ptr_equal(kd_sessions_by_cookie(&table, session->cookie), session);
	kd_sessions_done(&table);
}

static void test_texts(void **state)
{
	struct kd_session *session = make(1);

	(void)state;
	assert_string_equal(kd_session_text(session, KD_SERVICE), "sshd");
	assert_string_equal(kd_session_text(session, KD_RHOST), "");
	assert_string_equal(kd_session_text(session, KD_TTY), "pts/1");
	assert_string_equal(kd_session_text(session, KD_INVOCATION), "");
	kd_session_free(session);
	kd_session_free(NULL);
}

static void test_state_and_record(void **state)
{
	struct kd_session *s = make(5);
	struct kd_agent agent = {.id = "a", .account = "svc"};
	struct aid_record record;

	(void)state;
	s->agent = &agent;
	s->expires_boot_ms = 1000;
	assert_string_equal(kd_session_state_name(s, 999), "fresh");
	s->failures = 1;
	assert_string_equal(kd_session_state_name(s, 999), "retrying");
	assert_string_equal(kd_session_state_name(s, 1000), "expired");
	s->state = KD_TAMPERED;
	assert_string_equal(kd_session_state_name(s, 999), "tampered");
	s->state = KD_OPENING;
	assert_string_equal(kd_session_state_name(s, 999), "opening");
	kd_session_set_error(s, "one");
	kd_session_set_error(s, "two");
	assert_string_equal(s->last_error, "two");
	memcpy(s->token_id, "0123456789abcdef", sizeof(s->token_id));
	kd_session_record(s, &record);
	assert_string_equal(record.session, "0500000000000000");
	assert_string_equal(record.agent, "a");
	assert_string_equal(record.account, "svc");
	assert_string_equal(record.tty, "pts/1");
	assert_string_equal(record.token_id, "0123456789abcdef");
	assert_int_equal(record.expires_boot_ms, 1000);
	kd_session_free(s);
}

/* Ten thousand must fit: what a session costs is watched. */
static void test_size(void **state)
{
	(void)state;
	assert_true(sizeof(struct kd_session) <= 560);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_cookie),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_state_and_record),
		cmocka_unit_test(test_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
