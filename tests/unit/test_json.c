/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "json.h"

#include <stdio.h>

#define CAP 4096

static int parse(const char *text, struct aid_json **ret_json, struct aid_error *err)
{
	return aid_json_parse(text, strlen(text), CAP, ret_json, err);
}

static const struct {
	const char *text, *sentence;
} bad[] = {
	{"", "cut off"},
	{" ", "cut off"},
	{"{", "cut off"},
	{"{\"a\":1", "cut off"},
	{"{}x", "something follows the document"},
	{"{} {}", "something follows the document"},
	{"{\"a\":1}\"", "cut off"},
	{"[]", "not an object"},
	{"[{}]", "not an object"},
	{"1", "malformed"},
	{"\"x\"", "malformed"},
	{"null", "malformed"},
	{"{\"a\":1,\"a\":1}", "duplicate member"},
	{"{\"a\":1,\"\\u0061\":2}", "duplicate member"},
	{"{\"x\":{\"a\":1,\"b\":2,\"a\":3}}", "duplicate member"},
	{"{a:1}", "malformed"},
	{"{'a':1}", "malformed"},
	{"{\"a\":1,}", "malformed"},
	{"{\"a\":01}", "malformed"},
	{"{\"a\":+1}", "malformed"},
	{"{\"a\":.5}", "malformed"},
	{"{\"a\":NaN}", "malformed"},
	{"{\"a\":1e400}", "a number out of range"},
	{"{\"a\":9223372036854775808}", "a number out of range"},
	{"{\"a\":\"\xff\"}", "not UTF-8"},
	{"{\"a\":\"\xc0\x80\"}", "not UTF-8"},
	{"{\"a\":\"\xed\xa0\x80\"}", "not UTF-8"},
	{"{\"a\":\"\\ud800\"}", "malformed"},
	{"{\"a\":\"\\u0000\"}", "a NUL character"},
	{"{\"a\":\"line\nbreak\"}", "malformed"},
	{"/* comment */{}", "malformed"},
	{"\xef\xbb\xbf{}", "malformed"},
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct aid_json *json = (struct aid_json *)&json;
		struct aid_error err = AID_ERROR_INIT;
		int r = parse(bad[i].text, &json, &err);

		if (r != AID_E_PROTOCOL || strstr(err.text, bad[i].sentence) == NULL)
			fail_msg("%s: %d '%s'", bad[i].text, r, err.text);
		assert_ptr_equal(json, (struct aid_json *)&json);
	}
}

static void test_never_quotes(void **state)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_json *json;

	(void)state;
	assert_failed(parse("{\"canary\":1,\"canary\":2}", &json, &err), AID_E_PROTOCOL, &err,
		"duplicate member at byte ");
	assert_null(strstr(err.text, "canary"));
	assert_failed(parse("{\"a\":canary}", &json, &err), AID_E_PROTOCOL, &err, "malformed");
	assert_null(strstr(err.text, "canary"));
}

static void test_raw_nul(void **state)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_json *json;

	(void)state;
	assert_failed(aid_json_parse("{}\0", 3, CAP, &json, &err), AID_E_PROTOCOL, &err, "JSON");
	assert_failed(aid_json_parse("{\"a\0\":1}", 8, CAP, &json, &err), AID_E_PROTOCOL, &err, "JSON");
	assert_failed(aid_json_parse("{\"a\":1\0}", 8, CAP, &json, &err), AID_E_PROTOCOL, &err, "at byte 7");
}

static void test_size(void **state)
{
	struct aid_error err = AID_ERROR_INIT;
	AID_AUTO(aid_json) *json = NULL;

	(void)state;
	assert_ok(aid_json_parse("{\"a\":1}", 7, 7, &json, &err), &err);
	assert_failed(aid_json_parse("{\"a\":1}", 7, 6, &json, &err), AID_E_TOOBIG, &err,
		"7 bytes, at most 6");
}

/* {"a":[[[...]]]} of this depth. */
static void nest(char *out, size_t depth)
{
	memcpy(out, "{\"a\":", 5);
	memset(out + 5, '[', depth - 1);
	memset(out + 5 + depth - 1, ']', depth - 1);
	memcpy(out + 5 + 2 * (depth - 1), "}", 2);
}

static void test_depth(void **state)
{
	char text[256];
	struct aid_error err = AID_ERROR_INIT;
	AID_AUTO(aid_json) *json = NULL;

	(void)state;
	nest(text, AID_JSON_DEPTH_MAX);
	assert_ok(parse(text, &json, &err), &err);
	nest(text, AID_JSON_DEPTH_MAX + 1);
	assert_failed(parse(text, &json, &err), AID_E_PROTOCOL, &err, "nested over 16 deep");
	/* Brackets in a string, and escaped quotation marks, are no nesting. */
	aid_json_free(aid_steal(&json));
	assert_ok(parse("{\"a\":\"[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[\"}", &json, &err), &err);
}

static void members(char *out, size_t count)
{
	size_t used = (size_t)snprintf(out, 8, "{\"a\":[");

	for (size_t i = 0; i < count; i++)
		used += (size_t)snprintf(out + used, 4, "%s1", i > 0 ? "," : "");
	(void)snprintf(out + used, 4, "]}");
}

