/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What is asked of AWS, Entra and Google, byte by byte, and what their documented answers mean. */
#include "exchange_bench.h"

#define ROLE "arn:aws:iam::123456789012:role/Reports"
#define GUID "0f3c2f3e-1111-4222-8333-0123456789ab"
#define PROVIDER "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/host"
#define SA "a@p.iam.gserviceaccount.com"

#define AWS "role_arn=" ROLE "\0region=eu-west-1\0"
#define AWS_ANSWER(id, expires)                                                                    \
	"<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"  \
	"<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>" id "</AccessKeyId>"          \
	"<SecretAccessKey>wJalr/XUt+n</SecretAccessKey><SessionToken>FwoG/+=</SessionToken>"       \
	"<Expiration>" expires "</Expiration></Credentials></AssumeRoleWithWebIdentityResult>"     \
	"<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>"                           \
	"</AssumeRoleWithWebIdentityResponse>"

static void test_aws_call(void **state)
{
	struct bench b;

	(void)state;
	BEGIN(&b, "aws-sts", AWS "session_policy={\"Statement\":[]}\0duration=20m\0"
		"policy_arns=arn:aws:iam::aws:policy/A1, arn:aws:iam::aws:policy/A2\0");
	assert_ok(aid_exchange_check(&b.x, &b.err), &b.err);
	make_call(&b);
	assert_string_equal(b.call.url, "https://sts.eu-west-1.amazonaws.com/");
	assert_string_equal(b.call.accept, "text/xml");
	assert_string_equal(aid_secret_peek(b.call.body),
		"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&"
		"RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2FReports&"
		"RoleSessionName=my-agent.0123456789abcdef&WebIdentityToken=" ASSERTION
		"&DurationSeconds=1200&Policy=%7B%22Statement%22%3A%5B%5D%7D&"
		"PolicyArns.member.1.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FA1&"
		"PolicyArns.member.2.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FA2");
	assert_null(b.call.headers[0]);
	bench_end(&b);
	BEGIN(&b, "aws-sts", "role_arn=arn:aws-cn:iam::123456789012:role/R\0region=cn-north-1\0");
	make_call(&b);
	assert_string_equal(b.call.url, "https://sts.cn-north-1.amazonaws.com.cn/");
	bench_end(&b);
	BEGIN(&b, "aws-sts", AWS "endpoint=http://127.0.0.1:1\0");
	make_call(&b);
	assert_string_equal(b.call.url, "http://127.0.0.1:1/");
	bench_end(&b);
}

