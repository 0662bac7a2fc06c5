/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The part of keyring.h for the processes of a session. */
#include "keyring_private.h"

#include "cleanup.h"
#include "str.h"

#include <errno.h>
#include <keyutils.h>

aid_serial aid_session_serial(void)
{
	long session = keyctl_get_keyring_ID(KEY_SPEC_SESSION_KEYRING, 0);

	return session > 0 ? (aid_serial)session : 0;
}

/* The session may write to its session keyring, so the first match may be a look-alike. A real ring
 * is always linked there directly. */
static int find_among_links(aid_serial *ret_ring, struct aid_error *err)
{
	AID_FREE aid_serial *links = NULL;
	size_t count;
	int r = aid_keyring_links(KEY_SPEC_SESSION_KEYRING, &links, &count, err);

	if (r != AID_OK)
		return r;
	for (size_t i = 0; i < count; i++) {
		struct aid_key_info info;

		if (aid_key_describe(links[i], &info, NULL) == AID_OK && aid_key_info_is_ring(&info)) {
			*ret_ring = links[i];
			return AID_OK;
		}
	}
	return aid_fail(err, AID_E_NOTFOUND,
		"no agent session here: no ring of root in the session keyring");
}

int aid_ring_find(aid_serial *ret_ring, struct aid_error *err)
{
	long ring = keyctl_search(KEY_SPEC_SESSION_KEYRING, "keyring", AID_RING_NAME, 0);
	struct aid_key_info info;

	if (ring < 0 && errno == ENOKEY)
		return aid_fail(err, AID_E_NOTFOUND,
			"no agent session here: no ring in the session keyring");
	if (ring > 0 && aid_key_describe((aid_serial)ring, &info, NULL) == AID_OK &&
		aid_key_info_is_ring(&info)) {
		*ret_ring = (aid_serial)ring;
		return AID_OK;
	}
	if (ring < 0 && errno != EKEYREVOKED && errno != EKEYEXPIRED)
		return aid_key_fail(err, errno, "search the session keyring");
	if (ring < 0) {
		/* The ring was ended; a look-alike beside it changes nothing. */
		int status = aid_key_fail(err, errno, "the agent session was ended");

		return find_among_links(ret_ring, NULL) == AID_OK ? AID_OK : status;
	}
	return find_among_links(ret_ring, err);
}

int aid_ring_key(aid_serial ring, const char *name, aid_serial *ret_key, struct aid_error *err)
{
	struct aid_key_info info;
	long key = keyctl_search(ring, "user", name, 0);
	int r;

	if (key < 0)
		return aid_key_fail(err, errno, name);
	r = aid_key_describe((aid_serial)key, &info, err);
	if (r != AID_OK)
		return r;
	if (info.uid != 0)
		return aid_fail(err, AID_E_NOTFOUND, "%s belongs to uid %u, not to root", name, info.uid);
	*ret_key = (aid_serial)key;
	return AID_OK;
}

int aid_key_read(aid_serial key, void *buffer, size_t size, size_t *ret_length, struct aid_error *err)
{
	long length = keyctl_read(key, buffer, size);

	if (length < 0)
		return aid_key_fail(err, errno, "read key");
	*ret_length = (size_t)length;
	if ((size_t)length > size)
		return aid_fail(err, AID_E_TOOBIG, "the key holds %ld bytes, there is room for %zu",
			length, size);
	return AID_OK;
}
