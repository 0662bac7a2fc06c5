/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "oauth.h"
#include "protocol.h"

#include <stdio.h>

static void test_form(void **state)
{
	const struct aid_grant grant = {.scope = "a b", .audience = "", .resource = "https://rs/?x=1&y"};
	AID_AUTO(aid_secret) *form = aid_secret_new(200);
	AID_AUTO(aid_secret) *small = aid_secret_new(40);
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	assert_ok(aid_oauth_form(&grant, form, &err), &err);
	assert_string_equal(aid_secret_peek(form), "grant_type=client_credentials&scope=a+b&"
						   "resource=https%3A%2F%2Frs%2F%3Fx%3D1%26y");
	assert_failed(aid_oauth_form(&grant, small, &err), AID_E_TOOBIG, &err, "over 40 bytes");
}

static void test_encoding(void **state)
{
	AID_AUTO(aid_secret) *out = aid_secret_new(1000);
	const char all[] = "AZaz09-._* +%&=:/~\xc3\xa9\x01";

	(void)state;
	assert_int_equal(aid_form_encode(out, all, sizeof(all)), AID_OK);
	assert_string_equal(aid_secret_peek(out),
		"AZaz09-._*+%2B%25%26%3D%3A%2F%7E%C3%A9%01%00");
}

static int respond(const char *text, struct aid_token_response *ret_response, struct aid_error *err)
{
	AID_AUTO(aid_secret) *body = aid_secret_from(text, strlen(text));

	return aid_oauth_response(body, ret_response, err);
}

#define BODY(more) "{\"access_token\":\"abc.DEF-_~+/=\",\"token_type\":\"bEARER\"" more "}"

