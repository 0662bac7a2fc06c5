/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "policy.h"

#include <stdio.h>

#define CAP 65536U
#define ISSUER "https://id.example.com/host01"
#define AUD "\"id.example.com/host01:aud\":\"sts.amazonaws.com\""
#define SUB "\"id.example.com/host01:sub\":\"agent:a\""
#define FEDERATED "\"Principal\":{\"Federated\":\"arn:aws:iam::123456789012:oidc-provider/id.example.com/host01\"}"
#define ACTION "\"Action\":\"sts:AssumeRoleWithWebIdentity\""
#define AWS(conditions) AWS_WHOLE(FEDERATED, ACTION, conditions)
#define AWS_WHOLE(principal, action, conditions)                                                    \
	"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\"," principal "," action      \
	",\"Condition\":{" conditions "}}]}"
#define EXACT "\"StringEquals\":{" AUD "," SUB "}"
#define GCP(condition)                                                                              \
	"{\"oidc\":{\"issuerUri\":\"" ISSUER "\"},\"attributeCondition\":\"" condition "\"}"
#define GCP_MAPPED(subject, condition)                                                              \
	"{\"oidc\":{\"issuerUri\":\"" ISSUER "\"},\"attributeMapping\":{\"google.subject\":\"" subject "\"},"     \
	"\"attributeCondition\":\"" condition "\"}"

static const struct aid_policy_known known = {(const char *const[]){"https://other.example", ISSUER}, 2};
static struct aid_policy_findings findings;

static void lint(const char *text, const struct aid_policy_known *issuers, enum aid_policy_kind kind)
{
	AID_AUTO(aid_json) *json = NULL;
	struct aid_error err = AID_ERROR_INIT;
	enum aid_policy_kind seen;

	assert_ok(aid_json_parse(text, strlen(text), CAP, &json, &err), &err);
	assert_ok(aid_policy_lint(json, issuers, &seen, &findings, &err), &err);
	assert_int_equal(seen, kind);
}

