/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "signing_key.h"

#include "b64.h"
#include "str.h"

struct aid_signing_key {
	struct aid_pkey *pkey;
	struct aid_pkey_public public;
	char thumbprint[AID_THUMBPRINT_SIZE];
};

void aid_signing_key_free(struct aid_signing_key *key)
{
	if (key == NULL)
		return;
	aid_pkey_free(key->pkey);
	free(key);
}

/* Takes pkey over, also on failure. */
static int adopt(struct aid_pkey *pkey, struct aid_signing_key **ret_key, struct aid_error *err)
{
	AID_AUTO(aid_signing_key) *key = calloc(1, sizeof(*key));
	int r;

	if (key == NULL) {
		aid_pkey_free(pkey);
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	}
	key->pkey = pkey;
	if (aid_signing_key_algs(key) == 0)
		return aid_fail(err, AID_E_CREDENTIAL, "agentid signs with RSA and P-256 keys only");
	r = aid_pkey_public(pkey, &key->public, err);
	if (r != AID_OK)
		return r;
	if (aid_thumbprint(&key->public, key->thumbprint) != AID_OK)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	*ret_key = aid_steal(&key);
	return AID_OK;
}

int aid_signing_key_parse(const void *pem, size_t length, struct aid_signing_key **ret_key,
	struct aid_error *err)
{
	struct aid_error why = AID_ERROR_INIT;
	struct aid_pkey *pkey;
	int r;

	r = aid_pkey_from_pem(pem, length, &pkey, &why);
	if (r == AID_E_NOMEM)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	if (r != AID_OK)
		return aid_fail(err, AID_E_CREDENTIAL, "%s", why.text);
	return adopt(pkey, ret_key, err);
}

int aid_signing_key_generate(enum aid_alg alg, struct aid_signing_key **ret_key,
	struct aid_error *err)
{
	struct aid_pkey *pkey;
	int r = aid_pkey_generate(alg, &pkey, err);

	return r != AID_OK ? r : adopt(pkey, ret_key, err);
}

int aid_signing_key_write(const struct aid_signing_key *key, struct aid_secret **ret_pem,
	struct aid_error *err)
{
	return aid_pkey_to_pem(key->pkey, ret_pem, err);
}

unsigned int aid_signing_key_algs(const struct aid_signing_key *key)
{
	return aid_pkey_algs(key->pkey) & AID_ALGS_SIGNING;
}

enum aid_alg aid_signing_key_default_alg(const struct aid_signing_key *key)
{
	return aid_streq(key->public.kty, "RSA") ? AID_ALG_RS256 : AID_ALG_ES256;
}

const char *aid_signing_key_thumbprint(const struct aid_signing_key *key)
{
	return key->thumbprint;
}

static int put_bytes(struct aid_json *jwk, const char *name, const uint8_t *bytes, size_t length)
{
	char text[AID_B64_SIZE(AID_RSA_BITS_MAX / 8 + 1)];

	(void)aid_b64_encode(bytes, length, text);
	return aid_json_put_text(jwk, name, text);
}

struct aid_json *aid_signing_key_public_jwk(const struct aid_signing_key *key)
{
	const struct aid_pkey_public *public = &key->public;
	AID_AUTO(aid_json) *jwk = aid_json_new_object();
	bool is_rsa = aid_streq(public->kty, "RSA");
	const char *alg = aid_alg_info(aid_signing_key_default_alg(key))->name;

	if (jwk == NULL || aid_json_put_text(jwk, "kty", public->kty) != AID_OK ||
		aid_json_put_text(jwk, "use", "sig") != AID_OK ||
		aid_json_put_text(jwk, "alg", alg) != AID_OK ||
		aid_json_put_text(jwk, "kid", key->thumbprint) != AID_OK)
		return NULL;
	if (!is_rsa && aid_json_put_text(jwk, "crv", public->crv) != AID_OK)
		return NULL;
	if (put_bytes(jwk, is_rsa ? "n" : "x", public->x, public->x_length) != AID_OK ||
		put_bytes(jwk, is_rsa ? "e" : "y", public->y, public->y_length) != AID_OK)
		return NULL;
	return aid_steal(&jwk);
}

int aid_signing_key_sign(const struct aid_signing_key *key, enum aid_alg alg, const void *bytes,
	size_t length, void *out, size_t *ret_length, struct aid_error *err)
{
	return aid_pkey_sign(key->pkey, alg, bytes, length, out, ret_length, err);
}
