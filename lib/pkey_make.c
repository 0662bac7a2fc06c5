/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Keys from members, from PEM and from nothing: see pkey.h. */
#include "pkey_private.h"

#include "str.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <string.h>

#define RSA_EXPONENT_BITS_MAX 33
#define PEM_CAPACITY 16384U

static EVP_PKEY *from_params(const char *type, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *evp = NULL;

	if (context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
		EVP_PKEY_fromdata(context, &evp, EVP_PKEY_PUBLIC_KEY, params) != 1)
		evp = NULL;
	EVP_PKEY_CTX_free(context);
	return evp;
}

static EVP_PKEY *build_rsa(const BIGNUM *n, const BIGNUM *e)
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY *evp = NULL;

	if (builder != NULL && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
		OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1)
		params = OSSL_PARAM_BLD_to_param(builder);
	if (params != NULL)
		evp = from_params("RSA", params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	return evp;
}

/* The modulus is not tested for being a product of two primes: that takes seconds for a large one,
 * which a hostile key set could ask for a hundred times. */
static int check_rsa(const BIGNUM *n, const BIGNUM *e, struct aid_error *err)
{
	if (BN_num_bits(n) < AID_RSA_BITS_MIN || BN_num_bits(n) > AID_RSA_BITS_MAX)
		return aid_fail(err, AID_E_UNTRUSTED, "RSA key of %d bits, allowed %d to %d",
			BN_num_bits(n), AID_RSA_BITS_MIN, AID_RSA_BITS_MAX);
	if (!BN_is_odd(n))
		return aid_fail(err, AID_E_UNTRUSTED, "RSA modulus is even");
	if (!BN_is_odd(e) || BN_is_one(e) || BN_num_bits(e) > RSA_EXPONENT_BITS_MAX)
		return aid_fail(err, AID_E_UNTRUSTED, "RSA exponent of %d bits, an odd one from 3 and of at "
			"most %d bits is allowed", BN_num_bits(e), RSA_EXPONENT_BITS_MAX);
	return AID_OK;
}

static int from_rsa(const struct aid_pkey_public *members, EVP_PKEY **ret_evp, struct aid_error *err)
{
	BIGNUM *n = BN_bin2bn(members->x, (int)members->x_length, NULL);
	BIGNUM *e = BN_bin2bn(members->y, (int)members->y_length, NULL);
	int r = AID_E_NOMEM;

	if (n != NULL && e != NULL)
		r = check_rsa(n, e, err);
	if (r == AID_OK)
		*ret_evp = build_rsa(n, e);
	BN_free(n);
	BN_free(e);
	return r == AID_E_NOMEM ? aid_pkey_nomem(err) : r;
}

static bool is_on_curve(EVP_PKEY *evp)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, evp, NULL);
	bool valid = context != NULL && EVP_PKEY_public_check(context) == 1;

	EVP_PKEY_CTX_free(context);
	return valid;
}

static int from_ec(const struct aid_pkey_public *members, EVP_PKEY **ret_evp, struct aid_error *err)
{
	const struct aid_pkey_curve *curve = aid_pkey_curve(members->crv);
	uint8_t point[1 + 2 * sizeof(members->y)];
	OSSL_PARAM params[3];
	char group[16];
	EVP_PKEY *evp;

	if (curve == NULL)
		return aid_fail(err, AID_E_UNTRUSTED, "curve is none of P-256, P-384, P-521");
	if (members->x_length != curve->bytes || members->y_length != curve->bytes)
		return aid_fail(err, AID_E_UNTRUSTED, "coordinates of %zu and %zu bytes, %s has %zu",
			members->x_length, members->y_length, curve->crv, curve->bytes);
	point[0] = POINT_CONVERSION_UNCOMPRESSED;
	memcpy(point + 1, members->x, curve->bytes);
	memcpy(point + 1 + curve->bytes, members->y, curve->bytes);
	memcpy(group, curve->group, strlen(curve->group) + 1);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point,
		1 + 2 * curve->bytes);
	params[2] = OSSL_PARAM_construct_end();
	evp = from_params("EC", params);
	if (evp == NULL || !is_on_curve(evp)) {
		EVP_PKEY_free(evp);
		/* A bad point always gets an error of its own; some lack of memory gets none. */
		if (ERR_peek_error() == 0 || aid_pkey_was_nomem())
			return aid_fail(err, AID_E_NOMEM, "out of memory");
		return aid_fail(err, AID_E_UNTRUSTED, "the point is not on %s", curve->crv);
	}
	*ret_evp = evp;
	return AID_OK;
}