static void test_response(void **state)
{
	static const struct {
		const char *body;
		int64_t want_s;
	} rows[] = {
		{BODY(""), -1}, {BODY(",\"expires_in\":300"), 300}, {BODY(",\"expires_in\":\"300\""), 300},
		{BODY(",\"expires_in\":1"), 1}, {BODY(",\"expires_in\":999999999"), 999999999},
		{BODY(",\"refresh_token\":\"x\",\"scope\":\"y\",\"not-before-policy\":0"), -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct aid_error err = AID_ERROR_INIT;
		struct aid_token_response response;

		assert_ok(respond(rows[i].body, &response, &err), &err);
		assert_string_equal(aid_secret_peek(response.token), "abc.DEF-_~+/=");
		assert_int_equal(response.expires_in_s, rows[i].want_s);
		aid_secret_free(response.token);
	}
}

static void test_bad_response(void **state)
{
	static const char *const rows[][2] = {
		{"", "token response"}, {"[]", "token response"}, {"{}", "access_token"},
		{"{\"error\":\"x\"}", "access_token"}, {BODY("") " x", "token response"},
		{BODY(",\"access_token\":\"y\""), "token response"},
		{"{\"access_token\":\"a b\",\"token_type\":\"Bearer\"}", "access_token"},
		{"{\"access_token\":\"a\\nb\",\"token_type\":\"Bearer\"}", "access_token"},
		{"{\"access_token\":\"\",\"token_type\":\"Bearer\"}", "access_token"},
		{"{\"access_token\":\"=\",\"token_type\":\"Bearer\"}", "access_token"},
		{"{\"access_token\":7,\"token_type\":\"Bearer\"}", "access_token"},
		{"{\"access_token\":\"a\"}", "token_type"},
		{"{\"access_token\":\"a\",\"token_type\":\"DPoP\"}", "'DPoP'"},
		{"{\"access_token\":\"a\",\"token_type\":\"Bearers\"}", "'Bearers'"},
		{"{\"access_token\":\"a\",\"token_type\":null}", "token_type"},
		{BODY(",\"expires_in\":0"), "expires_in"}, {BODY(",\"expires_in\":-1"), "expires_in"},
		{BODY(",\"expires_in\":300.5"), "expires_in"}, {BODY(",\"expires_in\":300.0"), "expires_in"},
		{BODY(",\"expires_in\":true"), "expires_in"}, {BODY(",\"expires_in\":null"), "expires_in"},
		{BODY(",\"expires_in\":1000000000"), "expires_in"},
		{BODY(",\"expires_in\":\"1000000000\""), "expires_in"},
		{BODY(",\"expires_in\":1e18"), "expires_in"}, {BODY(",\"expires_in\":\" 300\""), "expires_in"},
		{BODY(",\"expires_in\":\"+300\""), "expires_in"}, {BODY(",\"expires_in\":\"0\""), "expires_in"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct aid_token_response response = {0};
		struct aid_error err = AID_ERROR_INIT;

		assert_failed(respond(rows[i][0], &response, &err), AID_E_PROTOCOL, &err, rows[i][1]);
		assert_null(response.token);
	}
}

static void test_sizes(void **state)
{
	static char body[AID_TOKEN_MAX + 100];
	static char token[AID_TOKEN_MAX + 2];
	struct aid_token_response response = {0};
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	memset(token, 'a', AID_TOKEN_MAX);
	(void)snprintf(body, sizeof(body), "{\"access_token\":\"%s\",\"token_type\":\"Bearer\"}", token);
	assert_ok(respond(body, &response, &err), &err);
	aid_secret_free(response.token);
	token[AID_TOKEN_MAX] = 'a';
	(void)snprintf(body, sizeof(body), "{\"access_token\":\"%s\",\"token_type\":\"Bearer\"}", token);
	assert_failed(respond(body, &response, &err), AID_E_TOOBIG, &err, "16385 bytes, at most 16384");
}

static void test_refusals(void **state)
{
	static const struct {
		int http_status;
		const char *body;
		int status;
		const char *code;
		const char *part;
	} rows[] = {
		{401, "{\"error\":\"invalid_client\"}", AID_E_CREDENTIAL, "invalid_client", "HTTP 401"},
		{401, "{\"error\":\"unauthorized_client\"}", AID_E_CREDENTIAL, "unauthorized_client", ""},
		{400, "{\"error\":\"invalid_client\"}", AID_E_CREDENTIAL, "invalid_client", "HTTP 400"},
		{400, "{\"error\":\"unauthorized_client\"}", AID_E_DENIED, "unauthorized_client", ""},
		{400, "{\"error\":\"invalid_scope\",\"error_description\":\"no\\u0007x\"}", AID_E_DENIED,
			"invalid_scope", "(no?x)"},
		{403, "{\"error\":\"access_denied\"}", AID_E_DENIED, "access_denied", ""},
		{429, "", AID_E_BUSY, "", "HTTP 429 without"},
		{429, "{\"error\":\"slow_down\"}", AID_E_BUSY, "slow_down", ""},
		{503, "<html>", AID_E_BUSY, "", "503"},
		{500, "{\"error\":\"server_error\"}", AID_E_UNREACHABLE, "server_error", ""},
		{502, "x", AID_E_UNREACHABLE, "", "502"},
		{404, "<html>", AID_E_PROTOCOL, "", "without an OAuth error object"},
		{401, "{\"error\":\"Invalid Client\"}", AID_E_PROTOCOL, "", "without"},
		{401, "{\"error\":7}", AID_E_PROTOCOL, "", "without"},
		{400, "{\"error\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}", AID_E_PROTOCOL, "", "without"},
		{400, "{\"error\":\"invalid_request\",\"error_description\":\"got 'hunter2'\"}", AID_E_DENIED,
			"invalid_request", "left out"},
		/* a part of the token that was to be exchanged */
		{400, "{\"error\":\"invalid_request\",\"error_description\":\"at iOiJhIn0.c2l: bad\"}",
			AID_E_DENIED, "invalid_request", "(left out: it repeats a secret)"},
		{400, "{\"error\":\"invalid_request\",\"error_description\":\"at iOiJhIn0.c2x: bad\"}",
			AID_E_DENIED, "invalid_request", "(at iOiJhIn0.c2x: bad)"},
	};
	AID_AUTO(aid_secret) *secret = aid_secret_from("hunter2", 7);
	AID_AUTO(aid_secret) *token = aid_secret_from("eyJhbGciOiJFUzI1NiJ9.eyJzdWiOiJhIn0.c2lnbmF0", 45);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AID_AUTO(aid_secret) *body = aid_secret_from(rows[i].body, strlen(rows[i].body));
		const struct aid_refusal refusal = {rows[i].http_status, body, 7, "idp.example",
			{secret, NULL, token}};
		struct aid_error err = AID_ERROR_INIT;

		assert_failed(aid_oauth_refusal(&refusal, &err), rows[i].status, &err, rows[i].part);
		assert_string_equal(err.oauth_code, rows[i].code);
		assert_int_equal(err.http_status, rows[i].http_status);
		assert_int_equal(err.retry_after_s, 7);
		assert_null(strstr(err.text, "hunter2"));
	}
}

static void test_revocation_form(void **state)
{
	AID_AUTO(aid_secret) *form = aid_secret_new(64);
	AID_AUTO(aid_secret) *token = aid_secret_from("a.b~+/=", 7);
	AID_AUTO(aid_secret) *small = aid_secret_new(40);
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	assert_ok(aid_oauth_revocation_form(token, form, &err), &err);
	assert_string_equal(aid_secret_peek(form), "token=a.b%7E%2B%2F%3D&token_type_hint=access_token");
	assert_failed(aid_oauth_revocation_form(token, small, &err), AID_E_TOOBIG, &err, "over 40 bytes");
}

static void test_revoked(void **state)
{
	static const struct {
		int http_status;
		const char *body;
		int status;
		const char *part;
	} rows[] = {
		{200, "", AID_OK, ""},
		{200, "<html>", AID_OK, ""},
		{400, "{\"error\":\"unsupported_token_type\"}", AID_E_NOTFOUND, "HTTP 400 unsupported_token_type"},
		{400, "{\"error\":\"invalid_request\"}", AID_E_DENIED, "invalid_request"},
		{503, "{\"error\":\"unsupported_token_type\"}", AID_E_BUSY, "503"},
		{401, "{\"error\":\"invalid_client\"}", AID_E_CREDENTIAL, "invalid_client"},
		{302, "", AID_E_PROTOCOL, "without an OAuth error object"},
		{204, "", AID_E_PROTOCOL, "without an OAuth error object"},
		{400, "{\"error\":\"invalid_token\",\"error_description\":\"bad ey.J.x!\"}", AID_E_DENIED,
			"(left out: it repeats a secret)"},
	};
	AID_AUTO(aid_secret) *token = aid_secret_from("ey.J.x", 6);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AID_AUTO(aid_secret) *body = aid_secret_from(rows[i].body, strlen(rows[i].body));
		const struct aid_refusal answer = {rows[i].http_status, body, 7, "idp.example",
			{[3] = token}};
		struct aid_error err = AID_ERROR_INIT;
		int r = aid_oauth_revoked(&answer, &err);

		if (rows[i].status == AID_OK)
			assert_ok(r, &err);
		else
			assert_failed(r, rows[i].status, &err, rows[i].part);
		assert_null(strstr(err.text, "ey.J.x"));
	}
}

