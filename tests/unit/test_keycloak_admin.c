/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Keycloak's admin API: each request byte by byte, and answers as 24.0.5 and 26.7.3 gave them. */
#include "keycloak_admin.h"
#include "unit.h"

#include <stdio.h>

#define URL "https://kc.example.com/admin/realms/r"
#define ID "e7fbddbc-eaee-4f2a-9af0-5ea24752932e"
#define TOKEN "the-token-of-the-admin"

static struct aid_secret *token;

static int setup(void **state)
{
	(void)state;
	token = aid_secret_from(TOKEN, strlen(TOKEN));
	return token == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	aid_secret_free(token);
	return 0;
}

static struct aid_keycloak keycloak(void)
{
	return (struct aid_keycloak){URL, "my ag\"ent", token};
}

static void expect_call(struct aid_exchange_call *call, bool is_put, const char *url, const char *body)
{
	assert_string_equal(call->url, url);
	assert_int_equal(call->is_put, is_put);
	assert_string_equal(call->accept, "application/json");
	assert_string_equal(aid_secret_peek(call->headers[0]), "Authorization: Bearer " TOKEN);
	assert_null(call->headers[1]);
	if (body == NULL)
		assert_null(call->body);
	else
		assert_string_equal(aid_secret_peek(call->body), body);
	aid_exchange_call_done(call);
}

struct heard {
	struct aid_secret *body;
	struct aid_exchange_answer answer;
};

static struct heard hear(int status, const char *body)
{
	struct heard heard = {body == NULL ? NULL : aid_secret_from(body, strlen(body)),
		{.status = status, .host = "kc.example.com", .retry_after_s = -1}};

	heard.answer.body = heard.body;
	return heard;
}

static void test_find(void **state)
{
	const struct aid_keycloak kc = keycloak();
	struct aid_exchange_call call;
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	assert_ok(aid_keycloak_find(&kc, &call, &err), &err);
	assert_null(call.content_type);
	expect_call(&call, false, URL "/clients?clientId=my+ag%22ent", NULL);
}

static void test_found(void **state)
{
	static const struct {
		int status, expected;
		const char *body;
		const char *sentence;
	} all[] = {
		{200, AID_OK, "[{\"id\":\"" ID "\",\"clientId\":\"my ag\\\"ent\",\"secret\":\"s\",\"attributes\":{"
			"\"client.secret.creation.time\":\"1795578424\",\"client.secret.expiration.time\":\"1795664824\"}}]",
			NULL},
		{200, AID_E_DENIED, "[]", "the admin client sees no client 'my ag\"ent'"},
		{200, AID_E_PROTOCOL, "[{},{}]", "2 clients where one was asked for"},
		{200, AID_E_PROTOCOL, "[1]", "1 clients where one was asked for"},
		{200, AID_E_PROTOCOL, "[{\"id\":\"" ID "\",\"clientId\":\"other\"}]", "another client than "},
		{200, AID_E_PROTOCOL, "[{\"id\":\"../x\",\"clientId\":\"my ag\\\"ent\"}]", "another client than "},
		{200, AID_E_PROTOCOL, "[{\"clientId\":\"my ag\\\"ent\"}]", "another client than "},
		{200, AID_E_PROTOCOL, "{}", "JSON: not an array"},
		{200, AID_E_PROTOCOL, NULL, "empty answer"},
		{403, AID_E_DENIED, "{\"error\":\"HTTP 403 Forbidden\"}",
			"find the client: the admin client needs the role manage-clients"},
		{401, AID_E_DENIED, "{\"error\":\"HTTP 401 Unauthorized\"}", "HTTP 401"},
		{404, AID_E_DENIED, "{\"error\":\"Realm not found.\"}", "Realm not found."},
		{503, AID_E_BUSY, NULL, "HTTP 503"},
		{500, AID_E_UNREACHABLE, "<html>", "HTTP 500"},
	};
	const struct aid_keycloak kc = keycloak();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		struct heard heard = hear(all[i].status, all[i].body);
		struct aid_error err = AID_ERROR_INIT;
		struct aid_keycloak_client client;
		int r = aid_keycloak_find_answer(&kc, &heard.answer, &client, &err);

		if (all[i].expected != AID_OK) {
			assert_failed(r, all[i].expected, &err, all[i].sentence);
		} else {
			assert_ok(r, &err);
			assert_string_equal(client.id, ID);
			assert_int_equal(client.created_s, 1795578424);
			assert_int_equal(client.expires_s, 1795664824);
		}
		aid_secret_free(heard.body);
	}
}

static void test_times(void **state)
{
	static const char *const bodies[] = {"", ",\"attributes\":{}", ",\"attributes\":1",
		",\"attributes\":{\"client.secret.creation.time\":\"\"}",
		",\"attributes\":{\"client.secret.creation.time\":\"-1\"}",
		",\"attributes\":{\"client.secret.creation.time\":17}"};
	const struct aid_keycloak kc = {URL, "c", token};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		struct aid_keycloak_client client;
		struct aid_error err = AID_ERROR_INIT;
		struct heard heard;
		char body[160];

		(void)snprintf(body, sizeof(body), "[{\"id\":\"1\",\"clientId\":\"c\"%s}]", bodies[i]);
		heard = hear(200, body);
		assert_ok(aid_keycloak_find_answer(&kc, &heard.answer, &client, &err), &err);
		assert_int_equal(client.created_s, 0);
		assert_int_equal(client.expires_s, 0);
		aid_secret_free(heard.body);
	}
}

