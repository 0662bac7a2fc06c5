/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "timestamp.h"

#include "str.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char form[] = "dddd-dd-ddTdd:dd:dd";

static bool has_form(const char *text)
{
	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		bool digit = text[i] >= '0' && text[i] <= '9';

		if (form[i] == 'd' ? !digit : text[i] != form[i])
			return false;
	}
	return true;
}

static int number(const char *text, size_t at, size_t length)
{
	int value = 0;

	for (size_t i = at; i < at + length; i++)
		value = value * 10 + (text[i] - '0');
	return value;
}

/* ".123" into milliseconds; *text moves behind it. */
static bool take_fraction(const char **text, int64_t *ret_ms)
{
	size_t digits;
	int64_t ms = 0;

	*ret_ms = 0;
	if (**text != '.')
		return true;
	digits = strspn(*text + 1, "0123456789");
	if (digits == 0 || digits > 9)
		return false;
	for (size_t i = 0; i < 3; i++)
		ms = ms * 10 + (i < digits ? (*text)[1 + i] - '0' : 0);
	*text += 1 + digits;
	*ret_ms = ms;
	return true;
}

/* timegm() takes the 31st of February for a day in March: the way back shows it. */
static bool to_seconds(struct tm *tm, int64_t *ret_s)
{
	struct tm wanted = *tm;
	time_t seconds = timegm(tm);
	struct tm seen;

	if (seconds < 0 || gmtime_r(&seconds, &seen) == NULL)
		return false;
	*ret_s = (int64_t)seconds;
	return seen.tm_year == wanted.tm_year && seen.tm_mon == wanted.tm_mon &&
		seen.tm_mday == wanted.tm_mday && seen.tm_hour == wanted.tm_hour &&
		seen.tm_min == wanted.tm_min && seen.tm_sec == wanted.tm_sec;
}

int aid_timestamp_parse(const char *text, int64_t *ret_ms)
{
	int64_t seconds, ms;
	struct tm tm;

	if (!has_form(text))
		return AID_E_INVALID;
	tm = (struct tm){
		.tm_year = number(text, 0, 4) - 1900,
		.tm_mon = number(text, 5, 2) - 1,
		.tm_mday = number(text, 8, 2),
		.tm_hour = number(text, 11, 2),
		.tm_min = number(text, 14, 2),
		.tm_sec = number(text, 17, 2),
	};
	text += sizeof(form) - 1;
	if (!take_fraction(&text, &ms) || (!aid_streq(text, "Z") && !aid_streq(text, "+00:00")) ||
		!to_seconds(&tm, &seconds))
		return AID_E_INVALID;
	*ret_ms = seconds * 1000 + ms;
	return AID_OK;
}

void aid_timestamp_format(int64_t ms, char out[AID_TIMESTAMP_SIZE])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL || strftime(out, AID_TIMESTAMP_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		out[0] = '\0';
}
