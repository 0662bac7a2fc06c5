/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What is asked of Vault and OpenBao as a secrets manager, byte by byte, and what their documented answers
 * mean. */
#include "unit.h"

#include "kv_vault.h"
#include "manager_bench.h"
#include "secret_source.h"

#include <stdio.h>

#define TOKEN "s.thisIsTheManagersToken"
#define V2 ((struct aid_kv_place){2, "kv", "agents/a 1/x?"})
#define V1 ((struct aid_kv_place){1, "old", "agents/a"})

static struct aid_secret *token;
static struct aid_vault vault = {"https://v:8200", "team/", NULL};

static int begin_bench(void **state)
{
	(void)state;
	token = aid_secret_from(TOKEN, strlen(TOKEN));
	vault.token = token;
	return 0;
}

static int end_all(void **state)
{
	aid_secret_free(token);
	return end_bench(state);
}

static void test_login(void **state)
{
	AID_AUTO(aid_secret) *jwt = aid_secret_from("eyJ.e.s", 7);
	AID_AUTO(aid_secret) *id = aid_secret_from("id-\"quoted\"", 11);

	(void)state;
	fresh();
	assert_ok(aid_vault_login_jwt(&vault, "jwt/host1", "agentid", jwt, &call, &err), &err);
	assert_string_equal(call.url, "https://v:8200/v1/auth/jwt/host1/login");
	assert_string_equal(body_text(), "{\"role\":\"agentid\",\"jwt\":\"eyJ.e.s\"}");
	assert_string_equal(call.content_type, "application/json");
	assert_string_equal(header(0), "X-Vault-Request: true");
	assert_string_equal(header(1), "X-Vault-Namespace: team/");
	/* Who logs in has no token, whatever is at hand. */
	assert_string_equal(header(2), "");
	assert_true(call.take_redirect);
	fresh();
	assert_ok(aid_vault_login_approle(&vault, "approle", "r-1", id, &call, &err), &err);
	assert_string_equal(call.url, "https://v:8200/v1/auth/approle/login");
	assert_string_equal(body_text(),
		"{\"role_id\":\"r-1\",\"secret_id\":\"id-\\u0022quoted\\u0022\"}");
	fresh();
	assert_ok(aid_vault_renew(&vault, &call, &err), &err);
	assert_string_equal(call.url, "https://v:8200/v1/auth/token/renew-self");
	assert_string_equal(header(2), "X-Vault-Token: " TOKEN);
	fresh();
	assert_ok(aid_vault_revoke(&vault, &call, &err), &err);
	assert_string_equal(call.url, "https://v:8200/v1/auth/token/revoke-self");
	assert_string_equal(body_text(), "{}");
	vault.token = NULL;
	fresh();
	assert_failed(aid_vault_renew(&vault, &call, &err), AID_E_INVALID, &err, "no token to renew");
	vault.token = token;
}

static void test_login_bytes(void **state)
{
	AID_AUTO(aid_secret) *bad = aid_secret_from("a\xff", 2);

	(void)state;
	fresh();
	assert_failed(aid_vault_login_approle(&vault, "approle", "r", bad, &call, &err), AID_E_INVALID, &err,
		"byte 1 of a text is no UTF-8");
}

