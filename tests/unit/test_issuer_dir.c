/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "issuer_dir.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KID_B "b-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb_bb"
#define KID_C "ccccccccccccccccccccccccccccccccccccccccccc"
#define NOW INT64_C(1700000000000)

static char directory[40];

static void touch(const char *name)
{
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
}

static void drop(const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	assert_int_equal(unlink(path), 0);
}

static int set_up(void **state)
{
	(void)state;
	memcpy(directory, "/tmp/agentid-issuer-XXXXXX", 27);
	return mkdtemp(directory) == NULL;
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(directory);
}

static void test_names(void **state)
{
	static const char *const passed_over[] = {
		"README", "1700000000-" KID_A ".pem.tmp.12", "1700000000-" KID_A, ".pem",
		"1700000000" KID_A ".pem", "x1700000000-" KID_A ".pem", "-1-" KID_A ".pem",
		"1700000000-" KID_A "a.pem", "1700000000-aaa.pem", "99999999999999-" KID_A ".pem",
		"1700000000-aaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaa.pem", "-" KID_A ".pem",
	};
	struct aid_issuer_keys keys;
	struct aid_error err = AID_ERROR_INIT;
	char name[AID_ISSUER_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(passed_over); i++)
		touch(passed_over[i]);
	assert_ok(aid_issuer_list(directory, NOW, &keys, &err), &err);
	assert_int_equal(keys.count, 0);
	for (size_t i = 0; i < COUNT_OF(passed_over); i++)
		drop(passed_over[i]);
	assert_int_equal(aid_issuer_key_name(NOW, KID_B, name), AID_OK);
	assert_string_equal(name, "1700000000-" KID_B ".pem");
	touch(name);
	assert_ok(aid_issuer_list(directory, NOW, &keys, &err), &err);
	assert_int_equal(keys.count, 1);
	assert_string_equal(keys.items[0].kid, KID_B);
	assert_string_equal(keys.items[0].name, name);
	assert_int_equal(keys.items[0].activates_wall_ms, NOW);
	drop(name);
	assert_int_equal(aid_issuer_key_name(NOW, "short", name), AID_E_INVALID);
	assert_int_equal(aid_issuer_key_name(NOW, KID_A "/", name), AID_E_INVALID);
	assert_int_equal(aid_issuer_key_name(-1, KID_A, name), AID_E_INVALID);
	assert_int_equal(aid_issuer_key_name(INT64_MAX, KID_A, name), AID_E_INVALID);
}

#define FIRST "1699000000-" KID_C ".pem"
#define SECOND "1700000000-" KID_A ".pem"
#define THIRD "1700086400-" KID_B ".pem"

