/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "dpop.h"
#include "forge.h"

#include <stdio.h>

#define NOW INT64_C(1700000000000)
#define LONG INT64_C(86400000)
#define TOKEN "abc.def.ghi"
/* SHA-256 of TOKEN. */
#define ATH "\"ath\":\"ZVnpC13VdAW98YDym1CQU6PTbEq_PeU1qySbVNQycjQ\""
#define JTI "\"jti\":\"j1\""
#define HTM "\"htm\":\"GET\""
#define HTU "\"htu\":\"https://api.example/orders\""
#define IAT "\"iat\":1700000000"
#define GOOD "{" JTI "," HTM "," HTU "," IAT "," ATH "}"

/* RFC 9449 sections 4.2, 5 and 7.1: the proofs of its examples and the token of the second. */
#define RFC_HEAD                                                                                   \
	"eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0" \
	"VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10" \
	"NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19."
#define RFC_RESOURCE                                                                               \
	RFC_HEAD "eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZ" \
	"S5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJa" \
	"M0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1" \
	"plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
#define RFC_TOKEN_REQUEST                                                                          \
	RFC_HEAD "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyL" \
	"mV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqR" \
	"MUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
#define RFC_TOKEN "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
#define RFC_JKT "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"

struct request {
	const char *method, *uri, *token, *jkt;
	int64_t now_ms, remembered_ms;
};

static int verify(const char *text, const struct request *request, struct aid_dpop_proof *ret_proof,
	struct aid_error *err)
{
	AID_AUTO(aid_secret) *proof = aid_secret_from(text, strlen(text));
	AID_AUTO(aid_secret) *token = aid_secret_from(request->token, strlen(request->token));
	const struct aid_dpop_params params = {request->method, request->uri, token, request->jkt,
		request->now_ms, request->remembered_ms};

	return aid_dpop_verify(proof, &params, ret_proof, err);
}

static struct request standard(void)
{
	return (struct request){"GET", "https://api.example/orders?page=2", TOKEN,
		aid_signing_key_thumbprint(forge.ec), NOW, LONG};
}

static int verify_made(const char *header, const char *payload, struct aid_error *err)
{
	struct request request = standard();
	struct aid_dpop_proof proof;
	char text[FORGE_MAX];

	forge_token(forge.ec, AID_ALG_ES256, header, payload, text);
	return verify(text, &request, &proof, err);
}

/* {"typ":"dpop+jwt","alg":"ES256","jwk":JWK MORE} */
static const char *header_of(const char *typ, const char *jwk, const char *more, char out[4096])
{
	(void)snprintf(out, 4096, "{\"typ\":\"%s\",\"alg\":\"ES256\",\"jwk\":%s%s}", typ, jwk, more);
	return out;
}

static void test_rfc(void **state)
{
	struct request request = {"GET", "https://resource.example.org/protectedresource", RFC_TOKEN,
		RFC_JKT, INT64_C(1562262620000), LONG};
	struct aid_error err = AID_ERROR_INIT;
	struct aid_dpop_proof proof;

	(void)state;
	assert_ok(verify(RFC_RESOURCE, &request, &proof, &err), &err);
	assert_string_equal(proof.jti, "e1j3V_bKic8-LAEB");
	/* The proof of a token request is bound to no token. */
	request = (struct request){"POST", "https://server.example.com/token", RFC_TOKEN, RFC_JKT,
		INT64_C(1562262620000), LONG};
	assert_failed(verify(RFC_TOKEN_REQUEST, &request, &proof, &err), AID_E_PROTOCOL, &err,
		"DPoP proof: 'ath' is no string");
}

