/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* A rotation as it stands in an entry of a KV engine: what is read of it, what each step writes, and that
 * everything else stays. */
#include "rotation_kv.h"
#include "unit.h"

#include <stdio.h>

#define NOW INT64_C(1798761600000) /* 2027-01-01T00:00:00Z */
#define HOST "0123456789abcdef"

static const struct aid_rotation_kv kv = {"client_secret", HOST, NOW};

static struct aid_kv_secret entry(const char *fields)
{
	struct aid_kv_secret secret = {.version = 4};
	const struct aid_json *outer;
	char text[1024];

	(void)snprintf(text, sizeof(text), "{\"data\":{\"data\":%s,\"metadata\":{"
		"\"created_time\":\"2026-12-31T23:00:00.5Z\",\"version\":4}}}", fields);
	assert_int_equal(aid_json_parse(text, strlen(text), sizeof(text), &secret.document, NULL), AID_OK);
	assert_int_equal(aid_json_object(secret.document, "data", &outer, NULL), AID_OK);
	assert_int_equal(aid_json_object(outer, "data", &secret.data, NULL), AID_OK);
	return secret;
}

static void expect_data(struct aid_json *data, const char *expected)
{
	char text[1024];
	size_t length;

	assert_int_equal(aid_json_render(data, text, sizeof(text), &length), AID_OK);
	assert_string_equal(text, expected);
	aid_json_free(data);
}

static void test_read(void **state)
{
	static const struct {
		const char *fields;
		const char *pending;
		const char *by;
		struct aid_rotation_view view;
	} all[] = {
		{"{\"client_secret\":\"s\"}", NULL, "",
			{.now_ms = NOW, .rotated_ms = NOW - 3599500}},
		{"{\"client_secret\":\"s\",\"client_secret_rotation\":\"rotated=2026-12-31T23:59:59Z\"}", NULL, "",
			{.now_ms = NOW, .rotated_ms = NOW - 1000}},
		{"{\"client_secret\":\"s\",\"client_secret_pending\":\"p\",\"client_secret_rotation\":"
		 "\"rotated=2026-12-31T00:00:00Z staged=2026-12-31T23:59:58Z by=" HOST "\"}", "p", HOST,
			{NOW, NOW - 86400000, true, true, NOW - 2000}},
		{"{\"client_secret\":\"s\",\"client_secret_pending\":\"p\",\"client_secret_rotation\":"
		 "\"staged=2026-12-31T23:59:58Z by=other\"}", "p", "other",
			{NOW, NOW - 3599500, true, false, NOW - 2000}},
		/* by somebody's hands */
		{"{\"client_secret\":\"s\",\"client_secret_pending\":\"p\"}", "p", "",
			{NOW, NOW - 3599500, true, false, 0}},
		{"{\"client_secret\":\"s\",\"client_secret_rotation\":\"yesterday  rotated= by=x\"}", NULL, "x",
			{.now_ms = NOW, .rotated_ms = NOW - 3599500}},
		{"{\"client_secret\":\"s\",\"client_secret_rotation\":7}", NULL, "",
			{.now_ms = NOW, .rotated_ms = NOW - 3599500}},
		{"{\"client_secret\":\"s\",\"client_secret_rotation\":\"by=0123456789abcdef0\"}", NULL, "",
			{.now_ms = NOW, .rotated_ms = NOW - 3599500}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		struct aid_kv_secret secret = entry(all[i].fields);
		struct aid_rotation_entry seen;
		struct aid_error err = AID_ERROR_INIT;

		assert_ok(aid_rotation_kv_read(&kv, &secret, "h", &seen, &err), &err);
		assert_string_equal(aid_secret_peek(seen.current), "s");
		if (all[i].pending == NULL)
			assert_null(seen.pending);
		else
			assert_string_equal(aid_secret_peek(seen.pending), all[i].pending);
		assert_string_equal(seen.by, all[i].by);
		assert_int_equal(seen.view.now_ms, all[i].view.now_ms);
		assert_int_equal(seen.view.rotated_ms, all[i].view.rotated_ms);
		assert_int_equal(seen.view.pending, all[i].view.pending);
		assert_int_equal(seen.view.pending_is_ours, all[i].view.pending_is_ours);
		assert_int_equal(seen.view.staged_ms, all[i].view.staged_ms);
		aid_rotation_entry_done(&seen);
		aid_kv_secret_done(&secret);
	}
}

static void test_unreadable(void **state)
{
	static const struct {
		const char *fields;
		int status;
		const char *sentence;
	} all[] = {
		{"{\"other\":\"s\"}", AID_E_NOTFOUND, "has no field 'client_secret'"},
		{"{\"client_secret\":\"\"}", AID_E_CREDENTIAL, "field 'client_secret' of the secret is empty"},
		{"{\"client_secret\":\"s\",\"client_secret_pending\":1}", AID_E_PROTOCOL,
			"field 'client_secret_pending' of the secret is no text"},
	};
	struct aid_error err = AID_ERROR_INIT;
	struct aid_rotation_entry seen;
	struct aid_kv_secret secret;
	char field[AID_ROTATION_FIELD_MAX + 2];
	const struct aid_rotation_kv longer = {field, HOST, NOW};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		secret = entry(all[i].fields);
		assert_failed(aid_rotation_kv_read(&kv, &secret, "h", &seen, &err), all[i].status, &err,
			all[i].sentence);
		aid_kv_secret_done(&secret);
	}
	memset(field, 'a', sizeof(field) - 1);
	field[sizeof(field) - 1] = '\0';
	secret = entry("{}");
	assert_failed(aid_rotation_kv_read(&longer, &secret, "h", &seen, &err), AID_E_CONFIG, &err,
		"a name of at most 128 bytes");
	field[sizeof(field) - 2] = '\0';
	assert_failed(aid_rotation_kv_read(&longer, &secret, "h", &seen, &err), AID_E_NOTFOUND, &err,
		"has no field");
	aid_kv_secret_done(&secret);
}