static void test_token_answer(void **state)
{
	struct aid_vault_token made = {.token = NULL};

	(void)state;
	assert_ok(aid_vault_token_answer(answer(200, "{\"auth\":{\"client_token\":\"s.new\","
		"\"lease_duration\":300,\"renewable\":true}}"), NULL, &made, &err), &err);
	assert_string_equal(aid_secret_peek(made.token), "s.new");
	assert_int_equal(made.lease_s, 300);
	assert_true(made.renewable);
	aid_secret_free(aid_steal(&made.token));
	assert_ok(aid_vault_token_answer(answer(200, "{\"auth\":{\"client_token\":\"s.root\","
		"\"lease_duration\":0,\"renewable\":false}}"), NULL, &made, &err), &err);
	assert_int_equal(made.lease_s, 0);
	aid_secret_free(aid_steal(&made.token));
	assert_failed(aid_vault_token_answer(answer(400, "{\"errors\":[\"missing role\"]}"), NULL, &made,
		&err), AID_E_CONFIG, &err, "host 'h': HTTP 400 (missing role)");
	assert_failed(aid_vault_token_answer(answer(403, "{\"errors\":[\"permission denied\"]}"), NULL,
		&made, &err), AID_E_DENIED, &err, "HTTP 403 (permission denied)");
	assert_failed(aid_vault_token_answer(answer(200, "{\"auth\":null}"), NULL, &made, &err),
		AID_E_PROTOCOL, &err, "no auth in the answer");
	assert_failed(aid_vault_token_answer(answer(200, "{\"auth\":{\"client_token\":\"s\","
		"\"lease_duration\":-1,\"renewable\":true}}"), NULL, &made, &err),
		AID_E_PROTOCOL, &err, "lease_duration");
	assert_failed(aid_vault_token_answer(answer(200, "{\"auth\":{\"client_token\":\"s\","
		"\"lease_duration\":1}}"), NULL, &made, &err), AID_E_PROTOCOL, &err, "renewable");
	assert_failed(aid_vault_token_answer(answer(200, "{\"auth\":{\"client_token\":\"a\\nb\","
		"\"lease_duration\":1,\"renewable\":true}}"), NULL, &made, &err), AID_E_PROTOCOL, &err,
		"client_token has a character");
	assert_failed(aid_vault_token_answer(answer(200, NULL), NULL, &made, &err), AID_E_PROTOCOL, &err,
		"empty answer");
	/* A server that says our secret back does not get it into a log. */
	assert_failed(aid_vault_token_answer(answer(403, "{\"errors\":[\"no " TOKEN "\"]}"), token, &made,
		&err), AID_E_DENIED, &err, "left out: it repeats a secret");
	assert_null(made.token);
}

static void test_redirect(void **state)
{
	static const char url[] = "https://v:8200/v1/kv/data/a";
	char out[64];

	(void)state;
	answer(307, NULL)->location = "https://v2:8200/v1/kv/data/a";
	assert_ok(aid_vault_redirect(url, &seen, "v3, v2", "secrets vault", out, sizeof(out), &err), &err);
	assert_string_equal(out, "https://v2:8200");
	assert_failed(aid_vault_redirect(url, &seen, "v3", "secrets vault", out, sizeof(out), &err),
		AID_E_UNTRUSTED, &err, "redirect to host 'v2', which is not in [secrets vault] allowed_hosts");
	assert_failed(aid_vault_redirect(url, &seen, NULL, "secrets vault", out, sizeof(out), &err),
		AID_E_UNTRUSTED, &err, "not in [secrets vault]");
	seen.location = "https://v2:8200/v1/kv/data/b";
	assert_failed(aid_vault_redirect(url, &seen, "v2", "secrets vault", out, sizeof(out), &err),
		AID_E_UNTRUSTED, &err, "another path");
	seen.location = "http://v2:8200/v1/kv/data/a";
	assert_failed(aid_vault_redirect(url, &seen, "v2", "secrets vault", out, sizeof(out), &err),
		AID_E_UNTRUSTED, &err, "only https");
}

static void test_paths(void **state)
{
	static const struct {
		const char *path, *sentence;
	} wrong[] = {
		{"kv", "has a '/' in it"}, {"/kv/a", "empty segment"}, {"kv//a", "empty segment"},
		{"kv/a/", "empty segment"}, {"kv/../sys/raw", "'.' and '..'"}, {"kv/a/..", "'.' and '..'"},
		{"kv/./a", "'.' and '..'"}, {"", "printable ASCII"}, {"kv/a\nb", "printable ASCII"},
		{"kv/\xc3\xa9", "printable ASCII"}, {" kv/a", "no blank at either end"},
	};
	char path[AID_VAULT_PATH_MAX + 2];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		err = AID_ERROR_INIT;
		assert_failed(aid_kv_path_check(wrong[i].path, &err), AID_E_CONFIG, &err, wrong[i].sentence);
	}
	assert_ok(aid_kv_path_check("kv/..a/b..", &err), &err);
	memset(path, 'a', sizeof(path));
	path[2] = '/';
	path[AID_VAULT_PATH_MAX] = '\0';
	assert_ok(aid_kv_path_check(path, &err), &err);
	path[AID_VAULT_PATH_MAX] = 'a';
	path[AID_VAULT_PATH_MAX + 1] = '\0';
	assert_failed(aid_kv_path_check(path, &err), AID_E_CONFIG, &err, "1 to 512 printable");
}

