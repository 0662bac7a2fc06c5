/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "credentialrecord.h"

#include "agent.h"
#include "ipc.h"
#include "record.h"
#include "str.h"

#include <string.h>

#define TIME_MAX (INT64_MAX / 2)

int kd_credential_record_add(const struct kd_credential *c, uint8_t *bytes, size_t size, size_t *length)
{
	struct aid_writer writer;
	int r;

	aid_writer_begin(&writer, bytes + *length, size - *length, AID_MSG_CREDENTIAL_INFO, 0);
	aid_writer_speak(&writer, aid_record_format);
	aid_writer_text(&writer, AID_TAG_NAME, c->name);
	aid_writer_int(&writer, AID_TAG_CREDENTIAL_TYPE, c->kind);
	aid_writer_text(&writer, AID_TAG_STATE, c->used ? "used" : "unused");
	aid_writer_int(&writer, AID_TAG_RENEWABLE, c->renewable ? 1 : 0);
	aid_writer_int(&writer, AID_TAG_EXPIRES_MS, c->expires_wall_ms);
	aid_writer_int(&writer, AID_TAG_EXPIRES_BOOT_MS, c->expires_boot_ms);
	aid_writer_int(&writer, AID_TAG_LIFETIME_MS, c->lifetime_ms);
	aid_writer_int(&writer, AID_TAG_RECEIVED_BOOT_MS, c->received_boot_ms);
	aid_writer_int(&writer, AID_TAG_REFRESHES, c->refreshes);
	aid_writer_text(&writer, AID_TAG_TOKEN_ID, c->id);
	if (c->from != NULL)
		aid_writer_text(&writer, AID_TAG_ISSUER, c->from->name);
	r = aid_writer_end(&writer);
	if (r == AID_OK)
		*length += writer.length;
	return r;
}

static int read_texts(const struct aid_frame *frame, struct kd_credential *c, char from[KD_TARGET_NAME_SIZE],
	struct aid_error *err)
{
	char state[16];
	int r = aid_frame_text_required(frame, AID_TAG_NAME, c->name, sizeof(c->name), err);

	if (r == AID_OK)
		r = aid_credential_name_check(c->name, err);
	if (r == AID_OK)
		r = aid_frame_text(frame, AID_TAG_STATE, state, sizeof(state), err);
	if (r == AID_OK)
		r = aid_frame_text(frame, AID_TAG_TOKEN_ID, c->id, sizeof(c->id), err);
	if (r == AID_OK)
		r = aid_frame_text(frame, AID_TAG_ISSUER, from, KD_TARGET_NAME_SIZE, err);
	if (r == AID_OK)
		c->used = aid_streq(state, "used");
	return r;
}

static int read_numbers(const struct aid_frame *frame, struct kd_credential *c, struct aid_error *err)
{
	int64_t renewable = 0, refreshes = 0;
	const struct {
		enum aid_tag tag;
		int64_t min, max;
		int64_t *out;
	} numbers[] = {
		{AID_TAG_RENEWABLE, 0, 1, &renewable},
		{AID_TAG_EXPIRES_MS, 1, TIME_MAX, &c->expires_wall_ms},
		{AID_TAG_EXPIRES_BOOT_MS, 1, TIME_MAX, &c->expires_boot_ms},
		{AID_TAG_LIFETIME_MS, 1, TIME_MAX, &c->lifetime_ms},
		{AID_TAG_RECEIVED_BOOT_MS, 0, TIME_MAX, &c->received_boot_ms},
		{AID_TAG_REFRESHES, 0, UINT32_MAX, &refreshes},
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		int r = aid_frame_int(frame, numbers[i].tag, numbers[i].min, numbers[i].max,
			numbers[i].out, err);

		if (r != AID_OK)
			return r;
	}
	c->renewable = renewable == 1;
	c->refreshes = (uint32_t)refreshes;
	return AID_OK;
}

/* The length of the frame that begins here, by its header; 0: that is cut. */
static size_t frame_length(const uint8_t *bytes, size_t length)
{
	uint32_t fields;

	if (length < AID_IPC_HEADER)
		return 0;
	fields = (uint32_t)bytes[12] | (uint32_t)bytes[13] << 8 | (uint32_t)bytes[14] << 16 |
		(uint32_t)bytes[15] << 24;
	return fields > length - AID_IPC_HEADER ? 0 : AID_IPC_HEADER + fields;
}

/* c->kind stays 0 where a later release has that type. */
static int read_one(const struct aid_frame *frame, struct kd_credential *c, char from[KD_TARGET_NAME_SIZE],
	struct aid_error *err)
{
	int64_t kind = 0;
	int r;

	if (frame->type != AID_MSG_CREDENTIAL_INFO)
		return aid_fail(err, AID_E_PROTOCOL, "record of type %d", (int)frame->type);
	r = aid_record_check_format(frame, "the record of a credential", err);
	if (r == AID_OK)
		r = aid_frame_int(frame, AID_TAG_CREDENTIAL_TYPE, 1, UINT16_MAX, &kind, err);
	if (r != AID_OK || kind > AID_TARGET_LAST_WK)
		return r;
	c->kind = (enum aid_target_kind)kind;
	r = read_texts(frame, c, from, err);
	return r == AID_OK ? read_numbers(frame, c, err) : r;
}

int kd_credential_record_next(const uint8_t *bytes, size_t length, size_t *at,
	struct kd_credential *out, char out_from[KD_TARGET_NAME_SIZE], struct aid_error *err)
{
	while (*at < length) {
		struct kd_credential c = {.key = 0};
		size_t one = frame_length(bytes + *at, length - *at);
		struct aid_frame frame;
		int r;

		if (one == 0)
			return aid_fail(err, AID_E_PROTOCOL, "the record of the credentials is cut at byte %zu",
				*at);
		r = aid_frame_parse_kept(bytes + *at, one, &frame, err);
		if (r == AID_OK)
			r = read_one(&frame, &c, out_from, err);
		if (r != AID_OK)
			return r;
		*at += one;
		if (c.kind == 0)
			continue;
		*out = c;
		return AID_OK;
	}
	return AID_E_NOTFOUND;
}
