/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Keyed digests; the plain one is aid_sha256() of pkey.h. */
#ifndef AID_DIGEST_H
#define AID_DIGEST_H

#include "error.h"

#include <stddef.h>
#include <stdint.h>

#define AID_HMAC_BYTES 32U

/* HMAC-SHA-256. AID_E_NOMEM. */
int aid_hmac_sha256(const void *key, size_t key_length, const void *bytes, size_t length,
	uint8_t out[AID_HMAC_BYTES]) AID_WUR;

#endif
