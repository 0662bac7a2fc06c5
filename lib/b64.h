/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Base64url as JOSE uses it (RFC 7515 section 2): no padding, no line breaks, one spelling per value.
 * And the padded standard alphabet, for HTTP Basic only. */
#ifndef AID_B64_H
#define AID_B64_H

#include "error.h"

#include <stddef.h>

/* Room for the encoding of n bytes with its final NUL; and the most bytes that n characters give. */
#define AID_B64_SIZE(n) (((n) + 2) / 3 * 4 + 1)
#define AID_B64_DECODED_MAX(n) (((n) * 3) / 4)

/* Writes the encoding and a final NUL to out, which holds AID_B64_SIZE(length). Returns the number of
 * characters before the NUL. */
size_t aid_b64_encode(const void *bytes, size_t length, char *out);
/* The same in RFC 4648 section 4: alphabet with + and /, padded with =. */
size_t aid_b64_encode_basic(const void *bytes, size_t length, char *out);
/* AID_E_PROTOCOL for a character outside the alphabet (padding and white space too), a length no
 * encoding has, or unused bits that are not zero; AID_E_TOOBIG when out is too small. Nothing of the
 * input is left in out on failure. An empty text is zero bytes. */
int aid_b64_decode(const char *text, size_t length, void *out, size_t capacity, size_t *ret_length)
	AID_WUR;

#endif
