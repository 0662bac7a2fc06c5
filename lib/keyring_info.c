/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The text of agentid:info, for keyring.h: bytes in, status out. */
#include "keyring.h"

#include "str.h"

#include <stdio.h>
#include <string.h>

#define SECONDS_MAX 253402300799U /* the end of the year 9999 */
#define SECONDS_DIGITS 12U

int aid_info_add(char *text, size_t size, size_t *length, const char *credential,
	int64_t expires_wall_ms)
{
	size_t room = size - *length;
	int written = snprintf(text + *length, room, "%s %lld\n", credential,
		(long long)(expires_wall_ms / 1000));

	if (written < 0 || (size_t)written >= room)
		return AID_E_TOOBIG;
	*length += (size_t)written;
	return AID_OK;
}

static int parse_seconds(const char *digits, size_t length, int64_t *ret_seconds)
{
	char text[SECONDS_DIGITS + 1];
	uint64_t seconds;

	if (length == 0 || length > SECONDS_DIGITS)
		return AID_E_PROTOCOL;
	memcpy(text, digits, length);
	text[length] = '\0';
	if (aid_str_parse_uint(text, 1, SECONDS_MAX, &seconds) != AID_OK)
		return AID_E_PROTOCOL;
	*ret_seconds = (int64_t)seconds;
	return AID_OK;
}

int aid_info_find(const char *text, size_t length, const char *credential, int64_t *ret_expires_s)
{
	size_t name_length = strlen(credential);

	while (length > 0) {
		const char *end = memchr(text, '\n', length);
		size_t line;

		if (end == NULL)
			return AID_E_PROTOCOL;
		line = (size_t)(end - text);
		if (line > name_length && text[name_length] == ' ' &&
			memcmp(text, credential, name_length) == 0)
			return parse_seconds(text + name_length + 1, line - name_length - 1,
				ret_expires_s);
		text = end + 1;
		length -= line + 1;
	}
	return AID_E_NOTFOUND;
}
