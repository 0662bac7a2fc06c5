/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Signing and verifying: see pkey.h. ECDSA signatures are DER in OpenSSL and two numbers of fixed
 * length in JOSE. */
#include "pkey_private.h"

#include "str.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

#define DER_MAX 160U /* two numbers of 66 bytes, their signs and headers */

static bool is_pss(enum aid_alg alg)
{
	return ((unsigned int)alg &
		       (unsigned int)(AID_ALG_PS256 | AID_ALG_PS384 | AID_ALG_PS512)) != 0;
}

static bool set_up(struct aid_pkey_operation *operation, EVP_PKEY *evp,
	const struct aid_alg_info *info, int (*init)(EVP_PKEY_CTX *))
{
	EVP_PKEY_CTX *context;

	operation->digest = EVP_MD_fetch(NULL, info->digest, NULL);
	operation->context = context = EVP_PKEY_CTX_new_from_pkey(NULL, evp, NULL);
	if (operation->digest == NULL || context == NULL || init(context) != 1 ||
		EVP_PKEY_CTX_set_signature_md(context, operation->digest) != 1)
		return false;
	if (!aid_streq(info->kty, "RSA"))
		return true;
	if (!is_pss(info->alg))
		return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
	/* RFC 7518 section 3.5: the salt is as long as the hash, MGF1 uses the same hash. */
	return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
		EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1 &&
		EVP_PKEY_CTX_set_rsa_mgf1_md(context, operation->digest) == 1;
}

/* A context may run any number of operations after one init. */
static struct aid_pkey_operation *prepare(struct aid_pkey *key, struct aid_pkey_operation *operations,
	const struct aid_alg_info *info, int (*init)(EVP_PKEY_CTX *))
{
	struct aid_pkey_operation *operation = &operations[__builtin_ctz((unsigned int)info->alg)];
	struct aid_pkey_operation made = {0};

	if (operation->context != NULL)
		return operation;
	if (!set_up(&made, key->evp, info, init)) {
		EVP_PKEY_CTX_free(made.context);
		EVP_MD_free(made.digest);
		return NULL;
	}
	*operation = made;
	return operation;
}

static int to_der(const uint8_t *raw, size_t length, uint8_t *out, size_t *ret_length)
{
	ECDSA_SIG *signature = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw, (int)(length / 2), NULL);
	BIGNUM *s = BN_bin2bn(raw + length / 2, (int)(length / 2), NULL);
	int used = -1;

	if (signature == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(signature, r, s) != 1) {
		BN_free(r);
		BN_free(s);
	} else {
		used = i2d_ECDSA_SIG(signature, &out);
	}
	ECDSA_SIG_free(signature);
	if (used <= 0)
		return AID_E_NOMEM;
	*ret_length = (size_t)used;
	return AID_OK;
}

static int from_der(const uint8_t *der, size_t length, uint8_t *out, size_t raw_length)
{
	ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)length);
	int half = (int)(raw_length / 2);
	bool done;

	done = signature != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, half) == half &&
		BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + half, half) == half;
	ECDSA_SIG_free(signature);
	return done ? AID_OK : AID_E_NOMEM;
}

static bool verify_eddsa(const struct aid_pkey *key, const uint8_t *bytes, size_t length,
	const uint8_t *signature, size_t signature_length)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool valid;

	valid = context != NULL &&
		EVP_DigestVerifyInit_ex(context, NULL, NULL, NULL, NULL, key->evp, NULL) == 1 &&
		EVP_DigestVerify(context, signature, signature_length, bytes, length) == 1;
	EVP_MD_CTX_free(context);
	return valid;
}

