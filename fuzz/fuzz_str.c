/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The small parsers of str.h and jwa.h, over any text. */
#include "fuzz.h"

#include "jwa.h"
#include "str.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char text[256], hex[513];
	unsigned int percent, algs;
	uint64_t number;
	int64_t ms;
	bool flag;

	if (length >= sizeof(text))
		return 0;
	memcpy(text, bytes, length);
	text[length] = '\0';
	if (aid_str_parse_uint(text, 3, 5000, &number) == AID_OK)
		fuzz_assert(number >= 3 && number <= 5000);
	if (aid_str_parse_duration(text, &ms) == AID_OK)
		fuzz_assert(ms >= 1000 && ms <= INT64_C(366) * 86400000 && ms % 1000 == 0);
	if (aid_str_parse_percent(text, &percent) == AID_OK)
		fuzz_assert(percent >= 1 && percent <= 99);
	if (aid_algs_parse(text, &algs, NULL) == AID_OK)
		fuzz_assert(algs != 0 && (algs & ~AID_ALGS_ALL) == 0);
	if (aid_str_parse_bool(text, &flag) == AID_OK)
		fuzz_assert(strlen(text) == (flag ? 3 : 2));
	if (aid_str_is_agent_id(text))
		fuzz_assert(strchr(text, '/') == NULL && strlen(text) <= 63);
	if (aid_str_is_b64token((const char *)bytes, length))
		fuzz_assert(memchr(bytes, ' ', length) == NULL && memchr(bytes, '\0', length) == NULL);
	aid_str_hex(bytes, length, hex);
	fuzz_assert(aid_str_unhex(hex, text, length) == AID_OK && memcmp(text, bytes, length) == 0);
	return 0;
}
