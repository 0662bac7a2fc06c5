/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The part of json.h for who goes through a document whose members it does not know. */
#include "json.h"

#include <jansson.h>
#include <stdint.h>

/* The library has no const iterators; nothing is changed. */
static json_t *unconst(const struct aid_json *json)
{
	return (json_t *)(uintptr_t)json;
}

const struct aid_json *aid_json_member(const struct aid_json *object, size_t index, const char **ret_name)
{
	json_t *json = unconst(object);
	void *at = json_object_iter(json);

	for (size_t i = 0; at != NULL && i < index; i++)
		at = json_object_iter_next(json, at);
	if (at == NULL)
		return NULL;
	*ret_name = json_object_iter_key(at);
	return (const struct aid_json *)json_object_iter_value(at);
}

const struct aid_json *aid_json_array_at(const struct aid_json *array, size_t index)
{
	return (const struct aid_json *)json_array_get(unconst(array), index);
}

const char *aid_json_string(const struct aid_json *value)
{
	return json_string_value(unconst(value));
}

bool aid_json_is_object(const struct aid_json *value)
{
	return json_is_object(unconst(value));
}

bool aid_json_is_array(const struct aid_json *value)
{
	return json_is_array(unconst(value));
}