/* What is right, in every form that a tool prints it. */
static void test_good(void **state)
{
	static const struct {
		enum aid_policy_kind kind;
		const char *text;
	} good[] = {
		{AID_POLICY_AWS, AWS(EXACT)},
		{AID_POLICY_AWS, AWS(EXACT ",\"Null\":{\"id.example.com/host01:sub\":\"false\"}")},
		{AID_POLICY_AWS, AWS(EXACT ",\"IpAddress\":{\"aws:SourceIp\":\"192.0.2.0/24\"}")},
		{AID_POLICY_AWS, "{\"Role\":{\"AssumeRolePolicyDocument\":" AWS(EXACT) "}}"},
		{AID_POLICY_AWS, "{\"Statement\":{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"*\"}}"},
		{AID_POLICY_AZURE, "{\"issuer\":\"" ISSUER "\",\"subject\":\"agent:a\",\"audiences\":[\"api://x\"]}"},
		{AID_POLICY_AZURE, "{\"properties\":{\"issuer\":\"" ISSUER "\",\"subject\":\"agent:a\","
				   "\"claimsMatchingExpression\":null,\"audiences\":[\"api://x\"]}}"},
		{AID_POLICY_GCP, GCP("assertion.sub == 'agent:a'")},
		{AID_POLICY_GCP, GCP("assertion.aud == 'x' && assertion.sub == \\\"agent:a\\\"")},
		{AID_POLICY_GCP, GCP_MAPPED("assertion.sub", "google.subject=='agent:a||!' && assertion.aud == 'x in y'")},
		{AID_POLICY_GCP, GCP("(assertion.aud == 'x' && assertion.n == 1) && assertion.sub == 'agent:a//'")},
		{AID_POLICY_GCP_IAM, "{\"bindings\":[{\"role\":\"r\",\"members\":[\"principal://p/subject/agent:a\"]}]}"},
		{AID_POLICY_VAULT, "{\"bound_audiences\":[\"v\"],\"bound_subject\":\"agent:a\",\"bound_claims\":null}"},
		{AID_POLICY_VAULT, "{\"data\":{\"bound_audiences\":\"v\",\"bound_subject\":\"\","
				   "\"bound_claims\":{\"sub\":\"agent:a\"},\"bound_claims_type\":\"string\"}}"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		lint(good[i].text, &known, good[i].kind);
		if (findings.count > 0)
			print_error("%s: %s: %s\n", good[i].text, findings.items[0].path, findings.items[0].why);
		assert_int_equal(findings.count, 0);
	}
	/* Operators and keys are compared without case there. */
	lint(AWS("\"stringequals\":{\"id.example.com/host01:AUD\":[\"x\"]," SUB "}"), &known, AID_POLICY_AWS);
	assert_int_equal(findings.count, 0);
}

/* One mistake each: where, which value, and why. */
static const struct {
	enum aid_policy_kind kind;
	const char *text, *path, *value, *why;
} bad[] = {
	{AID_POLICY_AWS, AWS("\"StringEquals\":{" AUD "}"), "$.Statement[0].Condition", "", "no subject is pinned"},
	{AID_POLICY_AWS, AWS("\"StringEquals\":{" SUB "}"), "$.Statement[0].Condition", "", "no audience is pinned"},
	{AID_POLICY_AWS, AWS("\"StringEquals\":{" AUD "},\"StringLike\":{\"id.example.com/host01:sub\":\"agent:*\"}"),
		"$.Statement[0].Condition.StringLike.id.example.com/host01:sub", "agent:*",
		"a wildcard lets in other agents"},
	{AID_POLICY_AWS, AWS("\"StringEquals\":{" AUD "},\"StringLike\":{" SUB "}"), "$.Statement[0].Condition.StringLike",
		"StringLike", "does not compare exactly"},
	{AID_POLICY_AWS, AWS("\"StringEqualsIgnoreCase\":{" AUD "," SUB "}"), "StringEqualsIgnoreCase",
		"StringEqualsIgnoreCase", "does not compare exactly"},
	{AID_POLICY_AWS, AWS("\"StringNotEquals\":{\"id.example.com/host01:sub\":\"b\"},\"StringEquals\":{" AUD "}"),
		"StringNotEquals", "StringNotEquals", "does not compare exactly"},
	{AID_POLICY_AWS, AWS("\"StringEqualsIfExists\":{" AUD "," SUB "}"), "StringEqualsIfExists", "StringEquals",
		"IfExists lets in a token without the claim"},
	{AID_POLICY_AWS, AWS("\"ForAllValues:StringEquals\":{" AUD "," SUB "}"), "ForAllValues:StringEquals",
		"StringEquals", "a set operator"},
	{AID_POLICY_AWS, AWS("\"ForAnyValue:StringLike\":{" AUD "," SUB "}"), "ForAnyValue:StringLike", "StringLike",
		"a set operator"},
	{AID_POLICY_AWS, AWS(EXACT ",\"Null\":{\"id.example.com/host01:sub\":\"true\"}"), "Condition.Null", "Null",
		"does not compare exactly"},
	{AID_POLICY_AWS, AWS("\"StringEquals\":{" AUD ",\"id.example.com/host01:sub\":[\"agent:a\",\"agent:b\"]}"),
		"host01:sub[1]", "agent:b", "more than one agent"},
	{AID_POLICY_AWS, AWS("\"StringEquals\":{" AUD ",\"id.example.com/host01:sub\":\"agent:*\"}"), "host01:sub",
		"agent:*", "matches nothing"},
	{AID_POLICY_AWS, AWS("\"StringEquals\":{" AUD ",\"id.example.com/host01:sub\":\"${aws:x}\"}"), "host01:sub",
		"${aws:x}", "a variable is no pin"},
	{AID_POLICY_AWS, AWS("\"StringEquals\":{" SUB ",\"id.example.com/host01:aud\":[\"a\",\"b\"]}"), "host01:aud",
		"[...]", "more than one audience"},
	{AID_POLICY_AWS, AWS("\"StringEquals\":{" AUD "," SUB ",\"accounts.google.com:sub\":\"agent:a\"}"),
		"accounts.google.com:sub", "accounts.google.com", "this issuer is not of this host"},
	{AID_POLICY_AWS, AWS("\"StringEquals\":{" AUD "," SUB ",\"other.example:sub\":\"agent:a\"}"), "other.example:sub",
		"other.example", "another issuer than Principal names"},
	{AID_POLICY_AWS, AWS("\"StringEquals\":{" AUD ",\"id.example.com/host01:sub\":7}"), "host01:sub", "no text",
		"it is no text"},
	{AID_POLICY_AWS, AWS_WHOLE("\"Principal\":\"*\"", ACTION, EXACT), "$.Statement[0].Principal", "*",
		"everybody is let in"},
	{AID_POLICY_AWS, AWS_WHOLE("\"Principal\":{\"AWS\":\"*\"}", ACTION, EXACT), "Principal.AWS", "*",
		"another way in"},
	{AID_POLICY_AWS, AWS_WHOLE("\"Principal\":{\"Federated\":\"*\"}", ACTION, EXACT), "Principal.Federated", "*",
		"everybody is let in"},
	{AID_POLICY_AWS, AWS_WHOLE("\"Principal\":{\"Federated\":\"arn:aws:iam::1:oidc-provider/evil.example\"}", ACTION,
		EXACT), "Principal.Federated", "arn:aws:iam::1:oidc-provider/evil.example", "this issuer is not"},
	{AID_POLICY_AWS, AWS_WHOLE("\"NotPrincipal\":{\"AWS\":\"1\"}", ACTION, EXACT), "$.Statement[0]", "NotPrincipal",
		"everything but the named"},
	{AID_POLICY_AWS, AWS_WHOLE(FEDERATED, "\"Action\":\"sts:*\"", EXACT), "$.Statement[0].Action", "sts:*",
		"another way in"},
	{AID_POLICY_AWS, "{\"Statement\":[7]}", "$.Statement[0]", "no text", "it is no statement"},
	{AID_POLICY_AZURE, "{\"issuer\":\"https://evil.example\",\"subject\":\"a\",\"audiences\":[\"x\"]}", "$.issuer",
		"https://evil.example", "this issuer is not"},
	{AID_POLICY_AZURE, "{\"issuer\":\"" ISSUER "/\",\"subject\":\"a\",\"audiences\":[\"x\"]}", "$.issuer",
		ISSUER "/", "this issuer is not"},
	{AID_POLICY_AZURE, "{\"issuer\":\"" ISSUER "\",\"audiences\":[\"x\"]}", "$.subject", "", "no subject"},
	{AID_POLICY_AZURE, "{\"issuer\":\"" ISSUER "\",\"subject\":\"agent:*\",\"audiences\":[\"x\"]}", "$.subject",
		"agent:*", "matches nothing"},
	{AID_POLICY_AZURE, "{\"issuer\":\"" ISSUER "\",\"subject\":\"a\",\"audiences\":[]}", "$.audiences", "",
		"no audience"},
	{AID_POLICY_AZURE, "{\"issuer\":\"" ISSUER "\",\"subject\":\"a\",\"audiences\":[\"x\"],"
		"\"claimsMatchingExpression\":{\"value\":\"claims['sub'] matches 'a*'\"}}", "$.claimsMatchingExpression",
		"{...}", "more than one agent"},
	{AID_POLICY_GCP, "{\"oidc\":{\"issuerUri\":\"" ISSUER "\"}}", "$.attributeCondition", "", "no subject"},
	{AID_POLICY_GCP, GCP("assertion.sub.startsWith('agent:')"), "$.attributeCondition", "assertion.sub.starts",
		"more than one agent"},
	{AID_POLICY_GCP, GCP("assertion.sub == 'a' || true"), "$.attributeCondition", "assertion.sub", "more than one"},
	{AID_POLICY_GCP, GCP("assertion.sub != 'a'"), "$.attributeCondition", "assertion.sub", "more than one"},
	{AID_POLICY_GCP, GCP("assertion.sub in ['a', 'b']"), "$.attributeCondition", "assertion.sub", "more than one"},
	{AID_POLICY_GCP, GCP("'assertion.sub==' == 'x'"), "$.attributeCondition", "'assertion", "does not compare"},
	{AID_POLICY_GCP, GCP("assertion.sub == assertion.sub"), "$.attributeCondition", "assertion", "does not compare"},
	{AID_POLICY_GCP, GCP("assertion.sub == google.subject"), "$.attributeCondition", "assertion", "does not compare"},
	{AID_POLICY_GCP, GCP("assertion.sub == 'a' + assertion.x"), "$.attributeCondition", "assertion", "does not compare"},
	{AID_POLICY_GCP, GCP("(assertion.sub == 'agent:a') == false"), "$.attributeCondition", "(assertion",
		"does not compare"},
	{AID_POLICY_GCP, GCP("(true && assertion.sub == 'agent:a' && true) == false"), "$.attributeCondition", "(true",
		"does not compare"},
	{AID_POLICY_GCP, GCP("[true && assertion.sub == 'a' && true] == [false]"), "$.attributeCondition", "[true",
		"does not compare"},
	{AID_POLICY_GCP, GCP("assertion.a || assertion.b && assertion.sub == 'a'"), "$.attributeCondition", "assertion",
		"more than one"},
	{AID_POLICY_GCP, GCP("true // && assertion.sub == 'a'"), "$.attributeCondition", "true //", "more than one"},
	{AID_POLICY_GCP, GCP("true\\n//\\n&& assertion.sub == 'a'"), "$.attributeCondition", "true", "more than one"},
	{AID_POLICY_GCP, GCP("r'\\\\' == 'x' && assertion.sub == 'a' && '' == ''"), "$.attributeCondition", "r'", "more than"},
	{AID_POLICY_GCP, GCP("''' ' && assertion.sub == 'a' && ' ''' == ''"), "$.attributeCondition", "'''", "more than"},
	{AID_POLICY_GCP, GCP("google.subject == 'a'"), "$.attributeCondition", "google.subject", "does not compare"},
	{AID_POLICY_GCP, GCP_MAPPED("'a'", "google.subject == 'a'"), "$.attributeCondition", "google.subject",
		"does not compare"},
	{AID_POLICY_GCP, GCP("assertion.aud == 'x'"), "$.attributeCondition", "assertion.aud", "does not compare"},
	{AID_POLICY_GCP, "{\"oidc\":{\"issuerUri\":\"https://evil.example\"},\"attributeCondition\":\"assertion.sub=='a'\"}",
		"$.oidc.issuerUri", "https://evil.example", "this issuer is not"},
	{AID_POLICY_GCP_IAM, "{\"bindings\":[{\"members\":[\"allUsers\"]}]}", "$.bindings[0].members[0]", "allUsers",
		"everybody"},
	{AID_POLICY_GCP_IAM, "{\"bindings\":[{\"members\":[\"domain:example.com\"]}]}", "members[0]", "domain:example.com",
		"another way in"},
	{AID_POLICY_GCP_IAM, "{\"bindings\":[{\"members\":[\"principal://x/a\",\"user:root@example.com\"]}]}", "members[1]",
		"user:root@example.com", "another way in"},
	{AID_POLICY_GCP_IAM, "{\"bindings\":[{\"members\":[\"principalSet://x/*\"]}]}", "members[0]", "principalSet://x/*",
		"more than one agent"},
	{AID_POLICY_GCP_IAM, "{\"bindings\":[{\"members\":[\"principal://x/a\",\"principal://x/b\"]}]}", "members[1]",
		"principal://x/b", "more than one agent"},
	{AID_POLICY_VAULT, "{\"bound_subject\":\"agent:a\"}", "$.bound_audiences", "", "no audience"},
	{AID_POLICY_VAULT, "{\"bound_audiences\":[\"v\",\"w\"],\"bound_subject\":\"agent:a\"}", "$.bound_audiences",
		"[...]", "more than one audience"},
	{AID_POLICY_VAULT, "{\"bound_audiences\":[\"v\"],\"bound_subject\":\"\"}", "$.bound_subject", "", "no subject"},
	{AID_POLICY_VAULT, "{\"bound_audiences\":[\"v\"],\"bound_subject\":\"agent:*\"}", "$.bound_subject", "agent:*",
		"matches nothing"},
	{AID_POLICY_VAULT, "{\"bound_audiences\":[\"v\"],\"bound_claims_type\":\"glob\",\"bound_claims\":{\"sub\":\"agent:*\"}}",
		"$.bound_claims_type", "glob", "with wildcards"},
	{AID_POLICY_VAULT, "{\"bound_audiences\":[\"v\"],\"bound_claims\":{\"sub\":[\"a\",\"b\"]}}", "$.bound_claims.sub",
		"b", "more than one agent"},
};

static bool found(size_t i)
{
	for (size_t f = 0; f < findings.count; f++) {
		const struct aid_policy_finding *finding = &findings.items[f];

		if (strstr(finding->path, bad[i].path) != NULL && strstr(finding->why, bad[i].why) != NULL &&
			strncmp(finding->value, bad[i].value, strlen(bad[i].value)) == 0 &&
			(finding->value[0] == '\0') == (bad[i].value[0] == '\0') && finding->instead[0] != '\0')
			return true;
	}
	return false;
}

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		lint(bad[i].text, &known, bad[i].kind);
		if (!found(i))
			print_error("%s: no '%s' at %s; %zu findings, the first: %s '%s' %s\n", bad[i].text,
				bad[i].why, bad[i].path, findings.count, findings.items[0].path,
				findings.items[0].value, findings.items[0].why);
		assert_true(found(i));
	}
}

