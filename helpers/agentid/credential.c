/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "credential.h"

#include "ask.h"
#include "clock.h"
#include "keyring.h"
#include "session_socket.h"
#include "str.h"
#include "target.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define KEY_NAME_MAX 128U
#define WAIT_POLL_MS 50
#define WAIT_ELSEWHERE_MS 250 /* agentid serve answers 100 times in a second */

static int read_key(const char *key_name, char *buffer, size_t size, size_t *ret_length,
	struct aid_error *err)
{
	aid_serial ring;
	aid_serial key;
	int r = aid_ring_find(&ring, err);

	if (r == AID_OK)
		r = aid_ring_key(ring, key_name, &key, err);
	return r == AID_OK ? aid_key_read(key, buffer, size, ret_length, err) : r;
}

/* A ring without agentid:info, or one that does not know the name, is no failure: the credential is
 * there, and its consumer asks again when it is refused. */
static void read_expiry(const char *name, int64_t *ret_expires_s, int64_t *ret_lifetime_s)
{
	char info[AID_INFO_MAX];
	size_t length;

	*ret_expires_s = *ret_lifetime_s = 0;
	if (read_key(AID_KEY_INFO, info, sizeof(info), &length, NULL) == AID_OK)
		(void)!aid_info_find_both(info, length, name, ret_expires_s, ret_lifetime_s);
}

/* One that nobody uses is not refreshed. In the first half of its life nobody need know of a use. */
static void tell_used(const char *name, struct credential *credential)
{
	int64_t lifetime_s;

	read_expiry(name, &credential->expires_s, &lifetime_s);
	if (lifetime_s > 0 && credential->expires_s - aid_clock_wall_ms() / 1000 <= lifetime_s / 2)
		ask_tell_used(name);
}

static bool may_appear(int status)
{
	return status == AID_E_NOTFOUND || status == AID_E_EXPIRED;
}

/* The kernel does not tell a reader when a key appears, so it is looked for at intervals. */
static int read_within(const char *key_name, int64_t deadline_ms, struct credential *credential,
	struct aid_error *err)
{
	const struct timespec pause = {.tv_nsec = WAIT_POLL_MS * 1000000L};

	for (;;) {
		int r = read_key(key_name, credential->bytes, CREDENTIAL_MAX, &credential->length, err);

		if (!may_appear(r) || aid_clock_boot_ms() >= deadline_ms)
			return r;
		(void)nanosleep(&pause, NULL);
	}
}

/* Has the daemon make what is not there. In a ring without a cookie, and of the token, which comes by
 * itself, the first answer stays. */
static int make(const char *name, const char *key_name, int64_t deadline_ms, struct credential *credential,
	struct aid_error *err)
{
	struct aid_error why = AID_ERROR_INIT;
	int r;

	if (aid_credential_name_check(name, NULL) != AID_OK)
		return read_within(key_name, deadline_ms, credential, err);
	r = ask_for_credential(name, &why);
	if (r == AID_OK || (r == AID_E_NOTFOUND && !ask_has_cookie()))
		return read_within(key_name, deadline_ms, credential, err);
	/* What goes away by itself is tried again by the daemon. */
	if (aid_status_is_transient(r) && aid_clock_boot_ms() < deadline_ms)
		r = read_within(key_name, deadline_ms, credential, err);
	if (r != AID_OK)
		*err = why;
	return r;
}

int credential_read_here(const char *name, int64_t wait_ms, struct credential *ret_credential,
	struct aid_error *err)
{
	int64_t deadline_ms = wait_ms > 0 ? aid_clock_boot_ms() + wait_ms : 0;
	char key_name[KEY_NAME_MAX];
	int64_t lifetime_s;
	int r;

	ret_credential->length = 0;
	ret_credential->expires_s = 0;
	(void)snprintf(key_name, sizeof(key_name), AID_KEY_PREFIX "%s", name);
	r = read_key(key_name, ret_credential->bytes, CREDENTIAL_MAX, &ret_credential->length, err);
	if (r == AID_OK)
		tell_used(name, ret_credential);
	else if (may_appear(r))
		r = make(name, key_name, deadline_ms, ret_credential, err);
	/* One that was just made. */
	if (r == AID_OK && ret_credential->expires_s == 0)
		read_expiry(name, &ret_credential->expires_s, &lifetime_s);
	if (r != AID_OK)
		ret_credential->length = 0;
	ret_credential->bytes[ret_credential->length] = '\0';
	return r;
}

/* A session that has ended here does not go on elsewhere. */
static bool is_elsewhere(void)
{
	aid_serial ring;
	int r;

	if (!session_socket_is_there())
		return false;
	r = aid_ring_find(&ring, NULL);
	return r == AID_E_NOTFOUND || r == AID_E_DENIED;
}

static int read_elsewhere(const char *name, int64_t wait_ms, struct credential *credential,
	struct aid_error *err)
{
	const struct timespec pause = {.tv_nsec = WAIT_ELSEWHERE_MS * 1000000L};
	int64_t deadline_ms = aid_clock_boot_ms() + wait_ms;
	int r;

	for (;;) {
		credential->length = 0;
		credential->expires_s = 0;
		r = session_socket_read(name, credential, err);
		if (r == AID_OK || !may_appear(r) || aid_clock_boot_ms() >= deadline_ms)
			break;
		(void)nanosleep(&pause, NULL);
	}
	credential->bytes[credential->length] = '\0';
	return r;
}

int credential_read(const char *name, int64_t wait_ms, struct credential *ret_credential,
	struct aid_error *err)
{
	return is_elsewhere() ? read_elsewhere(name, wait_ms, ret_credential, err)
			      : credential_read_here(name, wait_ms, ret_credential, err);
}

int credential_read_bearer(const char *name, struct credential *ret_credential, struct aid_error *err)
{
	int r = credential_read(name, 0, ret_credential, err);

	if (r != AID_OK)
		return r;
	if (!aid_str_is_b64token(ret_credential->bytes, ret_credential->length))
		return aid_fail(err, AID_E_PROTOCOL,
			"agentid:%s holds bytes that may not stand in a bearer token", name);
	return AID_OK;
}

void credential_wipe(struct credential *credential)
{
	explicit_bzero(credential->bytes, credential->length);
	credential->length = 0;
}