/* 1: it is the signature; 0 or less: it is not; AID_E_NOMEM. */
static int verify_digest(struct aid_pkey *key, const struct aid_alg_info *info, const void *bytes,
	size_t length, const uint8_t *signature, size_t signature_length)
{
	struct aid_pkey_operation *operation;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int digest_length;
	uint8_t der[DER_MAX];

	operation = prepare(key, key->verify, info, EVP_PKEY_verify_init);
	if (operation == NULL ||
		EVP_Digest(bytes, length, digest, &digest_length, operation->digest, NULL) != 1)
		return AID_E_NOMEM;
	if (aid_streq(info->kty, "EC")) {
		if (to_der(signature, signature_length, der, &signature_length) != AID_OK)
			return AID_E_NOMEM;
		signature = der;
	}
	return EVP_PKEY_verify(operation->context, signature, signature_length, digest, digest_length) == 1;
}

static size_t signature_bytes(const struct aid_pkey *key, const struct aid_alg_info *info)
{
	if (info->signature_bytes != 0)
		return info->signature_bytes;
	return (size_t)EVP_PKEY_get_size(key->evp);
}

int aid_pkey_verify(struct aid_pkey *key, enum aid_alg alg, const void *bytes, size_t length,
	const void *signature, size_t signature_length, struct aid_error *err)
{
	const struct aid_alg_info *info = aid_alg_info(alg);
	int valid;

	if (info == NULL || ((unsigned int)alg & aid_pkey_algs(key)) == 0)
		return aid_fail(err, AID_E_UNTRUSTED, "alg '%s' is not one of a key of type %s",
			info != NULL ? info->name : "?", key->kty);
	if (signature_length != signature_bytes(key, info))
		return aid_fail(err, AID_E_UNTRUSTED, "%s signature of %zu bytes, this key makes %zu",
			info->name, signature_length, signature_bytes(key, info));
	ERR_clear_error();
	if (info->digest == NULL)
		valid = verify_eddsa(key, bytes, length, signature, signature_length);
	else
		valid = verify_digest(key, info, bytes, length, signature, signature_length);
	if (valid == 1) {
		ERR_clear_error();
		return AID_OK;
	}
	if (aid_pkey_was_nomem() || valid == AID_E_NOMEM)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	return aid_fail(err, AID_E_UNTRUSTED, "the %s signature is wrong", info->name);
}

static int sign_digest(const struct aid_pkey_operation *operation, const struct aid_alg_info *info,
	const uint8_t *digest, size_t digest_length, uint8_t *out, size_t *ret_length)
{
	uint8_t made[AID_SIGNATURE_MAX];
	size_t made_length = sizeof(made);
	int r = AID_OK;

	if (EVP_PKEY_sign(operation->context, made, &made_length, digest, digest_length) != 1)
		return AID_E_NOMEM;
	if (info->signature_bytes == 0) {
		memcpy(out, made, made_length);
		*ret_length = made_length;
	} else {
		r = from_der(made, made_length, out, info->signature_bytes);
		if (r == AID_OK)
			*ret_length = info->signature_bytes;
	}
	explicit_bzero(made, sizeof(made));
	return r;
}

int aid_pkey_sign(struct aid_pkey *key, enum aid_alg alg, const void *bytes, size_t length, void *out,
	size_t *ret_length, struct aid_error *err)
{
	const struct aid_alg_info *info = aid_alg_info(alg);
	struct aid_pkey_operation *operation;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int digest_length;

	if (info == NULL || ((unsigned int)alg & aid_pkey_algs(key) & AID_ALGS_SIGNING) == 0)
		return aid_fail(err, AID_E_CONFIG, "a key of type %s%s%s cannot sign with %s", key->kty,
			key->crv != NULL ? " " : "", key->crv != NULL ? key->crv : "",
			info != NULL ? info->name : "?");
	operation = prepare(key, key->sign, info, EVP_PKEY_sign_init);
	if (operation == NULL ||
		EVP_Digest(bytes, length, digest, &digest_length, operation->digest, NULL) != 1 ||
		sign_digest(operation, info, digest, digest_length, out, ret_length) != AID_OK)
		return aid_pkey_nomem(err);
	return AID_OK;
}