static void test_request(void **state)
{
	static const struct {
		struct request request;
		int status;
		const char *sentence;
	} rows[] = {
		{{"POST", NULL, NULL, NULL, 0, LONG}, AID_E_DENIED,
			"DPoP proof: htm 'GET' is not the request's method 'POST'"},
		{{"get", NULL, NULL, NULL, 0, LONG}, AID_E_DENIED, "is not the request's method 'get'"},
		{{NULL, "https://api.example/order", NULL, NULL, 0, LONG}, AID_E_DENIED,
			"htu 'https://api.example/orders' is not the request's 'https://api.example/order'"},
		{{NULL, "http://api.example/orders", NULL, NULL, 0, LONG}, AID_E_DENIED, "htu"},
		{{NULL, "https://api.example:444/orders", NULL, NULL, 0, LONG}, AID_E_DENIED, "htu"},
		{{NULL, "https://API.example:443/x/../orders#f", NULL, NULL, 0, LONG}, AID_OK, NULL},
		{{NULL, "/orders", NULL, NULL, 0, LONG}, AID_E_INVALID, "the request's URI: '/orders' is no http"},
		{{NULL, NULL, "abc.def.ghj", NULL, 0, LONG}, AID_E_DENIED, "ath is not the hash of this token"},
		{{NULL, NULL, NULL, RFC_JKT, 0, LONG}, AID_E_DENIED, "is not that of the token's cnf.jkt, " RFC_JKT},
		{{NULL, NULL, NULL, NULL, NOW + AID_DPOP_AGE_MS, LONG}, AID_OK, NULL},
		{{NULL, NULL, NULL, NULL, NOW + AID_DPOP_AGE_MS + 1, LONG}, AID_E_EXPIRED,
			"it is 60 s old, at most 60 s are allowed"},
		{{NULL, NULL, NULL, NULL, NOW - AID_DPOP_AHEAD_MS, LONG}, AID_OK, NULL},
		{{NULL, NULL, NULL, NULL, NOW - AID_DPOP_AHEAD_MS - 1, LONG}, AID_E_EXPIRED,
			"'iat' is 5 s in the future, 5 s are allowed: compare the clocks"},
		{{NULL, NULL, NULL, NULL, NOW + 5000, 5000}, AID_OK, NULL},
		{{NULL, NULL, NULL, NULL, NOW + 5001, 5000}, AID_E_EXPIRED, "from before agentid-fetch started"},
	};
	char header[4096], text[FORGE_MAX];

	(void)state;
	forge_token(forge.ec, AID_ALG_ES256, header_of("dpop+jwt", forge.ec_jwk, "", header), GOOD, text);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct request request = standard();
		struct aid_error err = AID_ERROR_INIT;
		struct aid_dpop_proof proof = {.jti = "untouched"};
		const struct request *row = &rows[i].request;
		int r;

		request.method = row->method != NULL ? row->method : request.method;
		request.uri = row->uri != NULL ? row->uri : request.uri;
		request.token = row->token != NULL ? row->token : request.token;
		request.jkt = row->jkt != NULL ? row->jkt : request.jkt;
		request.now_ms = row->now_ms != 0 ? row->now_ms : request.now_ms;
		request.remembered_ms = row->remembered_ms;
		r = verify(text, &request, &proof, &err);
		if (rows[i].status == AID_OK) {
			assert_ok(r, &err);
			continue;
		}
		assert_failed(r, rows[i].status, &err, rows[i].sentence);
		assert_string_equal(proof.jti, "untouched");
	}
}

