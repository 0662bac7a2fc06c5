/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "issuer_dir.h"

#include "str.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KID_LENGTH (AID_ISSUER_KID_SIZE - 1)
#define ACTIVATION_MAX_S UINT64_C(99999999999)
#define SUFFIX ".pem"

static bool is_kid(const char *text, size_t length)
{
	if (length != KID_LENGTH)
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			    c == '-' || c == '_'))
			return false;
	}
	return true;
}

/* "<seconds>-<kid>.pem"; a kid may hold '-', seconds may not. */
static bool parse_name(const char *name, struct aid_issuer_key *key)
{
	size_t length = strlen(name);
	size_t digits = strspn(name, "0123456789");
	char number[16];
	uint64_t seconds;

	if (length >= sizeof(key->name) || digits == 0 || digits >= sizeof(number) ||
		length != digits + 1 + KID_LENGTH + strlen(SUFFIX) || name[digits] != '-' ||
		!aid_streq(name + length - strlen(SUFFIX), SUFFIX) ||
		!is_kid(name + digits + 1, KID_LENGTH))
		return false;
	memcpy(number, name, digits);
	number[digits] = '\0';
	if (aid_str_parse_uint(number, 0, ACTIVATION_MAX_S, &seconds) != AID_OK)
		return false;
	*key = (struct aid_issuer_key){.activates_wall_ms = (int64_t)seconds * 1000};
	memcpy(key->kid, name + digits + 1, KID_LENGTH);
	memcpy(key->name, name, length + 1);
	return true;
}

static int by_activation(const void *a, const void *b)
{
	const struct aid_issuer_key *left = a;
	const struct aid_issuer_key *right = b;

	if (left->activates_wall_ms != right->activates_wall_ms)
		return left->activates_wall_ms < right->activates_wall_ms ? -1 : 1;
	return memcmp(left->kid, right->kid, KID_LENGTH);
}

static enum aid_issuer_key_state state_of(const struct aid_issuer_key *key, int64_t now_wall_ms)
{
	if (key->activates_wall_ms > now_wall_ms)
		return AID_ISSUER_KEY_WAITING;
	if (key->retires_wall_ms <= now_wall_ms)
		return AID_ISSUER_KEY_RETIRED;
	if (key->retires_wall_ms != INT64_MAX &&
		key->retires_wall_ms - AID_ISSUER_RETIRE_MS <= now_wall_ms)
		return AID_ISSUER_KEY_RETIRING;
	return AID_ISSUER_KEY_ACTIVE;
}

static void set_states(struct aid_issuer_keys *keys, int64_t now_wall_ms)
{
	for (size_t i = 0; i < keys->count; i++) {
		struct aid_issuer_key *key = &keys->items[i];

		key->retires_wall_ms = i + 1 < keys->count
			? keys->items[i + 1].activates_wall_ms + AID_ISSUER_RETIRE_MS
			: INT64_MAX;
		key->state = state_of(key, now_wall_ms);
	}
}

static int read_names(DIR *stream, const char *directory, struct aid_issuer_keys *keys,
	struct aid_error *err)
{
	for (;;) {
		struct aid_issuer_key key;
		const struct dirent *entry;

		errno = 0;
		/* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else has this stream. */
		entry = readdir(stream);
		if (entry == NULL && errno != 0)
			return aid_fail_errno(err, AID_E_IO, errno, "%s", directory);
		if (entry == NULL)
			return AID_OK;
		if (!parse_name(entry->d_name, &key))
			continue;
		if (keys->count == AID_ISSUER_KEYS_MAX)
			return aid_fail(err, AID_E_TOOBIG, "%s: over %u keys", directory,
				AID_ISSUER_KEYS_MAX);
		keys->items[keys->count++] = key;
	}
}

int aid_issuer_list(const char *directory, int64_t now_wall_ms, struct aid_issuer_keys *ret_keys,
	struct aid_error *err)
{
	struct aid_issuer_keys keys = {0};
	DIR *stream = opendir(directory);
	int r;

	if (stream == NULL && errno == ENOENT)
		return aid_fail(err, AID_E_NOTFOUND, "%s: no such directory (agentid issuer init makes it)",
			directory);
	if (stream == NULL)
		return aid_fail_errno(err, AID_E_IO, errno, "%s", directory);
	r = read_names(stream, directory, &keys, err);
	(void)closedir(stream);
	if (r != AID_OK)
		return r;
	qsort(keys.items, keys.count, sizeof(keys.items[0]), by_activation);
	set_states(&keys, now_wall_ms);
	*ret_keys = keys;
	return AID_OK;
}

int aid_issuer_select(const char *directory, int64_t now_wall_ms, char path[AID_ISSUER_PATH_SIZE],
	int64_t *ret_next_change_wall_ms, struct aid_error *err)
{
	const struct aid_issuer_key *active = NULL;
	int64_t next_change = INT64_MAX;
	struct aid_issuer_keys keys;
	int length;
	int r;

	r = aid_issuer_list(directory, now_wall_ms, &keys, err);
	if (r != AID_OK)
		return r;
	for (size_t i = 0; i < keys.count; i++) {
		if (keys.items[i].state == AID_ISSUER_KEY_ACTIVE)
			active = &keys.items[i];
		if (keys.items[i].state == AID_ISSUER_KEY_WAITING && next_change == INT64_MAX)
			next_change = keys.items[i].activates_wall_ms;
	}
	/* The clock was set back past every activation. Verifiers know all keys, the first one longest. */
	if (active == NULL && keys.count > 0)
		active = &keys.items[0];
	if (active == NULL)
		return aid_fail(err, AID_E_NOTFOUND,
			"%s: no signing key (agentid issuer init makes one)", directory);
	if (strlen(directory) + 1 + strlen(active->name) >= AID_ISSUER_PATH_SIZE)
		return aid_fail(err, AID_E_CONFIG, "%.64s: path over %d bytes", directory,
			AID_ISSUER_PATH_SIZE - 1);
	length = snprintf(path, AID_ISSUER_PATH_SIZE, "%s/%s", directory, active->name);
	if (length < 0)
		return aid_fail(err, AID_E_IO, "%.64s: no path", directory);
	*ret_next_change_wall_ms = next_change;
	return AID_OK;
}

const char *aid_issuer_key_state_name(enum aid_issuer_key_state state)
{
	switch (state) {
	case AID_ISSUER_KEY_WAITING:
		return "waiting";
	case AID_ISSUER_KEY_ACTIVE:
		return "active";
	case AID_ISSUER_KEY_RETIRING:
		return "retiring";
	case AID_ISSUER_KEY_RETIRED:
		return "retired";
	}
	return "unknown";
}

int aid_issuer_key_name(int64_t activates_wall_ms, const char *kid, char out[AID_ISSUER_NAME_SIZE])
{
	if (!is_kid(kid, strlen(kid)) || activates_wall_ms < 0 ||
		(uint64_t)activates_wall_ms / 1000 > ACTIVATION_MAX_S)
		return AID_E_INVALID;
	(void)snprintf(out, AID_ISSUER_NAME_SIZE, "%" PRId64 "-%s" SUFFIX, activates_wall_ms / 1000, kid);
	return AID_OK;
}
