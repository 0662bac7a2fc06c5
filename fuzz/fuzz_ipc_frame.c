/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* A frame of a hostile peer: every field that came out lies within the frame. */
#include "fuzz.h"

#include "ipc.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct aid_frame frame;
	struct aid_error err;
	char text[256];
	int64_t value;
	unsigned int version;

	if (aid_frame_parse(bytes, length, &frame, NULL) != AID_OK)
		return 0;
	for (int tag = 0; tag < AID_TAG_COUNT; tag++) {
		const struct aid_field *field = &frame.fields[tag];

		if (field->bytes != NULL)
			fuzz_assert(field->bytes >= bytes && field->length <= length &&
				(size_t)(field->bytes - bytes) <= length - field->length);
		if (aid_frame_text(&frame, (enum aid_tag)tag, text, sizeof(text), NULL) == AID_OK)
			fuzz_assert(strlen(text) == field->length);
		if (aid_frame_int(&frame, (enum aid_tag)tag, -5, 5, &value, NULL) == AID_OK)
			fuzz_assert(value >= -5 && value <= 5);
		(void)!aid_frame_bytes(&frame, (enum aid_tag)tag, text, 32, NULL);
	}
	aid_frame_error(&frame, &err);
	fuzz_assert(err.status < AID_OK);
	version = aid_frame_agree(&frame, &err);
	fuzz_assert(err.status < AID_OK && version <= aid_ipc_versions.max);
	fuzz_assert(version == 0 || version >= aid_ipc_versions.min);
	return 0;
}