/* One key's life: waiting, active, retiring, retired; and which key signs. */
static void test_life(void **state)
{
	static const struct {
		int64_t now_ms;
		enum aid_issuer_key_state states[3];
		const char *signs;
		int64_t next_ms;
	} rows[] = {
		{INT64_C(1698999999999), {AID_ISSUER_KEY_WAITING, AID_ISSUER_KEY_WAITING,
			AID_ISSUER_KEY_WAITING}, FIRST, INT64_C(1699000000000)},
		{0, {AID_ISSUER_KEY_WAITING, AID_ISSUER_KEY_WAITING, AID_ISSUER_KEY_WAITING}, FIRST,
			INT64_C(1699000000000)},
		{INT64_C(1699000000000), {AID_ISSUER_KEY_ACTIVE, AID_ISSUER_KEY_WAITING,
			AID_ISSUER_KEY_WAITING}, FIRST, NOW},
		{NOW - 1, {AID_ISSUER_KEY_ACTIVE, AID_ISSUER_KEY_WAITING, AID_ISSUER_KEY_WAITING}, FIRST, NOW},
		{NOW, {AID_ISSUER_KEY_RETIRING, AID_ISSUER_KEY_ACTIVE, AID_ISSUER_KEY_WAITING}, SECOND,
			INT64_C(1700086400000)},
		{NOW + 4199999, {AID_ISSUER_KEY_RETIRING, AID_ISSUER_KEY_ACTIVE, AID_ISSUER_KEY_WAITING},
			SECOND, INT64_C(1700086400000)},
		{NOW + 4200000, {AID_ISSUER_KEY_RETIRED, AID_ISSUER_KEY_ACTIVE, AID_ISSUER_KEY_WAITING},
			SECOND, INT64_C(1700086400000)},
		{INT64_C(1700086400000), {AID_ISSUER_KEY_RETIRED, AID_ISSUER_KEY_RETIRING,
			AID_ISSUER_KEY_ACTIVE}, THIRD, INT64_MAX},
		{INT64_C(1900000000000), {AID_ISSUER_KEY_RETIRED, AID_ISSUER_KEY_RETIRED,
			AID_ISSUER_KEY_ACTIVE}, THIRD, INT64_MAX},
	};
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	touch(SECOND);
	touch(THIRD);
	touch(FIRST);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char path[AID_ISSUER_PATH_SIZE], expected[256];
		struct aid_issuer_keys keys;
		int64_t next = -1;

		assert_ok(aid_issuer_list(directory, rows[i].now_ms, &keys, &err), &err);
		assert_int_equal(keys.count, 3);
		for (size_t k = 0; k < 3; k++)
			assert_int_equal(keys.items[k].state, rows[i].states[k]);
		assert_int_equal(keys.items[2].retires_wall_ms, INT64_MAX);
		assert_ok(aid_issuer_select(directory, rows[i].now_ms, path, &next, &err), &err);
		(void)snprintf(expected, sizeof(expected), "%s/%s", directory, rows[i].signs);
		assert_string_equal(path, expected);
		assert_true(next == rows[i].next_ms);
	}
	drop(FIRST);
	drop(SECOND);
	drop(THIRD);
}

static void test_nothing(void **state)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_issuer_keys keys;
	char path[AID_ISSUER_PATH_SIZE];
	int64_t next;

	(void)state;
	assert_failed(aid_issuer_select(directory, NOW, path, &next, &err), AID_E_NOTFOUND, &err,
		"no signing key (agentid issuer init makes one)");
	assert_failed(aid_issuer_list("/nonexistent/issuer", NOW, &keys, &err), AID_E_NOTFOUND, &err,
		"no such directory");
	assert_failed(aid_issuer_list("/dev/null", NOW, &keys, &err), AID_E_IO, &err, "Not a directory");
}

static void test_limit(void **state)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_issuer_keys keys;
	char name[AID_ISSUER_NAME_SIZE];

	(void)state;
	for (int64_t i = 0; i <= AID_ISSUER_KEYS_MAX; i++) {
		assert_int_equal(aid_issuer_key_name(NOW + i * 1000, KID_A, name), AID_OK);
		touch(name);
		if (i == AID_ISSUER_KEYS_MAX - 1)
			assert_ok(aid_issuer_list(directory, NOW, &keys, &err), &err);
	}
	assert_failed(aid_issuer_list(directory, NOW, &keys, &err), AID_E_TOOBIG, &err, "over 16 keys");
	for (int64_t i = 0; i <= AID_ISSUER_KEYS_MAX; i++) {
		assert_int_equal(aid_issuer_key_name(NOW + i * 1000, KID_A, name), AID_OK);
		drop(name);
	}
}

static void test_state_names(void **state)
{
	(void)state;
	assert_string_equal(aid_issuer_key_state_name(AID_ISSUER_KEY_WAITING), "waiting");
	assert_string_equal(aid_issuer_key_state_name(AID_ISSUER_KEY_ACTIVE), "active");
	assert_string_equal(aid_issuer_key_state_name(AID_ISSUER_KEY_RETIRING), "retiring");
	assert_string_equal(aid_issuer_key_state_name(AID_ISSUER_KEY_RETIRED), "retired");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names), cmocka_unit_test(test_life),
		cmocka_unit_test(test_nothing), cmocka_unit_test(test_limit),
		cmocka_unit_test(test_state_names),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