static int from_okp(const struct aid_pkey_public *members, EVP_PKEY **ret_evp, struct aid_error *err)
{
	if (!aid_streq(members->crv, "Ed25519"))
		return aid_fail(err, AID_E_UNTRUSTED, "OKP curve is not Ed25519");
	if (members->x_length != 32)
		return aid_fail(err, AID_E_UNTRUSTED, "Ed25519 key of %zu bytes, 32 are needed",
			members->x_length);
	*ret_evp = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, members->x, 32);
	return AID_OK;
}

int aid_pkey_from_public(const struct aid_pkey_public *members, struct aid_pkey **ret_key,
	struct aid_error *err)
{
	EVP_PKEY *evp = NULL;
	int r;

	ERR_clear_error();
	if (aid_streq(members->kty, "RSA"))
		r = from_rsa(members, &evp, err);
	else if (aid_streq(members->kty, "EC"))
		r = from_ec(members, &evp, err);
	else if (aid_streq(members->kty, "OKP"))
		r = from_okp(members, &evp, err);
	else
		r = aid_fail(err, AID_E_UNTRUSTED, "kty is none of RSA, EC, OKP");
	if (r != AID_OK)
		return r;
	if (evp == NULL)
		return aid_pkey_nomem(err);
	return aid_pkey_adopt(evp, ret_key, err);
}

/* A daemon has no terminal to ask at. */
static int no_passphrase(char *buffer, int size, int writing, void *data)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)data;
	return -1;
}

int aid_pkey_from_pem(const void *pem, size_t length, struct aid_pkey **ret_key,
	struct aid_error *err)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)length);
	EVP_PKEY *evp;

	if (bio == NULL)
		return aid_pkey_nomem(err);
	ERR_clear_error();
	evp = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	if (aid_pkey_was_nomem() && evp == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	if (evp == NULL)
		return aid_fail(err, AID_E_CREDENTIAL,
			"no unencrypted PEM private key in %zu bytes", length);
	return aid_pkey_adopt(evp, ret_key, err);
}

int aid_pkey_generate(enum aid_alg alg, struct aid_pkey **ret_key, struct aid_error *err)
{
	EVP_PKEY *evp = NULL;

	if (alg == AID_ALG_RS256 || alg == AID_ALG_PS256)
		evp = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)AID_RSA_BITS_MIN);
	else if (alg == AID_ALG_ES256)
		evp = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	else
		return aid_fail(err, AID_E_INVALID, "keys are made for RS256, PS256 and ES256 only");
	if (evp == NULL) {
		ERR_clear_error();
		return aid_fail(err, AID_E_IO, "the key could not be generated");
	}
	return aid_pkey_adopt(evp, ret_key, err);
}

int aid_pkey_to_pem(const struct aid_pkey *key, struct aid_secret **ret_pem, struct aid_error *err)
{
	AID_AUTO(aid_secret) *pem = aid_secret_new(PEM_CAPACITY);
	/* Freeing this kind of BIO wipes it. */
	BIO *bio = BIO_new(BIO_s_secmem());
	char *bytes;
	long length;
	int r = AID_E_NOMEM;

	if (pem != NULL && bio != NULL &&
		PEM_write_bio_PKCS8PrivateKey(bio, key->evp, NULL, NULL, 0, NULL, NULL) == 1) {
		length = BIO_get_mem_data(bio, &bytes);
		r = aid_secret_append(pem, bytes, (size_t)length);
	}
	BIO_free(bio);
	if (r != AID_OK)
		return aid_pkey_nomem(err);
	*ret_pem = aid_steal(&pem);
	return AID_OK;
}
