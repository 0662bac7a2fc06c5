/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* [credential NAME] of an agent's file: each way to be wrong has its sentence and its line. */
#include "unit.h"

#include "configuration_private.h"

#include <stdio.h>

#define AGENT "[agent]\nid = a\naccount = u\n[token]\nsource = host\naudience = api\n"
#define AWS "[credential aws]\ntype = aws-sts\nrole_arn = arn:aws:iam::123456789012:role/r\nregion = eu-west-1\n"
#define AWS_LINES 10 /* of AGENT and AWS: what follows stands in the next one */

struct parsed {
	struct aid_agent agent;
	struct aid_problems problems;
};

static void parse(const char *text, struct parsed *out)
{
	struct aid_draft draft;

	*out = (struct parsed){.problems = {.count = 0}};
	assert_int_equal(aid_agent_parse("f", text, strlen(text), &draft, &out->agent, &out->problems),
		AID_OK);
}

static void done(struct parsed *parsed)
{
	aid_problems_done(&parsed->problems);
	aid_agent_done(&parsed->agent);
}

static void test_bad(void **state)
{
	static const struct {
		const char *text;
		uint64_t line;
		const char *sentence;
	} bad[] = {
		{AGENT "[credential]\ntype = vault\n", 7,
			"[credential]: a credential is named with 1 to 32 lower-case letters, digits and '-'"},
		{AGENT "[credential A]\ntype = vault\n", 7,
			"[credential A]: a credential is named with 1 to 32 lower-case letters, digits and '-'"},
		{AGENT "[credential  aws]\ntype = vault\n", 7,
			"[credential  aws]: a credential is named with 1 to 32 lower-case letters, digits and '-'"},
		{AGENT "[credential token]\ntype = vault\n", 7, "[credential token]: "},
		{AGENT "[credentials aws]\ntype = vault\n", 7, "[credentials aws]: unknown section"},
		{AGENT "[credential aws]\nregion = eu-west-1\n", 7,
			"[credential aws] type is missing: it is one of aws-sts, azure-wif, gcp-wif, rfc8693, "
			"vault, oidc"},
		{AGENT "[credential aws]\ntype = aws\n", 8,
			"[credential aws] type = 'aws': it is one of aws-sts, "},
		{AGENT AWS "regoin = x\n", AWS_LINES + 1,
			"[credential aws] regoin: unknown key; did you mean region?"},
		{AGENT AWS "tenant = x\n", AWS_LINES + 1,
			"[credential aws] tenant: unknown key; type aws-sts has none of this name"},
		{AGENT AWS "duration = 5m\n", AWS_LINES + 1, "[credential aws] duration = '5m': "},
		{AGENT AWS "duration = 15m\nduration = 20m\n", AWS_LINES + 2,
			"[credential aws] duration stands twice, first in line 11; one is allowed"},
		{AGENT AWS "duration = 2h\n", AWS_LINES + 1,
			"[credential aws] duration = 2h is over max_lifetime = 3600s"},
		{AGENT "[credential aws]\ntype = aws-sts\nregion = eu-west-1\n", 7,
			"[credential aws] role_arn is missing: type aws-sts needs it"},
		{AGENT AWS "assertion_scope = x\n", AWS_LINES + 1,
			/* the host vouches only where it says so */
			""},
		{AGENT AWS "assertion = host\nassertion_scope = x\n", AWS_LINES + 2,
			"[credential aws] assertion_scope needs assertion = oidc"},
		{AGENT AWS "refresh = sometimes\n", AWS_LINES + 1,
			"[credential aws] refresh = 'sometimes': "},
		{AGENT AWS AWS, AWS_LINES + 1,
			"section [credential aws] stands twice, first in line 7; one is allowed"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct parsed parsed;

		parse(bad[i].text, &parsed);
		if (bad[i].sentence[0] == '\0') {
			assert_int_equal(parsed.problems.count, 0);
		} else {
			assert_true(parsed.problems.count >= 1);
			if (strncmp(parsed.problems.items[0].text, bad[i].sentence, strlen(bad[i].sentence)) !=
				0)
				fail_msg("'%s', not '%s'", parsed.problems.items[0].text, bad[i].sentence);
			assert_int_equal(parsed.problems.items[0].line, bad[i].line);
		}
		done(&parsed);
	}
}

/* What stands where a reference should stand may be the secret itself. */
static void test_secret_is_not_shown(void **state)
{
	struct parsed parsed;

	(void)state;
	parse(AGENT "[credential x]\ntype = rfc8693\nissuer = https://i.example\nclient_id = c\n"
		    "client_auth = client_secret_basic\naudience = b\nclient_secret = hunter2\n", &parsed);
	assert_int_equal(parsed.problems.count, 1);
	assert_null(strstr(parsed.problems.items[0].text, "hunter2"));
	assert_int_equal(parsed.problems.items[0].line, 13);
	done(&parsed);
}

static void test_good(void **state)
{
	const struct aid_credential *aws;
	struct parsed parsed;
	char names[64];

	(void)state;
	parse(AGENT AWS "at_open = yes # soon\nrefresh_at = 50%\n"
		    "[credential my-vault]\ntype = vault\naddress = https://v.example:8200\nrole = agent\n"
		    "assertion_audience = vault\n", &parsed);
	assert_int_equal(parsed.problems.count, 0);
	assert_int_equal(parsed.agent.n_credentials, 2);
	aws = aid_agent_credential(&parsed.agent, "aws");
	assert_non_null(aws);
	assert_int_equal(aws->options.target->kind, AID_TARGET_AWS_STS);
	assert_int_equal(aws->line, 7);
	assert_string_equal(aid_target_get(&aws->options, "at_open"), "yes");
	assert_int_equal(aid_target_number(&aws->options, "refresh_at"), 50);
	assert_string_equal(aid_target_get(&aws->options, "duration"), "15m");
	assert_null(aid_agent_credential(&parsed.agent, "vault"));
	assert_string_equal(aid_agent_credential_names(&parsed.agent, names, sizeof(names)), "aws, my-vault");
	done(&parsed);
}

static void fill(char *text, size_t size, unsigned int count)
{
	(void)snprintf(text, size, "%s", AGENT);
	for (unsigned int i = 0; i < count; i++) {
		size_t used = strlen(text);

		(void)snprintf(text + used, size - used, "[credential c%u]\ntype = vault\n"
			"address = https://v.example\nrole = r\nassertion_audience = v\n", i);
	}
}

static void test_limit(void **state)
{
	char text[4096];
	struct parsed parsed;

	(void)state;
	fill(text, sizeof(text), AID_CREDENTIALS_MAX);
	parse(text, &parsed);
	assert_int_equal(parsed.problems.count, 0);
	assert_int_equal(parsed.agent.n_credentials, AID_CREDENTIALS_MAX);
	done(&parsed);
	fill(text, sizeof(text), AID_CREDENTIALS_MAX + 1);
	parse(text, &parsed);
	assert_int_equal(parsed.problems.count, 1);
	assert_string_equal(parsed.problems.items[0].text,
		"[credential c16]: an agent has at most 16 credentials");
	done(&parsed);
}

static void expect_across(const char *text, bool has_issuer, const char *sentence)
{
	struct parsed parsed;

	parse(text, &parsed);
	assert_int_equal(parsed.problems.count, 0);
	parsed.agent.file = strdup("f");
	aid_credentials_check(&parsed.agent, has_issuer, &parsed.problems);
	if (sentence == NULL) {
		assert_int_equal(parsed.problems.count, 0);
	} else {
		assert_int_equal(parsed.problems.count, 1);
		assert_string_equal(parsed.problems.items[0].text, sentence);
	}
	done(&parsed);
}

#define PROVIDER                                                                                       \
	"[agent]\nid = a\naccount = u\n[token]\nsource = oidc\nissuer = https://i.example\nclient_id = c\n"  \
	"client_auth = client_secret_basic\nclient_secret = file:/s\n"
#define JWT PROVIDER "audience = api\nsubject = s\n"
#define OPAQUE PROVIDER "format = opaque\n"
#define EXCHANGED                                                                                      \
	"[credential x]\ntype = rfc8693\nissuer = https://i.example\nclient_id = c\naudience = b\n"        \
	"subject = s\nclient_auth = federated_jwt\n"

/* Who vouches has to be there. */
static void test_who_vouches(void **state)
{
	(void)state;
	expect_across(AGENT AWS, true, NULL);
	expect_across(JWT AWS, false, NULL);
	expect_across(JWT AWS, true, NULL);
	expect_across(AGENT AWS "assertion = host\n", false,
		"[credential aws] assertion = host needs [issuer] url in agentid.conf");
	expect_across(AGENT AWS "assertion = oidc\n", true,
		"[credential aws] assertion = oidc needs [token] source = oidc");
	expect_across(OPAQUE AWS, false,
		"[credential aws] assertion = oidc needs a [token] that can be verified, not format = opaque");
	expect_across(OPAQUE AWS, true, NULL);
	expect_across(AGENT "[credential x]\ntype = oidc\naudience = b\n", true,
		"[credential x] type = oidc needs [token] source = oidc");
	expect_across(OPAQUE "[credential x]\ntype = oidc\naudience = b\n", true,
		"[credential x] subject is missing: [token] has none");
	expect_across(JWT "[credential x]\ntype = oidc\naudience = b\n", false, NULL);
	expect_across(JWT EXCHANGED, false,
		"[credential x] client_auth = federated_jwt needs [issuer] url in agentid.conf");
	expect_across(AGENT EXCHANGED, true, NULL);
}

static void test_source(void **state)
{
	struct aid_config config = {.host_issuer = NULL};
	struct parsed parsed;

	(void)state;
	parse(JWT AWS EXCHANGED "subject_token = session\n[credential y]\ntype = oidc\naudience = b\n", &parsed);
	assert_int_equal(parsed.problems.count, 0);
	assert_int_equal(aid_credential_source(&config, &parsed.agent.credentials[0]), AID_SOURCE_OIDC);
	assert_int_equal(aid_credential_source(&config, &parsed.agent.credentials[1]), 0);
	assert_int_equal(aid_credential_source(&config, &parsed.agent.credentials[2]), 0);
	config.host_issuer = parsed.agent.id;
	assert_int_equal(aid_credential_source(&config, &parsed.agent.credentials[0]), AID_SOURCE_HOST);
	done(&parsed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_secret_is_not_shown),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_who_vouches),
		cmocka_unit_test(test_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