static void test_read(void **state)
{
	static const struct {
		int status, expected;
		const char *body;
		const char *sentence;
	} all[] = {
		{200, AID_OK, "{\"type\":\"secret\",\"value\":\"chosen\"}", NULL},
		{200, AID_E_DENIED, "{\"type\":\"secret\"}", "has no secret"},
		{200, AID_E_CREDENTIAL, "{\"type\":\"secret\",\"value\":\"\"}", "is empty"},
		{200, AID_E_PROTOCOL, "[]", "JSON: not an object"},
		{403, AID_E_DENIED, "{\"error\":\"HTTP 403 Forbidden\"}", "read the client's secret: the admin client"},
	};
	const struct aid_keycloak kc = keycloak();
	const struct aid_keycloak_client client = {.id = ID};
	struct aid_exchange_call call;
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	assert_ok(aid_keycloak_read(&kc, &client, &call, &err), &err);
	expect_call(&call, false, URL "/clients/" ID "/client-secret", NULL);
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		struct heard heard = hear(all[i].status, all[i].body);
		AID_AUTO(aid_secret) *secret = NULL;
		int r = aid_keycloak_read_answer(&kc, &heard.answer, &secret, &err);

		if (all[i].expected == AID_OK)
			assert_string_equal(aid_secret_peek(secret), "chosen");
		else
			assert_failed(r, all[i].expected, &err, all[i].sentence);
		aid_secret_free(heard.body);
	}
}

#define SET "{\"clientId\":\"my ag\\u0022ent\",\"secret\":\"new\",\"attributes\":{"
#define CREATED "\"client.secret.creation.time\":\"1000\""
#define OLD                                                                                            \
	",\"client.secret.rotated\":\"old\",\"client.secret.rotated.creation.time\":\"1000\","         \
	"\"client.secret.rotated.expiration.time\":\"1300\""

static void test_set(void **state)
{
	AID_AUTO(aid_secret) *fresh = aid_secret_from("new", 3);
	AID_AUTO(aid_secret) *old = aid_secret_from("old", 3);
	const struct {
		struct aid_keycloak_client client;
		const struct aid_secret *old;
		const char *body;
	} all[] = {
		{{.id = ID}, old, SET CREATED OLD "}}"},
		{{.id = ID}, NULL, SET CREATED "}}"},
		{{ID, 100, 700}, old, SET CREATED ",\"client.secret.expiration.time\":\"1600\"" OLD "}}"},
		{{ID, 0, 700}, NULL, SET CREATED "}}"},
		{{ID, 700, 700}, NULL, SET CREATED "}}"},
	};
	const struct aid_keycloak kc = keycloak();
	struct aid_exchange_call call;
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		const struct aid_keycloak_change change = {fresh, all[i].old, 300, 1000};

		assert_ok(aid_keycloak_set(&kc, &all[i].client, &change, &call, &err), &err);
		assert_string_equal(call.content_type, "application/json");
		expect_call(&call, true, URL "/clients/" ID, all[i].body);
	}
}

static void test_was_set(void **state)
{
	AID_AUTO(aid_secret) *fresh = aid_secret_from("a-new-secret-of-some-length", 27);
	const struct aid_keycloak_change change = {fresh, NULL, 300, 1000};
	const struct aid_keycloak kc = keycloak();
	struct heard heard = hear(204, NULL);
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	assert_ok(aid_keycloak_set_answer(&kc, &change, &heard.answer, &err), &err);
	heard = hear(500, "{\"error\":\"unknown_error\",\"error_description\":\"consult the log\"}");
	assert_failed(aid_keycloak_set_answer(&kc, &change, &heard.answer, &err), AID_E_UNREACHABLE, &err,
		"set the client's secret: host 'kc.example.com': HTTP 500 unknown_error (consult the log)");
	aid_secret_free(heard.body);
	/* It repeats what it was sent. */
	heard = hear(400, "{\"error\":\"bad\",\"error_description\":\"not good: a-new-secret-of-some-length\"}");
	assert_failed(aid_keycloak_set_answer(&kc, &change, &heard.answer, &err), AID_E_PROTOCOL, &err,
		"left out: it repeats a secret");
	assert_null(strstr(err.text, "a-new-secret"));
	aid_secret_free(heard.body);
}

static void test_bad_token(void **state)
{
	AID_AUTO(aid_secret) *bad = aid_secret_from("a\r\nX: b", 7);
	const struct aid_keycloak kc = {URL, "c", bad};
	struct aid_exchange_call call;
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	assert_failed(aid_keycloak_find(&kc, &call, &err), AID_E_INVALID, &err, "no bearer token");
	aid_exchange_call_done(&call);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_was_set),
		cmocka_unit_test(test_bad_token),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
