/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* JSON from outside, strictly: UTF-8, no duplicate members, nothing after the document, bounded size,
 * depth and member count (RFC 8259; RFC 8725 section 2.4). json.c alone knows the JSON library.
 *
 * A value of type const struct aid_json * is borrowed from the document it was found in. */
#ifndef AID_JSON_H
#define AID_JSON_H

#include "cleanup.h"
#include "error.h"

#include <stddef.h>
#include <stdint.h>

#define AID_JSON_DEPTH_MAX 16U
#define AID_JSON_MEMBERS_MAX 256U /* of one object or array */

struct aid_json;

/* Parses one whole document that is an object. The size is checked before the first byte is looked
 * at: AID_E_TOOBIG over max_bytes. AID_E_PROTOCOL says what is wrong and at which byte, and never
 * quotes the document (it may hold a secret). AID_E_NOMEM. */
int aid_json_parse(const void *bytes, size_t length, size_t max_bytes, struct aid_json **ret_document,
	struct aid_error *err) AID_WUR;
/* The same of one that is an array, for the functions of arrays below. */
int aid_json_parse_array(const void *bytes, size_t length, size_t max_bytes,
	struct aid_json **ret_document, struct aid_error *err) AID_WUR;
void aid_json_free(struct aid_json *document);
AID_DEFINE_AUTO(aid_json)

bool aid_json_has(const struct aid_json *object, const char *name);
size_t aid_json_member_count(const struct aid_json *object);
/* Whatever stands under name, for aid_json_render(); NULL when absent. */
const struct aid_json *aid_json_get(const struct aid_json *object, const char *name);

/* Typed getters. For each: AID_E_NOTFOUND when absent; AID_E_PROTOCOL when of another type (null is
 * another type); AID_E_TOOBIG when out of the range given. */

/* A string of min_length to max_length bytes; borrowed. Never holds a NUL; may hold control
 * characters, see aid_str_is_printable(). */
int aid_json_text(const struct aid_json *object, const char *name, size_t min_length,
	size_t max_length, const char **ret_text, struct aid_error *err) AID_WUR;
/* A number written as an integer. */
int aid_json_int(const struct aid_json *object, const char *name, int64_t min, int64_t max,
	int64_t *ret_value, struct aid_error *err) AID_WUR;
int aid_json_bool(const struct aid_json *object, const char *name, bool *ret_value,
	struct aid_error *err) AID_WUR;
/* RFC 7519 section 2 NumericDate, integer or decimal seconds, 0 to 2^53: milliseconds, rounded
 * down. */
int aid_json_date_ms(const struct aid_json *object, const char *name, int64_t *ret_ms,
	struct aid_error *err) AID_WUR;
int aid_json_object(const struct aid_json *object, const char *name,
	const struct aid_json **ret_object, struct aid_error *err) AID_WUR;
int aid_json_array(const struct aid_json *object, const char *name,
	const struct aid_json **ret_array, struct aid_error *err) AID_WUR;

/* A string, or an array of nothing but strings, that holds text ("aud", RFC 7519 section 4.1.3).
 * *ret_found false when it does not. */
int aid_json_text_or_list_has(const struct aid_json *object, const char *name, const char *text,
	bool *ret_found, struct aid_error *err) AID_WUR;

size_t aid_json_array_count(const struct aid_json *array);
/* NULL past the end or when the element is not an object / not a string. */
const struct aid_json *aid_json_array_object(const struct aid_json *array, size_t index);
const char *aid_json_array_text(const struct aid_json *array, size_t index);

/* Walking. Members are in the document's order; NULL past the end, or when it is no object or array. */
const struct aid_json *aid_json_member(const struct aid_json *object, size_t index, const char **ret_name);
const struct aid_json *aid_json_array_at(const struct aid_json *array, size_t index);
/* NULL when it is no string. */
const char *aid_json_string(const struct aid_json *value);
bool aid_json_is_object(const struct aid_json *value);
bool aid_json_is_array(const struct aid_json *value);

/* Building. AID_E_NOMEM, also when object or array is NULL; AID_E_INVALID when text is not UTF-8 or
 * there is no memory to copy it. */
struct aid_json *aid_json_new_object(void);
struct aid_json *aid_json_new_array(void);
int aid_json_put_text(struct aid_json *object, const char *name, const char *text) AID_WUR;
int aid_json_put_int(struct aid_json *object, const char *name, int64_t value) AID_WUR;
int aid_json_put_bool(struct aid_json *object, const char *name, bool value) AID_WUR;
/* Both take child over, also on failure; NULL is AID_E_NOMEM. */
int aid_json_put(struct aid_json *object, const char *name, struct aid_json *child) AID_WUR;
int aid_json_append(struct aid_json *array, struct aid_json *child) AID_WUR;
int aid_json_append_text(struct aid_json *array, const char *text) AID_WUR;
/* No-op where there is none. */
void aid_json_remove(struct aid_json *object, const char *name);
/* All of it, as a document of its own. NULL when memory is short. */
struct aid_json *aid_json_copy(const struct aid_json *value);
/* The object under name, made where it is absent; borrowed from object. NULL when something else stands
 * there or memory is short. */
struct aid_json *aid_json_edit_object(struct aid_json *object, const char *name);
/* Text of the value with one level a line, indented by tabs, in the order members were put; freed by the
 * caller. NULL when memory is short. */
char *aid_json_render_lines(const struct aid_json *value);
/* Compact text of the value, in the order members were put, with a final NUL that the length does not
 * count. AID_E_TOOBIG when it does not fit. */
int aid_json_render(const struct aid_json *value, char *out, size_t size, size_t *ret_length) AID_WUR;

#endif
