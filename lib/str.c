/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "str.h"

#include <string.h>

#define AGENT_ID_MAX 63U
#define DURATION_MAX_S UINT64_C(31622400) /* 366 days */

bool aid_streq(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

int aid_str_order(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

static char lower(char c)
{
	if (c < 'A' || c > 'Z')
		return c;
	return (char)(c - 'A' + 'a');
}

bool aid_streq_nocase(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	while (*a != '\0' && lower(*a) == lower(*b)) {
		a++;
		b++;
	}
	return lower(*a) == lower(*b);
}

bool aid_str_has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_lower_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z');
}

static int parse_digits(const char *text, size_t length, uint64_t min, uint64_t max,
	uint64_t *ret_value)
{
	uint64_t value = 0;

	if (length == 0)
		return AID_E_INVALID;
	for (size_t i = 0; i < length; i++) {
		if (!is_digit(text[i]))
			return AID_E_INVALID;
		if (__builtin_mul_overflow(value, 10U, &value) ||
			__builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
			return AID_E_INVALID;
	}
	if (value < min || value > max)
		return AID_E_INVALID;
	*ret_value = value;
	return AID_OK;
}

int aid_str_parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value)
{
	return parse_digits(text, strlen(text), min, max, ret_value);
}

int aid_str_parse_bool(const char *text, bool *ret_value)
{
	if (!aid_streq(text, "yes") && !aid_streq(text, "no"))
		return AID_E_INVALID;
	*ret_value = aid_streq(text, "yes");
	return AID_OK;
}

int aid_str_parse_duration(const char *text, int64_t *ret_ms)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	size_t length = strlen(text);
	uint64_t count;

	if (length < 2)
		return AID_E_INVALID;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (text[length - 1] != units[i].unit)
			continue;
		if (parse_digits(text, length - 1, 1, DURATION_MAX_S / units[i].seconds, &count) !=
			AID_OK)
			return AID_E_INVALID;
		*ret_ms = (int64_t)(count * units[i].seconds * 1000);
		return AID_OK;
	}
	return AID_E_INVALID;
}

int aid_str_parse_percent(const char *text, unsigned int *ret_percent)
{
	size_t length = strlen(text);
	uint64_t value;

	if (length < 2 || text[length - 1] != '%')
		return AID_E_INVALID;
	if (parse_digits(text, length - 1, 1, 99, &value) != AID_OK)
		return AID_E_INVALID;
	*ret_percent = (unsigned int)value;
	return AID_OK;
}

bool aid_str_is_agent_id(const char *text)
{
	size_t length = strlen(text);

	if (length == 0 || length > AGENT_ID_MAX || !is_lower_alnum(text[0]))
		return false;
	for (size_t i = 1; i < length; i++) {
		if (!is_lower_alnum(text[i]) && strchr("._-", text[i]) == NULL)
			return false;
	}
	return true;
}

bool aid_str_is_b64token(const char *text, size_t length)
{
	size_t i = 0;

	while (i < length && text[i] != '\0' &&
		(is_lower_alnum(text[i]) || (text[i] >= 'A' && text[i] <= 'Z') ||
			strchr("-._~+/", text[i]) != NULL))
		i++;
	if (i == 0)
		return false;
	while (i < length && text[i] == '=')
		i++;
	return i == length;
}

bool aid_str_is_printable(const char *text)
{
	size_t length = strlen(text);

	if (length == 0 || text[0] == ' ' || text[length - 1] == ' ')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	}
	return true;
}

void aid_str_hex(const void *bytes, size_t length, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *in = bytes;

	for (size_t i = 0; i < length; i++) {
		*out++ = digits[in[i] >> 4];
		*out++ = digits[in[i] & 15];
	}
	*out = '\0';
}

static int unhex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int aid_str_unhex(const char *text, void *ret_bytes, size_t length)
{
	unsigned char *out = ret_bytes;

	if (strlen(text) != 2 * length)
		return AID_E_INVALID;
	for (size_t i = 0; i < length; i++) {
		int high = unhex_digit(text[2 * i]);
		int low = unhex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return AID_E_INVALID;
		out[i] = (unsigned char)(high << 4 | low);
	}
	return AID_OK;
}
