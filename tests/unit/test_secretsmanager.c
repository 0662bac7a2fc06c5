/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What is asked of AWS Secrets Manager, byte by byte, and what its documented answers mean. */
#include "unit.h"

#include "manager_bench.h"
#include "secret_source.h"
#include "secretsmanager.h"

#define V32 "0123456789abcdef0123456789abcdef"
#define HIDDEN "a-client-secret-1"

static struct aid_sigv4_keys keys = {"AKIDEXAMPLE", NULL, NULL};
static struct aid_sm sm = {"eu-west-1", NULL, &keys, NOW};
static struct aid_secret *key, *session;

static int begin_bench(void **state)
{
	(void)state;
	key = aid_secret_from("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", 40);
	session = aid_secret_from("SESSIONTOKENEXAMPLE", 19);
	keys.secret = key;
	keys.token = session;
	return 0;
}

static int end_all(void **state)
{
	aid_secret_free(key);
	aid_secret_free(session);
	return end_bench(state);
}

static void test_get(void **state)
{
	(void)state;
	fresh();
	assert_ok(aid_sm_get(&sm, "agents/build-bot/oidc", AID_SM_CURRENT, &call, &err), &err);
	assert_string_equal(call.url, "https://secretsmanager.eu-west-1.amazonaws.com/");
	assert_string_equal(call.content_type, "application/x-amz-json-1.1");
	assert_string_equal(body_text(), "{\"SecretId\":\"agents/build-bot/oidc\",\"VersionStage\":\"AWSCURRENT\"}");
	assert_string_equal(header(0), "X-Amz-Target: secretsmanager.GetSecretValue");
	assert_string_equal(header(1), "X-Amz-Date: 20260102T030405Z");
	assert_string_equal(header(2), "X-Amz-Security-Token: SESSIONTOKENEXAMPLE");
	assert_string_equal(header(3),
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-west-1/secretsmanager/"
		"aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "
		"Signature=f654809c98774a47f6b0bd26fe3237b39c72a74fbe1f819d8189935415c4bad9");
	assert_false(call.take_redirect);
}

/* Host is signed as it is sent. */
static void test_endpoints(void **state)
{
	static const struct {
		const char *region, *endpoint, *url;
	} places[] = {
		{"cn-north-1", NULL, "https://secretsmanager.cn-north-1.amazonaws.com.cn/"},
		{"eu-west-1", "https://SM.Example.com:443", "https://sm.example.com/"},
		{"eu-west-1", "https://sm.example.com:8443", "https://sm.example.com:8443/"},
		{"eu-west-1", "http://127.0.0.1:80", "http://127.0.0.1/"},
		{"eu-west-1", "http://127.0.0.1:443", "http://127.0.0.1:443/"},
	};
	struct aid_sm at = sm;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(places); i++) {
		at.region = places[i].region;
		at.endpoint = places[i].endpoint;
		fresh();
		assert_ok(aid_sm_get(&at, "x", AID_SM_CURRENT, &call, &err), &err);
		assert_string_equal(call.url, places[i].url);
	}
	at.endpoint = "https://sm.example.com/path";
	fresh();
	assert_failed(aid_sm_get(&at, "x", AID_SM_CURRENT, &call, &err), AID_E_CONFIG, &err,
		"the endpoint has a path");
}

static void test_ids(void **state)
{
	char id[AID_SM_ID_MAX + 2];

	(void)state;
	err = AID_ERROR_INIT;
	assert_ok(aid_sm_id_check("arn:aws:secretsmanager:eu-west-1:123456789012:secret:a/b-AbCdEf", &err), &err);
	assert_ok(aid_sm_id_check("a_b+c=d.e@f", &err), &err);
	assert_failed(aid_sm_id_check("", &err), AID_E_CONFIG, &err, "1 to 512");
	assert_failed(aid_sm_id_check("a b", &err), AID_E_CONFIG, &err, "'/_+=.@:-'");
	assert_failed(aid_sm_id_check("a\"", &err), AID_E_CONFIG, &err, "letters, digits");
	memset(id, 'a', sizeof(id));
	id[AID_SM_ID_MAX] = '\0';
	assert_ok(aid_sm_id_check(id, &err), &err);
	id[AID_SM_ID_MAX] = 'a';
	id[AID_SM_ID_MAX + 1] = '\0';
	assert_failed(aid_sm_id_check(id, &err), AID_E_CONFIG, &err, "1 to 512");
}

