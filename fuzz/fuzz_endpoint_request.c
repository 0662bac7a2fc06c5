/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Every part of an accepted request lies within its head, is of the characters that it may have, and nothing
 * behind the head changes it. */
#include "fuzz.h"

#include "../helpers/agentid/endpoint_request.h"

#include <string.h>

static void check_part(const struct endpoint_text *part, const char *text, size_t head, bool blanks)
{
	if (part->at == NULL)
		return;
	fuzz_assert(part->at >= text && part->at + part->length <= text + head);
	for (size_t i = 0; i < part->length; i++)
		fuzz_assert((part->at[i] > ' ' && part->at[i] <= '~') || (blanks && (part->at[i] == ' ' || part->at[i] == '\t')));
	if (part->length > 0)
		fuzz_assert(part->at[0] != ' ' && part->at[part->length - 1] != ' ');
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const char *text = (const char *)bytes;
	struct endpoint_request request = {.has_body = false}, again = {.has_body = false};
	bool whole = endpoint_request_is_whole(text, length);
	const char *end;
	size_t head;

	if (endpoint_request_parse(text, length, &request, NULL) != AID_OK) {
		fuzz_assert(request.method.at == NULL);
		return 0;
	}
	fuzz_assert(whole);
	end = memmem(text, length, "\r\n\r\n", 4);
	fuzz_assert(end != NULL);
	head = (size_t)(end - text) + 4;
	check_part(&request.method, text, head, false);
	check_part(&request.target, text, head, false);
	check_part(&request.host, text, head, true);
	check_part(&request.authorization, text, head, true);
	fuzz_assert(request.method.length > 0 && request.target.length > 0);
	fuzz_assert(endpoint_request_parse(text, head, &again, NULL) == AID_OK);
	fuzz_assert(again.target.at == request.target.at && again.host.length == request.host.length &&
		again.authorization.at == request.authorization.at && again.has_body == request.has_body);
	return 0;
}
