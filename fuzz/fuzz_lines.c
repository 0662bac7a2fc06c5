/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The two texts of lines: agentid:info and the index of accounts. */
#include "fuzz.h"

#include "../modules/pam_agentid/accounts.h"
#include "keyring.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const char *text = (const char *)bytes;
	int64_t seconds = 0;

	if (aid_info_find(text, length, "token", &seconds) == AID_OK)
		fuzz_assert(seconds > 0 && seconds <= 253402300799 && length >= sizeof("token 1"));
	if (aid_accounts_find(text, length, "svc-agent1"))
		fuzz_assert(length >= sizeof("svc-agent1"));
	return 0;
}