static void test_members(void **state)
{
	char text[1024];
	struct aid_error err = AID_ERROR_INIT;
	AID_AUTO(aid_json) *json = NULL;

	(void)state;
	members(text, AID_JSON_MEMBERS_MAX);
	assert_ok(parse(text, &json, &err), &err);
	members(text, AID_JSON_MEMBERS_MAX + 1);
	assert_failed(parse(text, &json, &err), AID_E_PROTOCOL, &err, "257 members in one place, at most 256");
}

#define DOCUMENT                                                                                   \
	"{\"text\":\"abc\",\"empty\":\"\",\"int\":5,\"real\":1.5,\"yes\":true,\"null\":null,"            \
	"\"list\":[\"a\",\"b\"],\"mixed\":[\"a\",1],\"object\":{\"k\":\"v\"},\"objects\":[{},2],"      \
	"\"date\":1700000000,\"dec\":1700000000.9994,\"exp\":1.7e9,\"neg\":-1,"                          \
	"\"max\":9007199254740991,\"over\":9007199254740992,\"huge\":1e300}"

static struct aid_json *document(void)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_json *json;

	assert_ok(parse(DOCUMENT, &json, &err), &err);
	return json;
}

static void test_text(void **state)
{
	AID_AUTO(aid_json) *json = document();
	struct aid_error err = AID_ERROR_INIT;
	const char *text = NULL;

	(void)state;
	assert_ok(aid_json_text(json, "text", 3, 3, &text, &err), &err);
	assert_string_equal(text, "abc");
	assert_failed(aid_json_text(json, "nope", 0, 9, &text, &err), AID_E_NOTFOUND, &err,
		"'nope' is missing");
	assert_failed(aid_json_text(json, "int", 0, 9, &text, &err), AID_E_PROTOCOL, &err,
		"'int' is not a string");
	assert_failed(aid_json_text(json, "null", 0, 9, &text, &err), AID_E_PROTOCOL, &err,
		"'null' is not a string");
	assert_failed(aid_json_text(json, "text", 4, 9, &text, &err), AID_E_TOOBIG, &err,
		"'text' has 3 bytes, allowed 4 to 9");
	assert_failed(aid_json_text(json, "text", 0, 2, &text, &err), AID_E_TOOBIG, &err, "0 to 2");
	assert_failed(aid_json_text(json, "empty", 1, 2, &text, &err), AID_E_TOOBIG, &err, "0 bytes");
	assert_string_equal(text, "abc");
	assert_true(aid_json_has(json, "null"));
	assert_false(aid_json_has(json, "nope"));
}

static void test_int_and_bool(void **state)
{
	AID_AUTO(aid_json) *json = document();
	struct aid_error err = AID_ERROR_INIT;
	int64_t value = -9;
	bool flag = false;

	(void)state;
	assert_failed(aid_json_int(json, "int", 6, 9, &value, &err), AID_E_TOOBIG, &err,
		"'int' is 5, allowed 6 to 9");
	assert_failed(aid_json_int(json, "int", 0, 4, &value, &err), AID_E_TOOBIG, &err, "0 to 4");
	assert_failed(aid_json_int(json, "real", 0, 9, &value, &err), AID_E_PROTOCOL, &err,
		"'real' is not an integer");
	assert_failed(aid_json_int(json, "yes", 0, 9, &value, &err), AID_E_PROTOCOL, &err, "integer");
	assert_failed(aid_json_int(json, "nope", 0, 9, &value, &err), AID_E_NOTFOUND, &err, "missing");
	assert_int_equal(value, -9);
	assert_ok(aid_json_int(json, "int", 5, 5, &value, &err), &err);
	assert_int_equal(value, 5);
	assert_failed(aid_json_bool(json, "int", &flag, &err), AID_E_PROTOCOL, &err, "true or false");
	assert_failed(aid_json_bool(json, "nope", &flag, &err), AID_E_NOTFOUND, &err, "missing");
	assert_ok(aid_json_bool(json, "yes", &flag, &err), &err);
	assert_true(flag);
}

static void test_date(void **state)
{
	AID_AUTO(aid_json) *json = document();
	struct aid_error err = AID_ERROR_INIT;
	int64_t ms = 0;

	(void)state;
	assert_ok(aid_json_date_ms(json, "date", &ms, &err), &err);
	assert_int_equal(ms, INT64_C(1700000000000));
	assert_ok(aid_json_date_ms(json, "dec", &ms, &err), &err);
	assert_int_equal(ms, INT64_C(1700000000999));
	assert_ok(aid_json_date_ms(json, "exp", &ms, &err), &err);
	assert_int_equal(ms, INT64_C(1700000000000));
	assert_ok(aid_json_date_ms(json, "max", &ms, &err), &err);
	assert_int_equal(ms, INT64_C(9007199254740991000));
	assert_failed(aid_json_date_ms(json, "over", &ms, &err), AID_E_TOOBIG, &err, "2^53");
	assert_failed(aid_json_date_ms(json, "huge", &ms, &err), AID_E_TOOBIG, &err, "2^53");
	assert_failed(aid_json_date_ms(json, "neg", &ms, &err), AID_E_TOOBIG, &err, "2^53");
	assert_failed(aid_json_date_ms(json, "text", &ms, &err), AID_E_PROTOCOL, &err, "not a number");
	assert_failed(aid_json_date_ms(json, "yes", &ms, &err), AID_E_PROTOCOL, &err, "not a number");
	assert_failed(aid_json_date_ms(json, "nope", &ms, &err), AID_E_NOTFOUND, &err, "missing");
}

