/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "jwk.h"

#include "b64.h"
#include "json.h"
#include "str.h"

#include <stdio.h>
#include <string.h>

#define REASON_SIZE 160

struct aid_jwk {
	struct aid_pkey *pkey;
	char *kid; /* NULL: has none */
	const char *kty;
	unsigned int algs;
};

struct aid_jwk_set {
	struct aid_jwk keys[AID_JWK_SET_KEYS_MAX];
	size_t count;
	size_t skipped;
	char reason[REASON_SIZE];
};

static void jwk_done(struct aid_jwk *key)
{
	aid_pkey_free(key->pkey);
	free(key->kid);
}

void aid_jwk_set_free(struct aid_jwk_set *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->count; i++)
		jwk_done(&set->keys[i]);
	free(set);
}

/* An optional string: *ret_text NULL when absent. */
static int optional_text(const struct aid_json *jwk, const char *name, const char **ret_text,
	struct aid_error *err)
{
	int r = aid_json_text(jwk, name, 1, AID_KID_MAX, ret_text, err);

	if (r == AID_E_NOTFOUND) {
		*ret_text = NULL;
		return AID_OK;
	}
	return r;
}

/* RFC 7517 sections 4.2 to 4.4: what the key says it is for. */
static int check_purpose(const struct aid_json *jwk, struct aid_error *err)
{
	const struct aid_json *operations;
	const char *use;
	bool verifies;
	int r;

	if (aid_json_has(jwk, "d"))
		return aid_fail(err, AID_E_UNTRUSTED, "it has its private member 'd'");
	r = optional_text(jwk, "use", &use, err);
	if (r != AID_OK)
		return r;
	if (use != NULL && !aid_streq(use, "sig"))
		return aid_fail(err, AID_E_UNTRUSTED, "use is '%.32s', not 'sig'", use);
	if (!aid_json_has(jwk, "key_ops"))
		return AID_OK;
	r = aid_json_array(jwk, "key_ops", &operations, err);
	if (r == AID_OK)
		r = aid_json_text_or_list_has(jwk, "key_ops", "verify", &verifies, err);
	if (r != AID_OK)
		return r;
	if (!verifies)
		return aid_fail(err, AID_E_UNTRUSTED, "key_ops has no 'verify'");
	return AID_OK;
}

static int bytes_of(const struct aid_json *jwk, const char *name, uint8_t *out, size_t capacity,
	size_t *ret_length, struct aid_error *err)
{
	const char *text;
	int r = aid_json_text(jwk, name, 1, AID_B64_SIZE(capacity), &text, err);

	if (r != AID_OK)
		return r;
	r = aid_b64_decode(text, strlen(text), out, capacity, ret_length);
	if (r != AID_OK)
		return aid_fail(err, r, "'%s' is not base64url of at most %zu bytes", name, capacity);
	return AID_OK;
}

static int members_of(const struct aid_json *jwk, struct aid_pkey_public *members,
	struct aid_error *err)
{
	bool is_rsa;
	int r;

	r = aid_json_text(jwk, "kty", 1, 16, &members->kty, err);
	if (r != AID_OK)
		return r;
	is_rsa = aid_streq(members->kty, "RSA");
	if (!is_rsa && !aid_streq(members->kty, "EC") && !aid_streq(members->kty, "OKP"))
		return aid_fail(err, AID_E_UNTRUSTED, "kty '%s' is none of RSA, EC, OKP", members->kty);
	if (!is_rsa)
		r = aid_json_text(jwk, "crv", 1, 16, &members->crv, err);
	if (r == AID_OK)
		r = bytes_of(jwk, is_rsa ? "n" : "x", members->x, sizeof(members->x),
			&members->x_length, err);
	if (r == AID_OK && !aid_streq(members->kty, "OKP"))
		r = bytes_of(jwk, is_rsa ? "e" : "y", members->y, sizeof(members->y),
			&members->y_length, err);
	return r;
}

/* RFC 7517 section 4.4: an "alg" narrows the key to itself. */
static int narrow(struct aid_jwk *key, const char *alg, struct aid_error *err)
{
	const struct aid_alg_info *info;

	key->algs = aid_pkey_algs(key->pkey);
	if (alg == NULL)
		return AID_OK;
	info = aid_alg_by_name(alg);
	if (info == NULL || ((unsigned int)info->alg & key->algs) == 0)
		return aid_fail(err, AID_E_UNTRUSTED, "alg '%.32s' is not one of a key of type %s", alg,
			key->kty);
	key->algs = (unsigned int)info->alg;
	return AID_OK;
}

static int parse_key(const struct aid_json *jwk, struct aid_jwk *key, struct aid_error *err)
{
	struct aid_pkey_public members = {0};
	const char *kid, *alg;
	int r;

	r = check_purpose(jwk, err);
	if (r == AID_OK)
		r = optional_text(jwk, "kid", &kid, err);
	if (r == AID_OK)
		r = optional_text(jwk, "alg", &alg, err);
	if (r == AID_OK)
		r = members_of(jwk, &members, err);
	if (r == AID_OK)
		r = aid_pkey_from_public(&members, &key->pkey, err);
	if (r != AID_OK)
		return r;
	/* members.kty points into the document. */
	r = aid_pkey_public(key->pkey, &members, err);
	if (r != AID_OK)
		return r;
	key->kty = members.kty;
	if (kid != NULL) {
		key->kid = strdup(kid);
		if (key->kid == NULL)
			return aid_fail(err, AID_E_NOMEM, "out of memory");
	}
	return narrow(key, alg, err);
}

