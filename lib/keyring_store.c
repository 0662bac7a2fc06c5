/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The part of keyring.h for agentid-keyringd: root without a capability, outside every session. All
 * it can do rests on the owner bits that each key got when it was made. */
#include "keyring_private.h"

#include "cleanup.h"
#include "clock.h"
#include "str.h"

#include <errno.h>
#include <keyutils.h>
#include <stdio.h>

/* The anchor and its marks: root only, possessed or not. */
#define ANCHOR_PERMISSIONS 0x003f0000U
#define ANCHOR_NAME "agentid:rings"
/* The anchor hangs in a keyring that only root can read and nobody search. Any process of root's whose
 * keyrings lead to @u would otherwise search all keys of all sessions at each of its key operations. */
#define DOOR_PERMISSIONS 0x00370000U
#define HOLDER_PREFIX "agentid:ring:"
#define HOLDER_NAME_SIZE 32
/* KEYCTL_UPDATE takes at most a page; no page is smaller. */
#define UPDATE_MAX 4096U
#define TIMEOUT_MAX_S 0x7fffffff
/* A second that ticks over between reading the clock and the system call is tried again. */
#define EXPIRE_TRIES 4

/* Makes a keyring or key where only this process sees it, so that its permissions are final when
 * it is linked to where others look. */
static int make_key(const char *type, const char *name, const void *payload, size_t length,
	aid_serial *ret_key, struct aid_error *err)
{
	key_serial_t key = add_key(type, name, payload, length, KEY_SPEC_PROCESS_KEYRING);

	if (key < 0)
		return aid_key_fail(err, errno, name);
	*ret_key = key;
	return AID_OK;
}

static void forget_made(aid_serial key)
{
	(void)keyctl_unlink(key, KEY_SPEC_PROCESS_KEYRING);
}

/* Links what was made where it shall be, in place of what has its name there, and forgets it here. */
static long hand_over(aid_serial key, aid_serial into)
{
	return keyctl_move(key, KEY_SPEC_PROCESS_KEYRING, into, 0);
}

/* Sets the kernel's timeout so that the key ends with the whole second of expires_wall_ms. */
static int set_expiry(aid_serial key, int64_t expires_wall_ms, struct aid_error *err)
{
	for (int i = 0; i < EXPIRE_TRIES; i++) {
		int64_t now_s = aid_clock_wall_ms() / 1000;
		int64_t left_s = expires_wall_ms / 1000 - now_s;

		if (left_s < 1)
			return aid_fail(err, AID_E_EXPIRED, "expires in %lld ms, less than a second ahead",
				(long long)(expires_wall_ms - aid_clock_wall_ms()));
		if (left_s > TIMEOUT_MAX_S)
			left_s = TIMEOUT_MAX_S;
		if (keyctl_set_timeout(key, (unsigned int)left_s) != 0)
			return aid_key_fail(err, errno, "set the timeout of a key");
		if (aid_clock_wall_ms() / 1000 == now_s)
			return AID_OK;
	}
	return aid_fail(err, AID_E_BUSY, "the clock moved at each of %d tries", EXPIRE_TRIES);
}

/* A keyring or key for root alone. */
static int make_private(const char *type, const char *name, aid_serial into, aid_serial *ret_key,
	struct aid_error *err)
{
	bool is_key = aid_streq(type, "user");
	aid_serial key;
	int r = make_key(type, name, is_key ? "1" : NULL, is_key ? 1 : 0, &key, err);

	if (r != AID_OK)
		return r;
	if (keyctl_setperm(key, ANCHOR_PERMISSIONS) != 0 || hand_over(key, into) != 0) {
		r = aid_key_fail(err, errno, name);
		forget_made(key);
		return r;
	}
	*ret_key = key;
	return AID_OK;
}

/* The link of a keyring that is a keyring of this name, or 0. It is not searched for, because neither
 * @u nor the door can be. */
static aid_serial find_link(aid_serial keyring, const char *name, struct aid_key_info *ret_info)
{
	AID_FREE aid_serial *links = NULL;
	size_t count;

	if (aid_keyring_links(keyring, &links, &count, NULL) != AID_OK)
		return 0;
	for (size_t i = 0; i < count; i++) {
		if (aid_key_describe(links[i], ret_info, NULL) == AID_OK &&
			aid_streq(ret_info->type, "keyring") && aid_streq(ret_info->name, name))
			return links[i];
	}
	return 0;
}

