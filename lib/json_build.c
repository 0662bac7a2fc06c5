/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The building half of json.h. */
#include "json.h"

#include <jansson.h>
#include <stdint.h>
#include <string.h>

struct aid_json *aid_json_new_object(void)
{
	return (struct aid_json *)json_object();
}

struct aid_json *aid_json_new_array(void)
{
	return (struct aid_json *)json_array();
}

int aid_json_put(struct aid_json *object, const char *name, struct aid_json *child)
{
	/* The library takes the reference over, or drops it on failure. */
	return json_object_set_new((json_t *)object, name, (json_t *)child) == 0 ? AID_OK
										  : AID_E_NOMEM;
}

int aid_json_append(struct aid_json *array, struct aid_json *child)
{
	return json_array_append_new((json_t *)array, (json_t *)child) == 0 ? AID_OK : AID_E_NOMEM;
}

int aid_json_put_text(struct aid_json *object, const char *name, const char *text)
{
	json_t *value = json_string(text);

	if (value == NULL)
		return AID_E_INVALID;
	return aid_json_put(object, name, (struct aid_json *)value);
}

int aid_json_append_text(struct aid_json *array, const char *text)
{
	json_t *value = json_string(text);

	if (value == NULL)
		return AID_E_INVALID;
	return aid_json_append(array, (struct aid_json *)value);
}

int aid_json_put_int(struct aid_json *object, const char *name, int64_t value)
{
	return aid_json_put(object, name, (struct aid_json *)json_integer(value));
}

int aid_json_put_bool(struct aid_json *object, const char *name, bool value)
{
	return aid_json_put(object, name, (struct aid_json *)json_boolean(value));
}

int aid_json_render(const struct aid_json *value, char *out, size_t size, size_t *ret_length)
{
	size_t length = json_dumpb((const json_t *)value, out, size, JSON_COMPACT | JSON_ENCODE_ANY);

	if (length == 0)
		return AID_E_NOMEM;
	if (length >= size)
		return AID_E_TOOBIG;
	out[length] = '\0';
	*ret_length = length;
	return AID_OK;
}

void aid_json_remove(struct aid_json *object, const char *name)
{
	(void)json_object_del((json_t *)object, name);
}

struct aid_json *aid_json_copy(const struct aid_json *value)
{
	return (struct aid_json *)json_deep_copy((json_t *)(uintptr_t)value);
}

struct aid_json *aid_json_edit_object(struct aid_json *object, const char *name)
{
	json_t *found = json_object_get((json_t *)object, name);

	if (found == NULL && json_object_set_new((json_t *)object, name, json_object()) == 0)
		found = json_object_get((json_t *)object, name);
	return json_is_object(found) ? (struct aid_json *)found : NULL;
}

char *aid_json_render_lines(const struct aid_json *value)
{
	char *text = json_dumps((json_t *)(uintptr_t)value, JSON_INDENT(1));

	/* The library indents by spaces alone. No line break is in a string. */
	for (char *line = text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		while (*line == ' ')
			*line++ = '\t';
	}
	return text;
}
