/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "trusts.h"

#define ONE "https://a.example\0/ca.pem\0b.example\0RS256\0"

static void test_round_trip(void **state)
{
	struct aid_trusts trusts = {.items = {{"https://a.example", "/ca.pem", "b.example", "RS256", false},
		{"https://host.example", "", "", "", true}}, .count = 2};
	struct aid_trusts seen;
	struct aid_error err = AID_ERROR_INIT;
	char bytes[256];
	size_t length;

	(void)state;
	assert_ok(aid_trusts_render(&trusts, bytes, sizeof(bytes), &length, &err), &err);
	assert_ok(aid_trusts_parse(bytes, length, &seen, &err), &err);
	assert_int_equal(seen.count, 2);
	assert_string_equal(seen.items[0].issuer, "https://a.example");
	assert_string_equal(seen.items[0].ca_file, "/ca.pem");
	assert_string_equal(seen.items[0].allowed_hosts, "b.example");
	assert_string_equal(seen.items[0].algs, "RS256");
	assert_false(seen.items[0].is_host);
	assert_true(seen.items[1].is_host);
	assert_failed(aid_trusts_render(&trusts, bytes, length - 1, &length, &err), AID_E_TOOBIG, &err,
		"the issuers take over");
}

static void test_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		int status;
		const char *sentence;
	} rows[] = {
		{"", 0, AID_E_PROTOCOL, "no issuer"},
		{ONE, sizeof(ONE) - 2, AID_E_PROTOCOL, "an issuer is cut"},
		{"\0\0\0\0", 5, AID_E_PROTOCOL, "not 1 to 512 bytes long"},
		{"a\nb\0\0\0\0", 8, AID_E_PROTOCOL, "not printable"},
		{"a\0\0\0\0x", 7, AID_E_PROTOCOL, "source 'x' is unknown"},
		{ONE "\0" ONE "\0" ONE "\0" ONE "\0" ONE "\0" ONE "\0" ONE "\0" ONE "\0" ONE,
			9 * sizeof(ONE), AID_E_TOOBIG, "over 8 issuers"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct aid_trusts trusts;
		struct aid_error err = AID_ERROR_INIT;

		assert_failed(aid_trusts_parse(rows[i].bytes, rows[i].length, &trusts, &err),
			rows[i].status, &err, rows[i].sentence);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