static int visit_links(aid_serial keyring, const char *prefix,
	void (*visit)(void *context, aid_serial key, const char *name), void *context,
	struct aid_error *err)
{
	AID_FREE aid_serial *links = NULL;
	size_t count;
	int r = aid_keyring_links(keyring, &links, &count, err);

	if (r != AID_OK)
		return r;
	for (size_t i = 0; i < count; i++) {
		struct aid_key_info info;

		if (aid_key_describe(links[i], &info, NULL) == AID_OK && aid_streq(info.type, "user") &&
			aid_str_has_prefix(info.name, prefix))
			visit(context, links[i], info.name);
	}
	return AID_OK;
}

static int make_door(const char *name, aid_serial *ret_anchor, struct aid_error *err)
{
	aid_serial door;
	int r = make_key("keyring", name, NULL, 0, &door, err);

	if (r != AID_OK)
		return r;
	r = make_private("keyring", ANCHOR_NAME, door, ret_anchor, err);
	if (r == AID_OK && (keyctl_setperm(door, DOOR_PERMISSIONS) != 0 ||
				   keyctl_link(door, KEY_SPEC_USER_KEYRING) != 0))
		r = aid_key_fail(err, errno, name);
	forget_made(door);
	return r;
}

static int check_private(const struct aid_key_info *info, uint32_t permissions,
	struct aid_error *err)
{
	if (info->uid == 0 && info->permissions == permissions)
		return AID_OK;
	return aid_fail(err, AID_E_UNTRUSTED, "keyring '%.64s' has uid %u and permissions %08x, not %08x",
		info->name, info->uid, info->permissions, permissions);
}

int aid_anchor_open(const char *name, aid_serial *ret_anchor, struct aid_error *err)
{
	struct aid_key_info info;
	aid_serial door, anchor;
	int r;

	/* For each serial that a system call names, the kernel searches the caller's keyrings for it:
	 * the fewer they lead to, the better. */
	if (keyctl_join_session_keyring(NULL) < 0)
		return aid_key_fail(err, errno, "join an empty session keyring");
	if (keyctl_get_keyring_ID(KEY_SPEC_PROCESS_KEYRING, 1) < 0)
		return aid_key_fail(err, errno, "make the process keyring");
	door = find_link(KEY_SPEC_USER_KEYRING, name, &info);
	if (door == 0)
		return make_door(name, ret_anchor, err);
	r = check_private(&info, DOOR_PERMISSIONS, err);
	if (r != AID_OK)
		return r;
	anchor = find_link(door, ANCHOR_NAME, &info);
	if (anchor == 0)
		return aid_fail(err, AID_E_UNTRUSTED, "keyring '%.64s' holds no anchor", name);
	r = check_private(&info, ANCHOR_PERMISSIONS, err);
	if (r == AID_OK)
		*ret_anchor = anchor;
	return r;
}

int aid_anchor_remove(const char *name, size_t *ret_rings, struct aid_error *err)
{
	AID_FREE aid_serial *rings = NULL;
	struct aid_key_info info;
	size_t count = 0;
	aid_serial door = find_link(KEY_SPEC_USER_KEYRING, name, &info), anchor;
	int r;

	*ret_rings = 0;
	if (door == 0)
		return AID_OK;
	r = check_private(&info, DOOR_PERMISSIONS, err);
	if (r != AID_OK)
		return r;
	anchor = find_link(door, ANCHOR_NAME, &info);
	if (anchor != 0)
		r = aid_anchor_list(anchor, &rings, &count, err);
	if (r != AID_OK)
		return r;
	for (size_t i = 0; i < count; i++)
		aid_ring_revoke(anchor, rings[i]);
	if (keyctl_unlink(door, KEY_SPEC_USER_KEYRING) != 0)
		return aid_key_fail(err, errno, "take the anchor out of root's user keyring");
	*ret_rings = count;
	return AID_OK;
}

/* A keyring links at most one key of a name, and every ring has the same: each hangs in a holder. */
static void holder_name(aid_serial ring, char out[HOLDER_NAME_SIZE])
{
	(void)snprintf(out, HOLDER_NAME_SIZE, HOLDER_PREFIX "%d", ring);
}

/* The ring in a holder; an empty holder is taken away. */
static bool holder_ring(aid_serial anchor, aid_serial holder, aid_serial *ret_ring)
{
	AID_FREE aid_serial *links = NULL;
	struct aid_key_info info;
	size_t count;

	if (aid_key_describe(holder, &info, NULL) != AID_OK || !aid_streq(info.type, "keyring"))
		return false;
	if (aid_keyring_links(holder, &links, &count, NULL) != AID_OK || count != 1) {
		(void)keyctl_unlink(holder, anchor);
		return false;
	}
	*ret_ring = links[0];
	return true;
}