static void test_aws_session_name(void **state)
{
	static const struct {
		const char *wanted;
		const char *sent;
	} rows[] = {
		{"a", "a-"},
		{"", "--"},
		{"a b/c", "a-b-c"},
		{"agent-0123456789-0123456789-0123456789-0123456789-0123456789-01.0123456789abcdef",
			"agent-0123456789-0123456789-0123456789-01234567.0123456789abcdef"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bench b;
		const char *at;

		BEGIN(&b, "aws-sts", AWS);
		b.x.session_name = rows[i].wanted;
		make_call(&b);
		at = strstr(aid_secret_peek(b.call.body), "RoleSessionName=") + strlen("RoleSessionName=");
		assert_int_equal(strcspn(at, "&"), strlen(rows[i].sent));
		assert_memory_equal(at, rows[i].sent, strlen(rows[i].sent));
		bench_end(&b);
	}
}

static void test_aws_answer(void **state)
{
	struct bench b;

	(void)state;
	BEGIN(&b, "aws-sts", AWS);
	assert_ok(answer(&b, 200, AWS_ANSWER("ASIA1", "2026-01-02T03:19:05.5Z")), &b.err);
	assert_false(b.more);
	assert_string_equal(aid_secret_peek(b.result.payload),
		"{\"Version\":1,\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"wJalr/XUt+n\","
		"\"SessionToken\":\"FwoG/+=\",\"Expiration\":\"2026-01-02T03:19:05Z\","
		"\"AccountId\":\"123456789012\"}");
	assert_int_equal(b.result.expires_wall_ms, NOW + 900500);
	assert_string_equal(b.result.id, "ASIA1");
	bench_end(&b);
}

#define AWS_ERROR(code, message)                                                                   \
	"<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>" \
	"<Code>" code "</Code><Message>" message "</Message></Error><RequestId>r</RequestId></ErrorResponse>"

static void test_aws_refusals(void **state)
{
	static const struct refusal rows[] = {
		{400, AWS_ERROR("ExpiredTokenException", "Token expired"), AID_E_EXPIRED,
			"host 'h': HTTP 400 ExpiredTokenException (Token expired)"},
		{400, AWS_ERROR("IDPCommunicationError", "x"), AID_E_UNREACHABLE, "IDPCommunicationError"},
		{403, AWS_ERROR("AccessDenied", "Not authorized"), AID_E_DENIED, "HTTP 403 AccessDenied"},
		{403, AWS_ERROR("IDPRejectedClaim", "x"), AID_E_DENIED, "IDPRejectedClaim"},
		{400, AWS_ERROR("InvalidIdentityToken", "No provider"), AID_E_DENIED, "(No provider)"},
		{400, AWS_ERROR("MalformedPolicyDocument", "x"), AID_E_CONFIG, "MalformedPolicyDocument"},
		{400, AWS_ERROR("PackedPolicyTooLarge", "x"), AID_E_CONFIG, "PackedPolicyTooLarge"},
		{403, AWS_ERROR("RegionDisabledException", "x"), AID_E_CONFIG, "RegionDisabled"},
		{400, AWS_ERROR("Throttling", "Rate exceeded"), AID_E_BUSY, "Throttling"},
		{503, AWS_ERROR("ServiceUnavailable", "x"), AID_E_BUSY, "HTTP 503"},
		{500, AWS_ERROR("InternalFailure", "x"), AID_E_UNREACHABLE, "HTTP 500"},
		{400, AWS_ERROR("NewCode", "a\nb"), AID_E_PROTOCOL, "HTTP 400 NewCode (a b)"},
		{400, AWS_ERROR("AccessDenied", ASSERTION), AID_E_DENIED, "(left out: it repeats a secret)"},
		{400, AWS_ERROR("AccessDenied", "part eyJzdWIiOiJhIn0 of it"), AID_E_DENIED, "(left out"},
		{502, "<html>", AID_E_UNREACHABLE, "host 'h': HTTP 502"},
		{403, NULL, AID_E_DENIED, "host 'h': HTTP 403"},
		{200, NULL, AID_E_PROTOCOL, "empty answer"},
		{200, "{\"AssumeRoleWithWebIdentityResponse\":{}}", AID_E_PROTOCOL, "host 'h': XML: not well-formed"},
		{200, "<x/>", AID_E_PROTOCOL, "no AccessKeyId in the answer"},
		{200, AWS_ANSWER("AS\"IA", "2026-01-02T03:19:05Z"), AID_E_PROTOCOL, "AccessKeyId has a character"},
		{200, AWS_ANSWER("AS.IA", "2026-01-02T03:19:05Z"), AID_E_PROTOCOL, "AccessKeyId has a character"},
		{200, AWS_ANSWER("ASIA1", "1767323045"), AID_E_PROTOCOL, "Expiration is no UTC time"},
		{200, AWS_ANSWER("ASIA1", "2026-01-02T03:04:05Z"), AID_E_EXPIRED, "has expired already"},
		{200, AWS_ANSWER("ASIA1", "2026-01-02T04:04:36Z"), AID_E_DENIED,
			"credential lifetime 3631 s exceeds max_lifetime 3600 s: let host 'h' give a shorter one or "
			"raise [credential c] max_lifetime"},
	};
	struct bench b;

	(void)state;
	REFUSALS("aws-sts", AWS, rows);
	/* A little later than the limit is what clocks differ. */
	BEGIN(&b, "aws-sts", AWS);
	assert_ok(answer(&b, 200, AWS_ANSWER("ASIA1", "2026-01-02T04:04:35Z")), &b.err);
	bench_end(&b);
	BEGIN(&b, "aws-sts", AWS "session_policy={]\0");
	assert_failed(aid_exchange_check(&b.x, &b.err), AID_E_CONFIG, &b.err, "session_policy: JSON: malformed");
	bench_end(&b);
	BEGIN(&b, "aws-sts", AWS "session_policy={}\0");
	assert_failed(aid_exchange_check(&b.x, &b.err), AID_E_CONFIG, &b.err, "no Statement");
	bench_end(&b);
}

#define AZURE "tenant=" GUID "\0client_id=" GUID "\0scope=https://vault.azure.net/.default\0"
#define BEARER(more) "{\"token_type\":\"Bearer\",\"access_token\":\"abc.DEF\"" more "}"
#define ENTRA(code)                                                                                \
	"{\"error\":\"invalid_client\",\"error_description\":\"AADSTS" code ": words\",\"error_codes\":[" code \
	"],\"correlation_id\":\"c-1\"}"

static void test_azure(void **state)
{
	static const struct refusal rows[] = {
		{401, ENTRA("700213"), AID_E_DENIED, "HTTP 401 invalid_client (AADSTS700213, correlation id c-1: a new "
			"federated credential takes up to 10 minutes"},
		{401, ENTRA("700024"), AID_E_EXPIRED, "AADSTS700024, correlation id c-1)"},
		{400, ENTRA("700016"), AID_E_CONFIG, "the tenant has no such client_id"},
		{400, ENTRA("90002"), AID_E_CONFIG, "no such tenant"},
		{400, ENTRA("123456"), AID_E_DENIED, "AADSTS123456"},
		{400, "{\"error\":\"temporarily_unavailable\"}", AID_E_BUSY, "HTTP 400 temporarily_unavailable"},
		{400, "{\"error\":\"invalid_request\",\"correlation_id\":\"c-1\"}", AID_E_DENIED,
			"HTTP 400 invalid_request (correlation id c-1)"},
		{429, "{}", AID_E_BUSY, "HTTP 429"},
		{503, NULL, AID_E_BUSY, "HTTP 503"},
		{500, "x", AID_E_UNREACHABLE, "HTTP 500"},
		{400, "[]", AID_E_PROTOCOL, "HTTP 400"},
		{200, BEARER(""), AID_E_PROTOCOL, "no expires_in"},
		{200, BEARER(",\"expires_in\":5399"), AID_E_DENIED, "credential lifetime 5399 s exceeds"},
		{200, "{\"token_type\":\"Bearer\"}", AID_E_PROTOCOL, "no access_token"},
	};
	struct bench b;

	(void)state;
	BEGIN(&b, "azure-wif", AZURE);
	make_call(&b);
	assert_string_equal(b.call.url, "https://login.microsoftonline.com/" GUID "/oauth2/v2.0/token");
	assert_string_equal(aid_secret_peek(b.call.body), "client_id=" GUID
		"&scope=https%3A%2F%2Fvault.azure.net%2F.default&grant_type=client_credentials&"
		"client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&"
		"client_assertion=" ASSERTION);
	assert_ok(answer(&b, 200, BEARER(",\"expires_in\":3599,\"ext_expires_in\":9999")), &b.err);
	assert_string_equal(aid_secret_peek(b.result.payload), "abc.DEF");
	assert_int_equal(b.result.expires_wall_ms, NOW + 3599000);
	bench_end(&b);
	REFUSALS("azure-wif", AZURE, rows);
	BEGIN(&b, "azure-wif", AZURE);
	assert_int_equal(answer(&b, 400, "{\"error\":\"invalid_request\"}"), AID_E_DENIED);
	assert_string_equal(b.err.text, "host 'h': HTTP 400 invalid_request");
	assert_int_equal(answer(&b, 401, "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS5: x\"}"),
		AID_E_DENIED);
	assert_string_equal(b.err.text, "host 'h': HTTP 401 invalid_client (AADSTS5)");
	bench_end(&b);
}

#define GCP "provider=" PROVIDER "\0"
#define TYPE "urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3A"
#define ISSUED(more) BEARER(",\"issued_token_type\":\"urn:ietf:params:oauth:token-type:access_token\"" more)
#define BOUNDARY "{\"accessBoundary\":{\"accessBoundaryRules\":[{}]}}"

static void test_gcp_steps(void **state)
{
	struct bench b;

	(void)state;
	BEGIN(&b, "gcp-wif", GCP "service_account=" SA "\0user_project=p1\0access_boundary=" BOUNDARY
		"\0scopes=https://s/a https://s/b\0");
	assert_ok(aid_exchange_check(&b.x, &b.err), &b.err);
	make_call(&b);
	assert_string_equal(b.call.url, "https://sts.googleapis.com/v1/token");
	assert_string_equal(aid_secret_peek(b.call.body),
		"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&"
		"audience=%2F%2Fiam.googleapis.com%2Fprojects%2F1%2Flocations%2Fglobal%2F"
		"workloadIdentityPools%2Fpool%2Fproviders%2Fhost&"
		"scope=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform&"
		"requested_token_type=" TYPE "access_token&subject_token_type=" TYPE "jwt&"
		"subject_token=" ASSERTION "&options=%7B%22userProject%22%3A%22p1%22%7D");
	assert_null(b.call.headers[0]);
	assert_ok(answer(&b, 200, ISSUED(",\"expires_in\":3599")), &b.err);
	assert_true(b.more);
	assert_null(b.result.payload);
	make_call(&b);
	assert_string_equal(b.call.url, "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
					SA ":generateAccessToken");
	assert_string_equal(b.call.content_type, "application/json");
	assert_string_equal(aid_secret_peek(b.call.body),
		"{\"scope\":[\"https://s/a\",\"https://s/b\"],\"lifetime\":\"900s\"}");
	assert_string_equal(aid_secret_peek(b.call.headers[0]), "x-goog-user-project: p1");
	assert_string_equal(aid_secret_peek(b.call.headers[1]), "Authorization: Bearer abc.DEF");
	assert_ok(answer(&b, 200, "{\"accessToken\":\"ya29.x\",\"expireTime\":\"2026-01-02T03:19:05Z\"}"), &b.err);
	assert_true(b.more);
	make_call(&b);
	assert_string_equal(b.call.url, "https://sts.googleapis.com/v1/token");
	assert_non_null(strstr(aid_secret_peek(b.call.body), "subject_token=ya29.x&options=%7B%22accessBoundary"));
	assert_null(strstr(aid_secret_peek(b.call.body), "audience="));
	/* It may leave out how long it lives: as long as the one before. */
	assert_ok(answer(&b, 200, ISSUED("")), &b.err);
	assert_false(b.more);
	assert_string_equal(aid_secret_peek(b.result.payload), "abc.DEF");
	assert_int_equal(b.result.expires_wall_ms, NOW + 900000);
	bench_end(&b);
	BEGIN(&b, "gcp-wif", GCP);
	assert_ok(answer(&b, 200, ISSUED(",\"expires_in\":3599")), &b.err);
	assert_false(b.more);
	assert_string_equal(aid_secret_peek(b.result.payload), "abc.DEF");
	bench_end(&b);
}

static void test_gcp_refusals(void **state)
{
	static const struct refusal rows[] = {
		{400, "{\"error\":\"invalid_grant\",\"error_description\":\"sub\"}", AID_E_DENIED,
			"HTTP 400 invalid_grant (sub)"},
		{400, "{\"error\":\"invalid_target\"}", AID_E_CONFIG, "invalid_target"},
		{403, "{\"error\":{\"code\":403,\"message\":\"m\",\"status\":\"PERMISSION_DENIED\"}}", AID_E_DENIED,
			"HTTP 403 PERMISSION_DENIED (m)"},
		{429, "{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\"}}", AID_E_BUSY, "RESOURCE_EXHAUSTED"},
		{503, "{\"error\":{\"code\":503,\"status\":\"UNAVAILABLE\"}}", AID_E_BUSY, "UNAVAILABLE"},
		{500, "{\"error\":{\"code\":500,\"status\":\"INTERNAL\"}}", AID_E_UNREACHABLE, "INTERNAL"},
		{404, "{\"error\":{\"code\":404,\"status\":\"NOT_FOUND\"}}", AID_E_CONFIG, "NOT_FOUND"},
		{200, ISSUED(""), AID_E_PROTOCOL, "no expires_in"},
		{200, BEARER(",\"expires_in\":1"), AID_E_PROTOCOL, "no issued_token_type"},
		{200, BEARER(",\"issued_token_type\":\"urn:ietf:params:oauth:token-type:jwt\""), AID_E_PROTOCOL,
			"issued_token_type is 'urn:ietf:params:oauth:token-type:jwt'"},
		{200, ISSUED(",\"expires_in\":7200"), AID_E_DENIED, "credential lifetime 7200 s exceeds"},
	};
	struct bench b;

	(void)state;
	REFUSALS("gcp-wif", GCP, rows);
	BEGIN(&b, "gcp-wif", GCP "access_boundary={\"accessBoundary\":{}}\0");
	assert_failed(aid_exchange_check(&b.x, &b.err), AID_E_CONFIG, &b.err, "no accessBoundary.accessBoundaryRules");
	bench_end(&b);
	BEGIN(&b, "gcp-wif", GCP "access_boundary={\"accessBoundary\":{\"accessBoundaryRules\":[]}}\0");
	assert_failed(aid_exchange_check(&b.x, &b.err), AID_E_CONFIG, &b.err, "0 rules; 1 to 10 are allowed");
	bench_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aws_call), cmocka_unit_test(test_aws_session_name),
		cmocka_unit_test(test_aws_answer), cmocka_unit_test(test_aws_refusals),
		cmocka_unit_test(test_azure), cmocka_unit_test(test_gcp_steps),
		cmocka_unit_test(test_gcp_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
