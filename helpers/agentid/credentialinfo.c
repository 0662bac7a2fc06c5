/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "credentialinfo.h"

#include "client.h"

int credential_info_read(const struct aid_frame *frame, struct credential_info *ret_info,
	struct aid_error *err)
{
	struct credential_info info = {.type = "?"};
	const struct aid_target *target;
	int64_t type = 0;
	const struct client_text texts[] = {
		{AID_TAG_SESSION, info.session, sizeof(info.session)},
		{AID_TAG_NAME, info.name, sizeof(info.name)},
		{AID_TAG_STATE, info.state, sizeof(info.state)},
		{AID_TAG_LAST_ERROR, info.last_error, sizeof(info.last_error)},
	};
	const struct {
		enum aid_tag tag;
		int64_t *out;
	} numbers[] = {
		{AID_TAG_CREDENTIAL_TYPE, &type},
		{AID_TAG_EXPIRES_MS, &info.expires_ms},
		{AID_TAG_REFRESH_MS, &info.refresh_ms},
		{AID_TAG_REFRESHES, &info.refreshes},
		{AID_TAG_FAILURES, &info.failures},
	};
	int r = client_texts(frame, texts, sizeof(texts) / sizeof(texts[0]), err);

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]) && r == AID_OK; i++)
		r = client_int(frame, numbers[i].tag, 0, numbers[i].out, err);
	if (r != AID_OK)
		return r;
	target = aid_target_by_kind(type);
	if (target != NULL)
		info.type = target->name;
	*ret_info = info;
	return AID_OK;
}

void credential_info_json(const struct credential_info *info, int64_t now_wall_ms, struct jsonout *out)
{
	jsonout_object(out, NULL);
	jsonout_text(out, "name", info->name);
	jsonout_text(out, "type", info->type);
	jsonout_text(out, "state", info->state);
	jsonout_time(out, "expires_at", info->expires_ms);
	if (info->expires_ms != 0)
		jsonout_int(out, "expires_in_s", (info->expires_ms - now_wall_ms) / 1000);
	jsonout_time(out, "refresh_at", info->refresh_ms);
	jsonout_int(out, "refreshes", info->refreshes);
	jsonout_int(out, "failures", info->failures);
	jsonout_text(out, "last_error", info->last_error);
	jsonout_object_end(out);
}
