/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "http.h"

static void test_accepted(void **state)
{
	static const struct {
		const char *url;
		const char *host;
		bool is_loopback;
	} rows[] = {
		{"https://IdP.example/realms/r", "idp.example", false},
		{"https://idp.example:8443", "idp.example", false},
		{"https://10.0.0.1/", "10.0.0.1", false},
		{"https://[2001:db8::1]/x?y=z", "2001:db8::1", false},
		{"http://localhost:8080/realms/r", "localhost", true},
		{"http://127.0.0.1/", "127.0.0.1", true},
		{"http://127.9.9.9:1/", "127.9.9.9", true},
		{"http://[::1]:80/", "::1", true},
		{"https://localhost", "localhost", true},
		/* Another spelling of the same address must not be another host. */
		{"http://0x7f000001/", "127.0.0.1", true},
		{"http://127.1/", "127.0.0.1", true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct aid_error err = AID_ERROR_INIT;
		struct aid_url url;

		assert_ok(aid_url_parse(rows[i].url, &url, &err), &err);
		assert_string_equal(url.host, rows[i].host);
		assert_int_equal(url.is_loopback, rows[i].is_loopback);
		assert_int_equal(url.is_tls, rows[i].url[4] == 's');
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *url;
		const char *part;
	} rows[] = {
		{"http://idp.example/", "only https"}, {"ftp://idp.example/", "only https"},
		{"file:///etc/passwd", "url"}, {"javascript:alert(1)", "url"},
		{"https://user@idp.example/", "user information"},
		{"https://user:pw@idp.example/", "user information"},
		{"https://@idp.example/", "user information"},
		{"https://idp.example/#x", "fragment"}, {"https://idp.example/a b", "blank"},
		{"https://idp.example/\r\nX: y", "control"}, {"https://idp.example\\@evil/", "backslash"},
		{"https://idp.exampl\xc3\xa9/", "non-ASCII"}, {"https:///x", "url"}, {"", "url"},
		{"idp.example/x", "url"}, {"https://", "url"}, {"//idp.example/", "url"},
		{"http://localhost.evil.example/", "only https"}, {"http://127.0.0.1.evil.example/", "only"},
		{"https://idp.example:99999/", "url"}, {"https://idp.example:x/", "url"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct aid_error err = AID_ERROR_INIT;
		struct aid_url url;

		assert_failed(aid_url_parse(rows[i].url, &url, &err), AID_E_UNTRUSTED, &err, rows[i].part);
	}
}

static void test_length(void **state)
{
	char text[AID_URL_MAX + 2] = "https://idp.example/";
	struct aid_error err = AID_ERROR_INIT;
	struct aid_url url;

	(void)state;
	memset(text + strlen(text), 'a', AID_URL_MAX - strlen(text));
	assert_ok(aid_url_parse(text, &url, &err), &err);
	text[AID_URL_MAX] = 'a';
	assert_failed(aid_url_parse(text, &url, &err), AID_E_UNTRUSTED, &err, "over 2047 bytes");
}

/* Where a cloud serves credentials is asked for by name alone, and only there is http allowed. */
static void test_instance(void **state)
{
	static const char *const wrong[] = {"http://169.254.169.254", "https://169.254.169.254/",
		"http://169.254.169.254:80/", "http://169.254.169.254@evil/", "http://169.254.169.2540/",
		"http://169.254.170.3/", "http://127.0.0.1/", "http://example.com/", "http://169.254.169.254/a b"};
	struct aid_error err = AID_ERROR_INIT;
	struct aid_url url;

	(void)state;
	assert_ok(aid_url_parse_instance("http://169.254.170.23/v1/credentials", &url, &err), &err);
	assert_string_equal(url.host, "169.254.170.23");
	assert_false(url.is_tls);
	assert_false(url.is_loopback);
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		err = AID_ERROR_INIT;
		assert_int_equal(aid_url_parse_instance(wrong[i], &url, &err), AID_E_UNTRUSTED);
	}
	assert_failed(aid_url_parse("http://169.254.169.254/", &url, &err), AID_E_UNTRUSTED, &err,
		"only https");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_instance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
