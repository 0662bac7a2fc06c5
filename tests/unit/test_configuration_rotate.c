/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* [rotate] of an agent's file: what it needs, and each way to be wrong with its sentence and its line. */
#include "unit.h"

#include "configuration_private.h"

#include <stdio.h>

#define BASE                                                                                           \
	"[agent]\nid = a\naccount = u\n[token]\nsource = oidc\nissuer = https://kc.example.com/realms/r\n" \
	"client_id = c\nclient_auth = client_secret_basic\nsubject = s\naudience = api\n"
#define SECRET "client_secret = vault:kv/a#s\n"
#define BEGIN BASE SECRET "[rotate]\n" /* 12 lines */
#define ADMIN "provider = keycloak-admin\nadmin_client_id = rot\nadmin_client_secret = file:/s\n"
#define RIGHT BEGIN ADMIN

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

static void test_good(void **state)
{
	struct parsed parsed;
	const struct aid_rotate_config *rotate = &parsed.agent.rotate;
	char url[128];

	(void)state;
	parse(RIGHT "every = 24h\n", &parsed);
	assert_int_equal(parsed.problems.count, 0);
	assert_int_equal(rotate->provider, AID_ROTATE_KEYCLOAK_ADMIN);
	assert_string_equal(aid_rotate_provider_name(rotate->provider), "keycloak-admin");
	assert_int_equal(rotate->every_ms, 86400000);
	assert_int_equal(rotate->lease_ms, 60000);
	assert_int_equal(rotate->overlap_ms, 300000);
	assert_int_equal(rotate->admin_client_auth, AID_CLIENT_SECRET_BASIC);
	assert_string_equal(rotate->admin_client_secret, "file:/s");
	assert_ok(aid_rotate_admin_url(&parsed.agent, url, sizeof(url), NULL), NULL);
	assert_string_equal(url, "https://kc.example.com/admin/realms/r");
	done(&parsed);
}

static void test_others_that_are_good(void **state)
{
	static const char *const good[] = {
		BASE SECRET,
		RIGHT,
		RIGHT "every = 1s\n",
		RIGHT "every = 1s\noverlap = 1s\n",
		RIGHT "every = 8760h\nlease = 10m\noverlap = 24h\n",
		RIGHT "lease = 5s\nadmin_url = https://other.example.com/admin/realms/x\n",
		BEGIN "provider = keycloak-admin\nadmin_client_id = rot\nadmin_client_auth = federated_jwt\n",
		BEGIN "provider = keycloak-admin\nadmin_client_id = rot\nadmin_client_auth = private_key_jwt\n"
		      "admin_client_key = file:/k\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		struct parsed parsed;

		parse(good[i], &parsed);
		if (parsed.problems.count > 0)
			fail_msg("case %zu: %s", i, parsed.problems.items[0].text);
		done(&parsed);
	}
}

