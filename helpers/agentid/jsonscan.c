/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "jsonscan.h"

#include "str.h"

#include <stdio.h>
#include <string.h>

struct scan {
	const char *at;
	const char *end;
	const char *within;
	jsonscan_visit visit;
	void *context;
	const char *raw_name; /* of the string that is looked for; NULL: none */
	const char *raw;      /* where it stands */
	size_t raw_length;
	char closers[JSONSCAN_DEPTH_MAX]; /* of the groups that are open */
	unsigned int depth;
	unsigned int visited; /* the depth of the object whose members are visited; 0: none */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static char peek(struct scan *scan)
{
	while (scan->at < scan->end && is_blank(*scan->at))
		scan->at++;
	return (char)(scan->at < scan->end ? *scan->at : '\0');
}

static int expect(struct scan *scan, char wanted)
{
	if (peek(scan) != wanted)
		return AID_E_PROTOCOL;
	scan->at++;
	return AID_OK;
}

/* A string; out is "" unless it is one of those that are visited. */
static int scan_text(struct scan *scan, char out[JSONSCAN_TEXT_MAX + 1])
{
	size_t length = 0;
	bool plain = true;

	if (expect(scan, '"') != AID_OK)
		return AID_E_PROTOCOL;
	for (; scan->at < scan->end && *scan->at != '"'; scan->at++) {
		if (*scan->at == '\\')
			scan->at++;
		if (scan->at == scan->end)
			return AID_E_PROTOCOL;
		plain = plain && scan->at[-1] != '\\' && *scan->at >= 0x20 && *scan->at <= 0x7e &&
			length < JSONSCAN_TEXT_MAX;
		if (plain)
			out[length++] = *scan->at;
	}
	if (scan->at == scan->end)
		return AID_E_PROTOCOL;
	scan->at++;
	out[plain ? length : 0] = '\0';
	return AID_OK;
}

static int scan_word(struct scan *scan)
{
	const char *begin = scan->at;

	while (scan->at < scan->end && *scan->at != '\0' &&
		strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", *scan->at) != NULL)
		scan->at++;
	return scan->at > begin ? AID_OK : AID_E_PROTOCOL;
}

/* A value; of a group its beginning only. */
static int begin_value(struct scan *scan)
{
	char ignored[JSONSCAN_TEXT_MAX + 1];
	char first = peek(scan);

	if (first == '"')
		return scan_text(scan, ignored);
	if (first != '{' && first != '[')
		return scan_word(scan);
	if (scan->depth == JSONSCAN_DEPTH_MAX)
		return AID_E_PROTOCOL;
	scan->closers[scan->depth++] = first == '{' ? '}' : ']';
	scan->at++;
	return AID_OK;
}

static void take_raw(struct scan *scan, const char *name, const char *begin)
{
	if (scan->visited != scan->depth || scan->raw_name == NULL || !aid_streq(name, scan->raw_name))
		return;
	scan->raw = begin + 1;
	scan->raw_length = (size_t)(scan->at - begin) - 2;
}

static int begin_member(struct scan *scan)
{
	const char *begin;
	char name[JSONSCAN_TEXT_MAX + 1];
	char value[JSONSCAN_TEXT_MAX + 1];

	if (scan_text(scan, name) != AID_OK || expect(scan, ':') != AID_OK)
		return AID_E_PROTOCOL;
	if (peek(scan) != '"') {
		if (scan->depth == 1 && scan->within != NULL && peek(scan) == '{' &&
			aid_streq(name, scan->within))
			scan->visited = 2;
		return begin_value(scan);
	}
	begin = scan->at;
	if (scan_text(scan, value) != AID_OK)
		return AID_E_PROTOCOL;
	take_raw(scan, name, begin);
	if (scan->visit != NULL && scan->visited == scan->depth && name[0] != '\0' && value[0] != '\0')
		scan->visit(scan->context, name, value);
	return AID_OK;
}

static void end_group(struct scan *scan)
{
	if (scan->visited == scan->depth)
		scan->visited = 0;
	scan->depth--;
	scan->at++;
}

static int scan_document(struct scan *scan)
{
	bool begun = true; /* a group, in which nothing has been seen */

	if (peek(scan) != '{' || begin_value(scan) != AID_OK)
		return AID_E_PROTOCOL;
	while (scan->depth > 0) {
		unsigned int depth = scan->depth;
		char close = scan->closers[depth - 1];

		if (peek(scan) == close) {
			end_group(scan);
			begun = false;
			continue;
		}
		if (!begun && expect(scan, ',') != AID_OK)
			return AID_E_PROTOCOL;
		if ((close == '}' ? begin_member(scan) : begin_value(scan)) != AID_OK)
			return AID_E_PROTOCOL;
		begun = scan->depth > depth;
	}
	(void)peek(scan);
	return scan->at == scan->end ? AID_OK : AID_E_PROTOCOL;
}

int jsonscan_members(const char *text, size_t length, const char *within, jsonscan_visit visit,
	void *context)
{
	struct scan scan = {.at = text,
		.end = text + length,
		.within = within,
		.visit = visit,
		.context = context,
		.visited = within == NULL ? 1 : 0};

	return scan_document(&scan);
}

int jsonscan_raw(const char *text, size_t length, const char *name, const char **ret_raw, size_t *ret_length)
{
	struct scan scan = {.at = text, .end = text + length, .raw_name = name, .visited = 1};
	int r = scan_document(&scan);

	if (r != AID_OK || scan.raw == NULL)
		return r != AID_OK ? r : AID_E_NOTFOUND;
	*ret_raw = scan.raw;
	*ret_length = scan.raw_length;
	return AID_OK;
}

struct wanted {
	const char *name;
	char *out;
	size_t size;
	int status;
};

static void take_wanted(void *context, const char *name, const char *value)
{
	struct wanted *wanted = context;

	if (!aid_streq(name, wanted->name))
		return;
	wanted->status = strlen(value) < wanted->size ? AID_OK : AID_E_TOOBIG;
	if (wanted->status == AID_OK)
		(void)snprintf(wanted->out, wanted->size, "%s", value);
}

int jsonscan_text(const char *text, size_t length, const char *name, char *out, size_t size)
{
	struct wanted wanted = {.name = name, .out = out, .size = size, .status = AID_E_NOTFOUND};
	int r = jsonscan_members(text, length, NULL, take_wanted, &wanted);

	return r == AID_OK ? wanted.status : r;
}
