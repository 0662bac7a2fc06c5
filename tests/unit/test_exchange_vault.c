/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What is asked of Vault, byte by byte, and what its documented answers mean. */
#include "exchange_bench.h"

#define VAULT "address=https://v.example:8200\0role=agent\0namespace=t/x\0mount=m/jwt\0"
#define AUTH(token, lease, renewable)                                                              \
	"{\"auth\":{\"client_token\":\"" token "\",\"lease_duration\":" lease ",\"renewable\":" renewable "}}"

static void test_vault(void **state)
{
	struct bench b;

	(void)state;
	BEGIN(&b, "vault", VAULT);
	make_call(&b);
	assert_string_equal(b.call.url, "https://v.example:8200/v1/auth/m/jwt/login");
	assert_string_equal(aid_secret_peek(b.call.body), "{\"role\":\"agent\",\"jwt\":\"" ASSERTION "\"}");
	assert_string_equal(aid_secret_peek(b.call.headers[0]), "X-Vault-Request: true");
	assert_string_equal(aid_secret_peek(b.call.headers[1]), "X-Vault-Namespace: t/x");
	assert_null(b.call.headers[2]);
	assert_ok(answer(&b, 200, AUTH("hvs.x", "300", "true")), &b.err);
	assert_string_equal(aid_secret_peek(b.result.payload), "hvs.x");
	assert_int_equal(b.result.expires_wall_ms, NOW + 300000);
	assert_true(b.result.renewable);
	bench_end(&b);
	/* renewed */
	BEGIN(&b, "vault", VAULT "increment=10m\0");
	b.previous = aid_secret_from("hvs.x", 5);
	b.x.previous = b.previous;
	make_call(&b);
	assert_string_equal(b.call.url, "https://v.example:8200/v1/auth/token/renew-self");
	assert_string_equal(aid_secret_peek(b.call.body), "{\"increment\":\"600s\"}");
	assert_string_equal(aid_secret_peek(b.call.headers[2]), "X-Vault-Token: hvs.x");
	assert_ok(answer(&b, 200, AUTH("hvs.x", "600", "true")), &b.err);
	assert_false(b.more);
	assert_string_equal(aid_secret_peek(b.result.payload), "hvs.x");
	bench_end(&b);
	/* revoked */
	BEGIN(&b, "vault", VAULT);
	b.previous = aid_secret_from("hvs.x", 5);
	b.x.previous = b.previous;
	b.x.revoke = true;
	make_call(&b);
	assert_string_equal(b.call.url, "https://v.example:8200/v1/auth/token/revoke-self");
	assert_ok(answer(&b, 204, NULL), &b.err);
	assert_failed(answer(&b, 403, "{\"errors\":[\"permission denied\"]}"), AID_E_NOTFOUND, &b.err,
		"host 'h': HTTP 403: the token had ended, or its policies do not allow auth/token/revoke-self");
	assert_failed(answer(&b, 503, "{\"errors\":[\"Vault is sealed\"]}"), AID_E_BUSY, &b.err, "(Vault is sealed)");
	bench_end(&b);
}

/* Renewal that does not go on: a login follows. */
static void test_vault_login_anew(void **state)
{
	static const struct {
		int status;
		const char *body;
	} rows[] = {
		{403, "{\"errors\":[\"permission denied\"]}"},
		{400, "{\"errors\":[\"lease is not renewable\"]}"},
		{200, AUTH("hvs.x", "59", "true")},
		{200, AUTH("hvs.other", "600", "true")},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bench b;

		BEGIN(&b, "vault", VAULT);
		b.previous = aid_secret_from("hvs.x", 5);
		b.x.previous = b.previous;
		assert_ok(answer(&b, rows[i].status, rows[i].body), &b.err);
		assert_true(b.more);
		assert_null(b.result.payload);
		make_call(&b);
		assert_non_null(strstr(b.call.url, "/login"));
		assert_null(b.call.headers[2]);
		bench_end(&b);
	}
}

static void test_vault_refusals(void **state)
{
	static const struct refusal rows[] = {
		{400, "{\"errors\":[\"error validating token: x\"]}", AID_E_DENIED, "HTTP 400 (error validating token: x)"},
		{403, "{\"errors\":[\"permission denied\"]}", AID_E_DENIED, "HTTP 403 (permission denied)"},
		{404, "{\"errors\":[]}", AID_E_CONFIG, "HTTP 404"},
		{429, NULL, AID_E_BUSY, "HTTP 429"},
		{472, NULL, AID_E_BUSY, "HTTP 472"},
		{473, NULL, AID_E_BUSY, "HTTP 473"},
		{503, "{\"errors\":[\"Vault is sealed\"]}", AID_E_BUSY, "(Vault is sealed)"},
		{500, "{}", AID_E_UNREACHABLE, "HTTP 500"},
		{400, "{\"errors\":[\"" ASSERTION "\"]}", AID_E_DENIED, "left out"},
		{200, "{\"auth\":null}", AID_E_PROTOCOL, "no auth in the answer"},
		{200, AUTH("hvs.x", "-1", "false"), AID_E_PROTOCOL, "lease_duration"},
		{200, AUTH("hvs.x", "1.5", "false"), AID_E_PROTOCOL, "lease_duration"},
		{200, AUTH("hvs.x", "60", "\\\"no\\\""), AID_E_PROTOCOL, "JSON"},
		{200, AUTH("hvs x", "60", "false"), AID_E_PROTOCOL, "client_token has a character"},
	};

	(void)state;
	REFUSALS("vault", VAULT, rows);
}

