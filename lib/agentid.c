/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "agentid_private.h"

#include "clock.h"
#include "keyring.h"
#include "str.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define NAME_SIZE 48U /* of a credential, with its NUL */
#define SLOTS 8U
/* How long a key's serial is believed before its ring and owner are looked at again. */
#define BELIEVE_MS 1000
#define GUESS_BYTES 2048U
#define GET_TRIES 8
#define WAIT_MIN_MS 20
#define WAIT_MAX_MS 1000
#define WAIT_PARTS 20 /* of the time left */
#define FNV_OFFSET 0xcbf29ce484222325U
#define FNV_PRIME 0x100000001b3U

_Static_assert((int)AGENTID_E_NOMEM == (int)AID_E_NOMEM && (int)AGENTID_E_IO == (int)AID_E_IO &&
	(int)AGENTID_E_TIMEOUT == (int)AID_E_TIMEOUT &&
	(int)AGENTID_E_UNREACHABLE == (int)AID_E_UNREACHABLE &&
	(int)AGENTID_E_UNTRUSTED == (int)AID_E_UNTRUSTED &&
	(int)AGENTID_E_CONFIG == (int)AID_E_CONFIG && (int)AGENTID_E_VERSION == (int)AID_E_VERSION &&
	(int)AGENTID_E_PROTOCOL == (int)AID_E_PROTOCOL &&
	(int)AGENTID_E_DENIED == (int)AID_E_DENIED && (int)AGENTID_E_EXPIRED == (int)AID_E_EXPIRED &&
	(int)AGENTID_E_NOTFOUND == (int)AID_E_NOTFOUND &&
	(int)AGENTID_E_TOOBIG == (int)AID_E_TOOBIG && (int)AGENTID_E_BUSY == (int)AID_E_BUSY &&
	(int)AGENTID_E_REVOKED == (int)AID_E_REVOKED && (int)AGENTID_E_INVALID == (int)AID_E_INVALID,
	"the public numbers are the internal ones");

enum slot_state { SLOT_FREE, SLOT_CLAIMED, SLOT_NAMED };

/* What was found out about one credential. Atomics instead of a lock: a child forked while another
 * thread holds a lock would wait for ever. */
struct slot {
	_Atomic int state;
	char name[NAME_SIZE];      /* constant once state is SLOT_NAMED */
	_Atomic uint64_t serials;  /* session keyring << 32 | key */
	_Atomic int64_t found_ms;  /* boot clock, when the serials were found */
};

struct agentid {
	struct slot slots[SLOTS];
};

static bool is_credential_name(const char *text)
{
	return text != NULL && strlen(text) < NAME_SIZE && aid_str_is_agent_id(text);
}

/* The slot of a name; NULL when all are taken, which only costs speed. */
static struct slot *find_slot(struct agentid *handle, const char *credential)
{
	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *slot = &handle->slots[i];
		int state = atomic_load_explicit(&slot->state, memory_order_acquire);

		if (state == SLOT_NAMED && aid_streq(slot->name, credential))
			return slot;
		if (state != SLOT_FREE ||
			!atomic_compare_exchange_strong(&slot->state, &state, SLOT_CLAIMED))
			continue;
		memcpy(slot->name, credential, strlen(credential) + 1);
		atomic_store_explicit(&slot->state, SLOT_NAMED, memory_order_release);
		return slot;
	}
	return NULL;
}

/* Looks a key up as agentid-keyring(7) says and remembers it. */
static int look_up(struct slot *slot, const char *credential, aid_serial session,
	aid_serial *ret_key)
{
	char name[sizeof("agentid:") + NAME_SIZE];
	aid_serial ring, key;
	int r = aid_ring_find(&ring, NULL);

	if (r != AID_OK)
		return r;
	(void)snprintf(name, sizeof(name), "agentid:%s", credential);
	r = aid_ring_key(ring, name, &key, NULL);
	/* The key alone has ended, not the session: it comes back. */
	if (r == AID_E_REVOKED)
		return AID_E_NOTFOUND;
	if (r != AID_OK)
		return r;
	if (slot != NULL) {
		atomic_store(&slot->serials, (uint64_t)(uint32_t)session << 32 | (uint32_t)key);
		atomic_store(&slot->found_ms, aid_clock_boot_ms());
	}
	*ret_key = key;
	return AID_OK;
}