static int add_key(struct aid_jwk_set *set, const struct aid_json *jwk, size_t index,
	struct aid_error *err)
{
	struct aid_jwk key = {0};
	struct aid_error why = AID_ERROR_INIT;
	int r;

	if (jwk == NULL)
		r = aid_fail(&why, AID_E_PROTOCOL, "it is no object");
	else
		r = parse_key(jwk, &key, &why);
	if (r == AID_OK) {
		set->keys[set->count++] = key;
		return AID_OK;
	}
	jwk_done(&key);
	if (r == AID_E_NOMEM)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	if (set->skipped++ == 0)
		(void)snprintf(set->reason, sizeof(set->reason), "key %zu: %.*s", index, REASON_SIZE - 32,
			why.text);
	return AID_OK;
}

int aid_jwk_set_parse(const void *bytes, size_t length, struct aid_jwk_set **ret_set,
	struct aid_error *err)
{
	AID_AUTO(aid_jwk_set) *set = NULL;
	AID_AUTO(aid_json) *document = NULL;
	const struct aid_json *keys;
	size_t count;
	int r;

	r = aid_json_parse(bytes, length, AID_JWK_SET_BYTES_MAX, &document, err);
	if (r == AID_OK)
		r = aid_json_array(document, "keys", &keys, err);
	if (r == AID_E_NOTFOUND)
		return aid_fail(err, AID_E_PROTOCOL, "key set: 'keys' is missing");
	if (r != AID_OK) {
		(void)aid_prefix(err, "key set");
		return r;
	}
	count = aid_json_array_count(keys);
	if (count > AID_JWK_SET_KEYS_MAX)
		return aid_fail(err, AID_E_TOOBIG, "key set: %zu keys, at most %u", count,
			AID_JWK_SET_KEYS_MAX);
	set = calloc(1, sizeof(*set));
	if (set == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	for (size_t i = 0; i < count; i++) {
		r = add_key(set, aid_json_array_object(keys, i), i, err);
		if (r != AID_OK)
			return r;
	}
	*ret_set = aid_steal(&set);
	return AID_OK;
}

size_t aid_jwk_set_count(const struct aid_jwk_set *set)
{
	return set->count;
}

size_t aid_jwk_set_skipped(const struct aid_jwk_set *set)
{
	return set->skipped;
}

const char *aid_jwk_set_skip_reason(const struct aid_jwk_set *set)
{
	return set->reason;
}

static int find_any(const struct aid_jwk_set *set, enum aid_alg alg, const struct aid_jwk **ret_key,
	struct aid_error *err)
{
	const struct aid_jwk *found = NULL;

	for (size_t i = 0; i < set->count; i++) {
		if ((set->keys[i].algs & (unsigned int)alg) == 0)
			continue;
		if (found != NULL)
			return aid_fail(err, AID_E_UNTRUSTED,
				"the token has no kid and more than one of %zu keys fits %s", set->count,
				aid_alg_info(alg)->name);
		found = &set->keys[i];
	}
	if (found == NULL)
		return aid_fail(err, AID_E_NOTFOUND, "none of %zu keys in the key set fits %s", set->count,
			aid_alg_info(alg)->name);
	*ret_key = found;
	return AID_OK;
}

int aid_jwk_set_find(const struct aid_jwk_set *set, const char *kid, enum aid_alg alg,
	const struct aid_jwk **ret_key, struct aid_error *err)
{
	const struct aid_jwk *named = NULL, *found = NULL;

	if (kid == NULL)
		return find_any(set, alg, ret_key, err);
	for (size_t i = 0; i < set->count; i++) {
		const struct aid_jwk *key = &set->keys[i];

		if (!aid_streq(key->kid, kid))
			continue;
		/* Keys of different types may share a kid (RFC 7517 section 4.5). */
		for (size_t j = 0; j < i; j++) {
			if (aid_streq(set->keys[j].kid, kid) && aid_streq(set->keys[j].kty, key->kty))
				return aid_fail(err, AID_E_UNTRUSTED,
					"kid '%.64s' stands twice in the key set", kid);
		}
		named = key;
		if ((key->algs & (unsigned int)alg) != 0)
			found = key;
	}
	if (named == NULL)
		return aid_fail(err, AID_E_NOTFOUND, "kid '%.64s' is not in the key set of %zu keys", kid,
			set->count);
	if (found == NULL)
		return aid_fail(err, AID_E_UNTRUSTED, "key '%.64s' of type %s is not for %s", kid,
			named->kty, aid_alg_info(alg)->name);
	*ret_key = found;
	return AID_OK;
}

unsigned int aid_jwk_algs(const struct aid_jwk *key)
{
	return key->algs;
}

int aid_jwk_thumbprint(const struct aid_jwk *key, char out[AID_THUMBPRINT_SIZE])
{
	struct aid_pkey_public members;
	int r = aid_pkey_public(key->pkey, &members, NULL);

	return r != AID_OK ? r : aid_thumbprint(&members, out);
}

int aid_jwk_verify(const struct aid_jwk *key, enum aid_alg alg, const void *bytes, size_t length,
	const void *signature, size_t signature_length, struct aid_error *err)
{
	const struct aid_alg_info *info = aid_alg_info(alg);

	if (((unsigned int)alg & key->algs) == 0)
		return aid_fail(err, AID_E_UNTRUSTED, "the key of type %s is not for %s", key->kty,
			info != NULL ? info->name : "?");
	return aid_pkey_verify(key->pkey, alg, bytes, length, signature, signature_length, err);
}