/* A token that lives too long is not left to live: it is revoked, and then the reason is told, whatever
 * comes of that. */
static void test_vault_refused_token(void **state)
{
	static const struct {
		const char *lease;
		int revoked;
		const char *sentence;
	} rows[] = {
		{AUTH("hvs.x", "0", "false"), 204, "the token never expires"},
		{AUTH("hvs.x", "2764800", "true"), 403, "credential lifetime 2764800 s exceeds"},
		{AUTH("hvs.x", "2764800", "true"), 500, "credential lifetime 2764800 s exceeds"},
	};
	struct bench b;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		BEGIN(&b, "vault", VAULT);
		assert_ok(answer(&b, 200, rows[i].lease), &b.err);
		assert_true(b.more);
		assert_null(b.result.payload);
		assert_int_equal(b.x.refused.status, AID_E_DENIED);
		make_call(&b);
		assert_string_equal(b.call.url, "https://v.example:8200/v1/auth/token/revoke-self");
		assert_string_equal(aid_secret_peek(b.call.headers[2]), "X-Vault-Token: hvs.x");
		assert_string_equal(aid_secret_peek(b.call.body), "{}");
		assert_failed(answer(&b, rows[i].revoked, NULL), AID_E_DENIED, &b.err, rows[i].sentence);
		bench_end(&b);
	}
	/* Renewed, it is still the session's, who ends it. */
	BEGIN(&b, "vault", VAULT);
	b.previous = aid_secret_from("hvs.x", 5);
	b.x.previous = b.previous;
	assert_failed(answer(&b, 200, AUTH("hvs.x", "2764800", "true")), AID_E_DENIED, &b.err, "exceeds");
	assert_failed(answer(&b, 200, AUTH("hvs.x", "0", "true")), AID_E_DENIED, &b.err, "never expires");
	bench_end(&b);
}

/* A renewal or a revocation needs no assertion; a login does. */
static void test_vault_needs_assertion(void **state)
{
	struct bench b;

	(void)state;
	BEGIN(&b, "vault", VAULT);
	assert_true(aid_exchange_needs_assertion(&b.x));
	b.previous = aid_secret_from("hvs.x", 5);
	b.x.previous = b.previous;
	assert_false(aid_exchange_needs_assertion(&b.x));
	assert_ok(answer(&b, 403, NULL), &b.err);
	assert_true(aid_exchange_needs_assertion(&b.x));
	b.x.revoke = true;
	assert_false(aid_exchange_needs_assertion(&b.x));
	bench_end(&b);
}

static int redirect(struct bench *b, const char *location)
{
	const struct aid_exchange_answer seen = {.status = 307, .host = "h", .location = location,
		.retry_after_s = -1, .asked_wall_ms = NOW};

	b->err = AID_ERROR_INIT;
	return aid_exchange_answer(&b->x, &seen, &b->result, &b->more, &b->err);
}

static void test_vault_redirect(void **state)
{
	static const struct {
		const char *location;
		const char *sentence;
	} rows[] = {
		{"https://evil.example/v1/auth/m/jwt/login", "redirect to host 'evil.example', which is not in"},
		{"http://active.example/v1/auth/m/jwt/login", "only https"},
		{"https://active.example/v1/sys/init", "redirect to another path"},
		{"https://active.example", "redirect to another path"},
		{"http://169.254.169.254/v1/auth/m/jwt/login", "only https"},
		{"/v1/auth/m/jwt/login", "url '"},
		{"eyJhbGciOiJFUzI1NiJ9:", "host 'h': left out: it repeats a secret"},
	};
	struct bench b;

	(void)state;
	BEGIN(&b, "vault", VAULT "allowed_hosts=other.example, active.example\0");
	make_call(&b);
	assert_true(b.call.take_redirect);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_failed(redirect(&b, rows[i].location), AID_E_UNTRUSTED, &b.err, rows[i].sentence);
	assert_ok(redirect(&b, "https://active.example:8200/v1/auth/m/jwt/login"), &b.err);
	assert_true(b.more);
	make_call(&b);
	assert_string_equal(b.call.url, "https://active.example:8200/v1/auth/m/jwt/login");
	assert_false(b.call.take_redirect);
	bench_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vault),
		cmocka_unit_test(test_vault_login_anew),
		cmocka_unit_test(test_vault_refusals),
		cmocka_unit_test(test_vault_redirect),
		cmocka_unit_test(test_vault_refused_token),
		cmocka_unit_test(test_vault_needs_assertion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
