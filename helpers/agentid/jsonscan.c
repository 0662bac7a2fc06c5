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
};

/* How deep a value stands, and whether the members of the object that it may be are visited. */
struct place {
	unsigned int depth;
	bool visited;
};

static int skip_value(struct scan *scan, struct place place);

static char peek(struct scan *scan)
{
	while (scan->at < scan->end && memchr(" \t\r\n", *scan->at, 4) != NULL)
		scan->at++;
	return scan->at < scan->end ? *scan->at : '\0';
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

static int scan_member(struct scan *scan, struct place place)
{
	struct place inside = {.depth = place.depth + 1};
	char name[JSONSCAN_TEXT_MAX + 1];
	char value[JSONSCAN_TEXT_MAX + 1];

	if (scan_text(scan, name) != AID_OK || expect(scan, ':') != AID_OK)
		return AID_E_PROTOCOL;
	if (peek(scan) != '"') {
		inside.visited = place.depth == 1 && scan->within != NULL &&
			aid_streq(name, scan->within);
		return skip_value(scan, inside);
	}
	if (scan_text(scan, value) != AID_OK)
		return AID_E_PROTOCOL;
	if (place.visited && name[0] != '\0' && value[0] != '\0')
		scan->visit(scan->context, name, value);
	return AID_OK;
}

static int skip_group(struct scan *scan, struct place place)
{
	const char close = *scan->at == '{' ? '}' : ']';
	struct place inside = {.depth = place.depth + 1, .visited = place.visited};
	int r;

	if (inside.depth > JSONSCAN_DEPTH_MAX)
		return AID_E_PROTOCOL;
	scan->at++;
	if (peek(scan) == close)
		return expect(scan, close);
	do {
		if (close == '}')
			r = scan_member(scan, inside);
		else
			r = skip_value(scan, (struct place){.depth = inside.depth});
		if (r != AID_OK)
			return r;
	} while (expect(scan, ',') == AID_OK);
	return expect(scan, close);
}

static int skip_value(struct scan *scan, struct place place)
{
	char ignored[JSONSCAN_TEXT_MAX + 1];
	const char *begin;

	switch (peek(scan)) {
	case '{':
	case '[':
		return skip_group(scan, place);
	case '"':
		return scan_text(scan, ignored);
	default:
		begin = scan->at;
		while (scan->at < scan->end && *scan->at != '\0' &&
			strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", *scan->at) != NULL)
			scan->at++;
		return scan->at > begin ? AID_OK : AID_E_PROTOCOL;
	}
}

int jsonscan_members(const char *text, size_t length, const char *within, jsonscan_visit visit,
	void *context)
{
	struct scan scan = {
		.at = text, .end = text + length, .within = within, .visit = visit, .context = context};

	if (peek(&scan) != '{' || skip_group(&scan, (struct place){.visited = within == NULL}) != AID_OK)
		return AID_E_PROTOCOL;
	(void)peek(&scan);
	return scan.at == scan.end ? AID_OK : AID_E_PROTOCOL;
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