/* The key found before, or 0. Another session keyring, joined since, may hold another ring. */
static aid_serial remembered(struct slot *slot, aid_serial session)
{
	uint64_t serials;

	if (slot == NULL || session == 0 ||
		aid_clock_boot_ms() - atomic_load(&slot->found_ms) >= BELIEVE_MS)
		return 0;
	serials = atomic_load(&slot->serials);
	return (aid_serial)(serials >> 32) == session ? (aid_serial)(serials & 0xffffffffU) : 0;
}

/* A credential is read by its serial, so nothing that the session plants can come between; when
 * that fails, the key may have been made anew under another one. */
static int read_key(struct agentid *handle, const char *credential, void *buffer, size_t size,
	size_t *ret_length)
{
	struct slot *slot = find_slot(handle, credential);
	aid_serial session = aid_session_serial();
	aid_serial key = remembered(slot, session);
	int r;

	if (key != 0) {
		r = aid_key_read(key, buffer, size, ret_length, NULL);
		if (r == AID_OK || r == AID_E_TOOBIG)
			return r;
	}
	r = look_up(slot, credential, session, &key);
	if (r != AID_OK)
		return r;
	return aid_key_read(key, buffer, size, ret_length, NULL);
}

EXPORT int agentid_new(struct agentid **ret_handle)
{
	struct agentid *handle;
	aid_serial ring;
	int r;

	if (ret_handle == NULL)
		return AID_E_INVALID;
	r = aid_ring_find(&ring, NULL);
	if (r != AID_OK)
		return r;
	handle = calloc(1, sizeof(*handle));
	if (handle == NULL)
		return AID_E_NOMEM;
	*ret_handle = handle;
	return AID_OK;
}

EXPORT void agentid_free(struct agentid *handle)
{
	free(handle);
}

EXPORT int agentid_read(struct agentid *handle, const char *credential, void *buffer, size_t size,
	size_t *ret_length)
{
	if (handle == NULL || !is_credential_name(credential) || ret_length == NULL ||
		(buffer == NULL && size > 0))
		return AID_E_INVALID;
	return read_key(handle, credential, buffer, size, ret_length);
}

/* *length is what to make room for; the credential may have grown at the next reading. */
static int read_secret(struct agentid *handle, const char *credential, size_t *length,
	struct aid_secret **ret_bytes)
{
	AID_AUTO(aid_secret) *bytes = aid_secret_new(*length);
	size_t room;
	char *tail;
	int r;

	if (bytes == NULL)
		return AID_E_NOMEM;
	tail = aid_secret_tail(bytes, &room);
	r = read_key(handle, credential, tail, room, length);
	if (r != AID_OK)
		return r;
	aid_secret_grown(bytes, *length);
	*ret_bytes = aid_steal(&bytes);
	return AID_OK;
}

static int read_whole(struct agentid *handle, const char *credential, struct aid_secret **ret_bytes)
{
	size_t length = GUESS_BYTES;
	int r = AID_E_TOOBIG;

	for (int i = 0; i < GET_TRIES && r == AID_E_TOOBIG; i++)
		r = read_secret(handle, credential, &length, ret_bytes);
	return r == AID_E_TOOBIG ? AID_E_BUSY : r;
}

EXPORT int agentid_get(struct agentid *handle, const char *credential,
	struct agentid_secret **ret_secret)
{
	struct agentid_secret *secret;
	int r;

	if (handle == NULL || !is_credential_name(credential) || ret_secret == NULL)
		return AID_E_INVALID;
	secret = calloc(1, sizeof(*secret));
	if (secret == NULL)
		return AID_E_NOMEM;
	r = read_whole(handle, credential, &secret->bytes);
	if (r != AID_OK) {
		free(secret);
		return r;
	}
	*ret_secret = secret;
	return AID_OK;
}

EXPORT const char *agentid_secret_text(const struct agentid_secret *secret)
{
	return secret == NULL ? "" : aid_secret_peek(secret->bytes);
}

EXPORT size_t agentid_secret_length(const struct agentid_secret *secret)
{
	return secret == NULL ? 0 : aid_secret_length(secret->bytes);
}

EXPORT void agentid_secret_free(struct agentid_secret *secret)
{
	if (secret == NULL)
		return;
	aid_secret_free(secret->bytes);
	free(secret);
}

EXPORT int agentid_time_left(struct agentid *handle, const char *credential, int64_t *ret_ms)
{
	char info[AID_INFO_MAX];
	int64_t expires_s, left_ms;
	size_t length;
	int r;

	if (handle == NULL || !is_credential_name(credential) || ret_ms == NULL)
		return AID_E_INVALID;
	r = read_key(handle, "info", info, sizeof(info), &length);
	if (r == AID_OK)
		r = aid_info_find(info, length, credential, &expires_s);
	if (r != AID_OK)
		return r;
	left_ms = expires_s * 1000 - aid_clock_wall_ms();
	if (left_ms <= 0)
		return AID_E_EXPIRED;
	*ret_ms = left_ms;
	return AID_OK;
}

