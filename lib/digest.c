/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "digest.h"

#include <openssl/err.h>
#include <openssl/evp.h>

int aid_hmac_sha256(const void *key, size_t key_length, const void *bytes, size_t length,
	uint8_t out[AID_HMAC_BYTES])
{
	if (EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, key_length, bytes, length, out,
		    AID_HMAC_BYTES, NULL) == NULL) {
		ERR_clear_error();
		return AID_E_NOMEM;
	}
	return AID_OK;
}
