/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "issued.h"

#include "clock.h"

int kd_issued_read(const struct aid_frame *frame, size_t max, struct kd_issued *ret_issued,
	struct aid_error *err)
{
	const struct aid_field *secret = &frame->fields[AID_TAG_SECRET];
	struct kd_issued issued = {.bytes = secret->bytes, .length = secret->length};
	int64_t renewable = 0, left;
	int r;

	if (secret->length == 0 || secret->length > max)
		return aid_fail(err, AID_E_PROTOCOL, "token of %zu bytes, allowed 1 to %zu",
			secret->length, max);
	r = aid_frame_int(frame, AID_TAG_EXPIRES_MS, 1, INT64_MAX / 2, &issued.expires_wall_ms, err);
	if (r == AID_OK)
		r = aid_frame_int(frame, AID_TAG_LIFETIME_MS, 1, INT64_MAX / 2, &issued.lifetime_ms, err);
	if (r == AID_OK)
		r = aid_frame_text_required(frame, AID_TAG_TOKEN_ID, issued.token_id,
			sizeof(issued.token_id), err);
	if (r == AID_OK && aid_frame_has(frame, AID_TAG_RENEWABLE))
		r = aid_frame_int(frame, AID_TAG_RENEWABLE, 0, 1, &renewable, err);
	if (r != AID_OK)
		return r;
	issued.expires_wall_ms -= issued.expires_wall_ms % 1000;
	left = issued.expires_wall_ms - aid_clock_wall_ms();
	if (left < issued.lifetime_ms)
		issued.lifetime_ms = left;
	issued.renewable = renewable == 1;
	*ret_issued = issued;
	return AID_OK;
}
