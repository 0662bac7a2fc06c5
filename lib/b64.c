/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "b64.h"

#include <stdint.h>
#include <string.h>

#define BAD 0xffU

static const char url_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char basic_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static size_t encode(const uint8_t *in, size_t length, char *out, const char *digits)
{
	size_t used = 0;
	size_t i = 0;

	for (; i + 3 <= length; i += 3) {
		uint32_t group = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];

		out[used++] = digits[group >> 18];
		out[used++] = digits[group >> 12 & 63];
		out[used++] = digits[group >> 6 & 63];
		out[used++] = digits[group & 63];
	}
	if (i < length) {
		uint32_t group = (uint32_t)in[i] << 16;

		if (i + 1 < length)
			group |= (uint32_t)in[i + 1] << 8;
		out[used++] = digits[group >> 18];
		out[used++] = digits[group >> 12 & 63];
		if (i + 1 < length)
			out[used++] = digits[group >> 6 & 63];
	}
	return used;
}

size_t aid_b64_encode(const void *bytes, size_t length, char *out)
{
	size_t used = encode(bytes, length, out, url_digits);

	out[used] = '\0';
	return used;
}

size_t aid_b64_encode_basic(const void *bytes, size_t length, char *out)
{
	size_t used = encode(bytes, length, out, basic_digits);

	while (used % 4 != 0)
		out[used++] = '=';
	out[used] = '\0';
	return used;
}

static uint32_t digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint32_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint32_t)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0') + 52;
	if (c == '-')
		return 62;
	return c == '_' ? 63 : BAD;
}

int aid_b64_decode(const char *text, size_t length, void *out, size_t capacity, size_t *ret_length)
{
	uint8_t *bytes = out;
	uint32_t group = 0;
	size_t used = 0;

	if (length % 4 == 1)
		return AID_E_PROTOCOL;
	if (AID_B64_DECODED_MAX(length) > capacity)
		return AID_E_TOOBIG;
	for (size_t i = 0; i < length; i++) {
		uint32_t value = digit(text[i]);

		if (value == BAD) {
			explicit_bzero(out, used);
			return AID_E_PROTOCOL;
		}
		group = group << 6 | value;
		/* The first character of four completes no byte. */
		if (i % 4 != 0)
			bytes[used++] = (uint8_t)(group >> (6 - 2 * (i % 4)));
	}
	/* Bits that belong to no byte must be zero, or one value would have several spellings. */
	if ((length % 4 == 2 && (group & 15) != 0) || (length % 4 == 3 && (group & 3) != 0)) {
		explicit_bzero(out, used);
		return AID_E_PROTOCOL;
	}
	*ret_length = used;
	return AID_OK;
}
