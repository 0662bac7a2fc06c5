/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "xml.h"

#include "str.h"

#include <expat.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

struct reader {
	XML_Parser parser;
	struct aid_xml_text *texts;
	size_t n_texts;
	size_t length;             /* of the document: no text in it is longer */
	char path[AID_XML_PATH_MAX + 1];
	unsigned int depth, elements;
	struct aid_xml_text *open; /* the wanted element we are in */
	int status;
	const char *problem;
};

/* The library's copies of what it reads are wiped: credentials stand in these documents. */
union header {
	size_t size;
	max_align_t align;
};

static void *wiping_malloc(size_t size)
{
	union header *block;

	if (size > SIZE_MAX - sizeof(*block))
		return NULL;
	block = malloc(sizeof(*block) + size);
	if (block == NULL)
		return NULL;
	block->size = size;
	return block + 1;
}

static void wiping_free(void *bytes)
{
	union header *block = bytes;

	if (block == NULL)
		return;
	block--;
	explicit_bzero(block + 1, block->size);
	free(block);
}

static void *wiping_realloc(void *old, size_t size)
{
	size_t kept = old != NULL ? ((union header *)old)[-1].size : 0;
	void *bytes = wiping_malloc(size);

	if (bytes == NULL)
		return NULL;
	if (kept > 0)
		memcpy(bytes, old, kept < size ? kept : size);
	wiping_free(old);
	return bytes;
}

static void stop(struct reader *reader, int status, const char *problem)
{
	if (reader->status != AID_OK)
		return;
	reader->status = status;
	reader->problem = problem;
	(void)XML_StopParser(reader->parser, XML_FALSE);
}

static void on_doctype(void *data, const XML_Char *name, const XML_Char *system_id,
	const XML_Char *public_id, int has_subset)
{
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_subset;
	stop(data, AID_E_PROTOCOL, "a document type is not allowed");
}

static void open_wanted(struct reader *reader)
{
	for (size_t i = 0; i < reader->n_texts; i++) {
		struct aid_xml_text *t = &reader->texts[i];

		if (!aid_streq(t->path, reader->path))
			continue;
		if (t->text != NULL) {
			stop(reader, AID_E_PROTOCOL, "an element stands twice");
			return;
		}
		/* Small ones are cut from memory that is locked already; a mapping costs a signature. */
		t->text = aid_secret_new(t->max < reader->length ? t->max : reader->length);
		if (t->text == NULL)
			stop(reader, AID_E_NOMEM, "out of memory");
		reader->open = t;
	}
}

static void on_start(void *data, const XML_Char *name, const XML_Char **attributes)
{
	struct reader *reader = data;
	size_t used = strlen(reader->path);
	size_t length = strlen(name);

	(void)attributes;
	if (reader->status != AID_OK)
		return;
	if (reader->open != NULL) {
		stop(reader, AID_E_PROTOCOL, "an element stands where text is wanted");
		return;
	}
	if (++reader->depth > AID_XML_DEPTH_MAX || ++reader->elements > AID_XML_ELEMENTS_MAX) {
		stop(reader, AID_E_PROTOCOL, "over 16 levels or 256 elements");
		return;
	}
	if (used + 1 + length > AID_XML_PATH_MAX) {
		stop(reader, AID_E_PROTOCOL, "names over 255 bytes");
		return;
	}
	if (used > 0)
		reader->path[used++] = '/';
	memcpy(reader->path + used, name, length + 1);
	open_wanted(reader);
}

static void on_end(void *data, const XML_Char *name)
{
	struct reader *reader = data;
	char *slash = strrchr(reader->path, '/');

	(void)name;
	if (reader->status != AID_OK)
		return;
	reader->depth--;
	reader->open = NULL;
	*(slash != NULL ? slash : reader->path) = '\0';
}

static void on_text(void *data, const XML_Char *bytes, int length)
{
	struct reader *reader = data;

	if (reader->status != AID_OK || reader->open == NULL)
		return;
	if (aid_secret_append(reader->open->text, bytes, (size_t)length) != AID_OK)
		stop(reader, AID_E_TOOBIG, "an element's text is over its limit");
}

static int parse(struct reader *reader, const void *bytes, size_t length, struct aid_error *err)
{
	enum XML_Status seen;
	unsigned long line;

	XML_SetUserData(reader->parser, reader);
	XML_SetStartDoctypeDeclHandler(reader->parser, on_doctype);
	XML_SetElementHandler(reader->parser, on_start, on_end);
	XML_SetCharacterDataHandler(reader->parser, on_text);
	(void)XML_SetParamEntityParsing(reader->parser, XML_PARAM_ENTITY_PARSING_NEVER);
	seen = XML_Parse(reader->parser, bytes, (int)length, XML_TRUE);
	line = (unsigned long)XML_GetCurrentLineNumber(reader->parser);
	if (reader->status != AID_OK)
		return aid_fail(err, reader->status, "XML: %s (line %lu)", reader->problem, line);
	if (seen == XML_STATUS_OK)
		return AID_OK;
	if (XML_GetErrorCode(reader->parser) == XML_ERROR_NO_MEMORY)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	return aid_fail(err, AID_E_PROTOCOL, "XML: %s (line %lu)",
		XML_ErrorString(XML_GetErrorCode(reader->parser)), line);
}

int aid_xml_read(const void *bytes, size_t length, size_t max_bytes, struct aid_xml_text *texts,
	size_t n_texts, struct aid_error *err)
{
	static const XML_Memory_Handling_Suite memory = {wiping_malloc, wiping_realloc, wiping_free};
	struct reader reader = {.texts = texts, .n_texts = n_texts, .length = length};
	int r;

	for (size_t i = 0; i < n_texts; i++)
		texts[i].text = NULL;
	if (length > max_bytes || length > INT_MAX)
		return aid_fail(err, AID_E_TOOBIG, "XML: %zu bytes, at most %zu", length, max_bytes);
	/* What the document says of its own encoding does not count. */
	reader.parser = XML_ParserCreate_MM("UTF-8", &memory, NULL);
	if (reader.parser == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	r = parse(&reader, bytes, length, err);
	XML_ParserFree(reader.parser);
	for (size_t i = 0; i < n_texts; i++) {
		if (texts[i].text == NULL || (r == AID_OK && aid_secret_length(texts[i].text) > 0))
			continue;
		aid_secret_free(texts[i].text);
		texts[i].text = NULL;
	}
	return r;
}

void aid_xml_texts_done(struct aid_xml_text *texts, size_t n_texts)
{
	for (size_t i = 0; i < n_texts; i++) {
		aid_secret_free(texts[i].text);
		texts[i].text = NULL;
	}
}
