/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The keyring layout of agentid-keyring(7): names, permissions and order of operations, defined here
 * and nowhere else. keyring.c, keyring_place.c, keyring_read.c and keyring_store.c alone see keyutils.
 * Times are wall-clock milliseconds since 1970, as the kernel's key expiry runs on that clock; the
 * kernel counts whole seconds, so a key is gone at or before the second its token expires in.
 *
 * Three users: the PAM module and agentid exec (place a ring), keyringd (fill, refresh, revoke and
 * find rings again), readers (find and read). */
#ifndef AID_KEYRING_H
#define AID_KEYRING_H

#include "error.h"
#include "protocol.h"
#include "secret.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef int32_t aid_serial; /* key_serial_t */

#define AID_RING_NAME "agentid"
#define AID_KEY_TOKEN "agentid:token"
#define AID_KEY_META "agentid:meta"
#define AID_KEY_COOKIE "agentid:cookie"
#define AID_KEY_INFO "agentid:info"
/* For keyringd, like agentid:meta. No credential's name has a ':'. */
#define AID_KEY_CREDENTIALS "agentid:meta:credentials"
#define AID_KEY_PREFIX "agentid:"
#define AID_KEY_PAYLOAD_MAX 32767U /* bytes; the kernel's limit for a user key */

/* Permissions of agentid-keyring(7). */
#define AID_PERM_SESSION 0x1f3f0000U
#define AID_PERM_RING 0x0b3f0000U
#define AID_PERM_KEY 0x0b2f0000U
#define AID_PERM_META 0x003f0000U

/* ---- placing a ring: in the process that becomes the session, as root ---- */

struct aid_ring_place {
	aid_serial ring;
	bool joined;         /* a new session keyring was joined; else systemd's own is used */
	char invocation[33]; /* systemd invocation id in hexadecimal, or "" */
};

/* Chooses the session keyring as agentid-keyring(7) says and makes an empty ring in it. Where the
 * current session keyring belongs to account_uid, holds systemd's root-owned invocation_id and no
 * ring yet, that one is used; else a new root-owned anonymous one is joined. AID_E_QUOTA,
 * AID_E_DENIED (keyctl refused, as in some containers), AID_E_IO. On failure no ring is left.
 * AID_E_UNSAFE: the real uid, which is root's for one system call, could not be set back. */
int aid_ring_place(uid_t account_uid, struct aid_ring_place *ret_place, struct aid_error *err) AID_WUR;
/* Where this process is in an agent's session, joins a new session keyring without a ring, so that
 * what becomes another account here does not take the agent's token along (su, sudo). *ret_left
 * tells whether it was. AID_E_QUOTA, AID_E_DENIED, AID_E_IO. */
int aid_ring_leave(bool *ret_left, struct aid_error *err) AID_WUR;
/* Takes an empty ring away again after a failed open. */
void aid_ring_abandon(aid_serial ring);

/* ---- reading: in any process of the session, without privilege ---- */

/* The session keyring that this process has now, or 0. It changes when another one is joined. */
aid_serial aid_session_serial(void);

/* The root-owned ring of this process's session keyring; look-alikes planted by the session are
 * passed over. AID_E_NOTFOUND without one, and in a user namespace that does not map uid 0: there
 * nobody can tell root's keys from others. AID_E_REVOKED when the session was ended. */
int aid_ring_find(aid_serial *ret_ring, struct aid_error *err) AID_WUR;
/* A root-owned key of a ring by its full name. AID_E_NOTFOUND, AID_E_EXPIRED, AID_E_REVOKED. */
int aid_ring_key(aid_serial ring, const char *name, aid_serial *ret_key, struct aid_error *err) AID_WUR;
/* Copies the payload into buffer; *ret_length is its length also when AID_E_TOOBIG is returned. */
int aid_key_read(aid_serial key, void *buffer, size_t size, size_t *ret_length, struct aid_error *err)
	AID_WUR;

/* agentid:info tells the session what the kernel does not: when a credential expires. One line
 * "NAME EXPIRES\n" per credential ("token" is agentid:token), EXPIRES in whole seconds since 1970;
 * of others than the token "NAME EXPIRES LIFETIME\n", LIFETIME in seconds from receipt to expiry.
 * It has AID_PERM_KEY and is written right after the credential, with the same expiry, so that what
 * a reader sees may be too early and never too late. */
#define AID_INFO_MAX 1024U
/* Appends a line at text[*length]. AID_E_TOOBIG when it does not fit. */
int aid_info_add(char *text, size_t size, size_t *length, const char *credential,
	int64_t expires_wall_ms) AID_WUR;
/* The same with the lifetime; 0 is not said. */
int aid_info_add_both(char *text, size_t size, size_t *length, const char *credential,
	int64_t expires_wall_ms, int64_t lifetime_ms) AID_WUR;