static void test_detect(void **state)
{
	struct aid_kv_place place;

	(void)state;
	fresh();
	assert_ok(aid_kv_detect(&vault, "team/kv/agents/a", &call, &err), &err);
	assert_string_equal(call.url, "https://v:8200/v1/sys/internal/ui/mounts/team/kv/agents/a");
	assert_null(call.body);
	assert_string_equal(header(2), "X-Vault-Token: " TOKEN);
	assert_ok(aid_kv_detect_answer(&vault, answer(200, "{\"data\":{\"path\":\"team/kv/\",\"type\":\"kv\","
		"\"options\":{\"version\":\"2\"}}}"), "team/kv/agents/a", &place, &err), &err);
	assert_int_equal(place.version, 2);
	assert_string_equal(place.mount, "team/kv");
	assert_string_equal(place.path, "agents/a");
	assert_ok(aid_kv_detect_answer(&vault, answer(200, "{\"data\":{\"path\":\"old/\",\"type\":\"kv\","
		"\"options\":null}}"), "old/a", &place, &err), &err);
	assert_int_equal(place.version, 1);
	assert_ok(aid_kv_detect_answer(&vault, answer(404, NULL), "a/b/c", &place, &err), &err);
	assert_int_equal(place.version, 1);
	assert_string_equal(place.mount, "a");
	assert_string_equal(place.path, "b/c");
	assert_failed(aid_kv_detect_answer(&vault, answer(200, "{\"data\":{\"path\":\"other/\",\"type\":\"kv\"}}"),
		"kv/a", &place, &err), AID_E_PROTOCOL, &err, "not the beginning of the path");
	assert_failed(aid_kv_detect_answer(&vault, answer(200, "{\"data\":{\"path\":\"kv/a/\",\"type\":\"kv\"}}"),
		"kv/a", &place, &err), AID_E_PROTOCOL, &err, "not the beginning of the path");
	assert_failed(aid_kv_detect_answer(&vault, answer(200, "{\"data\":{\"path\":\"k/\",\"type\":\"kv\"}}"),
		"kv/a", &place, &err), AID_E_PROTOCOL, &err, "not the beginning of the path");
	assert_failed(aid_kv_detect_answer(&vault, answer(200, "{\"data\":{\"path\":\"kv/\",\"type\":\"pki\"}}"),
		"kv/a", &place, &err), AID_E_CONFIG, &err, "no KV secrets engine");
	assert_failed(aid_kv_detect_answer(&vault, answer(200, "{\"data\":{\"path\":\"kv/\",\"type\":\"kv\","
		"\"options\":{\"version\":\"3\"}}}"), "kv/a", &place, &err), AID_E_PROTOCOL, &err, "another version");
	assert_failed(aid_kv_detect_answer(&vault, answer(200, "{}"), "kv/a", &place, &err), AID_E_PROTOCOL,
		&err, "no path and type");
	assert_failed(aid_kv_detect_answer(&vault, answer(403, "{\"errors\":[\"preflight\"]}"), "kv/a", &place,
		&err), AID_E_DENIED, &err, "HTTP 403 (preflight)");
}

static void test_read_call(void **state)
{
	(void)state;
	fresh();
	assert_ok(aid_kv_read(&vault, &V2, 0, &call, &err), &err);
	assert_string_equal(call.url, "https://v:8200/v1/kv/data/agents/a%201/x%3F");
	assert_null(call.body);
	fresh();
	assert_ok(aid_kv_read(&vault, &V2, 7, &call, &err), &err);
	assert_string_equal(call.url, "https://v:8200/v1/kv/data/agents/a%201/x%3F?version=7");
	fresh();
	assert_ok(aid_kv_read(&vault, &V1, 0, &call, &err), &err);
	assert_string_equal(call.url, "https://v:8200/v1/old/agents/a");
	fresh();
	assert_failed(aid_kv_read(&vault, &V1, 1, &call, &err), AID_E_INVALID, &err, "version 1 of the secret");
}

#define READ "{\"data\":{\"data\":{\"s\":\"value\",\"n\":1,\"e\":\"\"},\"metadata\":{\"version\":3}}}"

