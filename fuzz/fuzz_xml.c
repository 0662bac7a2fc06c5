/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "fuzz.h"

#include "xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct aid_xml_text texts[] = {
		{.path = "A", .max = 16},
		{.path = "A/B", .max = 64},
		{.path = "A/B/C", .max = 1},
	};
	struct aid_error err = AID_ERROR_INIT;
	int r = aid_xml_read(bytes, length, 8192, texts, 3, &err);

	fuzz_assert(r == AID_OK || r == AID_E_PROTOCOL || r == AID_E_TOOBIG);
	fuzz_assert(r == err.status && (length <= 8192 || r == AID_E_TOOBIG));
	for (size_t i = 0; i < 3; i++) {
		fuzz_assert(texts[i].text == NULL ||
			(r == AID_OK && aid_secret_length(texts[i].text) > 0 &&
				aid_secret_length(texts[i].text) <= texts[i].max));
	}
	/* Wanted elements hold nothing but text, so none lies in another. */
	fuzz_assert(texts[0].text == NULL || texts[1].text == NULL);
	fuzz_assert(texts[1].text == NULL || texts[2].text == NULL);
	aid_xml_texts_done(texts, 3);
	return 0;
}
