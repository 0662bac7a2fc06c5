/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What a ring says of its credentials after a restart: each that is accepted says the same when it is
 * written again. */
#include "fuzz.h"

#include "agent.h"
#include "credentialrecord.h"
#include "str.h"

#include <string.h>

static void check_written_again(const struct kd_credential *c, char *from)
{
	struct kd_issuer maker = {.name = from};
	struct kd_credential known = *c, again;
	uint8_t bytes[KD_CREDENTIAL_RECORD_MAX];
	char again_from[KD_TARGET_NAME_SIZE];
	size_t length = 0, at = 0;

	known.from = from[0] != '\0' ? &maker : NULL;
	fuzz_assert(kd_credential_record_add(&known, bytes, sizeof(bytes), &length) == AID_OK);
	fuzz_assert(kd_credential_record_next(bytes, length, &at, &again, again_from, NULL) == AID_OK);
	fuzz_assert(at == length && memcmp(&again, c, sizeof(again)) == 0);
	fuzz_assert(aid_streq(again_from, from));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct kd_credential c;
	struct aid_error err = AID_ERROR_INIT;
	char from[KD_TARGET_NAME_SIZE];
	size_t at = 0, before;
	int r;

	do {
		before = at;
		r = kd_credential_record_next(bytes, length, &at, &c, from, &err);
		fuzz_assert(at <= length);
		if (r != AID_OK)
			continue;
		fuzz_assert(at > before && c.kind >= 1 && c.kind <= AID_TARGET_LAST_WK && c.expires_boot_ms > 0);
		check_written_again(&c, from);
	} while (r == AID_OK);
	fuzz_assert(r == AID_E_NOTFOUND ? at >= length : err.text[0] != '\0');
	return 0;
}
