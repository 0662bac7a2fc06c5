/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The host as an issuer, from the first key to a rotation that no verifier notices. Only root's
 * directories are trusted: skipped for others. */
#include "unit.h"

#include "file.h"
#include "issuer.h"
#include "jwt.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW INT64_C(1700000000000)
#define HOUR INT64_C(3600000)
#define ISSUER "https://id.example/h/host01"

struct place {
	char top[40], keys[64], out[64];
};

static const struct aid_issuer_rotation planned = {.overlap_ms = AID_ISSUER_OVERLAP_MS};

static int set_up(void **state)
{
	static struct place place;

	if (geteuid() != 0)
		return 0;
	memcpy(place.top, "/tmp/agentid-issuer-XXXXXX", 27);
	if (mkdtemp(place.top) == NULL)
		return 1;
	(void)snprintf(place.keys, sizeof(place.keys), "%s/keys", place.top);
	(void)snprintf(place.out, sizeof(place.out), "%s/out", place.top);
	*state = &place;
	return mkdir(place.out, 0755);
}

static void drop(const char *directory, const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	(void)remove(path);
}

static int tear_down(void **state)
{
	const struct place *place = *state;
	struct aid_issuer_keys keys = {0};

	if (place == NULL)
		return 0;
	if (aid_issuer_list(place->keys, NOW, &keys, NULL) == AID_OK) {
		for (size_t i = 0; i < keys.count; i++)
			drop(place->keys, keys.items[i].name);
	}
	drop(place->keys, AID_ISSUER_KEY_SET);
	drop(place->out, "jwks.json");
	drop(place->out, ".well-known/openid-configuration");
	drop(place->out, ".well-known");
	(void)rmdir(place->keys);
	(void)rmdir(place->out);
	return rmdir(place->top);
}

static const struct place *place_of(void **state)
{
	if (*state == NULL)
		skip();
	return *state;
}

/* Signs as the daemon does and verifies with what was published. */
static int verifies(const struct place *place, int64_t now_ms, const struct aid_secret *jwks)
{
	AID_AUTO(aid_secret) *pem = NULL;
	AID_AUTO(aid_signing_key) *key = NULL;
	AID_AUTO(aid_jwk_set) *set = NULL;
	struct aid_error err = AID_ERROR_INIT;
	char path[AID_ISSUER_PATH_SIZE];
	struct aid_jwt_request request = {ISSUER, "agent:a", "api", NULL, now_ms, 300000, true};
	struct aid_jwt_params params = {ISSUER, "api", "agent:a", NULL, AID_ALGS_ALL, 600000, now_ms, 0,
		false, NULL};
	struct aid_jwt_signed made;
	struct aid_claims claims;
	int64_t next;
	AID_FD(fd);
	int r;

	assert_ok(aid_issuer_select(place->keys, now_ms, path, &next, &err), &err);
	assert_ok(aid_file_open(path, AID_FILE_SECRET, &fd, &err), &err);
	assert_ok(aid_file_read(fd, 16384, &pem, &err), &err);
	assert_ok(aid_signing_key_parse(aid_secret_peek(pem), aid_secret_length(pem), &key, &err), &err);
	request.kid = aid_signing_key_thumbprint(key);
	assert_ok(aid_jwt_sign(key, aid_signing_key_default_alg(key), &request, &made, &err), &err);
	assert_ok(aid_jwk_set_parse(aid_secret_peek(jwks), aid_secret_length(jwks), &set, &err), &err);
	assert_int_equal(aid_jwk_set_skipped(set), 0);
	r = aid_jwt_verify(made.token, &params, set, &claims, &err);
	aid_jwt_signed_done(&made);
	return r;
}