#define TYPE "urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3A"

static void test_exchange_form(void **state)
{
	AID_AUTO(aid_secret) *subject = aid_secret_from("s+s", 3);
	AID_AUTO(aid_secret) *actor = aid_secret_from("a", 1);
	AID_AUTO(aid_secret) *form = aid_secret_new(1000);
	AID_AUTO(aid_secret) *small = aid_secret_new(100);
	struct aid_exchange_grant grant = {.subject_token = subject, .subject_type = "access_token",
		.requested_type = "jwt"};
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	assert_ok(aid_oauth_exchange_form(&grant, form, &err), &err);
	assert_string_equal(aid_secret_peek(form),
		"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=s%2Bs&"
		"subject_token_type=" TYPE "access_token&requested_token_type=" TYPE "jwt");
	aid_secret_clear(form);
	grant.actor_token = actor;
	grant.actor_type = "jwt";
	grant.audience = "b";
	grant.scope = "x y";
	grant.resource = "https://r";
	assert_ok(aid_oauth_exchange_form(&grant, form, &err), &err);
	assert_non_null(strstr(aid_secret_peek(form), "&actor_token=a&actor_token_type=" TYPE "jwt&"));
	assert_non_null(strstr(aid_secret_peek(form), "&scope=x+y&audience=b&resource=https%3A%2F%2Fr"));
	assert_failed(aid_oauth_exchange_form(&grant, small, &err), AID_E_TOOBIG, &err, "over 100 bytes");
}

static void test_exchange_response(void **state)
{
#define ISSUED(type, more)                                                                         \
	"{\"access_token\":\"abc\",\"token_type\":\"" type "\"" more "}"
#define OF(type) ",\"issued_token_type\":\"urn:ietf:params:oauth:token-type:" type "\""
	static const struct {
		const char *body;
		const char *wanted;
		const char *sentence; /* NULL: taken */
	} rows[] = {
		{ISSUED("Bearer", OF("access_token")), "access_token", NULL},
		{ISSUED("N_A", OF("jwt")), "jwt", NULL},
		{ISSUED("Bearer", OF("txn_token")), "txn_token", NULL},
		{ISSUED("N_A", OF("access_token")), "access_token", "token_type is 'N_A', only Bearer"},
		{ISSUED("DPoP", OF("jwt")), "jwt", "token_type is 'DPoP'"},
		{ISSUED("Bearer", ""), "access_token", "no issued_token_type"},
		{ISSUED("Bearer", OF("jwt")), "access_token", "issued_token_type is 'urn:ietf:params:oauth:token-type:jwt'"},
		{ISSUED("Bearer", ",\"issued_token_type\":\"access_token\""), "access_token",
			"issued_token_type is 'access_token'"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AID_AUTO(aid_secret) *body = aid_secret_from(rows[i].body, strlen(rows[i].body));
		struct aid_token_response response = {.token = NULL};
		struct aid_error err = AID_ERROR_INIT;
		int r = aid_oauth_exchange_response(body, rows[i].wanted, &response, &err);

		if (rows[i].sentence == NULL)
			assert_ok(r, &err);
		else
			assert_failed(r, AID_E_PROTOCOL, &err, rows[i].sentence);
		aid_secret_free(response.token);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchange_form), cmocka_unit_test(test_exchange_response),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_encoding),
		cmocka_unit_test(test_response),
		cmocka_unit_test(test_bad_response),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_revocation_form),
		cmocka_unit_test(test_revoked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
