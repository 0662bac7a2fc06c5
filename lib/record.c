/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "record.h"

#include "ipc.h"
#include "str.h"

#include <string.h>

int aid_record_encode(const struct aid_record *record, void *buffer, size_t size, size_t *ret_length,
	struct aid_error *err)
{
	const struct aid_record *r = record;
	struct aid_writer writer;

	aid_writer_begin(&writer, buffer, size, AID_MSG_SESSION_INFO, 0);
	aid_writer_speak(&writer, aid_record_format);
	aid_writer_text(&writer, AID_TAG_SESSION, r->session);
	aid_writer_text(&writer, AID_TAG_AGENT, r->agent);
	aid_writer_text(&writer, AID_TAG_ACCOUNT, r->account);
	aid_writer_int(&writer, AID_TAG_UID, r->uid);
	aid_writer_text(&writer, AID_TAG_SERVICE, r->service);
	aid_writer_text(&writer, AID_TAG_RHOST, r->rhost);
	aid_writer_text(&writer, AID_TAG_TTY, r->tty);
	aid_writer_text(&writer, AID_TAG_INVOCATION, r->invocation);
	aid_writer_int(&writer, AID_TAG_PID, r->leader);
	aid_writer_int(&writer, AID_TAG_LEADER_START, r->leader_start);
	aid_writer_int(&writer, AID_TAG_OPENED_MS, r->opened_wall_ms);
	aid_writer_int(&writer, AID_TAG_EXPIRES_MS, r->expires_wall_ms);
	aid_writer_int(&writer, AID_TAG_EXPIRES_BOOT_MS, r->expires_boot_ms);
	aid_writer_int(&writer, AID_TAG_LIFETIME_MS, r->lifetime_ms);
	aid_writer_int(&writer, AID_TAG_RECEIVED_BOOT_MS, r->received_boot_ms);
	aid_writer_int(&writer, AID_TAG_REFRESHES, r->refreshes);
	aid_writer_text(&writer, AID_TAG_TOKEN_ID, r->token_id);
	if (aid_writer_end(&writer) != AID_OK || writer.length > AID_RECORD_MAX)
		return aid_fail(err, AID_E_TOOBIG, "session record over %u bytes", AID_RECORD_MAX);
	*ret_length = writer.length;
	return AID_OK;
}

static bool is_hex(const char *text, size_t bytes)
{
	uint8_t ignored[32];

	return bytes <= sizeof(ignored) && aid_str_unhex(text, ignored, bytes) == AID_OK;
}

static int decode_texts(const struct aid_frame *frame, struct aid_record *r, struct aid_error *err)
{
	const struct {
		char *out;
		size_t size;
		enum aid_tag tag;
		bool required;
	} fields[] = {
		{r->session, sizeof(r->session), AID_TAG_SESSION, true},
		{r->agent, sizeof(r->agent), AID_TAG_AGENT, true},
		{r->account, sizeof(r->account), AID_TAG_ACCOUNT, true},
		{r->service, sizeof(r->service), AID_TAG_SERVICE, true},
		{r->rhost, sizeof(r->rhost), AID_TAG_RHOST, false},
		{r->tty, sizeof(r->tty), AID_TAG_TTY, false},
		{r->invocation, sizeof(r->invocation), AID_TAG_INVOCATION, false},
		{r->token_id, sizeof(r->token_id), AID_TAG_TOKEN_ID, true},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		int status = fields[i].required
			? aid_frame_text_required(frame, fields[i].tag, fields[i].out, fields[i].size, err)
			: aid_frame_text(frame, fields[i].tag, fields[i].out, fields[i].size, err);

		if (status != AID_OK)
			return status;
	}
	if (!is_hex(r->session, AID_SESSION_ID_BYTES) || !is_hex(r->token_id, 8))
		return aid_fail(err, AID_E_PROTOCOL, "session record: an id is not hexadecimal");
	if (!aid_str_is_agent_id(r->agent))
		return aid_fail(err, AID_E_PROTOCOL, "session record: the agent id is malformed");
	return AID_OK;
}

