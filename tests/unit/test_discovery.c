/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "discovery.h"

#include <stdio.h>

#define ISSUER "https://idp.example/r"
#define DOCUMENT(issuer, more) "{\"issuer\":\"" issuer "\"," more "}"
#define TOKEN(url) "\"token_endpoint\":\"" url "\""
#define JWKS(url) "\"jwks_uri\":\"" url "\""

static int parse(const char *document, const char *issuer, const char *hosts,
	struct aid_metadata **ret_metadata, struct aid_error *err)
{
	return aid_metadata_parse(document, strlen(document), issuer, hosts, ret_metadata, err);
}

static void test_urls(void **state)
{
	char url[128];
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	assert_ok(aid_discovery_url("https://idp.example", url, sizeof(url), &err), &err);
	assert_string_equal(url, "https://idp.example/.well-known/openid-configuration");
	assert_ok(aid_discovery_url("https://idp.example/r/", url, sizeof(url), &err), &err);
	assert_string_equal(url, "https://idp.example/r/.well-known/openid-configuration");
	assert_failed(aid_discovery_url("https://idp.example/?x", url, sizeof(url), &err), AID_E_CONFIG,
		&err, "query");
	assert_failed(aid_discovery_url("http://idp.example", url, sizeof(url), &err), AID_E_CONFIG, &err,
		"only https");
	assert_failed(aid_discovery_url("https://idp.example/longer", url, 50, &err), AID_E_CONFIG, &err,
		"over");
}

static void test_whole(void **state)
{
	AID_AUTO(aid_metadata) *metadata = NULL;
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	assert_ok(parse(DOCUMENT(ISSUER, TOKEN("https://idp.example/t") "," JWKS("https://keys.example/k")
				 ",\"mtls_endpoint_aliases\":{" TOKEN("https://mtls.example/t") "},\"x\":[1]"),
			  ISSUER, "keys.example, mtls.example", &metadata, &err), &err);
	assert_string_equal(metadata->token_endpoint, "https://idp.example/t");
	assert_string_equal(metadata->jwks_uri, "https://keys.example/k");
	assert_string_equal(metadata->mtls_token_endpoint, "https://mtls.example/t");
}

static void test_least(void **state)
{
	AID_AUTO(aid_metadata) *metadata = NULL;
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	assert_ok(parse(DOCUMENT("http://localhost:1/r", TOKEN("http://localhost:1/t")),
			  "http://localhost:1/r", NULL, &metadata, &err), &err);
	assert_null(metadata->jwks_uri);
	assert_null(metadata->mtls_token_endpoint);
}

