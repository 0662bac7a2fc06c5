/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What the adapters' JSON scanner visits is plain text in bounds, and what a whole JSON parser accepts it
 * accepts, up to its depth. */
#include "fuzz.h"

#include "../helpers/agentid/jsonscan.h"
#include "json.h"

#include <string.h>

static void check_member(void *context, const char *name, const char *value)
{
	size_t *visited = context;

	fuzz_assert(strlen(name) >= 1 && strlen(name) <= JSONSCAN_TEXT_MAX);
	fuzz_assert(strlen(value) >= 1 && strlen(value) <= JSONSCAN_TEXT_MAX);
	for (const char *p = value; *p != '\0'; p++)
		fuzz_assert(*p >= 0x20 && *p <= 0x7e && *p != '\\');
	(*visited)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	AID_AUTO(aid_json) *json = NULL;
	const char *text = (const char *)bytes;
	size_t visited = 0;
	char out[16] = "";
	const char *whole, *raw;
	size_t raw_length;
	int r = jsonscan_members(text, length, NULL, check_member, &visited);

	(void)!jsonscan_members(text, length, "a", check_member, &visited);
	(void)!jsonscan_text(text, length, "a", out, sizeof(out));
	fuzz_assert(strlen(out) < sizeof(out));
	if (jsonscan_raw(text, length, "a", &raw, &raw_length) == AID_OK)
		fuzz_assert(raw > text && raw + raw_length < text + length && raw[-1] == '"' && raw[raw_length] == '"');
	if (aid_json_parse(bytes, length, length, &json, NULL) != AID_OK)
		return 0;
	fuzz_assert(r == AID_OK);
	if (out[0] != '\0')
		fuzz_assert(aid_json_text(json, "a", 1, sizeof(out), &whole, NULL) == AID_OK &&
			strlen(whole) == strlen(out) && memcmp(whole, out, strlen(out)) == 0);
	return 0;
}