int aid_anchor_list(aid_serial anchor, aid_serial **ret_rings, size_t *ret_count,
	struct aid_error *err)
{
	AID_FREE aid_serial *links = NULL;
	size_t count, kept = 0;
	int r = aid_keyring_links(anchor, &links, &count, err);

	if (r != AID_OK)
		return r;
	for (size_t i = 0; i < count; i++) {
		if (holder_ring(anchor, links[i], &links[kept]))
			kept++;
	}
	*ret_rings = aid_steal(&links);
	*ret_count = kept;
	return AID_OK;
}

int aid_ring_check(aid_serial ring, struct aid_error *err)
{
	struct aid_key_info info;
	int r = aid_key_describe(ring, &info, err);

	if (r != AID_OK)
		return aid_fail(err, AID_E_UNTRUSTED, "key %d is no live ring", ring);
	if (!aid_key_info_is_ring(&info))
		return aid_fail(err, AID_E_UNTRUSTED,
			"key %d is no ring: %s '%.32s' of uid %u with permissions %08x, wanted %08x", ring,
			info.type, info.name, info.uid, info.permissions, AID_PERM_RING);
	return AID_OK;
}

int aid_anchor_add(aid_serial anchor, aid_serial ring, aid_serial *ret_holder, struct aid_error *err)
{
	char name[HOLDER_NAME_SIZE];
	aid_serial holder;
	int r;

	holder_name(ring, name);
	r = make_key("keyring", name, NULL, 0, &holder, err);
	if (r != AID_OK)
		return r;
	if (keyctl_setperm(holder, ANCHOR_PERMISSIONS) != 0 || keyctl_link(ring, holder) != 0 ||
		hand_over(holder, anchor) != 0) {
		r = aid_key_fail(err, errno, "link the ring to the anchor");
		forget_made(holder);
		return r;
	}
	*ret_holder = holder;
	return AID_OK;
}

int aid_ring_expire(aid_serial ring, int64_t expires_wall_ms, struct aid_error *err)
{
	return set_expiry(ring, expires_wall_ms, err);
}

static int update_small(aid_serial key, const void *payload, size_t length, struct aid_error *err)
{
	if (keyctl_update(key, payload, length) != 0)
		return aid_key_fail(err, errno, "update a key");
	return AID_OK;
}

/* Adding over a key of the same name updates it, of any size. Should the agent have ended its key
 * just now, this makes one with the default permissions, which must not stay. */
static int update_large(aid_serial ring, const char *name, aid_serial key, const void *payload,
	size_t length, struct aid_error *err)
{
	key_serial_t added = add_key("user", name, payload, length, ring);

	if (added == key)
		return AID_OK;
	if (added < 0)
		return aid_key_fail(err, errno, "update a key");
	(void)keyctl_unlink(added, ring);
	(void)keyctl_revoke(added);
	return aid_fail(err, AID_E_NOTFOUND, "%s was ended meanwhile", name);
}

/* An update takes the timeout away, so the next call puts it back; where that fails the key must go. */
static int update_in_place(aid_serial ring, const char *name, aid_serial key, const void *payload,
	size_t length, int64_t expires_wall_ms, struct aid_error *err)
{
	int r;

	r = length <= UPDATE_MAX ? update_small(key, payload, length, err)
				 : update_large(ring, name, key, payload, length, err);
	if (r != AID_OK)
		return r;
	r = set_expiry(key, expires_wall_ms, err);
	if (r != AID_OK)
		(void)keyctl_revoke(key);
	return r;
}

/* Linking needs a permission that most finished keys do not have; it is taken away at the end. */
static int finish_key(aid_serial ring, aid_serial key, uint32_t permissions,
	int64_t expires_wall_ms, struct aid_error *err)
{
	int r;

	if (keyctl_setperm(key, permissions | KEY_USR_LINK) != 0)
		return aid_key_fail(err, errno, "permissions of a key");
	r = set_expiry(key, expires_wall_ms, err);
	if (r != AID_OK)
		return r;
	if (hand_over(key, ring) != 0) {
		if (errno == ENOKEY || errno == EKEYREVOKED || errno == EKEYEXPIRED)
			return aid_fail_errno(err, AID_E_NOTFOUND, errno, "the ring is gone");
		return aid_key_fail(err, errno, "link a key into the ring");
	}
	if ((permissions & KEY_USR_LINK) == 0 && keyctl_setperm(key, permissions) != 0) {
		int saved_errno = errno;

		(void)keyctl_revoke(key);
		return aid_key_fail(err, saved_errno, "final permissions of a key");
	}
	return AID_OK;
}

