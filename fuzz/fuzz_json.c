/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What was accepted can be asked anything and, written out, is accepted again. */
#include "fuzz.h"

#include "json.h"

#include <string.h>

#define CAP 65536

static void ask(const struct aid_json *json)
{
	const struct aid_json *value;
	const char *text;
	int64_t number;
	bool flag;

	if (aid_json_text(json, "a", 1, 8, &text, NULL) == AID_OK)
		fuzz_assert(strlen(text) >= 1 && strlen(text) <= 8);
	if (aid_json_int(json, "a", -5, 5, &number, NULL) == AID_OK)
		fuzz_assert(number >= -5 && number <= 5);
	if (aid_json_date_ms(json, "a", &number, NULL) == AID_OK)
		fuzz_assert(number >= 0);
	(void)!aid_json_bool(json, "a", &flag, NULL);
	(void)!aid_json_text_or_list_has(json, "a", "b", &flag, NULL);
	if (aid_json_array(json, "a", &value, NULL) != AID_OK)
		return;
	for (size_t i = 0; i <= aid_json_array_count(value); i++) {
		(void)aid_json_array_object(value, i);
		(void)aid_json_array_text(value, i);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	AID_AUTO(aid_json) *json = NULL, *again = NULL;
	struct aid_error err = AID_ERROR_INIT;
	static char text[8 * CAP];
	size_t used;

	if (aid_json_parse(bytes, length, CAP, &json, &err) != AID_OK) {
		fuzz_assert(json == NULL && err.text[0] != '\0');
		return 0;
	}
	ask(json);
	fuzz_assert(aid_json_render(json, text, sizeof(text), &used) == AID_OK);
	fuzz_assert(aid_json_parse(text, used, sizeof(text), &again, &err) == AID_OK);
	return 0;
}
