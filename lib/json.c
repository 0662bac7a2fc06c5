/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "json.h"

#include "str.h"

#include <jansson.h>
#include <string.h>

#define DATE_MAX_S 9007199254740992.0 /* 2^53: beyond it a double no longer holds every second */

/* struct aid_json is never defined: it is the library's json_t under another name. */
static json_t *library(const struct aid_json *value)
{
	return (json_t *)(uintptr_t)value;
}

static const struct aid_json *borrow(const json_t *value)
{
	return (const struct aid_json *)value;
}

/* The library goes 2048 deep, by recursion. */
static int check_depth(const char *text, size_t length, struct aid_error *err)
{
	unsigned int depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
			continue;
		}
		if (c == '"')
			in_string = true;
		if ((c == '{' || c == '[') && ++depth > AID_JSON_DEPTH_MAX)
			return aid_fail(err, AID_E_PROTOCOL, "JSON: nested over %u deep at byte %zu",
				AID_JSON_DEPTH_MAX, i);
		if ((c == '}' || c == ']') && depth > 0)
			depth--;
	}
	return AID_OK;
}

/* NOLINTNEXTLINE(misc-no-recursion): check_depth() has bounded it. */
static int check_members(json_t *value, struct aid_error *err)
{
	size_t count = json_is_object(value) ? json_object_size(value) : json_array_size(value);
	const char *name;
	json_t *member;
	size_t i;
	int r = AID_OK;

	if (count > AID_JSON_MEMBERS_MAX)
		return aid_fail(err, AID_E_PROTOCOL, "JSON: %zu members in one place, at most %u",
			count, AID_JSON_MEMBERS_MAX);
	json_object_foreach (value, name, member) {
		r = check_members(member, err);
		if (r != AID_OK)
			return r;
	}
	json_array_foreach (value, i, member) {
		r = check_members(member, err);
		if (r != AID_OK)
			return r;
	}
	return AID_OK;
}

/* The library's own text quotes the document: only its code is used. */
static int parse_failed(const json_error_t *error, struct aid_error *err)
{
	static const struct {
		enum json_error_code code;
		const char *what;
	} reasons[] = {
		{json_error_duplicate_key, "duplicate member"},
		{json_error_invalid_utf8, "not UTF-8"},
		{json_error_premature_end_of_input, "cut off"},
		{json_error_end_of_input_expected, "something follows the document"},
		{json_error_null_character, "a NUL character"},
		{json_error_numeric_overflow, "a number out of range"},
	};
	enum json_error_code code = json_error_code(error);
	const char *what = "malformed";

	if (code == json_error_out_of_memory)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].code == code)
			what = reasons[i].what;
	}
	return aid_fail(err, AID_E_PROTOCOL, "JSON: %s at byte %d", what, error->position);
}

static int parse(const void *bytes, size_t length, size_t max_bytes, bool array,
	struct aid_json **ret_document, struct aid_error *err)
{
	json_error_t error;
	const char *zero;
	json_t *root;
	int r;

	if (length > max_bytes)
		return aid_fail(err, AID_E_TOOBIG, "JSON: %zu bytes, at most %zu", length, max_bytes);
	/* jansson passes over a zero byte behind a number or a word; nothing of RFC 8259 has one. */
	zero = length == 0 ? NULL : memchr(bytes, 0, length);
	if (zero != NULL)
		return aid_fail(err, AID_E_PROTOCOL, "JSON: invalid token at byte %td",
			zero - (const char *)bytes + 1);
	r = check_depth(bytes, length, err);
	if (r != AID_OK)
		return r;
	root = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &error);
	if (root == NULL)
		return parse_failed(&error, err);
	r = (array ? json_is_array(root) : json_is_object(root))
		? check_members(root, err)
		: aid_fail(err, AID_E_PROTOCOL, "JSON: not an %s", array ? "array" : "object");
	if (r != AID_OK) {
		json_decref(root);
		return r;
	}
	*ret_document = (struct aid_json *)root;
	return AID_OK;
}

int aid_json_parse(const void *bytes, size_t length, size_t max_bytes, struct aid_json **ret_document,
	struct aid_error *err)
{
	return parse(bytes, length, max_bytes, false, ret_document, err);
}

int aid_json_parse_array(const void *bytes, size_t length, size_t max_bytes,
	struct aid_json **ret_document, struct aid_error *err)
{
	return parse(bytes, length, max_bytes, true, ret_document, err);
}

void aid_json_free(struct aid_json *document)
{
	json_decref((json_t *)document);
}

bool aid_json_has(const struct aid_json *object, const char *name)
{
	return aid_json_get(object, name) != NULL;
}

const struct aid_json *aid_json_get(const struct aid_json *object, const char *name)
{
	return borrow(json_object_get(library(object), name));
}