static void test_read_answer(void **state)
{
	struct aid_kv_secret secret = {.document = NULL};
	AID_AUTO(aid_secret) *value = NULL;
	char big[AID_CLIENT_SECRET_MAX + 64];

	(void)state;
	assert_ok(aid_kv_read_answer(&vault, &V2, answer(200, READ), &secret, &err), &err);
	assert_int_equal(secret.version, 3);
	assert_ok(aid_kv_field(&secret, "s", "h", &value, &err), &err);
	assert_string_equal(aid_secret_peek(value), "value");
	aid_secret_free(aid_steal(&value));
	assert_failed(aid_kv_field(&secret, "x", "h", &value, &err), AID_E_NOTFOUND, &err,
		"host 'h': the secret has no field 'x'");
	assert_failed(aid_kv_field(&secret, "n", "h", &value, &err), AID_E_PROTOCOL, &err, "is no text");
	assert_failed(aid_kv_field(&secret, "e", "h", &value, &err), AID_E_CREDENTIAL, &err, "is empty");
	aid_kv_secret_done(&secret);
	(void)snprintf(big, sizeof(big), "{\"data\":{\"s\":\"%0*d\"}}", (int)AID_CLIENT_SECRET_MAX, 0);
	assert_ok(aid_kv_read_answer(&vault, &V1, answer(200, big), &secret, &err), &err);
	assert_int_equal(secret.version, 0);
	assert_ok(aid_kv_field(&secret, "s", "h", &value, &err), &err);
	aid_kv_secret_done(&secret);
	aid_secret_free(aid_steal(&value));
	(void)snprintf(big, sizeof(big), "{\"data\":{\"s\":\"%0*d\"}}", (int)AID_CLIENT_SECRET_MAX + 1, 0);
	assert_ok(aid_kv_read_answer(&vault, &V1, answer(200, big), &secret, &err), &err);
	assert_failed(aid_kv_field(&secret, "s", "h", &value, &err), AID_E_TOOBIG, &err,
		"has 4097 bytes, at most 4096");
	aid_kv_secret_done(&secret);
	assert_null(value);
}

static void test_read_refusals(void **state)
{
	static const struct {
		int http;
		const char *body;
		int status;
		const char *sentence;
	} wrong[] = {
		{404, "{\"errors\":[]}", AID_E_NOTFOUND, "HTTP 404, there is no such secret"},
		{404, "{\"data\":{\"data\":null,\"metadata\":{\"version\":2}}}", AID_E_NOTFOUND,
			"HTTP 404, the newest version of the secret is deleted"},
		{403, "{\"errors\":[\"permission denied\"]}", AID_E_DENIED, "HTTP 403 (permission denied)"},
		{503, "{\"errors\":[\"Vault is sealed\"]}", AID_E_BUSY, "HTTP 503 (Vault is sealed)"},
		{429, NULL, AID_E_BUSY, "HTTP 429"},
		{473, NULL, AID_E_BUSY, "HTTP 473"},
		{500, "oops", AID_E_UNREACHABLE, "HTTP 500"},
		{400, "{\"errors\":[\"x\"]}", AID_E_CONFIG, "HTTP 400 (x)"},
		{200, NULL, AID_E_PROTOCOL, "empty answer"},
		{200, "<html>", AID_E_PROTOCOL, "JSON"},
		{200, "{\"data\":[]}", AID_E_PROTOCOL, "no data in the answer"},
		{200, "{\"data\":{\"s\":\"v\"}}", AID_E_PROTOCOL, "no data.data"},
		{200, "{\"data\":{\"data\":{},\"metadata\":{}}}", AID_E_PROTOCOL, "no data.metadata.version"},
	};
	struct aid_kv_secret secret = {.document = NULL};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		assert_failed(aid_kv_read_answer(&vault, &V2, answer(wrong[i].http, wrong[i].body), &secret,
			&err), wrong[i].status, &err, wrong[i].sentence);
	assert_null(secret.document);
}

