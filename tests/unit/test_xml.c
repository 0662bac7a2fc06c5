/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "xml.h"

#include <stdio.h>

static int read_text(const char *document, size_t length, struct aid_xml_text *text,
	struct aid_error *err)
{
	*text = (struct aid_xml_text){.path = "A/B", .max = 8};
	return aid_xml_read(document, length, 65536, text, 1, err);
}

static void test_texts(void **state)
{
	static const struct {
		const char *document;
		const char *text; /* NULL: none */
	} rows[] = {
		{"<A><B>x</B></A>", "x"},
		{"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<A xmlns=\"https://x/\"><C/><B>x</B></A>\n", "x"},
		{"<A><B>&lt;&amp;&gt;&quot;&apos;</B></A>", "<&>\"'"},
		{"<A><B><![CDATA[<x>]]></B></A>", "<x>"},
		{"<A><B>&#x41;&#66;</B></A>", "AB"},
		{"<A><B>x<!-- y -->z</B></A>", "xz"},
		{"<A><B/></A>", NULL},
		{"<A><B></B></A>", NULL},
		{"<A><C><B>x</B></C></A>", NULL},
		{"<C><B>x</B></C>", NULL},
		{"<A><B>12345678</B></A>", "12345678"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct aid_error err = AID_ERROR_INIT;
		struct aid_xml_text text;

		assert_ok(read_text(rows[i].document, strlen(rows[i].document), &text, &err), &err);
		if (rows[i].text == NULL)
			assert_null(text.text);
		else
			assert_string_equal(aid_secret_peek(text.text), rows[i].text);
		aid_xml_texts_done(&text, 1);
	}
}

#define BOMB                                                                                       \
	"<!DOCTYPE A [<!ENTITY a \"xxxxxxxxxx\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>"          \
	"<A><B>&b;</B></A>"

static void test_refused(void **state)
{
	static const struct {
		const char *document;
		int status;
		const char *sentence;
	} rows[] = {
		{"", AID_E_PROTOCOL, "XML: no element found (line 1)"},
		{"<A>", AID_E_PROTOCOL, "XML: no element found"},
		{"<A></B>", AID_E_PROTOCOL, "XML: mismatched tag"},
		{"<A/><A/>", AID_E_PROTOCOL, "XML: junk after document element"},
		{"{\"a\":1}", AID_E_PROTOCOL, "XML: not well-formed"},
		{BOMB, AID_E_PROTOCOL, "a document type is not allowed (line 1)"},
		{"<!DOCTYPE A SYSTEM \"file:///etc/passwd\"><A/>", AID_E_PROTOCOL, "a document type is not allowed"},
		{"<A><B>&x;</B></A>", AID_E_PROTOCOL, "XML: undefined entity"},
		{"<A><B>x</B>\n<B>y</B></A>", AID_E_PROTOCOL, "an element stands twice (line 2)"},
		{"<A><B><C>x</C></B></A>", AID_E_PROTOCOL, "an element stands where text is wanted"},
		{"<A><B>123456789</B></A>", AID_E_TOOBIG, "text is over its limit"},
		{"<A><B>\xff\xfe</B></A>", AID_E_PROTOCOL, "XML: not well-formed"},
		{"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><A><B>\xe4</B></A>", AID_E_PROTOCOL,
			"XML: not well-formed"},
		{"<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>", AID_E_PROTOCOL, "over 16 levels"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct aid_error err = AID_ERROR_INIT;
		struct aid_xml_text text;

		assert_failed(read_text(rows[i].document, strlen(rows[i].document), &text, &err),
			rows[i].status, &err, rows[i].sentence);
		assert_null(text.text);
	}
}

/* 255 elements beside the root, and one more; a document at its limit, and one byte more. */
static void test_limits(void **state)
{
	char document[4096] = "<A>";
	struct aid_error err = AID_ERROR_INIT;
	struct aid_xml_text text = {.path = "A/B", .max = 8};

	(void)state;
	for (size_t i = 0; i < 255; i++)
		memcpy(document + strlen(document), "<C/>", 5);
	memcpy(document + strlen(document), "</A>", 5);
	assert_ok(aid_xml_read(document, strlen(document), strlen(document), &text, 1, &err), &err);
	assert_failed(aid_xml_read(document, strlen(document), strlen(document) - 1, &text, 1, &err),
		AID_E_TOOBIG, &err, "XML: 1027 bytes, at most 1026");
	memcpy(document + strlen(document) - 4, "<C/></A>", 9);
	assert_failed(aid_xml_read(document, strlen(document), 4096, &text, 1, &err), AID_E_PROTOCOL, &err,
		"256 elements");
	(void)snprintf(document, sizeof(document), "<A>");
	memset(document + 3, 'n', 300);
	document[2] = '>';
	document[3] = '<';
	memcpy(document + 300, "/></A>", 7);
	assert_failed(aid_xml_read(document, strlen(document), 4096, &text, 1, &err), AID_E_PROTOCOL, &err,
		"names over 255 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts), cmocka_unit_test(test_refused), cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
