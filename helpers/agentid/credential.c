/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "credential.h"

#include "clock.h"
#include "keyring.h"
#include "str.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define KEY_NAME_MAX 128U
#define WAIT_POLL_MS 50

bool credential_is_name(const char *name)
{
	return aid_str_is_agent_id(name) && !aid_streq(name, "cookie") && !aid_streq(name, "meta") &&
		!aid_streq(name, "info");
}

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

/* The kernel does not tell a reader when a key appears, so it is looked for at intervals. */
int credential_read(const char *name, int64_t wait_ms, struct credential *ret_credential,
	struct aid_error *err)
{
	const struct timespec pause = {.tv_nsec = WAIT_POLL_MS * 1000000L};
	int64_t deadline = wait_ms > 0 ? aid_clock_boot_ms() + wait_ms : 0;
	char key_name[KEY_NAME_MAX];
	int r;

	ret_credential->length = 0;
	ret_credential->expires_s = 0;
	(void)snprintf(key_name, sizeof(key_name), "agentid:%s", name);
	for (;;) {
		r = read_key(key_name, ret_credential->bytes, CREDENTIAL_MAX, &ret_credential->length, err);
		if (r != AID_E_NOTFOUND && r != AID_E_EXPIRED)
			break;
		if (wait_ms == 0 || aid_clock_boot_ms() >= deadline)
			break;
		(void)nanosleep(&pause, NULL);
	}
	if (r != AID_OK)
		ret_credential->length = 0;
	ret_credential->bytes[ret_credential->length] = '\0';
	return r;
}

/* A ring without agentid:info, or one that does not know the name, is no failure: the credential is
 * there, and its consumer asks again when it is refused. */
static int64_t read_expiry(const char *name)
{
	char info[AID_INFO_MAX];
	int64_t expires_s = 0;
	size_t length;

	if (read_key(AID_KEY_INFO, info, sizeof(info), &length, NULL) != AID_OK ||
		aid_info_find(info, length, name, &expires_s) != AID_OK)
		return 0;
	return expires_s;
}

int credential_read_bearer(const char *name, struct credential *ret_credential, struct aid_error *err)
{
	int r = credential_read(name, 0, ret_credential, err);

	if (r != AID_OK)
		return r;
	if (!aid_str_is_b64token(ret_credential->bytes, ret_credential->length))
		return aid_fail(err, AID_E_PROTOCOL,
			"agentid:%s holds bytes that may not stand in a bearer token", name);
	ret_credential->expires_s = read_expiry(name);
	return AID_OK;
}

void credential_wipe(struct credential *credential)
{
	explicit_bzero(credential->bytes, credential->length);
	credential->length = 0;
}