/* *ret_lifetime_s is 0 where it is not said. AID_E_NOTFOUND, AID_E_PROTOCOL. */
int aid_info_find_both(const char *text, size_t length, const char *credential,
	int64_t *ret_expires_s, int64_t *ret_lifetime_s) AID_WUR;
/* The same without the lifetime. */
int aid_info_find(const char *text, size_t length, const char *credential, int64_t *ret_expires_s)
	AID_WUR;

/* ---- keyringd ---- */

/* Finds or makes the anchor keyring of this daemon in root's user keyring and makes this process
 * able to create keys; it leaves its session keyring for an empty one. name tells instances apart
 * (one per process namespace and run directory). */
int aid_anchor_open(const char *name, aid_serial *ret_anchor, struct aid_error *err) AID_WUR;
/* Revokes every ring of that anchor and takes it, with its marks, out of root's user keyring. Fine when
 * there is none. */
int aid_anchor_remove(const char *name, size_t *ret_rings, struct aid_error *err) AID_WUR;
/* Every ring that hangs in the anchor, each in a holder "agentid:ring:SERIAL"; *ret_rings is freed by
 * the caller. */
int aid_anchor_list(aid_serial anchor, aid_serial **ret_rings, size_t *ret_count, struct aid_error *err)
	AID_WUR;
/* Refuses (AID_E_UNTRUSTED) anything but a live keyring "agentid" of uid 0 with AID_PERM_RING. */
int aid_ring_check(aid_serial ring, struct aid_error *err) AID_WUR;
/* Keeps the ring alive and findable until aid_ring_revoke() or, with *ret_holder, aid_anchor_drop(). */
int aid_anchor_add(aid_serial anchor, aid_serial ring, aid_serial *ret_holder, struct aid_error *err)
	AID_WUR;
void aid_anchor_drop(aid_serial anchor, aid_serial holder);
/* Sets or renews when the ring itself disappears (a backstop beyond every key). */
int aid_ring_expire(aid_serial ring, int64_t expires_wall_ms, struct aid_error *err) AID_WUR;

/* Stores payload under name in the ring with its permissions (AID_PERM_KEY or AID_PERM_META) and
 * expiry. *key is the serial known so far, or 0. A live key is updated in place and keeps its
 * serial; a missing, expired or revoked one is made anew and linked, which replaces what was there.
 * ret_recreated (may be NULL) tells which. AID_E_EXPIRED when expires_wall_ms is not at least one
 * second ahead; AID_E_QUOTA; AID_E_NOTFOUND when the ring itself is gone. No key is ever left
 * without a timeout while this process lives. */
int aid_ring_put(aid_serial ring, const char *name, uint32_t permissions, const void *payload,
	size_t length, int64_t expires_wall_ms, aid_serial *key, bool *ret_recreated,
	struct aid_error *err) AID_WUR;
/* The same for a key that is not in the ring yet, which is not asked then. One that is there all the same
 * is replaced. */
int aid_ring_add(aid_serial ring, const char *name, uint32_t permissions, const void *payload,
	size_t length, int64_t expires_wall_ms, aid_serial *ret_key, struct aid_error *err) AID_WUR;
/* Sets the expiry of a key without touching its payload; one that is already due is revoked. */
int aid_key_expire(aid_serial key, int64_t expires_wall_ms, struct aid_error *err) AID_WUR;
/* Calls visit for every live user key of the ring whose name starts with "agentid:". */
int aid_ring_visit(aid_serial ring, void (*visit)(void *context, aid_serial key, const char *name),
	void *context, struct aid_error *err) AID_WUR;
/* Ends one key now. */
void aid_key_revoke(aid_serial key);
/* Revokes every key of the ring, then the ring. Succeeds when they are already gone. */
void aid_ring_end(aid_serial ring);
/* The same, and looks for its holder in the anchor (0: there is none) and takes it out. */
void aid_ring_revoke(aid_serial anchor, aid_serial ring);

/* Root's key quota as /proc/key-users has it. */
struct aid_quota {
	int64_t keys, keys_max;
	int64_t bytes, bytes_max;
};
int aid_quota_read(uid_t uid, struct aid_quota *ret_quota, struct aid_error *err) AID_WUR;
/* What one key of this name and payload costs in quota bytes. */
size_t aid_quota_cost(size_t name_length, size_t payload_length);

/* A mark in the anchor that outlives the daemon (not the host): the kill switch uses it. */
int aid_anchor_mark(aid_serial anchor, const char *name, bool present, struct aid_error *err) AID_WUR;
/* Calls visit for every mark whose name starts with prefix. */
int aid_anchor_marks(aid_serial anchor, const char *prefix,
	void (*visit)(void *context, aid_serial key, const char *name), void *context,
	struct aid_error *err) AID_WUR;

#endif
