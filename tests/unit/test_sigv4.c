/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The signatures of AWS's published test suite for Signature Version 4, and one of Secrets Manager. */
#include "unit.h"

#include "digest.h"
#include "sigv4.h"
#include "str.h"

#define SUITE_NOW INT64_C(1440938160000) /* 20150830T123600Z */
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define HEADERS_MAX 6

struct vector {
	const char *name; /* in the suite */
	const char *method, *path, *query, *body;
	struct aid_sigv4_header headers[HEADERS_MAX]; /* beside host */
	const char *signature;
};

static const struct vector vectors[] = {
	{"get-vanilla", "GET", "/", NULL, "", {{NULL, NULL}},
		"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{"get-vanilla-query", "GET", "/", "", "", {{NULL, NULL}},
		"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{"get-vanilla-empty-query-key", "GET", "/", "Param1=value1", "", {{NULL, NULL}},
		"a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
	{"get-vanilla-query-order-key-case", "GET", "/", "Param2=value2&Param1=value1", "", {{NULL, NULL}},
		"b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
	{"get-vanilla-query-unreserved", "GET", "/",
		"-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz="
		"-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "", {{NULL, NULL}},
		"9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
	{"get-vanilla-utf8-query", "GET", "/", "\xe1\x88\xb4=bar", "", {{NULL, NULL}},
		"2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
	{"get-unreserved", "GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
		NULL, "", {{NULL, NULL}},
		"07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
	{"get-utf8", "GET", "/\xe1\x88\xb4", NULL, "", {{NULL, NULL}},
		"8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
	{"get-relative", "GET", "/example/..", NULL, "", {{NULL, NULL}},
		"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{"get-relative-relative", "GET", "/example1/example2/../..", NULL, "", {{NULL, NULL}},
		"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{"get-slash", "GET", "//", NULL, "", {{NULL, NULL}},
		"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{"get-slash-dot-slash", "GET", "/./", NULL, "", {{NULL, NULL}},
		"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{"get-slash-pointless-dot", "GET", "/./example", NULL, "", {{NULL, NULL}},
		"ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"},
	{"get-slashes", "GET", "//example//", NULL, "", {{NULL, NULL}},
		"9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
	{"get-space", "GET", "/example space/", NULL, "", {{NULL, NULL}},
		"652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
	{"get-header-key-duplicate", "GET", "/", NULL, "",
		{{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}, {NULL, NULL}},
		"c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
	{"get-header-value-order", "GET", "/", NULL, "",
		{{"My-Header1", "value4"}, {"My-Header1", "value1"}, {"My-Header1", "value3"},
			{"My-Header1", "value2"}, {NULL, NULL}},
		"08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
	{"get-header-value-trim", "GET", "/", NULL, "",
		{{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}, {NULL, NULL}},
		"acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
	{"post-vanilla", "POST", "/", NULL, "", {{NULL, NULL}},
		"5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
	{"post-vanilla-query", "POST", "/", "Param1=value1", "", {{NULL, NULL}},
		"28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
	{"post-header-key-sort", "POST", "/", NULL, "", {{"My-Header1", "value1"}, {NULL, NULL}},
		"c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
	{"post-header-value-case", "POST", "/", NULL, "", {{"My-Header1", "VALUE1"}, {NULL, NULL}},
		"cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
	{"post-x-www-form-urlencoded", "POST", "/", NULL, "Param1=value1",
		{{"Content-Type", "application/x-www-form-urlencoded"}, {NULL, NULL}},
		"ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
	{"post-x-www-form-urlencoded-parameters", "POST", "/", NULL, "Param1=value1",
		{{"Content-Type", "application/x-www-form-urlencoded; charset=utf8"}, {NULL, NULL}},
		"1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"},
};

static int sign(const struct vector *v, struct aid_sigv4_signed *made, struct aid_error *err)
{
	AID_AUTO(aid_secret) *secret = aid_secret_from(SECRET, sizeof(SECRET) - 1);
	const struct aid_sigv4_keys keys = {"AKIDEXAMPLE", secret, NULL};
	struct aid_sigv4_header headers[HEADERS_MAX + 1];
	struct aid_sigv4_request request = {
		.method = v->method, .path = v->path, .query = v->query, .body = v->body,
		.body_length = strlen(v->body), .headers = headers, .region = "us-east-1",
		.service = "service", .now_wall_ms = SUITE_NOW,
	};

	while (v->headers[request.n_headers].name != NULL) {
		headers[request.n_headers] = v->headers[request.n_headers];
		request.n_headers++;
	}
	headers[request.n_headers++] = (struct aid_sigv4_header){"Host", "example.amazonaws.com"};
	return aid_sigv4_sign(&keys, &request, made, err);
}

static void test_suite(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(vectors); i++) {
		struct aid_sigv4_signed made = {.authorization = NULL};
		struct aid_error err = AID_ERROR_INIT;

		assert_ok(sign(&vectors[i], &made, &err), &err);
		if (!aid_streq(made.signature, vectors[i].signature))
			print_error("%s\n", vectors[i].name);
		assert_string_equal(made.signature, vectors[i].signature);
		aid_secret_free(made.authorization);
	}
}

/* The one that is really sent, with a session token. */
static void test_secretsmanager(void **state)
{
	static const char body[] =
		"{\"SecretId\":\"agents/build-bot/oidc\",\"VersionStage\":\"AWSCURRENT\"}";
	static const struct aid_sigv4_header headers[] = {
		{"Content-Type", "application/x-amz-json-1.1"},
		{"Host", "secretsmanager.eu-west-1.amazonaws.com"},
		{"X-Amz-Target", "secretsmanager.GetSecretValue"},
	};
	AID_AUTO(aid_secret) *secret = aid_secret_from(SECRET, sizeof(SECRET) - 1);
	AID_AUTO(aid_secret) *token = aid_secret_from("SESSIONTOKENEXAMPLE", 19);
	const struct aid_sigv4_keys keys = {"AKIDEXAMPLE", secret, token};
	const struct aid_sigv4_request request = {
		.method = "POST", .path = "/", .headers = headers, .n_headers = COUNT_OF(headers),
		.body = body, .body_length = sizeof(body) - 1, .region = "eu-west-1",
		.service = "secretsmanager", .now_wall_ms = INT64_C(1767323045000),
	};
	struct aid_sigv4_signed made = {.authorization = NULL};
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	assert_ok(aid_sigv4_sign(&keys, &request, &made, &err), &err);
	assert_string_equal(made.date, "20260102T030405Z");
	assert_string_equal(made.canonical_hash,
		"af66bd0e94a01f37c1eeb52fb7d20e66304b4c9135c915d1ed5649714d333770");
	assert_string_equal(aid_secret_peek(made.authorization),
		"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-west-1/secretsmanager/aws4_request, "
		"SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "
		"Signature=f654809c98774a47f6b0bd26fe3237b39c72a74fbe1f819d8189935415c4bad9");
	aid_secret_free(made.authorization);
}

static int sign_plain(struct aid_sigv4_request *request, struct aid_sigv4_signed *made, struct aid_error *err)
{
	AID_AUTO(aid_secret) *secret = aid_secret_from(SECRET, sizeof(SECRET) - 1);
	const struct aid_sigv4_keys keys = {"AKIDEXAMPLE", secret, NULL};

	request->method = "GET";
	request->region = "eu-west-1";
	request->service = "secretsmanager";
	request->body = "";
	*err = AID_ERROR_INIT;
	return aid_sigv4_sign(&keys, request, made, err);
}

static void test_limits(void **state)
{
	struct aid_sigv4_header headers[AID_SIGV4_HEADERS_MAX];
	struct aid_sigv4_signed made = {.authorization = NULL};
	struct aid_sigv4_request request = {.path = "/", .headers = headers,
		.n_headers = AID_SIGV4_HEADERS_MAX - 1, .now_wall_ms = SUITE_NOW};
	char path[300], query[300];
	struct aid_error err;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(headers); i++)
		headers[i] = (struct aid_sigv4_header){"h", "v"};
	assert_ok(sign_plain(&request, &made, &err), &err);
	aid_secret_free(aid_steal(&made.authorization));
	request.n_headers++; /* and x-amz-date */
	assert_failed(sign_plain(&request, &made, &err), AID_E_TOOBIG, &err, "over 24 headers");
	request.n_headers = 1;
	for (size_t i = 0; i < sizeof(path) - 1; i++) {
		path[i] = i % 2 == 0 ? '/' : 'a';
		query[i] = i % 2 == 0 ? 'a' : '&';
	}
	path[256] = query[255] = '\0';
	request.path = path;
	request.query = query;
	assert_ok(sign_plain(&request, &made, &err), &err);
	aid_secret_free(aid_steal(&made.authorization));
	path[256] = '/';
	path[258] = '\0';
	assert_failed(sign_plain(&request, &made, &err), AID_E_TOOBIG, &err, "128 segments");
	path[256] = '\0';
	query[255] = '&';
	query[257] = '\0';
	assert_failed(sign_plain(&request, &made, &err), AID_E_TOOBIG, &err, "128 parts of a query");
	request.query = NULL;
	request.now_wall_ms = -1;
	assert_failed(sign_plain(&request, &made, &err), AID_E_INVALID, &err, "-1 is no time of the years");
	request.now_wall_ms = INT64_C(253402300800000);
	assert_failed(sign_plain(&request, &made, &err), AID_E_INVALID, &err, "years 1970 to 9999");
	assert_null(made.authorization);
}

/* RFC 4231 sections 4.2 and 4.3. */
static void test_hmac(void **state)
{
	uint8_t out[AID_HMAC_BYTES], key[20];
	char hex[2 * AID_HMAC_BYTES + 1];

	(void)state;
	memset(key, 0x0b, sizeof(key));
	assert_int_equal(aid_hmac_sha256(key, sizeof(key), "Hi There", 8, out), AID_OK);
	aid_str_hex(out, sizeof(out), hex);
	assert_string_equal(hex, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	assert_int_equal(aid_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, out), AID_OK);
	aid_str_hex(out, sizeof(out), hex);
	assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_suite),
		cmocka_unit_test(test_secretsmanager),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_hmac),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