static void test_init(void **state)
{
	const struct place *place = place_of(state);
	struct aid_error err = AID_ERROR_INIT;
	struct aid_issuer_key key, again;
	struct stat st;
	char path[256];

	assert_failed(aid_issuer_rotate(place->keys, &planned, NOW, &key, &err), AID_E_NOTFOUND, &err,
		"no such directory (agentid issuer init makes it)");
	assert_failed(aid_issuer_init(place->keys, AID_ALG_PS256, NOW, &key, &err), AID_E_INVALID, &err,
		"RS256 or ES256");
	assert_ok(aid_issuer_init(place->keys, AID_ALG_ES256, NOW, &key, &err), &err);
	assert_int_equal(key.state, AID_ISSUER_KEY_ACTIVE);
	assert_int_equal(key.activates_wall_ms, NOW);
	assert_failed(aid_issuer_init(place->keys, AID_ALG_ES256, NOW, &again, &err), AID_E_DENIED, &err,
		"1 keys are there already");
	assert_int_equal(stat(place->keys, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	(void)snprintf(path, sizeof(path), "%s/%s", place->keys, key.name);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_directory_trust(void **state)
{
	const struct place *place = place_of(state);
	struct aid_error err = AID_ERROR_INIT;
	struct aid_issuer_key key;

	assert_int_equal(mkdir(place->keys, 0700), 0);
	assert_int_equal(chmod(place->keys, 0750), 0);
	assert_failed(aid_issuer_init(place->keys, AID_ALG_ES256, NOW, &key, &err), AID_E_UNTRUSTED, &err,
		"mode 0750, at most 0700 is allowed");
	assert_int_equal(chmod(place->keys, 0700), 0);
	assert_int_equal(chown(place->keys, 1, 0), 0);
	assert_failed(aid_issuer_init(place->keys, AID_ALG_ES256, NOW, &key, &err), AID_E_UNTRUSTED, &err,
		"owned by uid 1, not by root");
	assert_int_equal(chown(place->keys, 0, 0), 0);
	assert_failed(aid_issuer_rotate(place->keys, &planned, NOW, &key, &err), AID_E_NOTFOUND, &err,
		"there is no key yet");
}

static void test_rotation(void **state)
{
	const struct place *place = place_of(state);
	struct aid_error err = AID_ERROR_INIT;
	AID_AUTO(aid_secret) *before = NULL, *published = NULL, *later = NULL, *last = NULL;
	struct aid_issuer_key first, second, third;
	struct aid_issuer_rotation at_once = {.alg = AID_ALG_RS256, .compromised = true};

	assert_ok(aid_issuer_init(place->keys, AID_ALG_ES256, NOW, &first, &err), &err);
	assert_ok(aid_issuer_jwks(place->keys, NOW, &before, &err), &err);
	assert_ok(aid_issuer_rotate(place->keys, &planned, NOW + HOUR, &second, &err), &err);
	assert_int_equal(second.state, AID_ISSUER_KEY_WAITING);
	assert_int_equal(second.activates_wall_ms, NOW + 25 * HOUR);
	assert_failed(aid_issuer_rotate(place->keys, &planned, NOW + HOUR, &third, &err), AID_E_DENIED, &err,
		"already waits to become active");
	assert_ok(aid_issuer_jwks(place->keys, NOW + HOUR, &published, &err), &err);
	/* Who fetched before the rotation still verifies; who fetched after it verifies before and
	 * after the change. */
	assert_int_equal(verifies(place, NOW + 2 * HOUR, before), AID_OK);
	assert_int_equal(verifies(place, NOW + 2 * HOUR, published), AID_OK);
	assert_int_equal(verifies(place, NOW + 25 * HOUR, published), AID_OK);
	assert_int_equal(verifies(place, NOW + 25 * HOUR, before), AID_E_NOTFOUND);
	/* The old key stays published for tokens that are still out, and is then deleted. */
	assert_ok(aid_issuer_jwks(place->keys, NOW + 26 * HOUR, &later, &err), &err);
	assert_non_null(strstr(aid_secret_peek(later), first.kid));
	aid_secret_free(aid_steal(&later));
	assert_ok(aid_issuer_jwks(place->keys, NOW + 27 * HOUR, &later, &err), &err);
	assert_null(strstr(aid_secret_peek(later), first.kid));
	assert_non_null(strstr(aid_secret_peek(later), second.kid));
	/* Compromise: one key, new, of the kind asked for, at once. */
	assert_ok(aid_issuer_rotate(place->keys, &at_once, NOW + 28 * HOUR, &third, &err), &err);
	assert_int_equal(third.state, AID_ISSUER_KEY_ACTIVE);
	assert_ok(aid_issuer_jwks(place->keys, NOW + 28 * HOUR, &last, &err), &err);
	assert_null(strstr(aid_secret_peek(last), second.kid));
	assert_non_null(strstr(aid_secret_peek(last), "\"alg\":\"RS256\""));
	assert_int_equal(verifies(place, NOW + 28 * HOUR, last), AID_OK);
	assert_int_equal(verifies(place, NOW + 28 * HOUR, published), AID_E_NOTFOUND);
}

static void test_rotation_limits(void **state)
{
	const struct place *place = place_of(state);
	struct aid_error err = AID_ERROR_INIT;
	struct aid_issuer_rotation rotation = {.overlap_ms = -1};
	struct aid_issuer_key first, second;

	assert_ok(aid_issuer_init(place->keys, AID_ALG_ES256, NOW, &first, &err), &err);
	assert_int_equal(aid_issuer_rotate(place->keys, &rotation, NOW, &second, &err), AID_E_INVALID);
	rotation.overlap_ms = INT64_C(31) * 24 * HOUR;
	assert_failed(aid_issuer_rotate(place->keys, &rotation, NOW, &second, &err), AID_E_INVALID, &err,
		"0 to 30 days are allowed");
	/* Without overlap, in the second of the first: later by one all the same. */
	rotation.overlap_ms = 0;
	assert_ok(aid_issuer_rotate(place->keys, &rotation, NOW, &second, &err), &err);
	assert_int_equal(second.activates_wall_ms, NOW + 1000);
}

static void read_all(const char *directory, const char *name, char *out, size_t size)
{
	char path[256];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "re");
	assert_non_null(file);
	out[fread(out, 1, size - 1, file)] = '\0';
	(void)fclose(file);
}

static void test_publish(void **state)
{
	const struct place *place = place_of(state);
	struct aid_error err = AID_ERROR_INIT;
	char text[2048], expected[1024];
	struct aid_issuer_key key;
	mode_t mask = umask(077);
	struct stat st;

	assert_ok(aid_issuer_init(place->keys, AID_ALG_ES256, NOW, &key, &err), &err);
	assert_ok(aid_issuer_publish(ISSUER, place->keys, place->out, NOW, &err), &err);
	(void)umask(mask);
	read_all(place->out, ".well-known/openid-configuration", text, sizeof(text));
	assert_string_equal(text,
		"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"" ISSUER "/jwks.json\","
		"\"response_types_supported\":[\"id_token\"],\"subject_types_supported\":[\"public\"],"
		"\"id_token_signing_alg_values_supported\":[\"ES256\"],\"scopes_supported\":[\"openid\"],"
		"\"claims_supported\":[\"iss\",\"sub\",\"aud\",\"iat\",\"nbf\",\"exp\",\"jti\"]}\n");
	read_all(place->out, "jwks.json", text, sizeof(text));
	(void)snprintf(expected, sizeof(expected),
		"{\"keys\":[{\"kty\":\"EC\",\"use\":\"sig\",\"alg\":\"ES256\",\"kid\":\"%s\",\"crv\":\"P-256\",\"x\":\"",
		key.kid);
	assert_memory_equal(text, expected, strlen(expected));
	assert_null(strstr(text, "\"d\""));
	(void)snprintf(expected, sizeof(expected), "%s/.well-known", place->out);
	assert_int_equal(stat(expected, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	(void)snprintf(expected, sizeof(expected), "%s/jwks.json", place->out);
	assert_int_equal(stat(expected, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	/* Again over what is there; and to nowhere. */
	assert_ok(aid_issuer_publish(ISSUER "/", place->keys, place->out, NOW, &err), &err);
	read_all(place->out, ".well-known/openid-configuration", text, sizeof(text));
	assert_non_null(strstr(text, "{\"issuer\":\"" ISSUER "/\",\"jwks_uri\":\"" ISSUER "/jwks.json\""));
	assert_failed(aid_issuer_publish(ISSUER, place->keys, "/nonexistent/out", NOW, &err), AID_E_NOTFOUND,
		&err, "No such file or directory");
}

/* A file under another key's name, or with no key in it, is not published. */
static void test_bad_key_file(void **state)
{
	const struct place *place = place_of(state);
	AID_AUTO(aid_secret) *document = NULL;
	struct aid_error err = AID_ERROR_INIT;
	char name[AID_ISSUER_NAME_SIZE], from[256], to[256];
	struct aid_issuer_key key;

	assert_ok(aid_issuer_init(place->keys, AID_ALG_ES256, NOW, &key, &err), &err);
	assert_int_equal(aid_issuer_key_name(NOW, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", name),
		AID_OK);
	(void)snprintf(from, sizeof(from), "%s/%s", place->keys, key.name);
	(void)snprintf(to, sizeof(to), "%s/%s", place->keys, name);
	assert_int_equal(rename(from, to), 0);
	assert_failed(aid_issuer_jwks(place->keys, NOW, &document, &err), AID_E_CREDENTIAL, &err, "holds key ");
	assert_non_null(strstr(err.text, key.kid));
	assert_int_equal(truncate(to, 20), 0);
	assert_failed(aid_issuer_jwks(place->keys, NOW, &document, &err), AID_E_CREDENTIAL, &err,
		"no unencrypted PEM private key in 20 bytes");
	assert_int_equal(chmod(to, 0644), 0);
	assert_failed(aid_issuer_jwks(place->keys, NOW, &document, &err), AID_E_UNTRUSTED, &err,
		"mode 0644, at most 0600 is allowed");
	assert_failed(aid_issuer_discovery(ISSUER, place->keys, NOW, &document, &err), AID_E_UNTRUSTED, &err,
		"mode 0644");
	assert_null(document);
}

/* A directory in the place of a file: neither written over nor unlinked. */
static void block(const char *directory, const char *name, char path[256])
{
	(void)snprintf(path, 256, "%s/%s", directory, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void test_init_goes_on(void **state)
{
	const struct place *place = place_of(state);
	struct aid_error err = AID_ERROR_INIT;
	struct aid_issuer_keys keys;
	struct aid_issuer_key key;
	char path[256];

	assert_int_equal(mkdir(place->keys, 0700), 0);
	block(place->keys, AID_ISSUER_KEY_SET, path);
	assert_failed(aid_issuer_init(place->keys, AID_ALG_ES256, NOW, &key, &err), AID_E_IO, &err,
		AID_ISSUER_KEY_SET);
	assert_int_equal(rmdir(path), 0);
	assert_ok(aid_issuer_init(place->keys, AID_ALG_ES256, NOW, &key, &err), &err);
	assert_ok(aid_issuer_list(place->keys, NOW, &keys, &err), &err);
	assert_int_equal(keys.count, 1);
	assert_string_equal(keys.items[0].kid, key.kid);
	assert_int_equal(access(path, F_OK), 0);
	assert_failed(aid_issuer_init(place->keys, AID_ALG_ES256, NOW, &key, &err), AID_E_DENIED, &err,
		"1 keys are there already");
}

/* Stopped half way, this host takes no token at all, rather than one of a key that others have. */
static void test_compromise_fails_closed(void **state)
{
	const struct aid_issuer_rotation at_once = {.alg = AID_ALG_ES256, .compromised = true};
	const struct place *place = place_of(state);
	struct aid_error err = AID_ERROR_INIT;
	char name[AID_ISSUER_NAME_SIZE], path[256], set[256], text[2048];
	struct aid_issuer_key first, second;

	assert_ok(aid_issuer_init(place->keys, AID_ALG_ES256, NOW, &first, &err), &err);
	(void)snprintf(set, sizeof(set), "%s/" AID_ISSUER_KEY_SET, place->keys);
	assert_int_equal(access(set, F_OK), 0);
	assert_int_equal(aid_issuer_key_name(NOW - HOUR, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", name),
		AID_OK);
	block(place->keys, name, path);
	assert_int_equal(aid_issuer_rotate(place->keys, &at_once, NOW + HOUR, &second, &err), AID_E_IO);
	assert_int_equal(access(set, F_OK), -1);
	assert_int_equal(aid_issuer_init(place->keys, AID_ALG_ES256, NOW + HOUR, &second, &err), AID_E_DENIED);
	assert_int_equal(rmdir(path), 0);
	assert_ok(aid_issuer_rotate(place->keys, &at_once, NOW + HOUR, &second, &err), &err);
	read_all(place->keys, AID_ISSUER_KEY_SET, text, sizeof(text));
	assert_non_null(strstr(text, second.kid));
	assert_null(strstr(text, first.kid));
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(test_init), WITH_PLACE(test_directory_trust), WITH_PLACE(test_rotation),
		WITH_PLACE(test_rotation_limits), WITH_PLACE(test_publish), WITH_PLACE(test_bad_key_file),
		WITH_PLACE(test_init_goes_on), WITH_PLACE(test_compromise_fails_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