static void test_claims(void **state)
{
	static const struct {
		const char *payload;
		int status;
		const char *sentence;
	} rows[] = {
		{GOOD, AID_OK, NULL},
		{"{" HTM "," HTU "," IAT "," ATH "}", AID_E_PROTOCOL, "'jti' is no string of 1 to 128 bytes"},
		{"{\"jti\":\"\"," HTM "," HTU "," IAT "," ATH "}", AID_E_PROTOCOL, "'jti' is no string"},
		{"{\"jti\":5," HTM "," HTU "," IAT "," ATH "}", AID_E_PROTOCOL, "'jti' is no string"},
		{"{" JTI "," HTU "," IAT "," ATH "}", AID_E_PROTOCOL, "'htm' is no string"},
		{"{" JTI "," HTM "," IAT "," ATH "}", AID_E_PROTOCOL, "'htu' is no string"},
		{"{" JTI "," HTM ",\"htu\":\"ftp://api.example/orders\"," IAT "," ATH "}", AID_E_PROTOCOL,
			"'ftp://api.example/orders' is no http or https URI"},
		{"{" JTI "," HTM ",\"htu\":\"https://u@api.example/orders\"," IAT "," ATH "}", AID_E_PROTOCOL,
			"names no host, or a user"},
		{"{" JTI "," HTM "," HTU "," ATH "}", AID_E_PROTOCOL, "'iat' is no time"},
		{"{" JTI "," HTM "," HTU ",\"iat\":\"1700000000\"," ATH "}", AID_E_PROTOCOL, "'iat' is no time"},
		{"{" JTI "," HTM "," HTU "," IAT "}", AID_E_PROTOCOL, "'ath' is no string"},
		{"{" JTI "," HTM "," HTU "," IAT "," ATH "," JTI "}", AID_E_PROTOCOL, "duplicate member"},
		{"[]", AID_E_PROTOCOL, "DPoP proof: JSON"},
	};
	char header[4096];

	(void)state;
	header_of("dpop+jwt", forge.ec_jwk, "", header);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct aid_error err = AID_ERROR_INIT;
		int r = verify_made(header, rows[i].payload, &err);

		if (rows[i].status == AID_OK)
			assert_ok(r, &err);
		else
			assert_failed(r, rows[i].status, &err, rows[i].sentence);
	}
}

static void test_header(void **state)
{
	struct aid_error err = AID_ERROR_INIT;
	char header[4096], jwk[1024];

	(void)state;
	assert_ok(verify_made(header_of("DPoP+jwt", forge.ec_jwk, "", header), GOOD, &err), &err);
	assert_failed(verify_made(header_of("JWT", forge.ec_jwk, "", header), GOOD, &err), AID_E_PROTOCOL,
		&err, "typ 'JWT' is not dpop+jwt");
	assert_failed(verify_made("{\"alg\":\"ES256\"}", GOOD, &err), AID_E_PROTOCOL, &err,
		"typ '' is not dpop+jwt");
	assert_failed(verify_made("{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\"}", GOOD, &err), AID_E_PROTOCOL,
		&err, "the header has no object 'jwk'");
	assert_failed(verify_made(header_of("dpop+jwt", "\"x\"", "", header), GOOD, &err), AID_E_PROTOCOL,
		&err, "the header has no object 'jwk'");
	assert_failed(verify_made(header_of("dpop+jwt", forge.rsa_jwk, "", header), GOOD, &err),
		AID_E_UNTRUSTED, &err, "'jwk' is not for ES256");
	assert_failed(verify_made(header_of("dpop+jwt", forge.ec_jwk, ",\"crit\":[]", header), GOOD, &err),
		AID_E_PROTOCOL, &err, "'crit' is not supported");
	/* With its private half anybody could have made the proof; a shared key is no proof at all. */
	(void)snprintf(jwk, sizeof(jwk), "{\"d\":\"AA\",%s", forge.ec_jwk + 1);
	assert_failed(verify_made(header_of("dpop+jwt", jwk, "", header), GOOD, &err), AID_E_UNTRUSTED,
		&err, "private member 'd'");
	assert_failed(verify_made(header_of("dpop+jwt", "{\"kty\":\"oct\",\"k\":\"AA\"}", "", header), GOOD,
			      &err), AID_E_UNTRUSTED, &err, "kty 'oct' is none of RSA, EC, OKP");
	assert_failed(verify_made("{\"typ\":\"dpop+jwt\",\"alg\":\"none\"}", GOOD, &err), AID_E_UNTRUSTED,
		&err, "alg 'none' is no asymmetric signature");
	assert_failed(verify_made("{\"typ\":\"dpop+jwt\",\"alg\":\"HS256\"}", GOOD, &err), AID_E_UNTRUSTED,
		&err, "alg 'HS256' is no asymmetric signature");
}

