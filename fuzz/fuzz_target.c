/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The first byte chooses the kind; the rest is what AID_TAG_OPTIONS holds. What is taken packs to bytes
 * that are taken again. */
#include "fuzz.h"

#include "target.h"

#include <string.h>

static void repack(const struct aid_target_values *values)
{
	static char packed[AID_TARGET_PACKED_MAX];
	struct aid_target_file files[AID_TARGET_OPTIONS_MAX];
	const struct aid_target_option *option;
	struct aid_target_values again;
	size_t n_files = 0;
	size_t length;

	for (size_t i = 0; (option = aid_target_option_at(values->target, i)) != NULL; i++) {
		fuzz_assert(values->texts[i] == NULL || option->use == AID_USE_SENT ||
			option->use == AID_USE_FILE);
		if (values->texts[i] != NULL && option->use == AID_USE_FILE)
			files[n_files++] = (struct aid_target_file){
				option->name, values->texts[i], strlen(values->texts[i])};
	}
	fuzz_assert(aid_target_pack(values, files, n_files, packed, sizeof(packed), &length, NULL) == AID_OK);
	aid_target_values_init(&again, values->target);
	fuzz_assert(aid_target_unpack(&again, packed, length, 3600000, NULL) == AID_OK);
	aid_target_values_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_target_values values;
	int r;

	if (length == 0)
		return 0;
	aid_target_values_init(&values, aid_target_by_kind(1 + bytes[0] % AID_TARGET_LAST_WK));
	r = aid_target_unpack(&values, (const char *)bytes + 1, length - 1, 3600000, &err);
	fuzz_assert(r == err.status);
	for (const char *c = err.text; *c != '\0'; c++)
		fuzz_assert(*c >= 0x20 && *c <= 0x7e);
	if (r == AID_OK)
		repack(&values);
	aid_target_values_done(&values);
	return 0;
}