static void test_inner(void **state)
{
	AID_AUTO(aid_json) *json = document();
	struct aid_error err = AID_ERROR_INIT;
	const struct aid_json *value = NULL;
	bool found = false;

	(void)state;
	assert_ok(aid_json_object(json, "object", &value, &err), &err);
	assert_true(aid_json_has(value, "k"));
	assert_failed(aid_json_object(json, "list", &value, &err), AID_E_PROTOCOL, &err, "an object");
	assert_failed(aid_json_object(json, "nope", &value, &err), AID_E_NOTFOUND, &err, "missing");
	assert_failed(aid_json_array(json, "object", &value, &err), AID_E_PROTOCOL, &err, "an array");
	assert_failed(aid_json_array(json, "nope", &value, &err), AID_E_NOTFOUND, &err, "missing");
	assert_ok(aid_json_array(json, "objects", &value, &err), &err);
	assert_int_equal(aid_json_array_count(value), 2);
	assert_non_null(aid_json_array_object(value, 0));
	assert_null(aid_json_array_object(value, 1));
	assert_null(aid_json_array_object(value, 2));
	assert_null(aid_json_array_text(value, 0));
	assert_ok(aid_json_array(json, "list", &value, &err), &err);
	assert_string_equal(aid_json_array_text(value, 1), "b");
	assert_ok(aid_json_text_or_list_has(json, "list", "b", &found, &err), &err);
	assert_true(found);
	assert_ok(aid_json_text_or_list_has(json, "list", "c", &found, &err), &err);
	assert_false(found);
	assert_ok(aid_json_text_or_list_has(json, "text", "abc", &found, &err), &err);
	assert_true(found);
	assert_ok(aid_json_text_or_list_has(json, "text", "ab", &found, &err), &err);
	assert_false(found);
	assert_failed(aid_json_text_or_list_has(json, "mixed", "a", &found, &err), AID_E_PROTOCOL, &err,
		"an array of strings");
	assert_failed(aid_json_text_or_list_has(json, "int", "a", &found, &err), AID_E_PROTOCOL, &err,
		"an array of strings");
	assert_failed(aid_json_text_or_list_has(json, "nope", "a", &found, &err), AID_E_NOTFOUND, &err,
		"missing");
}

static void test_build(void **state)
{
	AID_AUTO(aid_json) *json = aid_json_new_object();
	AID_AUTO(aid_json) *list = aid_json_new_array();
	char text[128];
	size_t length;

	(void)state;
	assert_int_equal(aid_json_append_text(list, "x/\"y"), AID_OK);
	assert_int_equal(aid_json_append(list, aid_json_new_object()), AID_OK);
	assert_int_equal(aid_json_put_text(json, "z", "first\n"), AID_OK);
	assert_int_equal(aid_json_put_int(json, "a", -5), AID_OK);
	assert_int_equal(aid_json_put_bool(json, "b", true), AID_OK);
	assert_int_equal(aid_json_put(json, "l", aid_steal(&list)), AID_OK);
	assert_int_equal(aid_json_render(json, text, sizeof(text), &length), AID_OK);
	assert_string_equal(text, "{\"z\":\"first\\n\",\"a\":-5,\"b\":true,\"l\":[\"x/\\\"y\",{}]}");
	assert_int_equal(length, strlen(text));
	assert_int_equal(aid_json_render(json, text, length + 1, &length), AID_OK);
	assert_int_equal(aid_json_render(json, text, length, &length), AID_E_TOOBIG);
	assert_int_equal(aid_json_put_text(json, "t", "\xff"), AID_E_INVALID);
	assert_int_equal(aid_json_append_text(json, "\xff"), AID_E_INVALID);
	assert_int_equal(aid_json_put(json, "n", NULL), AID_E_NOMEM);
	assert_int_equal(aid_json_put_text(NULL, "t", "x"), AID_E_NOMEM);
	assert_int_equal(aid_json_append(NULL, aid_json_new_object()), AID_E_NOMEM);
	assert_int_equal(aid_json_render(aid_json_get(json, "z"), text, sizeof(text), &length), AID_OK);
	assert_string_equal(text, "\"first\\n\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused), cmocka_unit_test(test_never_quotes),
		cmocka_unit_test(test_raw_nul), cmocka_unit_test(test_size),
		cmocka_unit_test(test_depth), cmocka_unit_test(test_members),
		cmocka_unit_test(test_text), cmocka_unit_test(test_int_and_bool),
		cmocka_unit_test(test_date), cmocka_unit_test(test_inner),
		cmocka_unit_test(test_build),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
