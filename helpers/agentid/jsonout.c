/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "jsonout.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

int jsonout_begin(struct jsonout *json, struct aid_error *err)
{
	*json = (struct jsonout){0};
	json->stream = open_memstream(&json->text, &json->length);
	return json->stream != NULL ? AID_OK : aid_fail(err, AID_E_NOMEM, "out of memory");
}

int jsonout_print(struct jsonout *json, struct aid_error *err)
{
	bool whole = ferror(json->stream) == 0 && fflush(json->stream) == 0;

	if (!whole)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	(void)fwrite(json->text, 1, json->length, stdout);
	(void)fputc('\n', stdout);
	return AID_OK;
}

void jsonout_done(struct jsonout *json)
{
	if (json->stream != NULL)
		(void)fclose(json->stream);
	/* It may have been a token. */
	if (json->text != NULL)
		explicit_bzero(json->text, json->length);
	free(json->text);
	*json = (struct jsonout){0};
}

static void put_string(FILE *stream, const char *text)
{
	(void)fputc('"', stream);
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			(void)fprintf(stream, "\\%c", *p);
		else if (*p < 0x20 || *p > 0x7e)
			(void)fprintf(stream, "\\u%04x", (unsigned int)*p);
		else
			(void)fputc(*p, stream);
	}
	(void)fputc('"', stream);
}

static void begin_value(struct jsonout *json, const char *name)
{
	if (json->comma)
		(void)fputc(',', json->stream);
	json->comma = true;
	if (name == NULL)
		return;
	put_string(json->stream, name);
	(void)fputc(':', json->stream);
}

static void begin_level(struct jsonout *json, const char *name, char bracket)
{
	begin_value(json, name);
	(void)fputc(bracket, json->stream);
	json->comma = false;
}

static void end_level(struct jsonout *json, char bracket)
{
	(void)fputc(bracket, json->stream);
	json->comma = true;
}

void jsonout_object(struct jsonout *json, const char *name)
{
	begin_level(json, name, '{');
}

void jsonout_object_end(struct jsonout *json)
{
	end_level(json, '}');
}

void jsonout_array(struct jsonout *json, const char *name)
{
	begin_level(json, name, '[');
}

void jsonout_array_end(struct jsonout *json)
{
	end_level(json, ']');
}

void jsonout_text(struct jsonout *json, const char *name, const char *text)
{
	begin_value(json, name);
	if (text == NULL || text[0] == '\0')
		(void)fputs("null", json->stream);
	else
		put_string(json->stream, text);
}

void jsonout_int(struct jsonout *json, const char *name, int64_t value)
{
	begin_value(json, name);
	(void)fprintf(json->stream, "%lld", (long long)value);
}

void jsonout_bool(struct jsonout *json, const char *name, bool value)
{
	begin_value(json, name);
	(void)fputs(value ? "true" : "false", json->stream);
}

void jsonout_time(struct jsonout *json, const char *name, int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char text[40] = "";
	struct tm tm;

	if (wall_ms > 0 && gmtime_r(&seconds, &tm) != NULL)
		(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	jsonout_text(json, name, text);
}
