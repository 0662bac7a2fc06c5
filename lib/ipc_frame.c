/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The pure half of ipc.h: frames to bytes and back. */
#include "ipc.h"

#include "str.h"

#include <string.h>

#define MAGIC 0x4441U /* "AD", little-endian */
#define FIELD_HEADER 4U
#define FIELD_MAX 0xffffU

static void put_le(uint8_t *out, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		out[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get_le(const uint8_t *in, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value |= (uint64_t)in[i] << (8 * i);
	return value;
}

void aid_writer_begin(struct aid_writer *writer, void *buffer, size_t capacity, enum aid_msg type,
	uint32_t id)
{
	*writer = (struct aid_writer){.buffer = buffer, .capacity = capacity};
	if (capacity < AID_IPC_HEADER) {
		writer->overflow = true;
		return;
	}
	put_le(writer->buffer, MAGIC, 2);
	put_le(writer->buffer + 2, aid_ipc_versions.max, 2);
	put_le(writer->buffer + 4, (uint64_t)type, 2);
	put_le(writer->buffer + 6, 0, 2);
	put_le(writer->buffer + 8, id, 4);
	put_le(writer->buffer + 12, 0, 4);
	writer->length = AID_IPC_HEADER;
}

void aid_writer_speak(struct aid_writer *writer, unsigned int version)
{
	if (writer->capacity >= AID_IPC_HEADER)
		put_le(writer->buffer + 2, version, 2);
}

void aid_writer_bytes(struct aid_writer *writer, enum aid_tag tag, const void *bytes, size_t length)
{
	uint8_t *out;

	if (writer->overflow || length > FIELD_MAX ||
		FIELD_HEADER + length > writer->capacity - writer->length) {
		writer->overflow = true;
		return;
	}
	out = writer->buffer + writer->length;
	put_le(out, (uint64_t)tag, 2);
	put_le(out + 2, length, 2);
	memcpy(out + FIELD_HEADER, bytes, length);
	writer->length += FIELD_HEADER + length;
}

void aid_writer_text(struct aid_writer *writer, enum aid_tag tag, const char *text)
{
	if (text != NULL)
		aid_writer_bytes(writer, tag, text, strlen(text));
}

void aid_writer_int(struct aid_writer *writer, enum aid_tag tag, int64_t value)
{
	uint8_t bytes[8];

	put_le(bytes, (uint64_t)value, sizeof(bytes));
	aid_writer_bytes(writer, tag, bytes, sizeof(bytes));
}

void aid_writer_error(struct aid_writer *writer, const struct aid_error *err)
{
	aid_writer_int(writer, AID_TAG_STATUS, err->status);
	aid_writer_text(writer, AID_TAG_TEXT, err->text);
	if (err->oauth_code[0] != '\0')
		aid_writer_text(writer, AID_TAG_OAUTH_CODE, err->oauth_code);
	if (err->http_status != 0)
		aid_writer_int(writer, AID_TAG_HTTP_STATUS, err->http_status);
	if (err->retry_after_s >= 0)
		aid_writer_int(writer, AID_TAG_RETRY_AFTER_S, err->retry_after_s);
	if (err->sys_errno != 0)
		aid_writer_int(writer, AID_TAG_ERRNO, err->sys_errno);
}

int aid_writer_end(struct aid_writer *writer)
{
	if (writer->overflow || writer->length > AID_IPC_FRAME_MAX)
		return AID_E_TOOBIG;
	put_le(writer->buffer + 12, writer->length - AID_IPC_HEADER, 4);
	return AID_OK;
}

static int parse_fields(const uint8_t *bytes, size_t length, struct aid_frame *frame,
	struct aid_error *err)
{
	while (length > 0) {
		uint64_t tag;
		size_t size;

		if (length < FIELD_HEADER)
			return aid_fail(err, AID_E_PROTOCOL, "frame: field header cut at %zu bytes", length);
		tag = get_le(bytes, 2);
		size = (size_t)get_le(bytes + 2, 2);
		if (size > length - FIELD_HEADER)
			return aid_fail(err, AID_E_PROTOCOL, "frame: field of %zu bytes in %zu", size,
				length - FIELD_HEADER);
		if (tag < AID_TAG_COUNT && frame->fields[tag].bytes != NULL)
			return aid_fail(err, AID_E_PROTOCOL, "frame: field %u stands twice", (unsigned)tag);
		if (tag < AID_TAG_COUNT)
			frame->fields[tag] = (struct aid_field){bytes + FIELD_HEADER, size};
		else if (((unsigned int)frame->type & AID_MSG_ANSWER) == 0)
			return aid_fail(err, AID_E_PROTOCOL, "frame: unknown field %u", (unsigned)tag);
		bytes += FIELD_HEADER + size;
		length -= FIELD_HEADER + size;
	}
	return AID_OK;
}

static bool is_spoken(unsigned int version)
{
	return version >= aid_ipc_versions.min && version <= aid_ipc_versions.max;
}

/* What stands at the same place in every version. */
static int parse_header(const uint8_t *in, size_t length, struct aid_frame *frame,
	struct aid_error *err)
{
	if (length < AID_IPC_HEADER || length > AID_IPC_FRAME_MAX || get_le(in, 2) != MAGIC)
		return aid_fail(err, AID_E_PROTOCOL, "frame: no agentid frame in %zu bytes", length);
	*frame = (struct aid_frame){.id = (uint32_t)get_le(in + 8, 4),
		.version = (unsigned int)get_le(in + 2, 2),
		.type = (enum aid_msg)get_le(in + 4, 2)};
	return AID_OK;
}

static int parse_rest(const uint8_t *in, size_t length, struct aid_frame *frame,
	struct aid_error *err)
{
	if (get_le(in + 6, 2) != 0 || get_le(in + 12, 4) != length - AID_IPC_HEADER)
		return aid_fail(err, AID_E_PROTOCOL, "frame: header does not fit %zu bytes", length);
	return parse_fields(in + AID_IPC_HEADER, length - AID_IPC_HEADER, frame, err);
}

int aid_frame_parse(const void *bytes, size_t length, struct aid_frame *ret_frame,
	struct aid_error *err)
{
	char spoken[AID_VERSIONS_TEXT_SIZE];
	struct aid_frame frame;
	int r = parse_header(bytes, length, &frame, err);

	if (r != AID_OK)
		return r;
	/* An ERROR is the same in every version, so that any two can tell each other. */
	if (frame.type != AID_MSG_ERROR && !is_spoken(frame.version)) {
		ret_frame->id = frame.id;
		ret_frame->version = frame.version;
		return aid_fail(err, AID_E_VERSION, "protocol version %u, this side speaks %s",
			frame.version, aid_versions_text(&aid_ipc_versions, spoken));
	}
	r = parse_rest(bytes, length, &frame, err);
	if (r == AID_OK)
		*ret_frame = frame;
	return r;
}

int aid_frame_parse_kept(const void *bytes, size_t length, struct aid_frame *ret_frame,
	struct aid_error *err)
{
	struct aid_frame frame;
	int r = parse_header(bytes, length, &frame, err);

	if (r == AID_OK)
		r = parse_rest(bytes, length, &frame, err);
	if (r == AID_OK)
		*ret_frame = frame;
	return r;
}

bool aid_frame_has(const struct aid_frame *frame, enum aid_tag tag)
{
	return frame->fields[tag].bytes != NULL;
}

int aid_frame_int(const struct aid_frame *frame, enum aid_tag tag, int64_t min, int64_t max,
	int64_t *ret_value, struct aid_error *err)
{
	const struct aid_field *field = &frame->fields[tag];
	int64_t value;

	if (field->bytes == NULL || field->length != 8)
		return aid_fail(err, AID_E_PROTOCOL, "frame: number %d is missing", (int)tag);
	value = (int64_t)get_le(field->bytes, 8);
	if (value < min || value > max)
		return aid_fail(err, AID_E_PROTOCOL, "frame: number %d is %lld, allowed %lld to %lld",
			(int)tag, (long long)value, (long long)min, (long long)max);
	*ret_value = value;
	return AID_OK;
}

int aid_frame_text(const struct aid_frame *frame, enum aid_tag tag, char *out, size_t size,
	struct aid_error *err)
{
	const struct aid_field *field = &frame->fields[tag];

	if (field->length >= size)
		return aid_fail(err, AID_E_PROTOCOL, "frame: text %d has %zu bytes, at most %zu",
			(int)tag, field->length, size - 1);
	for (size_t i = 0; i < field->length; i++) {
		if (field->bytes[i] < 0x20 || field->bytes[i] > 0x7e)
			return aid_fail(err, AID_E_PROTOCOL, "frame: text %d is not printable ASCII",
				(int)tag);
	}
	if (field->length > 0)
		memcpy(out, field->bytes, field->length);
	out[field->length] = '\0';
	return AID_OK;
}

int aid_frame_text_required(const struct aid_frame *frame, enum aid_tag tag, char *out, size_t size,
	struct aid_error *err)
{
	if (frame->fields[tag].length == 0)
		return aid_fail(err, AID_E_PROTOCOL, "frame: text %d is missing", (int)tag);
	return aid_frame_text(frame, tag, out, size, err);
}

int aid_frame_bytes(const struct aid_frame *frame, enum aid_tag tag, void *out, size_t length,
	struct aid_error *err)
{
	const struct aid_field *field = &frame->fields[tag];

	if (field->bytes == NULL || field->length != length)
		return aid_fail(err, AID_E_PROTOCOL, "frame: field %d is not %zu bytes long", (int)tag,
			length);
	memcpy(out, field->bytes, length);
	return AID_OK;
}

void aid_frame_error(const struct aid_frame *frame, struct aid_error *err)
{
	int64_t value;

	*err = AID_ERROR_INIT;
	err->status = AID_E_PROTOCOL;
	if (aid_frame_int(frame, AID_TAG_STATUS, AID_E_LAST_WK, -1, &value, NULL) == AID_OK)
		err->status = (int)value;
	if (aid_frame_text(frame, AID_TAG_TEXT, err->text, sizeof(err->text), NULL) != AID_OK)
		(void)aid_fail(err, err->status, "the other side gave no reason");
	(void)!aid_frame_text(frame, AID_TAG_OAUTH_CODE, err->oauth_code, sizeof(err->oauth_code), NULL);
	if (aid_frame_int(frame, AID_TAG_HTTP_STATUS, 100, 999, &value, NULL) == AID_OK)
		err->http_status = (int)value;
	if (aid_frame_int(frame, AID_TAG_RETRY_AFTER_S, 0, 86400, &value, NULL) == AID_OK)
		err->retry_after_s = (int)value;
	if (aid_frame_int(frame, AID_TAG_ERRNO, 1, 4095, &value, NULL) == AID_OK)
		err->sys_errno = (int)value;
}

unsigned int aid_frame_agree(const struct aid_frame *frame, struct aid_error *err)
{
	char ours[AID_VERSIONS_TEXT_SIZE], theirs[AID_VERSIONS_TEXT_SIZE];
	int64_t min, max;
	struct aid_versions other;
	unsigned int common;

	aid_frame_error(frame, err);
	if (err->status != AID_E_VERSION ||
		aid_frame_int(frame, AID_TAG_VERSION_MIN, 1, UINT16_MAX, &min, NULL) != AID_OK ||
		aid_frame_int(frame, AID_TAG_VERSION_MAX, min, UINT16_MAX, &max, NULL) != AID_OK)
		return 0;
	other = (struct aid_versions){(unsigned int)min, (unsigned int)max};
	common = aid_versions_common(&aid_ipc_versions, &other);
	if (common == 0)
		(void)aid_fail(err, AID_E_VERSION,
			"no common protocol version: this side speaks %s, the other side %s; "
			"one of them is of another release and has to be restarted or upgraded",
			aid_versions_text(&aid_ipc_versions, ours), aid_versions_text(&other, theirs));
	return common;
}

void aid_writer_refusal(struct aid_writer *writer, void *buffer, size_t capacity,
	const struct aid_frame *refused, const struct aid_error *err)
{
	aid_writer_begin(writer, buffer, capacity, AID_MSG_ERROR, refused->id);
	aid_writer_speak(writer, refused->version);
	aid_writer_error(writer, err);
	aid_writer_int(writer, AID_TAG_VERSION_MIN, aid_ipc_versions.min);
	aid_writer_int(writer, AID_TAG_VERSION_MAX, aid_ipc_versions.max);
}
