/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* One value, one spelling: what decodes is exactly what encoding gives back. */
#include "fuzz.h"

#include "b64.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	uint8_t decoded[4096];
	char text[AID_B64_SIZE(sizeof(decoded))];
	size_t n;

	if (aid_b64_decode((const char *)bytes, length, decoded, sizeof(decoded), &n) != AID_OK)
		return 0;
	fuzz_assert(aid_b64_encode(decoded, n, text) == length);
	fuzz_assert(memcmp(text, bytes, length) == 0);
	return 0;
}
