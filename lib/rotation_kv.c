/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "rotation_kv.h"

#include "json.h"
#include "str.h"
#include "timestamp.h"

#include <stdio.h>
#include <string.h>

#define PENDING "_pending"
#define PREVIOUS "_previous"
#define NOTE "_rotation"
#define NOTE_MAX 255U
#define NAME_SIZE (AID_ROTATION_FIELD_MAX + 16U)

struct note {
	int64_t rotated_ms, staged_ms;
	char by[AID_ROTATION_HOST_SIZE];
};

static void name_of(const struct aid_rotation_kv *kv, const char *suffix, char out[NAME_SIZE])
{
	(void)snprintf(out, NAME_SIZE, "%.128s%s", kv->field, suffix);
}

static void read_word(const char *word, struct note *note)
{
	if (aid_str_has_prefix(word, "rotated="))
		(void)!aid_timestamp_parse(word + strlen("rotated="), &note->rotated_ms);
	else if (aid_str_has_prefix(word, "staged="))
		(void)!aid_timestamp_parse(word + strlen("staged="), &note->staged_ms);
	else if (aid_str_has_prefix(word, "by=") && strlen(word) < strlen("by=") + sizeof(note->by))
		memcpy(note->by, word + strlen("by="), strlen(word) - strlen("by=") + 1);
}

/* Somebody's hands may have been at it: what cannot be read is as if it was not there. */
static struct note read_note(const struct aid_rotation_kv *kv, const struct aid_json *data)
{
	struct note note = {.by = ""};
	char name[NAME_SIZE], text[NOTE_MAX + 1];
	const char *found;
	char *rest = text;

	name_of(kv, NOTE, name);
	if (aid_json_text(data, name, 1, NOTE_MAX, &found, NULL) != AID_OK)
		return note;
	memcpy(text, found, strlen(found) + 1);
	for (char *word = strsep(&rest, " "); word != NULL; word = strsep(&rest, " "))
		read_word(word, &note);
	return note;
}

static int write_note(const struct aid_rotation_kv *kv, const struct note *note, struct aid_json *data)
{
	char name[NAME_SIZE], text[NOTE_MAX + 1] = "";
	char time[AID_TIMESTAMP_SIZE];

	name_of(kv, NOTE, name);
	if (note->rotated_ms > 0) {
		aid_timestamp_format(note->rotated_ms, time);
		(void)snprintf(text, sizeof(text), "rotated=%s", time);
	}
	if (note->staged_ms > 0) {
		size_t used = strlen(text);

		aid_timestamp_format(note->staged_ms, time);
		(void)snprintf(text + used, sizeof(text) - used, "%sstaged=%s by=%s", used > 0 ? " " : "", time,
			note->by);
	}
	return aid_json_put_text(data, name, text);
}

/* When the version was made that was read: the age of a secret that was never rotated. */
static int64_t made_ms(const struct aid_kv_secret *secret)
{
	const struct aid_json *outer, *metadata;
	const char *text;
	int64_t ms = 0;

	if (aid_json_object(secret->document, "data", &outer, NULL) == AID_OK &&
		aid_json_object(outer, "metadata", &metadata, NULL) == AID_OK &&
		aid_json_text(metadata, "created_time", 1, 64, &text, NULL) == AID_OK)
		(void)!aid_timestamp_parse(text, &ms);
	return ms;
}

int aid_rotation_kv_read(const struct aid_rotation_kv *kv, const struct aid_kv_secret *secret,
	const char *host, struct aid_rotation_entry *ret_entry, struct aid_error *err)
{
	struct note note = read_note(kv, secret->data);
	struct aid_rotation_entry entry = {.view = {.now_ms = kv->now_ms, .rotated_ms = note.rotated_ms,
		.staged_ms = note.staged_ms}};
	char name[NAME_SIZE];
	int r;

	if (strlen(kv->field) > AID_ROTATION_FIELD_MAX)
		return aid_fail(err, AID_E_CONFIG, "the field of a secret that is rotated has a name of at most "
			"%u bytes", AID_ROTATION_FIELD_MAX);
	name_of(kv, PENDING, name);
	r = aid_kv_field(secret, kv->field, host, &entry.current, err);
	if (r == AID_OK && aid_json_has(secret->data, name))
		r = aid_kv_field(secret, name, host, &entry.pending, err);
	if (r != AID_OK) {
		aid_rotation_entry_done(&entry);
		return r;
	}
	entry.view.pending = entry.pending != NULL;
	entry.view.pending_is_ours = entry.view.pending && aid_streq(note.by, kv->host);
	if (entry.view.rotated_ms == 0)
		entry.view.rotated_ms = made_ms(secret);
	memcpy(entry.by, note.by, sizeof(entry.by));
	*ret_entry = entry;
	return AID_OK;
}

void aid_rotation_entry_done(struct aid_rotation_entry *entry)
{
	aid_secret_free(entry->current);
	aid_secret_free(entry->pending);
	*entry = (struct aid_rotation_entry){.current = NULL};
}

static int put(struct aid_json *data, const struct aid_rotation_kv *kv, const char *suffix,
	const struct aid_secret *value, struct aid_error *err)
{
	char name[NAME_SIZE];

	name_of(kv, suffix, name);
	return aid_json_put_text(data, name, aid_secret_peek(value)) == AID_OK
		? AID_OK : aid_fail(err, AID_E_INVALID, "a secret that is no text cannot be staged");
}

static int copy(const struct aid_kv_secret *secret, struct aid_json **ret_data, struct aid_error *err)
{
	*ret_data = aid_json_copy(secret->data);
	return *ret_data != NULL ? AID_OK : aid_fail(err, AID_E_NOMEM, "out of memory");
}

static int finish(const struct aid_rotation_kv *kv, const struct note *note, struct aid_json *data,
	struct aid_error *err)
{
	return write_note(kv, note, data) == AID_OK ? AID_OK
						    : aid_fail(err, AID_E_NOMEM, "out of memory");
}

int aid_rotation_kv_stage(const struct aid_rotation_kv *kv, const struct aid_kv_secret *secret,
	const struct aid_secret *pending, struct aid_json **ret_data, struct aid_error *err)
{
	struct note note = read_note(kv, secret->data);
	AID_AUTO(aid_json) *data = NULL;
	int r = copy(secret, &data, err);

	if (note.rotated_ms == 0)
		note.rotated_ms = made_ms(secret);
	note.staged_ms = kv->now_ms;
	(void)snprintf(note.by, sizeof(note.by), "%s", kv->host);
	if (r == AID_OK)
		r = put(data, kv, PENDING, pending, err);
	if (r == AID_OK)
		r = finish(kv, &note, data, err);
	if (r == AID_OK)
		*ret_data = aid_steal(&data);
	return r;
}

int aid_rotation_kv_promote(const struct aid_rotation_kv *kv, const struct aid_kv_secret *secret,
	const struct aid_secret *pending, const struct aid_secret *old, struct aid_json **ret_data,
	struct aid_error *err)
{
	const struct note note = {.rotated_ms = kv->now_ms};
	AID_AUTO(aid_json) *data = NULL;
	char name[NAME_SIZE];
	int r = copy(secret, &data, err);

	name_of(kv, PENDING, name);
	if (r == AID_OK)
		r = put(data, kv, "", pending, err);
	if (r == AID_OK)
		r = put(data, kv, PREVIOUS, old, err);
	if (r == AID_OK)
		r = finish(kv, &note, data, err);
	if (r != AID_OK)
		return r;
	aid_json_remove(data, name);
	*ret_data = aid_steal(&data);
	return AID_OK;
}