static void test_write(void **state)
{
	AID_AUTO(aid_json) *data = aid_json_new_object();
	struct aid_kv_written written;

	(void)state;
	assert_int_equal(aid_json_put_text(data, "s", "v\"1"), AID_OK);
	fresh();
	assert_ok(aid_kv_write(&vault, &V2, data, 3, &call, &err), &err);
	assert_string_equal(call.url, "https://v:8200/v1/kv/data/agents/a%201/x%3F");
	assert_string_equal(body_text(), "{\"options\":{\"cas\":3},\"data\":{\"s\":\"v\\\"1\"}}");
	fresh();
	assert_ok(aid_kv_write(&vault, &V2, data, -1, &call, &err), &err);
	assert_string_equal(body_text(), "{\"data\":{\"s\":\"v\\\"1\"}}");
	fresh();
	assert_ok(aid_kv_write(&vault, &V1, data, -1, &call, &err), &err);
	assert_string_equal(body_text(), "{\"s\":\"v\\\"1\"}");
	fresh();
	assert_failed(aid_kv_write(&vault, &V1, data, 0, &call, &err), AID_E_INVALID, &err,
		"cas 0 cannot be asked for of KV version 1");
	assert_ok(aid_kv_write_answer(&vault, &V2, answer(200, "{\"data\":{\"version\":4}}"), &written, &err),
		&err);
	assert_int_equal(written.version, 4);
	assert_false(written.conflict);
	assert_ok(aid_kv_write_answer(&vault, &V2, answer(400,
		"{\"errors\":[\"check-and-set parameter did not match the current version\"]}"), &written, &err),
		&err);
	assert_true(written.conflict);
	assert_ok(aid_kv_write_answer(&vault, &V1, answer(204, NULL), &written, &err), &err);
	assert_false(written.conflict);
	assert_failed(aid_kv_write_answer(&vault, &V2, answer(400,
		"{\"errors\":[\"check-and-set parameter required for this call\"]}"), &written, &err), AID_E_CONFIG,
		&err, "required for this call");
	assert_failed(aid_kv_write_answer(&vault, &V2, answer(200, "{}"), &written, &err), AID_E_PROTOCOL,
		&err, "no data.version");
}

static void test_metadata(void **state)
{
	struct aid_kv_metadata metadata;

	(void)state;
	fresh();
	assert_ok(aid_kv_metadata(&vault, &V2, &call, &err), &err);
	assert_string_equal(call.url, "https://v:8200/v1/kv/metadata/agents/a%201/x%3F");
	fresh();
	assert_failed(aid_kv_metadata(&vault, &V1, &call, &err), AID_E_INVALID, &err, "has no metadata");
	assert_ok(aid_kv_metadata_answer(&vault, answer(200, "{\"data\":{\"cas_required\":true,"
		"\"max_versions\":10,\"current_version\":2,\"versions\":{\"1\":{\"deletion_time\":\"\","
		"\"destroyed\":true},\"2\":{\"deletion_time\":\"\",\"destroyed\":false}}}}"), &metadata, &err),
		&err);
	assert_true(metadata.cas_required);
	assert_int_equal(metadata.max_versions, 10);
	assert_int_equal(metadata.current_version, 2);
	assert_false(metadata.deleted);
	assert_ok(aid_kv_metadata_answer(&vault, answer(200, "{\"data\":{\"cas_required\":false,"
		"\"max_versions\":0,\"current_version\":1,\"versions\":{\"1\":{\"deletion_time\":"
		"\"2026-01-01T00:00:00Z\",\"destroyed\":false}}}}"), &metadata, &err), &err);
	assert_true(metadata.deleted);
	assert_failed(aid_kv_metadata_answer(&vault, answer(200, "{\"data\":{}}"), &metadata, &err),
		AID_E_PROTOCOL, &err, "no metadata of a secret");
	assert_failed(aid_kv_metadata_answer(&vault, answer(404, "{\"errors\":[]}"), &metadata, &err),
		AID_E_NOTFOUND, &err, "no such secret");
	fresh();
	assert_ok(aid_kv_undelete(&vault, &V2, 3, &call, &err), &err);
	assert_string_equal(call.url, "https://v:8200/v1/kv/undelete/agents/a%201/x%3F");
	assert_string_equal(body_text(), "{\"versions\":[3]}");
	assert_ok(aid_vault_done_answer(&vault, answer(204, NULL), &err), &err);
	assert_failed(aid_vault_done_answer(&vault, answer(403, "{\"errors\":[\"no\"]}"), &err), AID_E_DENIED,
		&err, "HTTP 403 (no)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_login_bytes),
		cmocka_unit_test(test_token_answer),
		cmocka_unit_test(test_redirect),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_detect),
		cmocka_unit_test(test_read_call),
		cmocka_unit_test(test_read_answer),
		cmocka_unit_test(test_read_refusals),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_metadata),
	};

	return cmocka_run_group_tests(tests, begin_bench, end_all);
}
