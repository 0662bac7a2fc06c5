/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The host issuer's key directory: files "<activation, s since 1970>-<kid>.pem", and nothing else is
 * state. Names and times only; contents are issuer.h. Linked by agentid-keyringd, which must not
 * link cryptography.
 *
 * A key signs from its activation until the next key's; the first one also before its activation, which
 * is in the future only when the clock was set back since. It is published (is in the JWK Set) from its
 * creation until AID_ISSUER_RETIRE_MS after the next key's activation, so that verifiers know it
 * before its first and until after its last token. */
#ifndef AID_ISSUER_DIR_H
#define AID_ISSUER_DIR_H

#include "error.h"

#include <stddef.h>
#include <stdint.h>

#define AID_ISSUER_KEY_SET "jwks.json" /* beside the keys: what is published of them, for this host */
#define AID_ISSUER_KEYS_MAX 16U
#define AID_ISSUER_RETIRE_MS (INT64_C(70) * 60 * 1000)  /* longest token 10 min, and 1 h of caches */
#define AID_ISSUER_OVERLAP_MS (INT64_C(24) * 3600 * 1000) /* how long a new key waits by default */
#define AID_ISSUER_KID_SIZE 44
#define AID_ISSUER_NAME_SIZE 80
#define AID_ISSUER_PATH_SIZE 1024

enum aid_issuer_key_state {
	AID_ISSUER_KEY_WAITING = 1, /* published, not yet active */
	AID_ISSUER_KEY_ACTIVE,      /* signs */
	AID_ISSUER_KEY_RETIRING,    /* published, signs no more */
	AID_ISSUER_KEY_RETIRED      /* to be deleted by the next rotation */
};

struct aid_issuer_key {
	int64_t activates_wall_ms;
	int64_t retires_wall_ms; /* INT64_MAX while there is no later key */
	enum aid_issuer_key_state state;
	char kid[AID_ISSUER_KID_SIZE];
	char name[AID_ISSUER_NAME_SIZE]; /* of the file, without directory */
};

struct aid_issuer_keys {
	struct aid_issuer_key items[AID_ISSUER_KEYS_MAX];
	size_t count;
};

/* Lists the keys by activation, earliest first. Files of other names are passed over.
 * AID_E_NOTFOUND when the directory is not there; AID_E_TOOBIG over AID_ISSUER_KEYS_MAX; AID_E_IO.
 * An empty directory is a list of none. */
int aid_issuer_list(const char *directory, int64_t now_wall_ms, struct aid_issuer_keys *ret_keys,
	struct aid_error *err) AID_WUR;
/* The path of the key that signs at now_wall_ms and the time of the next activation (INT64_MAX: none
 * is waiting). A key may also appear at any time (`agentid issuer rotate --now`), so ask again for
 * every signature or when the directory's mtime changed. Open the path with aid_file_open().
 * AID_E_NOTFOUND when there is no key; and as above. */
int aid_issuer_select(const char *directory, int64_t now_wall_ms, char path[AID_ISSUER_PATH_SIZE],
	int64_t *ret_next_change_wall_ms, struct aid_error *err) AID_WUR;
/* "waiting", "active", "retiring", "retired". */
const char *aid_issuer_key_state_name(enum aid_issuer_key_state state);
/* The name of the file of a key; AID_E_INVALID for a kid that is no RFC 7638 thumbprint. */
int aid_issuer_key_name(int64_t activates_wall_ms, const char *kid, char out[AID_ISSUER_NAME_SIZE])
	AID_WUR;

#endif