static void test_write(void **state)
{
	AID_AUTO(aid_secret) *fresh = aid_secret_from("new", 3);
	AID_AUTO(aid_secret) *old = aid_secret_from("s", 1);
	struct aid_kv_secret secret = entry("{\"user\":\"u\",\"client_secret\":\"s\",\"client_secret_previous\":\"o\"}");
	struct aid_error err = AID_ERROR_INIT;
	struct aid_json *data = NULL;

	(void)state;
	assert_ok(aid_rotation_kv_stage(&kv, &secret, fresh, &data, &err), &err);
	expect_data(data, "{\"user\":\"u\",\"client_secret\":\"s\",\"client_secret_previous\":\"o\","
		"\"client_secret_pending\":\"new\",\"client_secret_rotation\":"
		"\"rotated=2026-12-31T23:00:00Z staged=2027-01-01T00:00:00Z by=" HOST "\"}");
	aid_kv_secret_done(&secret);
	secret = entry("{\"client_secret\":\"s\",\"client_secret_pending\":\"new\",\"client_secret_rotation\":"
		"\"rotated=2026-12-31T23:00:00Z staged=2026-12-31T23:59:59Z by=x\",\"user\":{\"a\":[1]}}");
	assert_ok(aid_rotation_kv_promote(&kv, &secret, fresh, old, &data, &err), &err);
	expect_data(data, "{\"client_secret\":\"new\",\"client_secret_rotation\":"
		"\"rotated=2027-01-01T00:00:00Z\",\"user\":{\"a\":[1]},\"client_secret_previous\":\"s\"}");
	/* What was read is as it was. */
	assert_true(aid_json_has(secret.data, "client_secret_pending"));
	aid_kv_secret_done(&secret);
}

static void test_no_text(void **state)
{
	AID_AUTO(aid_secret) *bad = aid_secret_from("\xff", 1);
	struct aid_kv_secret secret = entry("{\"client_secret\":\"s\"}");
	struct aid_error err = AID_ERROR_INIT;
	struct aid_json *data = NULL;

	(void)state;
	assert_failed(aid_rotation_kv_stage(&kv, &secret, bad, &data, &err), AID_E_INVALID, &err, "no text");
	assert_failed(aid_rotation_kv_promote(&kv, &secret, bad, bad, &data, &err), AID_E_INVALID, &err,
		"no text");
	assert_null(data);
	aid_kv_secret_done(&secret);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_no_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