static int decode_numbers(const struct aid_frame *frame, struct aid_record *r, struct aid_error *err)
{
	int64_t uid = 0, leader = 0;
	const struct {
		enum aid_tag tag;
		int64_t min, max;
		int64_t *out;
	} fields[] = {
		{AID_TAG_UID, 0, UINT32_MAX, &uid},
		{AID_TAG_PID, 1, INT32_MAX, &leader},
		{AID_TAG_LEADER_START, 0, INT64_MAX, &r->leader_start},
		{AID_TAG_OPENED_MS, 0, INT64_MAX, &r->opened_wall_ms},
		{AID_TAG_EXPIRES_MS, 0, INT64_MAX, &r->expires_wall_ms},
		{AID_TAG_EXPIRES_BOOT_MS, 0, INT64_MAX, &r->expires_boot_ms},
		{AID_TAG_LIFETIME_MS, 0, INT64_MAX, &r->lifetime_ms},
		{AID_TAG_RECEIVED_BOOT_MS, 0, INT64_MAX, &r->received_boot_ms},
		{AID_TAG_REFRESHES, 0, INT64_MAX, &r->refreshes},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		int status = aid_frame_int(frame, fields[i].tag, fields[i].min, fields[i].max,
			fields[i].out, err);

		if (status != AID_OK)
			return status;
	}
	r->uid = (uid_t)uid;
	r->leader = (pid_t)leader;
	return AID_OK;
}

int aid_record_check_format(const struct aid_frame *frame, const char *what, struct aid_error *err)
{
	int64_t needs = 1;
	int r = AID_OK;

	if (frame->version == 0)
		return aid_fail(err, AID_E_PROTOCOL, "%s of format 0", what);
	if (aid_frame_has(frame, AID_TAG_RECORD_NEEDS))
		r = aid_frame_int(frame, AID_TAG_RECORD_NEEDS, 1, UINT16_MAX, &needs, err);
	if (r != AID_OK)
		return r;
	if (needs > aid_record_format)
		return aid_fail(err, AID_E_VERSION,
			"%s of format %u needs a reader of format %lld, this one knows %u", what,
			frame->version, (long long)needs, aid_record_format);
	return AID_OK;
}

static int decode_fields(const struct aid_frame *frame, struct aid_record *record,
	struct aid_error *err)
{
	int r = aid_record_check_format(frame, "session record", err);

	if (r == AID_OK)
		r = decode_texts(frame, record, err);
	if (r == AID_OK)
		r = decode_numbers(frame, record, err);
	return r;
}

/* Whose session is lost, as far as that can be told. */
static void name_session(const struct aid_frame *frame, struct aid_error *err)
{
	struct aid_record record;

	if (aid_frame_text_required(frame, AID_TAG_SESSION, record.session, sizeof(record.session),
		    NULL) == AID_OK &&
		aid_frame_text_required(frame, AID_TAG_AGENT, record.agent, sizeof(record.agent),
			NULL) == AID_OK &&
		is_hex(record.session, AID_SESSION_ID_BYTES) && aid_str_is_agent_id(record.agent))
		(void)aid_prefix(err, "session %s of agent %s", record.session, record.agent);
}

int aid_record_decode(const void *bytes, size_t length, struct aid_record *ret_record,
	struct aid_error *err)
{
	struct aid_record record = {0};
	struct aid_frame frame;
	int r;

	if (length > AID_RECORD_MAX)
		return aid_fail(err, AID_E_TOOBIG, "session record of %zu bytes, at most %u", length,
			AID_RECORD_MAX);
	r = aid_frame_parse_kept(bytes, length, &frame, err);
	if (r != AID_OK)
		return r;
	if (frame.type != AID_MSG_SESSION_INFO)
		return aid_fail(err, AID_E_PROTOCOL, "session record: frame type %d", (int)frame.type);
	r = decode_fields(&frame, &record, err);
	if (r == AID_OK)
		*ret_record = record;
	else
		name_session(&frame, err);
	return r;
}
