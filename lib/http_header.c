/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "http_header.h"

#include "str.h"

#include <string.h>
#include <strings.h>
#include <time.h>

static const char *const date_forms[] = {
	"%a, %d %b %Y %H:%M:%S GMT",
	"%A, %d-%b-%y %H:%M:%S GMT",
	"%a %b %e %H:%M:%S %Y",
};

int64_t aid_http_date(const char *value)
{
	for (size_t i = 0; i < sizeof(date_forms) / sizeof(date_forms[0]); i++) {
		struct tm tm = {0};
		const char *end = strptime(value, date_forms[i], &tm);
		int64_t seconds;

		if (end == NULL || *end != '\0')
			continue;
		seconds = (int64_t)timegm(&tm);
		return seconds > 0 ? seconds : 0;
	}
	return 0;
}

int aid_http_retry_after(const char *value, int64_t now_s)
{
	int64_t wait;
	size_t digits = strspn(value, "0123456789");

	if (digits > 0 && value[digits] == '\0') {
		uint64_t seconds;

		/* So long a wait that it does not fit is a long wait. */
		if (aid_str_parse_uint(value, 0, AID_RETRY_AFTER_MAX_S, &seconds) != AID_OK)
			return AID_RETRY_AFTER_MAX_S;
		return (int)seconds;
	}
	wait = aid_http_date(value);
	if (wait == 0)
		return -1;
	wait -= now_s;
	if (wait < 0)
		return 0;
	return wait > AID_RETRY_AFTER_MAX_S ? AID_RETRY_AFTER_MAX_S : (int)wait;
}

static int64_t directive_age(const char *text, size_t length)
{
	char digits[12];
	uint64_t age;

	if (length >= 2 && text[0] == '"' && text[length - 1] == '"') {
		text++;
		length -= 2;
	}
	if (length == 0 || length >= sizeof(digits))
		return -1;
	memcpy(digits, text, length);
	digits[length] = '\0';
	if (aid_str_parse_uint(digits, 0, INT64_MAX, &age) != AID_OK)
		return -1;
	return (int64_t)age;
}

int64_t aid_http_max_age(const char *value)
{
	int64_t age = -1;

	while (*value != '\0') {
		size_t length;

		value += strspn(value, " \t,");
		length = strcspn(value, " \t,");
		if ((length == 8 && strncasecmp(value, "no-store", length) == 0) ||
			(length == 8 && strncasecmp(value, "no-cache", length) == 0))
			return 0;
		if (length > 8 && strncasecmp(value, "max-age=", 8) == 0)
			age = directive_age(value + 8, length - 8);
		value += length;
	}
	return age;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool aid_http_header_is(const char *line, size_t length, const char *name, char *value, size_t size)
{
	size_t at = strlen(name);
	size_t n;

	if (length <= at || line[at] != ':' || strncasecmp(line, name, at) != 0)
		return false;
	at++;
	while (at < length && is_blank(line[at]))
		at++;
	while (length > at && is_blank(line[length - 1]))
		length--;
	n = length - at < size - 1 ? length - at : size - 1;
	memcpy(value, line + at, n);
	value[n] = '\0';
	return true;
}
