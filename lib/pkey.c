/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "pkey_private.h"

#include "str.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <string.h>

bool aid_pkey_was_nomem(void)
{
	unsigned long code;
	bool nomem = false;

	while ((code = ERR_get_error()) != 0)
		nomem = nomem || ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE ||
			ERR_GET_REASON(code) == ERR_R_INTERNAL_ERROR;
	return nomem;
}

int aid_pkey_nomem(struct aid_error *err)
{
	ERR_clear_error();
	return aid_fail(err, AID_E_NOMEM, "out of memory");
}

static const struct aid_pkey_curve curves[] = {
	{"P-256", "prime256v1", 32},
	{"P-384", "secp384r1", 48},
	{"P-521", "secp521r1", 66},
};

const struct aid_pkey_curve *aid_pkey_curve(const char *crv)
{
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		if (aid_streq(curves[i].crv, crv))
			return &curves[i];
	}
	return NULL;
}

static const struct aid_pkey_curve *curve_of_group(const char *group)
{
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		if (aid_streq(curves[i].group, group))
			return &curves[i];
	}
	return NULL;
}

static int identify_ec(struct aid_pkey *key, struct aid_error *err)
{
	const struct aid_pkey_curve *curve;
	char group[64] = "";

	if (EVP_PKEY_get_group_name(key->evp, group, sizeof(group), NULL) != 1)
		group[0] = '\0';
	curve = curve_of_group(group);
	if (curve == NULL)
		return aid_fail(err, AID_E_UNTRUSTED, "curve '%s' is none of P-256, P-384, P-521", group);
	key->kty = "EC";
	key->crv = curve->crv;
	return AID_OK;
}

static int identify(struct aid_pkey *key, struct aid_error *err)
{
	const char *type = EVP_PKEY_get0_type_name(key->evp);
	int bits = EVP_PKEY_get_bits(key->evp);

	if (aid_streq(type, "EC"))
		return identify_ec(key, err);
	if (aid_streq(type, "ED25519")) {
		key->kty = "OKP";
		key->crv = "Ed25519";
		return AID_OK;
	}
	if (!aid_streq(type, "RSA"))
		return aid_fail(err, AID_E_UNTRUSTED, "a key of type %s is not RSA, EC or Ed25519",
			type != NULL ? type : "?");
	if (bits < AID_RSA_BITS_MIN || bits > AID_RSA_BITS_MAX)
		return aid_fail(err, AID_E_UNTRUSTED, "RSA key of %d bits, allowed %d to %d", bits,
			AID_RSA_BITS_MIN, AID_RSA_BITS_MAX);
	key->kty = "RSA";
	return AID_OK;
}

int aid_pkey_adopt(EVP_PKEY *evp, struct aid_pkey **ret_key, struct aid_error *err)
{
	AID_AUTO(aid_pkey) *key = calloc(1, sizeof(*key));
	int r;

	if (key == NULL) {
		EVP_PKEY_free(evp);
		return aid_pkey_nomem(err);
	}
	key->evp = evp;
	r = identify(key, err);
	if (r != AID_OK && aid_pkey_was_nomem())
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	if (r != AID_OK)
		return r;
	*ret_key = aid_steal(&key);
	return AID_OK;
}

static void operations_done(struct aid_pkey_operation *operations)
{
	for (size_t i = 0; i < AID_ALG_COUNT; i++) {
		EVP_PKEY_CTX_free(operations[i].context);
		EVP_MD_free(operations[i].digest);
	}
}

void aid_pkey_free(struct aid_pkey *key)
{
	if (key == NULL)
		return;
	operations_done(key->verify);
	operations_done(key->sign);
	EVP_PKEY_free(key->evp);
	free(key);
}

unsigned int aid_pkey_algs(const struct aid_pkey *key)
{
	return aid_algs_of_key(key->kty, key->crv);
}

/* Big-endian; padded to size, or as short as possible when size is 0. */
static int number(const EVP_PKEY *evp, const char *name, size_t size, uint8_t *out, size_t capacity,
	size_t *ret_length)
{
	BIGNUM *value = NULL;
	size_t length;
	int r = AID_E_NOMEM;

	if (EVP_PKEY_get_bn_param(evp, name, &value) != 1)
		return r;
	length = size > 0 ? size : (size_t)BN_num_bytes(value);
	if (length <= capacity && BN_bn2binpad(value, out, (int)length) == (int)length) {
		*ret_length = length;
		r = AID_OK;
	}
	BN_free(value);
	return r;
}

static int public_numbers(const struct aid_pkey *key, struct aid_pkey_public *members)
{
	const struct aid_pkey_curve *curve = aid_pkey_curve(key->crv);
	const char *x = curve != NULL ? OSSL_PKEY_PARAM_EC_PUB_X : OSSL_PKEY_PARAM_RSA_N;
	const char *y = curve != NULL ? OSSL_PKEY_PARAM_EC_PUB_Y : OSSL_PKEY_PARAM_RSA_E;
	size_t size = curve != NULL ? curve->bytes : 0;
	int r;

	if (aid_streq(key->kty, "OKP")) {
		members->x_length = sizeof(members->x);
		r = EVP_PKEY_get_raw_public_key(key->evp, members->x, &members->x_length);
		return r == 1 ? AID_OK : AID_E_NOMEM;
	}
	r = number(key->evp, x, size, members->x, sizeof(members->x), &members->x_length);
	if (r != AID_OK)
		return r;
	return number(key->evp, y, size, members->y, sizeof(members->y), &members->y_length);
}

int aid_pkey_public(const struct aid_pkey *key, struct aid_pkey_public *ret_members,
	struct aid_error *err)
{
	struct aid_pkey_public members = {.kty = key->kty, .crv = key->crv};

	if (public_numbers(key, &members) != AID_OK)
		return aid_pkey_nomem(err);
	*ret_members = members;
	return AID_OK;
}

int aid_sha256(const void *bytes, size_t length, uint8_t out[AID_SHA256_BYTES])
{
	if (EVP_Q_digest(NULL, "SHA256", NULL, bytes, length, out, NULL) != 1) {
		ERR_clear_error();
		return AID_E_NOMEM;
	}
	return AID_OK;
}

int aid_random(void *out, size_t length)
{
	if (RAND_bytes(out, (int)length) != 1) {
		ERR_clear_error();
		return AID_E_IO;
	}
	return AID_OK;
}
