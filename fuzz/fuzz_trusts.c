/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The issuers of a request to verify: what is accepted says the same when it is written again. */
#include "fuzz.h"

#include "trusts.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct aid_trusts trusts;
	char again[AID_TRUSTS_BYTES_MAX];
	size_t again_length;

	if (aid_trusts_parse(bytes, length, &trusts, NULL) != AID_OK)
		return 0;
	fuzz_assert(trusts.count >= 1 && trusts.count <= AID_TRUSTS_MAX);
	fuzz_assert(aid_trusts_render(&trusts, again, sizeof(again), &again_length, NULL) == AID_OK);
	fuzz_assert(again_length == length && memcmp(again, bytes, length) == 0);
	return 0;
}
