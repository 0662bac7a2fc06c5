/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* aid_thumbprint() of pkey.h. */
#include "pkey.h"

#include "b64.h"
#include "str.h"

#include <stdio.h>

#define X_SIZE AID_B64_SIZE(AID_RSA_BITS_MAX / 8 + 1)

/* RFC 7638 section 3.2: the required members only, in the order of their names, without a space.
 * Nothing in them needs escaping. */
int aid_thumbprint(const struct aid_pkey_public *members, char out[AID_THUMBPRINT_SIZE])
{
	char x[X_SIZE], y[AID_B64_SIZE(sizeof(members->y))], text[X_SIZE + 256];
	uint8_t digest[AID_SHA256_BYTES];
	int length;
	int r;

	(void)aid_b64_encode(members->x, members->x_length, x);
	(void)aid_b64_encode(members->y, members->y_length, y);
	if (aid_streq(members->kty, "RSA"))
		length = snprintf(text, sizeof(text), "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}", y, x);
	else if (aid_streq(members->kty, "EC"))
		length = snprintf(text, sizeof(text),
			"{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", members->crv, x, y);
	else
		length = snprintf(text, sizeof(text), "{\"crv\":\"%s\",\"kty\":\"OKP\",\"x\":\"%s\"}",
			members->crv, x);
	if (length < 0 || (size_t)length >= sizeof(text))
		return AID_E_INVALID;
	r = aid_sha256(text, (size_t)length, digest);
	if (r != AID_OK)
		return r;
	(void)aid_b64_encode(digest, sizeof(digest), out);
	return AID_OK;
}