#define GOT(string) "{\"ARN\":\"a\",\"Name\":\"n\",\"VersionId\":\"" V32 "\",\"SecretString\":" string          \
	",\"VersionStages\":[\"AWSCURRENT\"],\"CreatedDate\":1.7e9}"

static void test_get_answer(void **state)
{
	struct aid_sm_secret secret = {.value = NULL};
	AID_AUTO(aid_secret) *value = NULL;

	(void)state;
	assert_ok(aid_sm_get_answer(&sm, answer(200, GOT("\"{\\\"s\\\":\\\"" HIDDEN "\\\",\\\"n\\\":1,\\\"e\\\":\\\"\\\"}\"")),
		&secret, &err), &err);
	assert_string_equal(secret.version_id, V32);
	assert_ok(aid_sm_field(&secret, "s", "h", &value, &err), &err);
	assert_string_equal(aid_secret_peek(value), HIDDEN);
	aid_secret_free(aid_steal(&value));
	assert_ok(aid_sm_field(&secret, NULL, "h", &value, &err), &err);
	assert_string_equal(aid_secret_peek(value), "{\"s\":\"" HIDDEN "\",\"n\":1,\"e\":\"\"}");
	aid_secret_free(aid_steal(&value));
	assert_failed(aid_sm_field(&secret, "x", "h", &value, &err), AID_E_NOTFOUND, &err, "no field 'x'");
	assert_failed(aid_sm_field(&secret, "n", "h", &value, &err), AID_E_PROTOCOL, &err, "is no text");
	assert_failed(aid_sm_field(&secret, "e", "h", &value, &err), AID_E_CREDENTIAL, &err, "is empty");
	aid_sm_secret_done(&secret);
	assert_ok(aid_sm_get_answer(&sm, answer(200, GOT("\"" HIDDEN "\"")), &secret, &err), &err);
	assert_failed(aid_sm_field(&secret, "s", "h", &value, &err), AID_E_PROTOCOL, &err,
		"no JSON object that could have a field 's'");
	assert_null(strstr(err.text, HIDDEN));
	aid_sm_secret_done(&secret);
	assert_null(value);
}

static void test_whole_limit(void **state)
{
	struct aid_sm_secret secret = {.value = aid_secret_new(AID_CLIENT_SECRET_MAX + 1)};
	AID_AUTO(aid_secret) *value = NULL;
	char bytes[AID_CLIENT_SECRET_MAX + 1];

	(void)state;
	memset(bytes, 'a', sizeof(bytes));
	err = AID_ERROR_INIT;
	assert_int_equal(aid_secret_append(secret.value, bytes, AID_CLIENT_SECRET_MAX), AID_OK);
	assert_ok(aid_sm_field(&secret, NULL, "h", &value, &err), &err);
	aid_secret_free(aid_steal(&value));
	assert_int_equal(aid_secret_append(secret.value, "a", 1), AID_OK);
	assert_failed(aid_sm_field(&secret, NULL, "h", &value, &err), AID_E_TOOBIG, &err,
		"4097 bytes, at most 4096");
	aid_sm_secret_done(&secret);
}