static void test_bad(void **state)
{
	static const struct {
		const char *text;
		uint64_t line;
		const char *sentence;
	} bad[] = {
		{BEGIN "every = 24h\n", 12, "[rotate] provider is missing: it is keycloak-admin"},
		{BEGIN, 12, "[rotate] provider is missing: it is keycloak-admin"},
		{BEGIN "provider = okta\n", 13, "[rotate] provider = 'okta': "},
		{RIGHT "every = 999s9\n", 16, "[rotate] every = '999s9': "},
		{RIGHT "every = 0s\n", 16, "[rotate] every = '0s': "},
		{RIGHT "every = 8761h\n", 16, "[rotate] every = '8761h': "},
		{RIGHT "lease = 4s\n", 16, "[rotate] lease = '4s': "},
		{RIGHT "lease = 11m\n", 16, "[rotate] lease = '11m': "},
		{RIGHT "overlap = 25h\n", 16, "[rotate] overlap = '25h': "},
		{RIGHT "every = 10m\noverlap = 11m\n", 17, "[rotate] overlap = 660s is over every = 600s"},
		{RIGHT "everyy = 10m\n", 16, "[rotate] everyy: unknown key; did you mean every?"},
		{BASE "client_secret = file:/s\n[rotate]\n" ADMIN, 11,
			"[token] client_secret: [rotate] needs a secret that comes from vault:"},
		{BASE "client_secret = aws-sm:agents/a#s\n[rotate]\n" ADMIN, 11,
			"[token] client_secret: [rotate] needs a secret that comes from vault:"},
		{BASE "client_secret = credential:s\n[rotate]\n" ADMIN, 11,
			"[token] client_secret: [rotate] needs a secret that comes from vault:"},
		{BEGIN "provider = keycloak-admin\nadmin_client_secret = file:/s\n", 12,
			"[rotate] admin_client_id is missing: provider = keycloak-admin needs it"},
		{BEGIN "provider = keycloak-admin\nadmin_client_id = c\nadmin_client_secret = file:/s\n", 14,
			"[rotate] admin_client_id = 'c' is the agent's own client"},
		{BEGIN "provider = keycloak-admin\nadmin_client_id = rot\n", 12,
			"[rotate] admin_client_secret is missing: admin_client_auth = client_secret_basic needs it"},
		{RIGHT "admin_client_auth = federated_jwt\n", 15,
			"[rotate] admin_client_secret has no meaning with admin_client_auth = federated_jwt"},
		{RIGHT "admin_client_key = file:/k\n", 16,
			"[rotate] admin_client_key has no meaning with admin_client_auth = client_secret_basic"},
		{BEGIN "provider = keycloak-admin\nadmin_client_id = rot\nadmin_client_auth = private_key_jwt\n",
			12, "[rotate] admin_client_key is missing: admin_client_auth = private_key_jwt needs it"},
		{BEGIN "provider = keycloak-admin\nadmin_client_id = rot\nadmin_client_auth = tls_client_auth\n",
			15, "[rotate] admin_client_auth = 'tls_client_auth': "},
		{RIGHT "admin_client_secret = the-secret-itself\n", 16,
			"[rotate] admin_client_secret stands twice"},
		{RIGHT "admin_url = ftp://x\n", 16, "[rotate] admin_url = 'ftp://x': "},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct parsed parsed;
		const struct aid_problem *first;

		parse(bad[i].text, &parsed);
		assert_in_range(parsed.problems.count, 1, 8);
		first = &parsed.problems.items[0];
		if (parsed.problems.count != 1 || first->line != bad[i].line ||
			strncmp(first->text, bad[i].sentence, strlen(bad[i].sentence)) != 0)
			fail_msg("case %zu: %zu problems, line %llu: %s", i, parsed.problems.count,
				(unsigned long long)first->line, first->text);
		done(&parsed);
	}
}

/* The section has no meaning where there is no client secret. */
static void test_without_secret(void **state)
{
	static const char *const bad[] = {
		"[agent]\nid = a\naccount = u\n[token]\nsource = host\naudience = api\n[rotate]\n" ADMIN,
		"[agent]\nid = a\naccount = u\n[token]\nsource = oidc\nissuer = https://kc.example.com/realms/r\n"
		"client_id = c\nclient_auth = private_key_jwt\nclient_key = file:/k\nsubject = s\naudience = api\n"
		"[rotate]\n" ADMIN,
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct parsed parsed;

		parse(bad[i], &parsed);
		assert_int_equal(parsed.problems.count, 1);
		assert_non_null(strstr(parsed.problems.items[0].text, "[rotate] provider has no meaning with "));
		done(&parsed);
	}
}

static void test_admin_url(void **state)
{
	static const struct {
		const char *issuer, *url;
	} all[] = {
		{"https://kc.example.com/realms/r", "https://kc.example.com/admin/realms/r"},
		{"https://kc.example.com/auth/realms/r", "https://kc.example.com/auth/admin/realms/r"},
		{"https://kc.example.com/realms/", NULL},
		{"https://kc.example.com/realms/r/x", NULL},
		{"https://idp.example.com", NULL},
	};
	struct aid_error err = AID_ERROR_INIT;
	char url[64], issuer[64];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		const struct aid_agent agent = {.token.issuer = issuer};

		(void)snprintf(issuer, sizeof(issuer), "%s", all[i].issuer);
		if (all[i].url == NULL) {
			assert_failed(aid_rotate_admin_url(&agent, url, sizeof(url), &err), AID_E_CONFIG, &err,
				"admin_url is missing: the issuer is not of the form URL/realms/REALM");
			continue;
		}
		assert_ok(aid_rotate_admin_url(&agent, url, sizeof(url), &err), &err);
		assert_string_equal(url, all[i].url);
		assert_failed(aid_rotate_admin_url(&agent, url, strlen(url), &err), AID_E_TOOBIG, &err,
			"admin_url is over ");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_others_that_are_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_without_secret),
		cmocka_unit_test(test_admin_url),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
