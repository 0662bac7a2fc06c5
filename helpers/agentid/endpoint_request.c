/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "endpoint_request.h"

#include "str.h"

#include <string.h>
#include <strings.h>

#define END "\r\n\r\n"

bool endpoint_request_is_whole(const char *bytes, size_t length)
{
	return memmem(bytes, length, END, strlen(END)) != NULL;
}

bool endpoint_text_is(const struct endpoint_text *text, const char *wanted)
{
	return text->at != NULL && text->length == strlen(wanted) && memcmp(text->at, wanted, text->length) == 0;
}

static bool is_header(const struct endpoint_text *name, const char *wanted)
{
	return name->length == strlen(wanted) && strncasecmp(name->at, wanted, name->length) == 0;
}

/* Up to the CRLF, which is passed over; what it may hold is checked here for all parts. */
static int take_line(struct endpoint_text *rest, struct endpoint_text *ret_line)
{
	const char *end = memmem(rest->at, rest->length, "\r\n", 2);

	if (end == NULL)
		return AID_E_PROTOCOL;
	ret_line->at = rest->at;
	ret_line->length = (size_t)(end - rest->at);
	rest->at += ret_line->length + 2;
	rest->length -= ret_line->length + 2;
	for (size_t i = 0; i < ret_line->length; i++) {
		char c = ret_line->at[i];

		if (c != '\t' && (c < 0x20 || c > 0x7e))
			return AID_E_PROTOCOL;
	}
	return AID_OK;
}

/* Up to the first such character, which is passed over. */
static int take_part(struct endpoint_text *line, char until, struct endpoint_text *ret_part)
{
	const char *end = memchr(line->at, until, line->length);

	if (end == NULL || end == line->at)
		return AID_E_PROTOCOL;
	ret_part->at = line->at;
	ret_part->length = (size_t)(end - line->at);
	line->at += ret_part->length + 1;
	line->length -= ret_part->length + 1;
	return AID_OK;
}

static int parse_request_line(struct endpoint_text line, struct endpoint_request *request)
{
	if (take_part(&line, ' ', &request->method) != AID_OK || take_part(&line, ' ', &request->target) != AID_OK)
		return AID_E_PROTOCOL;
	if (memchr(request->method.at, '\t', request->method.length + 1 + request->target.length) != NULL)
		return AID_E_PROTOCOL;
	return endpoint_text_is(&line, "HTTP/1.1") || endpoint_text_is(&line, "HTTP/1.0") ? AID_OK : AID_E_PROTOCOL;
}

static bool is_token(const struct endpoint_text *name)
{
	for (size_t i = 0; i < name->length; i++) {
		if (strchr("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
			name->at[i]) == NULL)
			return false;
	}
	return true;
}

static void strip(struct endpoint_text *value)
{
	for (; value->length > 0 && (value->at[0] == ' ' || value->at[0] == '\t'); value->length--)
		value->at++;
	while (value->length > 0 && (value->at[value->length - 1] == ' ' || value->at[value->length - 1] == '\t'))
		value->length--;
}

static int take_once(struct endpoint_text *field, const struct endpoint_text *value)
{
	if (field->at != NULL)
		return AID_E_PROTOCOL;
	*field = *value;
	return AID_OK;
}

static int parse_header(struct endpoint_text line, struct endpoint_request *request)
{
	struct endpoint_text name;

	if (take_part(&line, ':', &name) != AID_OK || !is_token(&name))
		return AID_E_PROTOCOL;
	strip(&line);
	if (is_header(&name, "Host"))
		return take_once(&request->host, &line);
	if (is_header(&name, "Authorization"))
		return take_once(&request->authorization, &line);
	if (is_header(&name, "Transfer-Encoding") || (is_header(&name, "Content-Length") && !endpoint_text_is(&line, "0")))
		request->has_body = true;
	return AID_OK;
}

int endpoint_request_parse(const char *bytes, size_t length, struct endpoint_request *ret_request,
	struct aid_error *err)
{
	struct endpoint_text rest = {.at = bytes, .length = length};
	struct endpoint_request request = {.has_body = false};
	struct endpoint_text line;
	size_t count = 0;

	if (take_line(&rest, &line) != AID_OK || parse_request_line(line, &request) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "the request line is no \"GET PATH HTTP/1.1\"");
	for (;;) {
		if (take_line(&rest, &line) != AID_OK)
			return aid_fail(err, AID_E_PROTOCOL, "header %zu is no line of printable ASCII", count + 1);
		if (line.length == 0)
			break;
		if (count++ == ENDPOINT_HEADERS_MAX)
			return aid_fail(err, AID_E_PROTOCOL, "more than %u headers", ENDPOINT_HEADERS_MAX);
		if (parse_header(line, &request) != AID_OK)
			return aid_fail(err, AID_E_PROTOCOL, "header %zu is no \"NAME: VALUE\", or a second Host or Authorization",
				count);
	}
	*ret_request = request;
	return AID_OK;
}