/* Tells one credential from the next (FNV-1a); never 0. */
static uint64_t stamp_of(const struct aid_secret *bytes)
{
	const char *text = aid_secret_peek(bytes);
	uint64_t hash = FNV_OFFSET;

	for (size_t i = 0; i < aid_secret_length(bytes); i++)
		hash = (hash ^ (uint8_t)text[i]) * FNV_PRIME;
	return hash == 0 ? 1 : hash;
}

static int look_for_change(struct agentid *handle, const char *credential, uint64_t *stamp)
{
	AID_AUTO(aid_secret) *bytes = NULL;
	uint64_t now;
	int r = read_whole(handle, credential, &bytes);

	if (r != AID_OK)
		return r;
	now = stamp_of(bytes);
	if (now == *stamp)
		return AID_E_TIMEOUT;
	*stamp = now;
	return AID_OK;
}

/* A credential that is missing or expired comes back; a session that has ended does not. */
static bool may_still_come(int status)
{
	aid_serial ring;

	if (status == AID_E_TIMEOUT || status == AID_E_BUSY)
		return true;
	return (status == AID_E_NOTFOUND || status == AID_E_EXPIRED || status == AID_E_REVOKED) &&
		aid_ring_find(&ring, NULL) == AID_OK;
}

/* The kernel tells nobody outside of a keyring that a key in it was updated (key notifications need
 * a kernel option that distributions leave off), so this looks again now and then. */
static void sleep_before_next_look(struct agentid *handle, const char *credential, int64_t left_ms)
{
	int64_t sleep_ms = WAIT_MAX_MS, valid_ms;

	if (agentid_time_left(handle, credential, &valid_ms) == AID_OK &&
		valid_ms / WAIT_PARTS < sleep_ms)
		sleep_ms = valid_ms / WAIT_PARTS;
	if (sleep_ms < WAIT_MIN_MS)
		sleep_ms = WAIT_MIN_MS;
	if (left_ms >= 0 && left_ms < sleep_ms)
		sleep_ms = left_ms;
	(void)poll(NULL, 0, (int)sleep_ms);
}

EXPORT int agentid_wait(struct agentid *handle, const char *credential, uint64_t *stamp,
	int timeout_ms)
{
	int64_t deadline_ms = aid_clock_boot_ms() + timeout_ms;

	if (handle == NULL || !is_credential_name(credential) || stamp == NULL)
		return AID_E_INVALID;
	for (;;) {
		int r = look_for_change(handle, credential, stamp);
		int64_t left_ms = timeout_ms < 0 ? -1 : deadline_ms - aid_clock_boot_ms();

		if (r == AID_OK || !may_still_come(r))
			return r;
		if (timeout_ms >= 0 && left_ms <= 0)
			return r;
		sleep_before_next_look(handle, credential, left_ms);
	}
}

EXPORT const char *agentid_strerror(int status)
{
	static const struct {
		enum agentid_status status;
		const char *text;
	} texts[] = {
		{AGENTID_OK, "success"},
		{AGENTID_E_NOMEM, "out of memory"},
		{AGENTID_E_IO, "the kernel refused the operation"},
		{AGENTID_E_TIMEOUT, "nothing changed, or no answer came, in time"},
		{AGENTID_E_UNREACHABLE, "the daemon or the issuer is not reachable"},
		{AGENTID_E_PROTOCOL, "agentid:info, or a token, is in an unknown form"},
		{AGENTID_E_DENIED, "this process may not read the key, or the token is not for this"},
		{AGENTID_E_EXPIRED, "the credential has expired and no fresh one came yet"},
		{AGENTID_E_UNTRUSTED, "the signature or the issuer of the token is wrong"},
		{AGENTID_E_CONFIG, "the configuration of the host is wrong"},
		{AGENTID_E_VERSION, "the daemon speaks another version"},
		{AGENTID_E_NOTFOUND, "no agent session here, or no such credential in it"},
		{AGENTID_E_TOOBIG, "the credential does not fit into the buffer, or a text is too long"},
		{AGENTID_E_BUSY, "the credential changed at every try, or the daemon has no time"},
		{AGENTID_E_REVOKED, "the agent session was closed, or the agent cut off"},
		{AGENTID_E_INVALID, "an argument is wrong"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if ((int)texts[i].status == status)
			return texts[i].text;
	}
	return "unknown status";
}
