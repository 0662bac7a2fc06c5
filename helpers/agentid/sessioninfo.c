/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "sessioninfo.h"

#include "client.h"

static int read_texts(const struct aid_frame *frame, struct session_info *info, struct aid_error *err)
{
	const struct client_text texts[] = {
		{AID_TAG_SESSION, info->session, sizeof(info->session)},
		{AID_TAG_AGENT, info->agent, sizeof(info->agent)},
		{AID_TAG_ACCOUNT, info->account, sizeof(info->account)},
		{AID_TAG_SERVICE, info->service, sizeof(info->service)},
		{AID_TAG_RHOST, info->rhost, sizeof(info->rhost)},
		{AID_TAG_TTY, info->tty, sizeof(info->tty)},
		{AID_TAG_INVOCATION, info->invocation, sizeof(info->invocation)},
		{AID_TAG_STATE, info->state, sizeof(info->state)},
		{AID_TAG_LAST_ERROR, info->last_error, sizeof(info->last_error)},
	};

	return client_texts(frame, texts, sizeof(texts) / sizeof(texts[0]), err);
}

static int read_numbers(const struct aid_frame *frame, struct session_info *info,
	struct aid_error *err)
{
	const struct {
		enum aid_tag tag;
		int64_t *out;
	} numbers[] = {
		{AID_TAG_UID, &info->uid},
		{AID_TAG_PID, &info->pid},
		{AID_TAG_RING, &info->ring},
		{AID_TAG_OPENED_MS, &info->opened_ms},
		{AID_TAG_EXPIRES_MS, &info->expires_ms},
		{AID_TAG_REFRESH_MS, &info->refresh_ms},
		{AID_TAG_REFRESHES, &info->refreshes},
		{AID_TAG_FAILURES, &info->failures},
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		int r = client_int(frame, numbers[i].tag, 0, numbers[i].out, err);

		if (r != AID_OK)
			return r;
	}
	return AID_OK;
}

int session_info_read(const struct aid_frame *frame, struct session_info *ret_info,
	struct aid_error *err)
{
	struct session_info info = {0};
	int r = read_texts(frame, &info, err);

	if (r == AID_OK)
		r = read_numbers(frame, &info, err);
	if (r == AID_OK)
		*ret_info = info;
	return r;
}

void session_info_json(const struct session_info *info, int64_t now_wall_ms, struct jsonout *out)
{
	jsonout_object(out, NULL);
	jsonout_text(out, "session", info->session);
	jsonout_bool(out, "own", info->own);
	jsonout_text(out, "agent", info->agent);
	jsonout_text(out, "account", info->account);
	jsonout_int(out, "uid", info->uid);
	jsonout_text(out, "service", info->service);
	jsonout_text(out, "rhost", info->rhost);
	jsonout_text(out, "tty", info->tty);
	jsonout_text(out, "invocation", info->invocation);
	jsonout_int(out, "pid", info->pid);
	jsonout_text(out, "state", info->state);
	jsonout_time(out, "opened_at", info->opened_ms);
	jsonout_time(out, "expires_at", info->expires_ms);
	jsonout_int(out, "expires_in_s", (info->expires_ms - now_wall_ms) / 1000);
	jsonout_time(out, "refresh_at", info->refresh_ms);
	jsonout_int(out, "refreshes", info->refreshes);
	jsonout_int(out, "failures", info->failures);
	jsonout_text(out, "last_error", info->last_error);
	jsonout_array(out, "credentials");
}
