/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "jwa.h"

#include "str.h"

#include <string.h>

static const struct aid_alg_info table[] = {
	{AID_ALG_RS256, "RS256", "RSA", NULL, "SHA256", 0},
	{AID_ALG_RS384, "RS384", "RSA", NULL, "SHA384", 0},
	{AID_ALG_RS512, "RS512", "RSA", NULL, "SHA512", 0},
	{AID_ALG_PS256, "PS256", "RSA", NULL, "SHA256", 0},
	{AID_ALG_PS384, "PS384", "RSA", NULL, "SHA384", 0},
	{AID_ALG_PS512, "PS512", "RSA", NULL, "SHA512", 0},
	{AID_ALG_ES256, "ES256", "EC", "P-256", "SHA256", 64},
	{AID_ALG_ES384, "ES384", "EC", "P-384", "SHA384", 96},
	{AID_ALG_ES512, "ES512", "EC", "P-521", "SHA512", 132},
	{AID_ALG_EDDSA, "EdDSA", "OKP", "Ed25519", NULL, 64},
};
#define ROWS (sizeof(table) / sizeof(table[0]))
_Static_assert((1U << ROWS) - 1 == AID_ALGS_ALL, "every algorithm has a row");

const struct aid_alg_info *aid_alg_by_name(const char *name)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (aid_streq(table[i].name, name))
			return &table[i];
	}
	return NULL;
}

const struct aid_alg_info *aid_alg_info(enum aid_alg alg)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (table[i].alg == alg)
			return &table[i];
	}
	return NULL;
}

unsigned int aid_algs_of_key(const char *kty, const char *crv)
{
	unsigned int algs = 0;

	for (size_t i = 0; i < ROWS; i++) {
		if (aid_streq(table[i].kty, kty) && aid_streq(table[i].crv, crv))
			algs |= (unsigned int)table[i].alg;
	}
	return algs;
}

static const struct aid_alg_info *find(const char *name, size_t length)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (strlen(table[i].name) == length && memcmp(table[i].name, name, length) == 0)
			return &table[i];
	}
	return NULL;
}

int aid_algs_parse(const char *list, unsigned int *ret_algs, struct aid_error *err)
{
	unsigned int algs = 0;

	if (list == NULL || list[0] == '\0') {
		*ret_algs = AID_ALGS_ALL;
		return AID_OK;
	}
	for (;;) {
		const struct aid_alg_info *info;
		size_t length;

		list += strspn(list, " \t");
		length = strcspn(list, ", \t");
		info = find(list, length);
		if (info == NULL)
			return aid_fail(err, AID_E_CONFIG,
				"'%.*s' is not a JWS algorithm known here: RS256 RS384 RS512 PS256 PS384 "
				"PS512 ES256 ES384 ES512 EdDSA", (int)(length > 32 ? 32 : length), list);
		algs |= (unsigned int)info->alg;
		list += length;
		list += strspn(list, " \t");
		if (*list == '\0')
			break;
		if (*list != ',')
			return aid_fail(err, AID_E_CONFIG, "algorithms are separated by commas");
		list++;
	}
	*ret_algs = algs;
	return AID_OK;
}
