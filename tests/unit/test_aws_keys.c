/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Where a cloud serves the keys of its instances and containers: what is asked, and what the answers mean. */
#include "unit.h"

#include "aws_keys.h"
#include "manager_bench.h"

#define KEYS(id, secret, token, expires) "\"AccessKeyId\":\"" id "\",\"SecretAccessKey\":\"" secret "\","           \
	"\"" token "\":\"FwoG/+=\",\"Expiration\":\"" expires "\"}"
#define GOOD(token) KEYS("ASIA1", "wJalr/XUt", token, "2026-01-02T04:04:05Z")

static void test_imds(void **state)
{
	AID_AUTO(aid_secret) *token = NULL;
	char role[AID_AWS_ROLE_MAX + 1];

	(void)state;
	fresh();
	assert_ok(aid_imds_token(AID_IMDS_ADDRESS, &call, &err), &err);
	assert_string_equal(call.url, "http://169.254.169.254/latest/api/token");
	assert_true(call.is_put);
	assert_true(call.is_instance);
	assert_null(call.body);
	assert_string_equal(header(0), "X-aws-ec2-metadata-token-ttl-seconds: 21600");
	assert_ok(aid_imds_token_answer(answer(200, "AQAE-token=="), &token, &err), &err);
	fresh();
	assert_ok(aid_imds_role(AID_IMDS_ADDRESS, token, &call, &err), &err);
	assert_string_equal(call.url, "http://169.254.169.254/latest/meta-data/iam/security-credentials/");
	assert_false(call.is_put);
	assert_string_equal(header(0), "X-aws-ec2-metadata-token: AQAE-token==");
	assert_ok(aid_imds_role_answer(answer(200, "host-role\n"), role, &err), &err);
	assert_string_equal(role, "host-role");
	fresh();
	assert_ok(aid_imds_keys(AID_IMDS_ADDRESS, token, role, &call, &err), &err);
	assert_string_equal(call.url,
		"http://169.254.169.254/latest/meta-data/iam/security-credentials/host-role");
}

static void test_imds_refusals(void **state)
{
	AID_AUTO(aid_secret) *token = NULL;
	char role[AID_AWS_ROLE_MAX + 1], name[AID_AWS_ROLE_MAX + 2];

	(void)state;
	assert_failed(aid_imds_token_answer(answer(403, NULL), &token, &err), AID_E_DENIED, &err, "HTTP 403");
	assert_failed(aid_imds_token_answer(answer(200, NULL), &token, &err), AID_E_PROTOCOL, &err, "empty");
	assert_failed(aid_imds_token_answer(answer(200, "a b"), &token, &err), AID_E_PROTOCOL, &err, "no token");
	assert_failed(aid_imds_role_answer(answer(404, "x"), role, &err), AID_E_NOTFOUND, &err,
		"no role is attached");
	assert_failed(aid_imds_role_answer(answer(200, "../x"), role, &err), AID_E_PROTOCOL, &err,
		"a role has letters");
	memset(name, 'r', sizeof(name));
	name[AID_AWS_ROLE_MAX] = '\0';
	assert_ok(aid_imds_role_answer(answer(200, name), role, &err), &err);
	name[AID_AWS_ROLE_MAX] = 'r';
	name[AID_AWS_ROLE_MAX + 1] = '\0';
	assert_failed(aid_imds_role_answer(answer(200, name), role, &err), AID_E_PROTOCOL, &err, "1 to 64");
	assert_null(token);
}

static void test_keys(void **state)
{
	struct aid_aws_keys keys = {.secret = NULL};

	(void)state;
	assert_ok(aid_aws_keys_answer(answer(200, "{\"Code\":\"Success\",\"Type\":\"AWS-HMAC\"," GOOD("Token")),
		&keys, &err), &err);
	assert_string_equal(keys.id, "ASIA1");
	assert_string_equal(aid_secret_peek(keys.secret), "wJalr/XUt");
	assert_string_equal(aid_secret_peek(keys.token), "FwoG/+=");
	assert_true(keys.expires_wall_ms == NOW + 3600000);
	aid_aws_keys_done(&keys);
	assert_ok(aid_aws_keys_answer(answer(200, "{" GOOD("Token")), &keys, &err), &err);
	aid_aws_keys_done(&keys);
	assert_failed(aid_aws_keys_answer(answer(200, "{\"Code\":\"AssumeRoleUnauthorizedAccess\"}"), &keys,
		&err), AID_E_DENIED, &err, "not to be had (AssumeRoleUnauthorizedAccess)");
	assert_failed(aid_aws_keys_answer(answer(200, "{" GOOD("NoToken")), &keys, &err), AID_E_PROTOCOL, &err,
		"no Token");
	assert_failed(aid_aws_keys_answer(answer(200, "{" KEYS("A-1", "s", "Token", "2026-01-02T04:04:05Z")),
		&keys, &err), AID_E_PROTOCOL, &err, "no AccessKeyId");
	assert_failed(aid_aws_keys_answer(answer(200, "{" KEYS("A1", "s s", "Token", "2026-01-02T04:04:05Z")),
		&keys, &err), AID_E_PROTOCOL, &err, "no SecretAccessKey");
	assert_failed(aid_aws_keys_answer(answer(200, "{" KEYS("A1", "s", "Token", "soon")), &keys, &err),
		AID_E_PROTOCOL, &err, "Expiration");
	assert_failed(aid_aws_keys_answer(answer(200, "{" KEYS("A1", "s", "Token", "2026-01-02T03:04:05Z")),
		&keys, &err), AID_E_EXPIRED, &err, "expired already");
	assert_failed(aid_aws_keys_answer(answer(404, NULL), &keys, &err), AID_E_NOTFOUND, &err, "no role");
	assert_null(keys.secret);
}

static void test_process(void **state)
{
	AID_AUTO(aid_secret) *json = aid_secret_from("{\"Version\":1," GOOD("SessionToken"),
		sizeof("{\"Version\":1," GOOD("SessionToken")) - 1);
	struct aid_aws_keys keys = {.secret = NULL};

	(void)state;
	err = AID_ERROR_INIT;
	assert_ok(aid_aws_keys_of_process(json, &keys, &err), &err);
	assert_string_equal(keys.id, "ASIA1");
	aid_aws_keys_done(&keys);
}

static void test_container(void **state)
{
	static const char *const wrong[] = {"http://169.254.169.254/x", "http://10.0.0.1/x",
		"https://example.com/", "http://169.254.170.2.evil.example/", "http://169.254.170.23@evil/", ""};
	AID_AUTO(aid_secret) *token = aid_secret_from("eks-token", 9);

	(void)state;
	fresh();
	assert_ok(aid_container_keys("http://169.254.170.23/v1/credentials", token, &call, &err), &err);
	assert_string_equal(call.url, "http://169.254.170.23/v1/credentials");
	assert_true(call.is_instance);
	assert_string_equal(header(0), "Authorization: eks-token");
	fresh();
	assert_ok(aid_container_keys("http://127.0.0.1:1234/creds", NULL, &call, &err), &err);
	assert_false(call.is_instance);
	assert_string_equal(header(0), "");
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		fresh();
		assert_failed(aid_container_keys(wrong[i], NULL, &call, &err), AID_E_CONFIG, &err,
			"served at http://169.254.170.2/");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_imds),
		cmocka_unit_test(test_imds_refusals),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_container),
	};

	return cmocka_run_group_tests(tests, NULL, end_bench);
}
