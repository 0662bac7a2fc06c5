/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Every parser and signer again, with the first, second, ... allocation failing until none is left to
 * fail: no crash, no leak (ASan, valgrind), a failure that says so and results left alone. The
 * linker's --wrap catches our allocations; the two libraries let theirs be replaced. */
#include "unit.h"

#include "forge.h"
#include "jwt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <jansson.h>
#include <openssl/crypto.h>

#define NOW INT64_C(1700000000000)
#define ATTEMPTS_MAX 20000U

static unsigned int left; /* allocations until one fails; 0: none does */
static bool failed;
/* jansson 2.14 drops a byte of a text when it cannot grow the buffer it reads it into, and says
 * nothing: what comes out of a document then is some other text. */
static bool json_fails = true;

static bool fails(void)
{
	if (left == 0 || --left > 0)
		return false;
	failed = true;
	errno = ENOMEM;
	return true;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
void *__real_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset);

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

void *__wrap_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
	return fails() ? MAP_FAILED : __real_mmap(at, length, protection, flags, fd, offset);
}

static void *json_alloc(size_t size)
{
	return json_fails ? __wrap_malloc(size) : __real_malloc(size);
}

static void *openssl_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return __wrap_malloc(size);
}

static void *openssl_realloc(void *old, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return fails() ? NULL : realloc(old, size);
}

static void openssl_free(void *old, const char *file, int line)
{
	(void)file;
	(void)line;
	free(old);
}

/* Runs until nothing failed; returns how often something did. once: what is tried; it checks itself
 * that a failure left its results alone. */
static unsigned int exhaust(int (*once)(struct aid_error *err))
{
	for (unsigned int n = 1; n < ATTEMPTS_MAX; n++) {
		struct aid_error err = AID_ERROR_INIT;
		int r;

		failed = false;
		left = n;
		r = once(&err);
		left = 0;
		if (!failed) {
			assert_ok(r, &err);
			return n - 1;
		}
		assert_true(r <= AID_OK);
		if (r != AID_OK && (err.status != r || err.text[0] == '\0'))
			fail_msg("allocation %u: status %d, error %d '%s'", n, r, err.status, err.text);
	}
	fail_msg("over %u allocations", ATTEMPTS_MAX);
	return 0;
}

static int json_once(struct aid_error *err)
{
	static const char text[] = "{\"a\":[1,\"b\",{\"c\":null}],\"d\":1.5}";
	AID_AUTO(aid_json) *json = NULL;
	int r = aid_json_parse(text, strlen(text), 4096, &json, err);

	assert_true((json != NULL) == (r == AID_OK));
	return r;
}

static int build_once(struct aid_error *err)
{
	AID_AUTO(aid_json) *json = aid_json_new_object();
	AID_AUTO(aid_json) *list = aid_json_new_array();
	char text[64];
	size_t length;
	int r = AID_OK;

	if (aid_json_put_text(json, "t", "x") != AID_OK || aid_json_put_int(json, "i", 5) != AID_OK ||
		aid_json_append_text(list, "y") != AID_OK || aid_json_put(json, "l", aid_steal(&list)) != AID_OK ||
		aid_json_render(json, text, sizeof(text), &length) != AID_OK)
		r = aid_fail(err, AID_E_NOMEM, "out of memory");
	if (r == AID_OK)
		assert_string_equal(text, "{\"t\":\"x\",\"i\":5,\"l\":[\"y\"]}");
	return r;
}

static int set_once(struct aid_error *err)
{
	AID_AUTO(aid_jwk_set) *set = NULL;
	char text[2048];
	int r;

	(void)snprintf(text, sizeof(text), "{\"keys\":[%s,%s]}", forge.rsa_jwk, forge.ec_jwk);
	r = aid_jwk_set_parse(text, strlen(text), &set, err);
	assert_true((set != NULL) == (r == AID_OK));
	/* A key that could not be made for want of memory must not be taken for a bad key: the set
	 * would be kept without it. */
	if (set != NULL && !json_fails && aid_jwk_set_count(set) != 2)
		fail_msg("left out: %s", aid_jwk_set_skip_reason(set));
	return r;
}

static const struct aid_jwt_request request = {"i", "s", "a", "kid", NOW, 300000, true};
static const struct aid_jwt_params params = {"i", "a", "s", "c", AID_ALGS_ALL, 600000, NOW, 30000,
	false, NULL};

static int sign_once(struct aid_error *err)
{
	struct aid_jwt_signed made = {0};
	int r = aid_jwt_sign(forge.ec, AID_ALG_ES256, &request, &made, err);

	assert_true((made.token != NULL) == (r == AID_OK));
	aid_jwt_signed_done(&made);
	return r;
}

static int verify_once(struct aid_error *err)
{
	static const char payload[] = "{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\",\"exp\":1700000300}";
	AID_AUTO(aid_secret) *token = NULL;
	struct aid_claims claims = {.expires_wall_ms = -7};
	unsigned int budget = left;
	char text[FORGE_MAX];
	int r;

	left = 0;
	forge_token(forge.ec, AID_ALG_ES256, "{\"alg\":\"ES256\"}", payload, text);
	token = aid_secret_from(text, strlen(text));
	left = budget;
	r = aid_jwt_verify(token, &params, forge.keys, &claims, err);
	assert_true((claims.expires_wall_ms == -7) == (r != AID_OK));
	return r;
}

static int key_once(struct aid_error *err)
{
	AID_AUTO(aid_signing_key) *key = NULL;
	AID_AUTO(aid_secret) *pem = NULL;
	unsigned int budget = left;
	int r;

	left = 0;
	assert_ok(aid_signing_key_write(forge.ec, &pem, err), err);
	left = budget;
	r = aid_signing_key_parse(aid_secret_peek(pem), aid_secret_length(pem), &key, err);
	assert_true((key != NULL) == (r == AID_OK));
	return r;
}

static void test_json(void **state)
{
	(void)state;
	assert_true(exhaust(json_once) > 5);
	assert_true(exhaust(build_once) > 5);
}

static void test_jwk(void **state)
{
	(void)state;
	assert_true(exhaust(set_once) > 20);
	json_fails = false;
	assert_true(exhaust(set_once) > 10);
	json_fails = true;
}

static void test_jwt(void **state)
{
	(void)state;
	assert_true(exhaust(sign_once) > 10);
	assert_true(exhaust(verify_once) > 10);
}

static void test_signing_key(void **state)
{
	(void)state;
	assert_true(exhaust(key_once) > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json), cmocka_unit_test(test_jwk),
		cmocka_unit_test(test_jwt), cmocka_unit_test(test_signing_key),
	};

	if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1)
		return 1;
	json_set_alloc_funcs(json_alloc, free);
	return cmocka_run_group_tests(tests, forge_set_up, forge_tear_down);
}
