/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The text of agentid:info, for keyring.h: bytes in, status out. */
#include "keyring.h"

#include "str.h"

#include <stdio.h>
#include <string.h>

#define SECONDS_MAX 253402300799U /* the end of the year 9999 */
#define SECONDS_DIGITS 12U

int aid_info_add_both(char *text, size_t size, size_t *length, const char *credential,
	int64_t expires_wall_ms, int64_t lifetime_ms)
{
	size_t room = size - *length;
	char lifetime[24] = "";
	int written;

	if (lifetime_ms > 0)
		(void)snprintf(lifetime, sizeof(lifetime), " %lld", (long long)(lifetime_ms + 999) / 1000);
	written = snprintf(text + *length, room, "%s %lld%s\n", credential,
		(long long)(expires_wall_ms / 1000), lifetime);
	if (written < 0 || (size_t)written >= room)
		return AID_E_TOOBIG;
	*length += (size_t)written;
	return AID_OK;
}

int aid_info_add(char *text, size_t size, size_t *length, const char *credential,
	int64_t expires_wall_ms)
{
	return aid_info_add_both(text, size, length, credential, expires_wall_ms, 0);
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

static int parse_line(const char *line, size_t length, int64_t *ret_expires_s, int64_t *ret_lifetime_s)
{
	const char *blank = memchr(line, ' ', length);
	size_t first = blank != NULL ? (size_t)(blank - line) : length;
	int64_t expires_s, lifetime_s = 0;
	int r = parse_seconds(line, first, &expires_s);

	if (r == AID_OK && blank != NULL)
		r = parse_seconds(blank + 1, length - first - 1, &lifetime_s);
	if (r != AID_OK)
		return r;
	*ret_expires_s = expires_s;
	*ret_lifetime_s = lifetime_s;
	return AID_OK;
}

int aid_info_find_both(const char *text, size_t length, const char *credential,
	int64_t *ret_expires_s, int64_t *ret_lifetime_s)
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
			return parse_line(text + name_length + 1, line - name_length - 1, ret_expires_s,
				ret_lifetime_s);
		text = end + 1;
		length -= line + 1;
	}
	return AID_E_NOTFOUND;
}

int aid_info_find(const char *text, size_t length, const char *credential, int64_t *ret_expires_s)
{
	int64_t lifetime_s;

	return aid_info_find_both(text, length, credential, ret_expires_s, &lifetime_s);
}
