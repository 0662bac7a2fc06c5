/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "b64.h"

/* RFC 4648 section 10, without padding. */
static const struct {
	const char *bytes, *text, *basic;
} pairs[] = {
	{"", "", ""},
	{"f", "Zg", "Zg=="},
	{"fo", "Zm8", "Zm8="},
	{"foo", "Zm9v", "Zm9v"},
	{"foob", "Zm9vYg", "Zm9vYg=="},
	{"fooba", "Zm9vYmE", "Zm9vYmE="},
	{"foobar", "Zm9vYmFy", "Zm9vYmFy"},
	{"\xfb\xff\xbf", "-_-_", "+/+/"},
};

static void test_pairs(void **state)
{
	char text[16], bytes[16];
	size_t length;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(pairs); i++) {
		assert_int_equal(aid_b64_encode(pairs[i].bytes, strlen(pairs[i].bytes), text),
			strlen(pairs[i].text));
		assert_string_equal(text, pairs[i].text);
		assert_int_equal(aid_b64_encode_basic(pairs[i].bytes, strlen(pairs[i].bytes), text),
			strlen(pairs[i].basic));
		assert_string_equal(text, pairs[i].basic);
		assert_int_equal(aid_b64_decode(pairs[i].text, strlen(pairs[i].text), bytes,
			strlen(pairs[i].bytes), &length), AID_OK);
		assert_int_equal(length, strlen(pairs[i].bytes));
		assert_memory_equal(bytes, pairs[i].bytes, length);
	}
}

static void test_refused(void **state)
{
	static const char *const texts[] = {
		"Zg==", "Zg=", "Zm8=", "Z", "Zm9vY",    /* padding, impossible lengths */
		"Zh", "Zn", "Zm9", "Zm-", "Zm9vYh",     /* unused bits that are not zero */
		"Zm9 v", "Zm9\nv", " Zg", "Zg ", "Z.g", /* white space and dots */
		"+/+/", "Zm9v\xc3\xa9", "@@@@", "[[[[", "````", "{{{{", "////", "::::",
	};
	char bytes[16];
	size_t length = 99;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		memset(bytes, 0, sizeof(bytes));
		if (aid_b64_decode(texts[i], strlen(texts[i]), bytes, sizeof(bytes), &length) !=
			AID_E_PROTOCOL)
			fail_msg("'%s' was taken", texts[i]);
		assert_int_equal(length, 99);
		for (size_t k = 0; k < sizeof(bytes); k++)
			assert_int_equal(bytes[k], 0);
	}
	assert_int_equal(aid_b64_decode("Zg\0A", 4, bytes, sizeof(bytes), &length), AID_E_PROTOCOL);
}

static void test_every_byte(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		bool digit = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			(c >= '0' && c <= '9') || c == '-' || c == '_';
		char text[4] = {(char)c, (char)c, (char)c, (char)c};
		uint8_t bytes[3];
		size_t length;

		assert_int_equal(aid_b64_decode(text, 4, bytes, 3, &length),
			digit ? AID_OK : AID_E_PROTOCOL);
	}
}

static void test_capacity(void **state)
{
	char bytes[8];
	size_t length = 99;

	(void)state;
	assert_int_equal(aid_b64_decode("Zm9vYg", 6, bytes, 4, &length), AID_OK);
	assert_int_equal(aid_b64_decode("Zm9vYg", 6, bytes, 3, &length), AID_E_TOOBIG);
	assert_int_equal(length, 4);
}

static void test_round_trip(void **state)
{
	uint8_t bytes[64], back[64];
	char text[AID_B64_SIZE(64)];
	size_t length;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + 11);
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		size_t used = aid_b64_encode(bytes, n, text);

		assert_true(used < AID_B64_SIZE(n));
		assert_int_equal(aid_b64_decode(text, used, back, n, &length), AID_OK);
		assert_int_equal(length, n);
		assert_memory_equal(back, bytes, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_capacity),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
