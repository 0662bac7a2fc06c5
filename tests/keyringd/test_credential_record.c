/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What is kept of a session's credentials over a restart. */
#include "../unit/unit.h"

#include "agent.h"
#include "credentialrecord.h"
#include "ipc.h"

#define WALL INT64_C(1790000000000)

static const struct kd_credential aws = {.key = 7, .kind = AID_TARGET_AWS_STS, .used = true,
	.expires_wall_ms = WALL, .expires_boot_ms = 900000, .lifetime_ms = 899000,
	.received_boot_ms = 1000, .refreshes = 3, .id = "0123456789abcdef", .name = "aws"};
static char maker_name[] = "target vault.example:8200 with https://idp.example";
static struct kd_issuer maker = {.name = maker_name};
static const struct kd_credential vault = {.key = 8, .from = &maker, .kind = AID_TARGET_VAULT, .renewable = true,
	.expires_wall_ms = WALL + 1, .expires_boot_ms = 5, .lifetime_ms = 1, .refreshes = 1, .id = "f",
	.name = "vault"};

static size_t write_both(uint8_t bytes[KD_CREDENTIAL_RECORDS_MAX])
{
	size_t length = 0;

	assert_int_equal(kd_credential_record_add(&aws, bytes, KD_CREDENTIAL_RECORDS_MAX, &length), AID_OK);
	assert_int_equal(kd_credential_record_add(&vault, bytes, KD_CREDENTIAL_RECORDS_MAX, &length), AID_OK);
	return length;
}

static void test_round_trip(void **state)
{
	uint8_t bytes[KD_CREDENTIAL_RECORDS_MAX];
	size_t length = write_both(bytes), at = 0;
	struct aid_error err = AID_ERROR_INIT;
	struct kd_credential c;
	char from[KD_TARGET_NAME_SIZE];

	(void)state;
	assert_ok(kd_credential_record_next(bytes, length, &at, &c, from, &err), &err);
	assert_string_equal(c.name, "aws");
	assert_string_equal(c.id, "0123456789abcdef");
	assert_int_equal(c.kind, AID_TARGET_AWS_STS);
	assert_true(c.used && !c.renewable && c.refreshes == 3);
	assert_true(c.expires_wall_ms == WALL && c.expires_boot_ms == 900000);
	assert_true(c.lifetime_ms == 899000 && c.received_boot_ms == 1000);
	assert_int_equal(c.key, 0);
	assert_string_equal(from, "");
	assert_ok(kd_credential_record_next(bytes, length, &at, &c, from, &err), &err);
	assert_string_equal(c.name, "vault");
	assert_true(!c.used && c.renewable);
	assert_string_equal(from, maker.name);
	assert_int_equal(kd_credential_record_next(bytes, length, &at, &c, from, &err), AID_E_NOTFOUND);
}

/* The longest name and the greatest numbers, as often as there may be. */
static void test_room(void **state)
{
	uint8_t bytes[KD_CREDENTIAL_RECORDS_MAX];
	char name[KD_TARGET_NAME_SIZE] = "";
	struct kd_issuer longest = {.name = name};
	struct kd_credential c = aws;
	size_t length = 0;

	(void)state;
	memset(name, 'h', sizeof(name) - 1);
	c.from = &longest;
	memset(c.name, 'n', AID_CREDENTIAL_NAME_MAX);
	for (unsigned int i = 0; i < AID_CREDENTIALS_MAX; i++)
		assert_int_equal(kd_credential_record_add(&c, bytes, sizeof(bytes), &length), AID_OK);
	assert_int_equal(kd_credential_record_add(&c, bytes, length + 20, &length), AID_E_TOOBIG);
}

/* Whatever is cut off or changed, it is refused or read, and nothing else. */
static void test_damaged(void **state)
{
	uint8_t bytes[KD_CREDENTIAL_RECORDS_MAX], copy[KD_CREDENTIAL_RECORDS_MAX];
	size_t length = write_both(bytes), at;
	struct aid_error err = AID_ERROR_INIT;
	struct kd_credential c;
	char from[KD_TARGET_NAME_SIZE];

	(void)state;
	for (size_t cut = 1; cut < length; cut++) {
		int r = AID_OK;

		for (at = 0; r == AID_OK;)
			r = kd_credential_record_next(bytes, cut, &at, &c, from, &err);
		assert_true(r == AID_E_PROTOCOL || (r == AID_E_NOTFOUND && at == cut));
	}
	for (size_t i = 0; i < length * 8; i++) {
		int r = AID_OK;

		memcpy(copy, bytes, length);
		copy[i / 8] = (uint8_t)(copy[i / 8] ^ (1U << i % 8));
		for (at = 0; r == AID_OK;)
			r = kd_credential_record_next(copy, length, &at, &c, from, &err);
		assert_true(r == AID_E_PROTOCOL || r == AID_E_NOTFOUND || r == AID_E_CONFIG ||
			r == AID_E_VERSION);
	}
}

static void test_newer_format(void **state)
{
	uint8_t bytes[KD_CREDENTIAL_RECORD_MAX];
	struct aid_error err = AID_ERROR_INIT;
	struct aid_writer writer;
	struct kd_credential c;
	char from[KD_TARGET_NAME_SIZE];
	size_t length = 0, at = 0;

	(void)state;
	assert_int_equal(kd_credential_record_add(&aws, bytes, sizeof(bytes), &length), AID_OK);
	writer = (struct aid_writer){.buffer = bytes, .capacity = sizeof(bytes), .length = length};
	aid_writer_int(&writer, AID_TAG_RECORD_NEEDS, 2);
	assert_int_equal(aid_writer_end(&writer), AID_OK);
	assert_failed(kd_credential_record_next(bytes, writer.length, &at, &c, from, &err), AID_E_VERSION, &err,
		"needs a reader of format 2, this one knows 1");
}

/* One of a type that a later release has costs only itself. */
static void test_unknown_type(void **state)
{
	uint8_t bytes[KD_CREDENTIAL_RECORDS_MAX];
	struct kd_credential later = aws, c;
	char from[KD_TARGET_NAME_SIZE];
	struct aid_error err = AID_ERROR_INIT;
	size_t length = 0, at = 0;

	(void)state;
	later.kind = (enum aid_target_kind)(AID_TARGET_LAST_WK + 1);
	assert_int_equal(kd_credential_record_add(&later, bytes, sizeof(bytes), &length), AID_OK);
	assert_int_equal(kd_credential_record_add(&vault, bytes, sizeof(bytes), &length), AID_OK);
	assert_int_equal(kd_credential_record_add(&later, bytes, sizeof(bytes), &length), AID_OK);
	assert_ok(kd_credential_record_next(bytes, length, &at, &c, from, &err), &err);
	assert_string_equal(c.name, "vault");
	assert_int_equal(kd_credential_record_next(bytes, length, &at, &c, from, &err), AID_E_NOTFOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_newer_format),
		cmocka_unit_test(test_unknown_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
