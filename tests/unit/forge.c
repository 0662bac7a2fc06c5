/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "forge.h"

#include "unit.h"

#include "b64.h"
#include "test_keys.h"

#include <stdio.h>

static struct aid_signing_key *load(const char *pem)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_signing_key *key = NULL;

	assert_ok(aid_signing_key_parse(pem, strlen(pem), &key, &err), &err);
	return key;
}

static void public_half(const struct aid_signing_key *key, char *out, size_t size)
{
	AID_AUTO(aid_json) *jwk = aid_signing_key_public_jwk(key);
	size_t length;

	assert_int_equal(aid_json_render(jwk, out, size, &length), AID_OK);
}

/* Without "alg" a key may be used with every algorithm of its type. */
static void drop_alg(char *jwk)
{
	static const char member[] = "\"alg\":\"RS256\",";
	char *at = strstr(jwk, member);

	assert_non_null(at);
	memmove(at, at + strlen(member), strlen(at + strlen(member)) + 1);
}

struct forge forge;

int forge_set_up(void **state)
{
	(void)state;
	forge.rsa = load(TEST_RSA_PEM);
	forge.ec = load(TEST_P256_PEM);
	public_half(forge.rsa, forge.rsa_jwk, sizeof(forge.rsa_jwk));
	public_half(forge.ec, forge.ec_jwk, sizeof(forge.ec_jwk));
	drop_alg(forge.rsa_jwk);
	forge.keys = forge_set(forge.rsa_jwk, forge.ec_jwk);
	return 0;
}

int forge_tear_down(void **state)
{
	(void)state;
	aid_signing_key_free(forge.rsa);
	aid_signing_key_free(forge.ec);
	aid_jwk_set_free(forge.keys);
	return 0;
}

struct aid_jwk_set *forge_set(const char *first, const char *second)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_jwk_set *set = NULL;
	char text[8192];

	(void)snprintf(text, sizeof(text), "{\"keys\":[%s%s%s]}", first, second != NULL ? "," : "",
		second != NULL ? second : "");
	assert_ok(aid_jwk_set_parse(text, strlen(text), &set, &err), &err);
	return set;
}

static size_t signing_input(const char *header, const char *payload, char *out)
{
	size_t used = aid_b64_encode(header, strlen(header), out);

	out[used++] = '.';
	return used + aid_b64_encode(payload, strlen(payload), out + used);
}

const char *forge_signed(const char *header, const char *payload, const void *signature,
	size_t signature_length, char out[FORGE_MAX])
{
	size_t used = signing_input(header, payload, out);

	out[used++] = '.';
	(void)aid_b64_encode(signature, signature_length, out + used);
	return out;
}

const char *forge_token(const struct aid_signing_key *key, enum aid_alg alg, const char *header,
	const char *payload, char out[FORGE_MAX])
{
	struct aid_error err = AID_ERROR_INIT;
	uint8_t signature[AID_SIGNATURE_MAX];
	size_t length;

	length = signing_input(header, payload, out);
	assert_ok(aid_signing_key_sign(key, alg, out, length, signature, &length, &err), &err);
	return forge_signed(header, payload, signature, length, out);
}

void forge_decode(const char *from, const char *end, char *out, size_t size)
{
	size_t length;

	assert_int_equal(aid_b64_decode(from, (size_t)(end - from), out, size - 1, &length), AID_OK);
	out[length] = '\0';
}
