/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What a ring says of its session after a restart: what is accepted says the same when it is written
 * again. */
#include "fuzz.h"

#include "record.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct aid_record record, again;
	struct aid_error err = AID_ERROR_INIT;
	uint8_t out[AID_RECORD_MAX];
	size_t out_length;

	if (aid_record_decode(bytes, length, &record, &err) != AID_OK) {
		fuzz_assert(err.status < AID_OK && err.text[0] != '\0');
		return 0;
	}
	fuzz_assert(record.agent[0] != '\0' && record.leader > 0 && record.refreshes >= 0);
	fuzz_assert(aid_record_encode(&record, out, sizeof(out), &out_length, NULL) == AID_OK);
	fuzz_assert(aid_record_decode(out, out_length, &again, NULL) == AID_OK);
	fuzz_assert(memcmp(&again, &record, sizeof(record)) == 0);
	return 0;
}