static void test_refusals(void **state)
{
	static const struct {
		int http;
		const char *body;
		int status;
		const char *sentence;
	} wrong[] = {
		{400, "{\"__type\":\"ResourceNotFoundException\",\"Message\":\"gone\"}", AID_E_NOTFOUND,
			"HTTP 400 ResourceNotFoundException (gone)"},
		{404, "{\"__type\":\"com.amazonaws#ResourceNotFoundException:http://x\",\"message\":\"m\"}",
			AID_E_NOTFOUND, "HTTP 404 ResourceNotFoundException (m)"},
		{400, "{\"__type\":\"InvalidRequestException\"}", AID_E_NOTFOUND, "InvalidRequestException"},
		{400, "{\"__type\":\"InvalidParameterException\"}", AID_E_CONFIG, "InvalidParameterException"},
		{400, "{\"__type\":\"DecryptionFailure\"}", AID_E_DENIED, "DecryptionFailure"},
		{400, "{\"__type\":\"AccessDeniedException\"}", AID_E_DENIED, "AccessDeniedException"},
		{400, "{\"__type\":\"ThrottlingException\"}", AID_E_BUSY, "ThrottlingException"},
		{400, "{\"__type\":\"LimitExceededException\"}", AID_E_BUSY, "LimitExceededException"},
		{500, "{\"__type\":\"InternalServiceError\"}", AID_E_UNREACHABLE, "InternalServiceError"},
		{400, "{\"__type\":\"UnrecognizedClientException\"}", AID_E_CREDENTIAL, "UnrecognizedClient"},
		{400, "{\"__type\":\"ExpiredTokenException\"}", AID_E_CREDENTIAL, "ExpiredTokenException"},
		{400, "{\"__type\":\"InvalidSignatureException\",\"message\":\"does not match\"}",
			AID_E_CREDENTIAL, "InvalidSignatureException (does not match)"},
		{400, "{\"__type\":\"InvalidSignatureException\",\"message\":\"Signature expired: 1 is now "
			"earlier than 2\"}", AID_E_EXPIRED, "InvalidSignatureException (Signature expired"},
		{400, "{\"__type\":\"RequestExpired\"}", AID_E_EXPIRED, "RequestExpired"},
		{400, "{\"__type\":\"#\"}", AID_E_PROTOCOL, "host 'h': HTTP 400"},
		{429, NULL, AID_E_BUSY, "HTTP 429"},
		{503, "<html>", AID_E_BUSY, "HTTP 503"},
		{502, NULL, AID_E_UNREACHABLE, "HTTP 502"},
		{200, NULL, AID_E_PROTOCOL, "empty answer"},
		{200, "[]", AID_E_PROTOCOL, "JSON"},
		{200, "{\"SecretString\":\"s\"}", AID_E_PROTOCOL, "no VersionId"},
		{200, "{\"VersionId\":\"a\\nb\",\"SecretString\":\"s\"}", AID_E_PROTOCOL, "no VersionId"},
		{200, "{\"VersionId\":\"" V32 "\"}", AID_E_PROTOCOL, "no SecretString"},
		{200, "{\"VersionId\":\"" V32 "\",\"SecretBinary\":\"AAAA\"}", AID_E_CONFIG,
			"the secret is binary (SecretBinary)"},
		{200, GOT("\"\""), AID_E_CREDENTIAL, "the secret is empty"},
		{200, GOT("1"), AID_E_PROTOCOL, "no SecretString"},
	};
	struct aid_sm_secret secret = {.value = NULL};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		assert_failed(aid_sm_get_answer(&sm, answer(wrong[i].http, wrong[i].body), &secret, &err),
			wrong[i].status, &err, wrong[i].sentence);
		assert_int_equal(aid_sm_keys_refused(&err),
			wrong[i].status == AID_E_CREDENTIAL && wrong[i].http != 200);
	}
	assert_null(secret.value);
}