static void test_signature_and_size(void **state)
{
	struct request request = standard();
	struct aid_error err = AID_ERROR_INIT;
	struct aid_dpop_proof proof;
	char header[4096], text[FORGE_MAX], payload[AID_DPOP_MAX + 1];

	(void)state;
	header_of("dpop+jwt", forge.ec_jwk, "", header);
	forge_token(forge.ec, AID_ALG_ES256, header, GOOD, text);
	text[strlen(text) - 4] = text[strlen(text) - 4] == 'A' ? 'B' : 'A';
	assert_failed(verify(text, &request, &proof, &err), AID_E_UNTRUSTED, &err, "DPoP proof: ");
	(void)snprintf(payload, sizeof(payload), "{\"x\":\"%*s\"}", (int)AID_DPOP_MAX - 8, "");
	forge_token(forge.ec, AID_ALG_ES256, header, payload, text);
	assert_failed(verify(text, &request, &proof, &err), AID_E_TOOBIG, &err, "at most 8192 are allowed");
}

static void test_normalise(void **state)
{
	static const struct {
		const char *uri, *wanted;
	} rows[] = {
		{"https://a.example", "https://a.example/"},
		{"HTTPS://A.Example:443/", "https://a.example/"},
		{"http://a.example:80/x", "http://a.example/x"},
		{"http://a.example:443/x", "http://a.example:443/x"},
		{"https://a.example:8443/x?q#f", "https://a.example:8443/x"},
		{"https://a.example:/x", "https://a.example/x"},
		{"https://a.example?q", "https://a.example/"},
		{"https://[2001:DB8::1]:443/x", "https://[2001:db8::1]/x"},
		{"https://a.example/a/./b/../c", "https://a.example/a/c"},
		{"https://a.example/../../c/.", "https://a.example/c/"},
		{"https://a.example/a/b/..", "https://a.example/a/"},
		{"https://a.example/..", "https://a.example/"},
		{"https://a.example//x//", "https://a.example//x//"},
		{"https://a.example/%7euser/%2f%c3%a9", "https://a.example/~user/%2F%C3%A9"},
		{"https://a.example/%2e%2e/x", "https://a.example/x"},
		{"ftp://a.example/", NULL}, {"https:/a.example/", NULL}, {"https:///x", NULL}, {"", NULL},
		{"https://u:pa.example/", NULL}, {"https://a.example:x/", NULL},
		{"https://a.example:123456/", NULL}, {"https://a b/", NULL}, {"https://a.example/ ", NULL},
		{"https://a.example/%", NULL}, {"https://a.example/%4", NULL}, {"https://a.example/%zz", NULL},
		{"https://a.example/\xc3\xa9", NULL}, {"https://a.example/\\", NULL}, {"https://[::1/x", NULL},
	};
	char out[AID_DPOP_URI_MAX + 2], longest[AID_DPOP_URI_MAX + 2] = "https://";
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int r = aid_dpop_normalise(rows[i].uri, out, &err);

		if (rows[i].wanted == NULL) {
			assert_int_equal(r, AID_E_PROTOCOL);
			continue;
		}
		assert_ok(r, &err);
		assert_string_equal(out, rows[i].wanted);
	}
	memset(longest + 8, 'a', AID_DPOP_URI_MAX - 8);
	assert_ok(aid_dpop_normalise(longest, out, &err), &err);
	assert_int_equal(strlen(out), AID_DPOP_URI_MAX + 1);
	longest[AID_DPOP_URI_MAX] = 'a';
	assert_failed(aid_dpop_normalise(longest, out, &err), AID_E_TOOBIG, &err, "over 2048 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_signature_and_size),
		cmocka_unit_test(test_normalise),
	};

	return cmocka_run_group_tests(tests, forge_set_up, forge_tear_down);
}