static void test_refused(void **state)
{
	static const struct {
		const char *document;
		const char *hosts;
		int status;
		const char *part;
	} rows[] = {
		{"", "", AID_E_PROTOCOL, "discovery of 'idp.example'"},
		{"[]", "", AID_E_PROTOCOL, "discovery"},
		{"{}", "", AID_E_PROTOCOL, "no issuer"},
		{"{\"issuer\":1}", "", AID_E_PROTOCOL, "no issuer"},
		{DOCUMENT(ISSUER "/", TOKEN("https://idp.example/t")), "", AID_E_UNTRUSTED, "issuer is"},
		{DOCUMENT("https://IDP.example/r", TOKEN("https://idp.example/t")), "", AID_E_UNTRUSTED,
			"issuer is"},
		{DOCUMENT(ISSUER, "\"token_endpoint\":null"), "", AID_E_PROTOCOL, "token_endpoint"},
		{DOCUMENT(ISSUER, TOKEN("https://evil.example/t")), "", AID_E_UNTRUSTED, "evil.example"},
		{DOCUMENT(ISSUER, TOKEN("https://evil.example/t")), "vil.example,evil.exampl",
			AID_E_UNTRUSTED, "evil.example"},
		{DOCUMENT(ISSUER, TOKEN("https://x.idp.example/t")), "", AID_E_UNTRUSTED, "neither"},
		{DOCUMENT(ISSUER, TOKEN("http://idp.example/t")), "", AID_E_UNTRUSTED, "only https"},
		{DOCUMENT(ISSUER, TOKEN("http://localhost/t")), "localhost", AID_E_UNTRUSTED, "loopback"},
		{DOCUMENT(ISSUER, TOKEN("https://127.0.0.1/t")), "127.0.0.1", AID_E_UNTRUSTED, "loopback"},
		{DOCUMENT(ISSUER, TOKEN("https://u@idp.example/t")), "", AID_E_UNTRUSTED, "user"},
		{DOCUMENT(ISSUER, TOKEN("https://idp.example/t") "," JWKS("file:///k")), "",
			AID_E_UNTRUSTED, "jwks_uri"},
		{DOCUMENT(ISSUER, TOKEN("https://idp.example/t") ",\"mtls_endpoint_aliases\":[]"), "",
			AID_E_PROTOCOL, "mtls_endpoint_aliases"},
		{DOCUMENT(ISSUER, TOKEN("https://idp.example/t") "," TOKEN("https://idp.example/u")), "",
			AID_E_PROTOCOL, "discovery"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AID_AUTO(aid_metadata) *metadata = NULL;
		struct aid_error err = AID_ERROR_INIT;

		assert_failed(parse(rows[i].document, ISSUER, rows[i].hosts, &metadata, &err),
			rows[i].status, &err, rows[i].part);
		assert_null(metadata);
	}
}

static void test_downgrade(void **state)
{
	AID_AUTO(aid_metadata) *metadata = NULL;
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	assert_failed(parse(DOCUMENT("https://localhost/r", TOKEN("http://localhost/t")),
			      "https://localhost/r", NULL, &metadata, &err), AID_E_UNTRUSTED, &err,
		"http and the issuer https");
}

static void test_size(void **state)
{
	char *big = malloc(AID_DISCOVERY_MAX + 2);
	AID_AUTO(aid_metadata) *metadata = NULL;
	struct aid_error err = AID_ERROR_INIT;
	size_t length;

	(void)state;
	assert_non_null(big);
	length = (size_t)snprintf(big, AID_DISCOVERY_MAX, "%s",
		DOCUMENT(ISSUER, TOKEN("https://idp.example/t")));
	memset(big + length, ' ', AID_DISCOVERY_MAX + 1 - length);
	assert_failed(aid_metadata_parse(big, AID_DISCOVERY_MAX + 1, ISSUER, NULL, &metadata, &err),
		AID_E_TOOBIG, &err, "65536");
	assert_ok(aid_metadata_parse(big, AID_DISCOVERY_MAX, ISSUER, NULL, &metadata, &err), &err);
	free(big);
}

/* What is wrong with revocation is no reason to have no tokens. */
static void test_revocation(void **state)
{
	static const struct {
		const char *more;
		const char *endpoint; /* NULL: none */
		const char *problem;  /* NULL: none */
	} rows[] = {
		{"\"x\":1", NULL, NULL},
		{"\"revocation_endpoint\":\"https://idp.example/v\"", "https://idp.example/v", NULL},
		{"\"revocation_endpoint\":\"https://keys.example/v\"", "https://keys.example/v", NULL},
		{"\"revocation_endpoint\":\"https://evil.example/v\"", NULL,
			"revocation_endpoint is on host 'evil.example', which is neither"},
		{"\"revocation_endpoint\":\"http://idp.example/v\"", NULL, "only https"},
		{"\"revocation_endpoint\":\"https://127.0.0.1/v\"", NULL, "is on loopback host"},
		{"\"revocation_endpoint\":7", NULL, "revocation_endpoint"},
		{"\"revocation_endpoint\":\"https://idp.example/v\",\"mtls_endpoint_aliases\":"
		 "{\"revocation_endpoint\":\"https://evil.example/v\"}", NULL, "'evil.example'"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AID_AUTO(aid_metadata) *metadata = NULL;
		struct aid_error err = AID_ERROR_INIT;
		char document[512];

		(void)snprintf(document, sizeof(document), DOCUMENT(ISSUER, TOKEN("https://idp.example/t") ",%s"),
			rows[i].more);
		assert_ok(parse(document, ISSUER, "keys.example", &metadata, &err), &err);
		assert_string_equal(metadata->token_endpoint, "https://idp.example/t");
		assert_null(metadata->mtls_revocation_endpoint);
		if (rows[i].endpoint != NULL)
			assert_string_equal(metadata->revocation_endpoint, rows[i].endpoint);
		else
			assert_null(metadata->revocation_endpoint);
		if (rows[i].problem != NULL)
			assert_non_null(strstr(metadata->revocation_problem, rows[i].problem));
		else
			assert_null(metadata->revocation_problem);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_least),
		cmocka_unit_test(test_revocation),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_downgrade),
		cmocka_unit_test(test_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
