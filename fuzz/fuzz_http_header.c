/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* One header line; its value is read as each of those that are looked at. */
#include "fuzz.h"

#include "http_header.h"

#include <string.h>

static void read_value(const char *value)
{
	int wait = aid_http_retry_after(value, 1700000000);

	fuzz_assert(wait >= -1 && wait <= AID_RETRY_AFTER_MAX_S);
	fuzz_assert(aid_http_max_age(value) >= -1);
	fuzz_assert(aid_http_date(value) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const char *const names[] = {"retry-after", "cache-control", "date", "location"};
	char value[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!aid_http_header_is((const char *)bytes, length, names[i], value, sizeof(value)))
			continue;
		fuzz_assert(strlen(value) < sizeof(value));
		read_value(value);
	}
	return 0;
}