static void test_put(void **state)
{
	AID_AUTO(aid_secret) *value = aid_secret_from("new \"s\"\n", 8);
	AID_AUTO(aid_secret) *hidden = aid_secret_from(HIDDEN, sizeof(HIDDEN) - 1);

	(void)state;
	fresh();
	assert_ok(aid_sm_put(&sm, "a/b", V32, value, AID_SM_PENDING, &call, &err), &err);
	assert_string_equal(body_text(), "{\"SecretId\":\"a/b\",\"ClientRequestToken\":\"" V32 "\","
		"\"SecretString\":\"new \\u0022s\\u0022\\u000a\",\"VersionStages\":[\"AWSPENDING\"]}");
	assert_string_equal(header(0), "X-Amz-Target: secretsmanager.PutSecretValue");
	fresh();
	assert_failed(aid_sm_put(&sm, "a", "short", value, AID_SM_PENDING, &call, &err), AID_E_INVALID, &err,
		"32 to 64");
	assert_ok(aid_sm_put_answer(&sm, answer(200, "{\"VersionId\":\"" V32 "\"}"), V32, value, &err), &err);
	assert_failed(aid_sm_put_answer(&sm, answer(200, "{\"VersionId\":\"other\"}"), V32, value, &err),
		AID_E_PROTOCOL, &err, "version 'other' was made");
	assert_failed(aid_sm_put_answer(&sm, answer(400, "{\"__type\":\"ResourceExistsException\","
		"\"message\":\"is " HIDDEN "\"}"), V32, hidden, &err), AID_E_DENIED, &err,
		"ResourceExistsException (left out: it repeats a secret)");
}

static void test_stages(void **state)
{
	struct aid_sm_stages stages;

	(void)state;
	fresh();
	assert_ok(aid_sm_move_stage(&sm, "a", AID_SM_CURRENT, "to", "from", &call, &err), &err);
	assert_string_equal(body_text(), "{\"SecretId\":\"a\",\"VersionStage\":\"AWSCURRENT\","
		"\"MoveToVersionId\":\"to\",\"RemoveFromVersionId\":\"from\"}");
	assert_string_equal(header(0), "X-Amz-Target: secretsmanager.UpdateSecretVersionStage");
	fresh();
	assert_ok(aid_sm_move_stage(&sm, "a", AID_SM_PENDING, NULL, "from", &call, &err), &err);
	assert_string_equal(body_text(), "{\"SecretId\":\"a\",\"VersionStage\":\"AWSPENDING\","
		"\"RemoveFromVersionId\":\"from\"}");
	assert_ok(aid_sm_done_answer(&sm, answer(200, "{}"), &err), &err);
	assert_failed(aid_sm_done_answer(&sm, answer(400, "{\"__type\":\"InvalidParameterException\"}"), &err),
		AID_E_CONFIG, &err, "InvalidParameterException");
	fresh();
	assert_ok(aid_sm_describe(&sm, "a", &call, &err), &err);
	assert_string_equal(body_text(), "{\"SecretId\":\"a\"}");
	assert_string_equal(header(0), "X-Amz-Target: secretsmanager.DescribeSecret");
	assert_ok(aid_sm_describe_answer(&sm, answer(200, "{\"VersionIdsToStages\":{\"v1\":[\"AWSPREVIOUS\"],"
		"\"v2\":[\"AWSCURRENT\",\"AWSPENDING\"]},\"RotationEnabled\":true}"), &stages, &err), &err);
	assert_string_equal(stages.current, "v2");
	assert_string_equal(stages.pending, "v2");
	assert_string_equal(stages.previous, "v1");
	assert_true(stages.rotates);
	assert_false(stages.deleted);
	assert_ok(aid_sm_describe_answer(&sm, answer(200, "{\"DeletedDate\":1.0}"), &stages, &err), &err);
	assert_true(stages.deleted);
	assert_string_equal(stages.current, "");
	assert_failed(aid_sm_describe_answer(&sm, answer(200, "{\"VersionIdsToStages\":{\"v1\":\"x\"}}"), &stages,
		&err), AID_E_PROTOCOL, &err, "VersionIdsToStages");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_get_answer),
		cmocka_unit_test(test_whole_limit),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_stages),
	};

	return cmocka_run_group_tests(tests, begin_bench, end_all);
}