int aid_ring_add(aid_serial ring, const char *name, uint32_t permissions, const void *payload,
	size_t length, int64_t expires_wall_ms, aid_serial *ret_key, struct aid_error *err)
{
	aid_serial key;
	int r = make_key("user", name, payload, length, &key, err);

	if (r != AID_OK)
		return r;
	r = finish_key(ring, key, permissions, expires_wall_ms, err);
	if (r != AID_OK) {
		forget_made(key);
		return r;
	}
	*ret_key = key;
	return AID_OK;
}

int aid_ring_put(aid_serial ring, const char *name, uint32_t permissions, const void *payload,
	size_t length, int64_t expires_wall_ms, aid_serial *key, bool *ret_recreated,
	struct aid_error *err)
{
	/* Asked each time: the serial known so far may have ended and been given to another key. */
	long found = keyctl_search(ring, "user", name, 0);
	int r;

	if (expires_wall_ms / 1000 - aid_clock_wall_ms() / 1000 < 1)
		return aid_fail(err, AID_E_EXPIRED, "%s expires less than a second from now", name);
	if (found > 0)
		*key = (aid_serial)found;
	r = found > 0 ? update_in_place(ring, name, *key, payload, length,
					expires_wall_ms, err) : AID_E_NOTFOUND;
	if (r == AID_OK) {
		if (ret_recreated != NULL)
			*ret_recreated = false;
		return AID_OK;
	}
	/* The agent can end its key between the two calls. */
	if (r != AID_E_NOTFOUND && r != AID_E_REVOKED && r != AID_E_EXPIRED)
		return r;
	r = aid_ring_add(ring, name, permissions, payload, length, expires_wall_ms, key, err);
	if (r == AID_OK && ret_recreated != NULL)
		*ret_recreated = true;
	return r;
}

int aid_key_expire(aid_serial key, int64_t expires_wall_ms, struct aid_error *err)
{
	int r = set_expiry(key, expires_wall_ms, err);

	if (r != AID_E_EXPIRED)
		return r;
	if (keyctl_revoke(key) != 0)
		return aid_key_fail(err, errno, "revoke a key");
	return AID_OK;
}

void aid_key_revoke(aid_serial key)
{
	(void)keyctl_revoke(key);
}

int aid_ring_visit(aid_serial ring, void (*visit)(void *context, aid_serial key, const char *name),
	void *context, struct aid_error *err)
{
	return visit_links(ring, AID_KEY_PREFIX, visit, context, err);
}

static void drop_holder(aid_serial anchor, aid_serial ring)
{
	char name[HOLDER_NAME_SIZE];
	long holder;

	holder_name(ring, name);
	holder = keyctl_search(anchor, "keyring", name, 0);
	if (holder > 0)
		(void)keyctl_unlink((key_serial_t)holder, anchor);
}

void aid_ring_end(aid_serial ring)
{
	AID_FREE aid_serial *keys = NULL;
	size_t count = 0;

	/* Revoking frees each payload now; the ring last, so that no key outlives it unseen. */
	if (aid_keyring_links(ring, &keys, &count, NULL) == AID_OK) {
		for (size_t i = 0; i < count; i++)
			(void)keyctl_revoke(keys[i]);
	}
	/* Revoking it empties it, too. */
	(void)keyctl_revoke(ring);
}

void aid_ring_revoke(aid_serial anchor, aid_serial ring)
{
	aid_ring_end(ring);
	if (anchor > 0)
		drop_holder(anchor, ring);
}

void aid_anchor_drop(aid_serial anchor, aid_serial holder)
{
	(void)keyctl_unlink(holder, anchor);
}

int aid_anchor_mark(aid_serial anchor, const char *name, bool present, struct aid_error *err)
{
	aid_serial mark;
	long found;

	if (present)
		return make_private("user", name, anchor, &mark, err);
	found = keyctl_search(anchor, "user", name, 0);
	if (found < 0 && errno == ENOKEY)
		return AID_OK;
	if (found < 0 || keyctl_unlink((key_serial_t)found, anchor) != 0)
		return aid_key_fail(err, errno, "take a mark out of the anchor");
	return AID_OK;
}

int aid_anchor_marks(aid_serial anchor, const char *prefix,
	void (*visit)(void *context, aid_serial key, const char *name), void *context,
	struct aid_error *err)
{
	return visit_links(anchor, prefix, visit, context, err);
}
