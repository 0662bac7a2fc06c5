/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "secret.h"

#include "areas.h"

#include <stdlib.h>

static void test_capacity(void **state)
{
	AID_AUTO(aid_secret) *secret = aid_secret_new(4);

	(void)state;
	assert_non_null(secret);
	assert_int_equal(aid_secret_capacity(secret), 4);
	assert_int_equal(aid_secret_length(secret), 0);
	assert_string_equal(aid_secret_peek(secret), "");
	assert_int_equal(aid_secret_append(secret, "abc", 3), AID_OK);
	assert_int_equal(aid_secret_append(secret, "de", 2), AID_E_TOOBIG);
	assert_string_equal(aid_secret_peek(secret), "abc");
	assert_int_equal(aid_secret_append(secret, "d", 1), AID_OK);
	assert_int_equal(aid_secret_length(secret), 4);
	assert_int_equal(aid_secret_append(secret, "", 0), AID_OK);
}

static void test_limits(void **state)
{
	AID_AUTO(aid_secret) *largest = aid_secret_new((size_t)16 * 1024 * 1024);

	(void)state;
	assert_non_null(largest);
	assert_null(aid_secret_new((size_t)16 * 1024 * 1024 + 1));
	assert_null(aid_secret_new(0));
	assert_null(aid_secret_new(SIZE_MAX));
	aid_secret_free(NULL);
}

static void test_tail(void **state)
{
	AID_AUTO(aid_secret) *secret = aid_secret_from("ab", 2);
	AID_AUTO(aid_secret) *empty = aid_secret_from("", 0);
	size_t room;
	char *tail;

	(void)state;
	assert_int_equal(aid_secret_length(empty), 0);
	(void)aid_secret_tail(secret, &room);
	assert_int_equal(room, 0);
	aid_secret_truncate(secret, 1);
	tail = aid_secret_tail(secret, &room);
	assert_int_equal(room, 1);
	*tail = 'z';
	aid_secret_grown(secret, 1);
	assert_string_equal(aid_secret_peek(secret), "az");
	/* Telling of more than there was room for does not leave the buffer. */
	aid_secret_grown(secret, 99);
	assert_int_equal(aid_secret_length(secret), 2);
}

static void test_wiped(void **state)
{
	AID_AUTO(aid_secret) *secret = aid_secret_from("secret", 6);
	const char *bytes = aid_secret_peek(secret);

	(void)state;
	aid_secret_truncate(secret, 7);
	assert_int_equal(aid_secret_length(secret), 6);
	aid_secret_truncate(secret, 2);
	assert_memory_equal(bytes, "se\0\0\0\0", 7);
	aid_secret_clear(secret);
	assert_memory_equal(bytes, "\0\0\0\0\0\0", 7);
	assert_int_equal(aid_secret_length(secret), 0);
	assert_int_equal(aid_secret_append(secret, "again", 5), AID_OK);
}

static void test_equal(void **state)
{
	AID_AUTO(aid_secret) *a = aid_secret_from("same", 4);
	AID_AUTO(aid_secret) *b = aid_secret_from("same", 4);
	AID_AUTO(aid_secret) *c = aid_secret_from("samf", 4);
	AID_AUTO(aid_secret) *d = aid_secret_from("sam", 3);

	(void)state;
	assert_true(aid_secret_equal(a, b));
	assert_false(aid_secret_equal(a, c));
	assert_false(aid_secret_equal(a, d));
}

/* The mapping is left out of core files: "dd" among its flags. */
static void test_repeats(void **state)
{
	AID_AUTO(aid_secret) *secret = aid_secret_from("0123456789abcdef", 16);
	AID_AUTO(aid_secret) *brief = aid_secret_from("hunter2", 7);
	AID_AUTO(aid_secret) *empty = aid_secret_new(1);

	(void)state;
	assert_true(aid_secret_repeats(secret, "got 456789abcdef"));
	assert_true(aid_secret_repeats(secret, "0123456789ab"));
	assert_false(aid_secret_repeats(secret, "0123456789a"));
	assert_false(aid_secret_repeats(secret, "0123456789a-bcdef"));
	assert_true(aid_secret_repeats(brief, "(hunter2)"));
	assert_false(aid_secret_repeats(brief, "(hunter)"));
	assert_false(aid_secret_repeats(empty, "text"));
	assert_false(aid_secret_repeats(NULL, "text"));
}

static void test_not_dumped(void **state)
{
	AID_AUTO(aid_secret) *secret = aid_secret_from("x", 1);
	struct area area;

	(void)state;
	assert_true(find_area(aid_secret_peek(secret), &area));
	assert_non_null(strstr(area.flags, " dd"));
}

/* As in the PAM module: no page stays in the process. */
static void test_nothing_kept(void **state)
{
	struct aid_secret *secret = aid_secret_from("x", 1);
	const char *bytes = aid_secret_peek(secret);
	struct area area;

	(void)state;
	assert_true(find_area(bytes, &area));
	aid_secret_free(secret);
	assert_false(find_area(bytes, &area));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capacity), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_tail), cmocka_unit_test(test_wiped),
		cmocka_unit_test(test_equal), cmocka_unit_test(test_repeats), cmocka_unit_test(test_not_dumped),
		cmocka_unit_test(test_nothing_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