static const json_t *find(const struct aid_json *object, const char *name)
{
	return json_object_get(library(object), name);
}

static int missing(const char *name, struct aid_error *err)
{
	return aid_fail(err, AID_E_NOTFOUND, "'%s' is missing", name);
}

static int wrong_type(const char *name, const char *wanted, struct aid_error *err)
{
	return aid_fail(err, AID_E_PROTOCOL, "'%s' is not %s", name, wanted);
}

int aid_json_text(const struct aid_json *object, const char *name, size_t min_length,
	size_t max_length, const char **ret_text, struct aid_error *err)
{
	const json_t *value = find(object, name);
	size_t length;

	if (value == NULL)
		return missing(name, err);
	if (!json_is_string(value))
		return wrong_type(name, "a string", err);
	length = json_string_length(value);
	if (length < min_length || length > max_length)
		return aid_fail(err, AID_E_TOOBIG, "'%s' has %zu bytes, allowed %zu to %zu", name, length,
			min_length, max_length);
	*ret_text = json_string_value(value);
	return AID_OK;
}

int aid_json_int(const struct aid_json *object, const char *name, int64_t min, int64_t max,
	int64_t *ret_value, struct aid_error *err)
{
	const json_t *value = find(object, name);
	int64_t number;

	if (value == NULL)
		return missing(name, err);
	if (!json_is_integer(value))
		return wrong_type(name, "an integer", err);
	number = json_integer_value(value);
	if (number < min || number > max)
		return aid_fail(err, AID_E_TOOBIG, "'%s' is %lld, allowed %lld to %lld", name,
			(long long)number, (long long)min, (long long)max);
	*ret_value = number;
	return AID_OK;
}

int aid_json_bool(const struct aid_json *object, const char *name, bool *ret_value,
	struct aid_error *err)
{
	const json_t *value = find(object, name);

	if (value == NULL)
		return missing(name, err);
	if (!json_is_boolean(value))
		return wrong_type(name, "true or false", err);
	*ret_value = json_is_true(value);
	return AID_OK;
}

int aid_json_date_ms(const struct aid_json *object, const char *name, int64_t *ret_ms,
	struct aid_error *err)
{
	const json_t *value = find(object, name);
	double seconds;

	if (value == NULL)
		return missing(name, err);
	if (!json_is_number(value))
		return wrong_type(name, "a number", err);
	seconds = json_number_value(value);
	if (!(seconds >= 0 && seconds < DATE_MAX_S))
		return aid_fail(err, AID_E_TOOBIG, "'%s' is no time between 0 and 2^53 s", name);
	if (json_is_integer(value))
		*ret_ms = (int64_t)json_integer_value(value) * 1000;
	else
		*ret_ms = (int64_t)(seconds * 1000);
	return AID_OK;
}

int aid_json_object(const struct aid_json *object, const char *name,
	const struct aid_json **ret_object, struct aid_error *err)
{
	const json_t *value = find(object, name);

	if (value == NULL)
		return missing(name, err);
	if (!json_is_object(value))
		return wrong_type(name, "an object", err);
	*ret_object = borrow(value);
	return AID_OK;
}

int aid_json_array(const struct aid_json *object, const char *name,
	const struct aid_json **ret_array, struct aid_error *err)
{
	const json_t *value = find(object, name);

	if (value == NULL)
		return missing(name, err);
	if (!json_is_array(value))
		return wrong_type(name, "an array", err);
	*ret_array = borrow(value);
	return AID_OK;
}

static bool text_is(const json_t *value, const char *text)
{
	return aid_streq(json_string_value(value), text);
}

int aid_json_text_or_list_has(const struct aid_json *object, const char *name, const char *text,
	bool *ret_found, struct aid_error *err)
{
	const json_t *value = find(object, name);
	bool found = false;
	size_t i;
	json_t *element;

	if (value == NULL)
		return missing(name, err);
	if (!json_is_string(value) && !json_is_array(value))
		return wrong_type(name, "a string or an array of strings", err);
	if (json_is_string(value))
		found = text_is(value, text);
	json_array_foreach (value, i, element) {
		if (!json_is_string(element))
			return wrong_type(name, "a string or an array of strings", err);
		found = found || text_is(element, text);
	}
	*ret_found = found;
	return AID_OK;
}

size_t aid_json_member_count(const struct aid_json *object)
{
	return json_object_size(library(object));
}

size_t aid_json_array_count(const struct aid_json *array)
{
	return json_array_size(library(array));
}

const struct aid_json *aid_json_array_object(const struct aid_json *array, size_t index)
{
	const json_t *value = json_array_get(library(array), index);

	return json_is_object(value) ? borrow(value) : NULL;
}

const char *aid_json_array_text(const struct aid_json *array, size_t index)
{
	return json_string_value(json_array_get(library(array), index));
}