static void test_second_statement(void **state)
{
	(void)state;
	lint("{\"Statement\":[{\"Effect\":\"Allow\"," FEDERATED "," ACTION ",\"Condition\":{" EXACT "}},"
	     "{\"Effect\":\"Allow\"," FEDERATED "," ACTION ",\"Condition\":{\"StringEquals\":{" AUD
	     ",\"id.example.com/host01:sub\":\"agent:b\"}}}]}", &known, AID_POLICY_AWS);
	assert_int_equal(findings.count, 1);
	assert_string_equal(findings.items[0].value, "agent:b");
	assert_string_equal(findings.items[0].why, "more than one agent is let in");
}

/* What stands after the part that is looked at could be anything. */
static void test_long_condition(void **state)
{
	char text[CAP];

	(void)state;
	(void)snprintf(text, sizeof(text), GCP("assertion.sub == 'a' && assertion.n == %05000d || true"), 0);
	lint(text, &known, AID_POLICY_GCP);
	assert_int_equal(findings.count, 1);
	assert_non_null(strstr(findings.items[0].why, "more than one agent"));
}

static void test_no_issuer_known(void **state)
{
	static const struct aid_policy_known none = {NULL, 0};

	(void)state;
	lint(AWS(EXACT), &none, AID_POLICY_AWS);
	assert_int_equal(findings.count, 0);
}

