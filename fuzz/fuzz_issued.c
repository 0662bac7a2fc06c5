/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What fetch says that it got: what is accepted lies within the frame and ends when it says, or sooner. */
#include "fuzz.h"

#include "issued.h"

#include <string.h>

#define MAX 16384U

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct aid_frame frame;
	struct kd_issued issued;
	struct aid_error err = AID_ERROR_INIT;

	if (aid_frame_parse(bytes, length, &frame, NULL) != AID_OK)
		return 0;
	if (kd_issued_read(&frame, MAX, &issued, &err) != AID_OK) {
		fuzz_assert(err.status == AID_E_PROTOCOL && err.text[0] != '\0');
		return 0;
	}
	fuzz_assert(issued.length >= 1 && issued.length <= MAX);
	fuzz_assert(issued.bytes >= bytes && issued.length <= length - (size_t)(issued.bytes - bytes));
	fuzz_assert(issued.expires_wall_ms % 1000 == 0 && issued.token_id[0] != '\0');
	fuzz_assert(strlen(issued.token_id) < sizeof(issued.token_id));
	return 0;
}