static void test_limit(void **state)
{
	char text[CAP];
	size_t used = (size_t)snprintf(text, sizeof(text), "{\"bindings\":[{\"members\":[");

	(void)state;
	for (size_t i = 0; i <= AID_POLICY_FINDINGS_MAX; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s\"allUsers\"", i > 0 ? "," : "");
	(void)snprintf(text + used, sizeof(text) - used, "]}]}");
	lint(text, &known, AID_POLICY_GCP_IAM);
	assert_int_equal(findings.count, AID_POLICY_FINDINGS_MAX);
	assert_true(findings.more);
}

static void test_unknown(void **state)
{
	AID_AUTO(aid_json) *json = NULL;
	struct aid_error err = AID_ERROR_INIT;
	enum aid_policy_kind kind;

	(void)state;
	assert_ok(aid_json_parse("{\"a\":1}", 7, CAP, &json, &err), &err);
	assert_failed(aid_policy_lint(json, &known, &kind, &findings, &err), AID_E_PROTOCOL, &err,
		"it is neither a trust policy of AWS");
}

static void test_pin(void **state)
{
	static const char *const wild[] = {"agent:*", "a?c", "*"};
	static const char *const odd[] = {"", " a", "a b", "a'b", "a\"b", "a\\b", "a$b", "a\nb", "a`b", "a;b", "a|b"};
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	assert_ok(aid_policy_check_pin("--x", "agent:a-1_2.3@h/p#q+r=,~", &err), &err);
	for (size_t i = 0; i < COUNT_OF(wild); i++)
		assert_failed(aid_policy_check_pin("--x", wild[i], &err), AID_E_INVALID, &err,
			"a wildcard would let in more than this agent");
	for (size_t i = 0; i < COUNT_OF(odd); i++)
		assert_failed(aid_policy_check_pin("--x", odd[i], &err), AID_E_INVALID, &err,
			"printable ASCII without spaces, quotes and variables is allowed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_second_statement),
		cmocka_unit_test(test_long_condition),
		cmocka_unit_test(test_no_issuer_known),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_pin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
