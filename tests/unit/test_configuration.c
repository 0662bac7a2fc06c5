/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Bad configurations and the sentence each gets: an agent's text, without any file. */
#include "configuration_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define HOST_AGENT "[agent]\nid = a\naccount = u\n[token]\nsource = host\naudience = api\n"
#define OIDC_HEAD "[agent]\nid = a\naccount = u\n[token]\nsource = oidc\naudience = api\n"
#define OIDC_ISSUER "issuer = https://idp.example/realms/r\n"
#define OIDC_CLIENT "client_id = c\nclient_auth = client_secret_basic\nclient_secret = file:/s\n"
#define OIDC_AGENT OIDC_HEAD OIDC_ISSUER OIDC_CLIENT "subject = agent:a\n"
/* 12 lines so far: what follows OIDC_AGENT stands in line 12, after HOST_AGENT in line 7. */

struct bad {
	const char *text;
	uint64_t line;
	const char *sentence;
};

static const struct bad bads[] = {
	/* lines */
	{"id = a\n" HOST_AGENT, 1, "a line stands before the first [section]"},
	{HOST_AGENT "[nonsense]\nx = 1\n", 7, "[nonsense]: unknown section; this file has [agent] and [token] and [rotate]"},
	{HOST_AGENT "lifetme = 1m\n", 7,
		"[token] lifetme: unknown key; did you mean lifetime?"},
	{HOST_AGENT "account = u\n", 7,
		"[token] account: unknown key; it belongs into section [agent]"},
	{HOST_AGENT "role_arn = x\n", 7,
		"[token] role_arn: unknown key; the manual page lists the known ones"},
	{HOST_AGENT "audience = b\n", 7, "[token] audience stands twice, first in line 6; one is allowed"},
	{HOST_AGENT "[agent]\n", 7, "section [agent] stands twice, first in line 1; one is allowed"},
	{HOST_AGENT "lifetime =\n", 7,
		"[token] lifetime has no value; leave the line out for the default"},
	{HOST_AGENT "lifetime = # five\n", 7,
		"[token] lifetime has no value; leave the line out for the default"},
	{HOST_AGENT "lifetime = \"1m\"\n", 7,
		"[token] lifetime: values are written without quotation marks"},
	{HOST_AGENT "lifetime = '1m'\n", 7,
		"[token] lifetime: values are written without quotation marks"},
	{HOST_AGENT "lifetime = 1\\\n", 7,
		"[token] lifetime: a value stands on one line, '\\' does not continue it"},
	{HOST_AGENT "lifetime\n", 7, "the line is neither [section], key = value nor # comment"},
	{HOST_AGENT "= 5m\n", 7, "'': a key is written in lower-case letters, digits and '_'"},
	{HOST_AGENT "Lifetime = 5m\n", 7,
		"'Lifetime': a key is written in lower-case letters, digits and '_'"},
	{HOST_AGENT "; comment\n", 7, "the line is neither [section], key = value nor # comment"},
	{HOST_AGENT "[token\n", 7, "'[token': a section is written [name] and nothing else on the line"},
	{HOST_AGENT "[]\n", 7, "'[]': a section needs a plain name"},
	{HOST_AGENT "lifetime = 5\xc3\xa4\n", 7, "byte 0xc3 in column 13: only printable ASCII is allowed"},
	{HOST_AGENT "lifetime = 5m\r\n", 7, "byte 0x0d in column 14: only printable ASCII is allowed"},
	/* agent */
	{"[agent]\nid = A\naccount = u\n[token]\nsource = host\naudience = api\n", 2,
		"[agent] id = 'A': an id is 1 to 63 lower-case letters, digits, '.', '_' and '-', first a letter or digit"},
	{"[agent]\nid = a\naccount = root\n[token]\nsource = host\naudience = api\n", 3,
		"[agent] account = 'root': root cannot be an agent"},
	{"[agent]\nid = a\naccount = 1000\n[token]\nsource = host\naudience = api\n", 3,
		"[agent] account = '1000': an account is a user name of at most 32 letters, digits and '_.@+$\\-', not a number"},
	{"[agent]\nid = a\n[token]\nsource = host\naudience = api\n", 1,
		"[agent] account is missing: every agent needs it"},
	{"[agent]\nid = a\naccount = u\nmax_sessions = 0\n[token]\nsource = host\naudience = api\n", 4,
		"[agent] max_sessions = '0': a whole number from 1 to 100000 is allowed"},
	{"[agent]\nid = a\naccount = u\nservices = sshd,,su\n[token]\nsource = host\naudience = b\n", 4,
		"[agent] services = 'sshd,,su': a name is empty between the commas"},
	{"[agent]\nid = a\naccount = u\nservices = su, su\n[token]\nsource = host\naudience = b\n", 4,
		"[agent] services = 'su, su': 'su' stands twice"},
	/* durations and limits */
	{HOST_AGENT "lifetime = 300\n", 7,
		"[token] lifetime = '300': a duration is a whole number with s, m, h or d, from 5s to 1h"},
	{HOST_AGENT "lifetime = 4s\n", 7, "[token] lifetime = '4s': 5s to 1h is allowed"},
	{HOST_AGENT "lifetime = 15m\n", 7, "[token] lifetime = 900s is over max_lifetime = 600s"},
	{HOST_AGENT "max_lifetime = 2m\n", 7,
		"[token] lifetime = 300s (the default) is over max_lifetime = 120s"},
	{HOST_AGENT "max_lifetime = 2h\n", 7, "[token] max_lifetime = '2h': 30s to 1h is allowed"},
	{HOST_AGENT "max_lifetime = 29s\nlifetime = 5s\n", 7,
		"[token] max_lifetime = '29s': 30s to 1h is allowed"},
	{HOST_AGENT "refresh_at = 96%\n", 7, "[token] refresh_at = '96%': 10% to 95% is allowed"},
	{HOST_AGENT "refresh_at = 9%\n", 7, "[token] refresh_at = '9%': 10% to 95% is allowed"},
	{HOST_AGENT "refresh_at = 80\n", 7, "[token] refresh_at = '80': 10% to 95% is allowed"},
	/* pins */
	{OIDC_HEAD OIDC_ISSUER OIDC_CLIENT "subject = agent:*\n", 11,
		"[token] subject = 'agent:*': '*' is a wildcard; a pin names exactly one value, so that no other token fits"},
	{OIDC_HEAD OIDC_CLIENT "issuer = https://*.example\nsubject = a\n", 10,
		"[token] issuer = 'https://*.example': '*' is a wildcard; a pin names exactly one value, so that no other token fits"},
	{"[agent]\nid = a\naccount = u\n[token]\nsource = host\naudience = api?\n", 6,
		"[token] audience = 'api?': '?' is a wildcard; a pin names exactly one value, so that no other token fits"},
	{OIDC_HEAD OIDC_ISSUER
		"client_id = c*\nclient_auth = client_secret_basic\nclient_secret = file:/s\nsubject = a\n",
		8,
		"[token] client_id = 'c*': '*' is a wildcard; a pin names exactly one value, so that no other token fits"},
	/* URLs */
	{OIDC_HEAD OIDC_CLIENT "issuer = http://idp.example\nsubject = a\n", 10,
		"[token] issuer = 'http://idp.example': http:// is allowed for localhost, 127.0.0.0/8 and [::1] only; use https://"},
	{OIDC_HEAD OIDC_CLIENT "issuer = http://127.evil.example\nsubject = a\n", 10,
		"[token] issuer = 'http://127.evil.example': http:// is allowed for localhost, 127.0.0.0/8 and [::1] only; use https://"},
	{OIDC_HEAD OIDC_CLIENT "issuer = ftp://idp.example\nsubject = a\n", 10,
		"[token] issuer = 'ftp://idp.example': an https:// URL is needed"},
	{OIDC_HEAD OIDC_CLIENT "issuer = https://u:p@idp.example\nsubject = a\n", 10,
		"[token] issuer = 'https://u:p@idp.example': a user name or password in the URL is not allowed"},
	{OIDC_HEAD OIDC_CLIENT "issuer = https://idp.example/#x\nsubject = a\n", 10,
		"[token] issuer = 'https://idp.example/#x': a fragment ('#') is not allowed"},
	{OIDC_HEAD OIDC_CLIENT "issuer = https://idp.example:70000\nsubject = a\n", 10,
		"[token] issuer = 'https://idp.example:70000': https://HOST[:PORT][/PATH] is the allowed form"},
	{OIDC_HEAD OIDC_CLIENT "issuer = https:///realms\nsubject = a\n", 10,
		"[token] issuer = 'https:///realms': https://HOST[:PORT][/PATH] is the allowed form"},
	{OIDC_AGENT "resource = api\n", 12,
		"[token] resource = 'api': an absolute URI without fragment of at most 1024 bytes is allowed (RFC 8707)"},
	/* choices */
	{"[agent]\nid = a\naccount = u\n[token]\nsource = magic\naudience = api\n", 5,
		"[token] source = 'magic': allowed: oidc, host"},
	{OIDC_AGENT "format = saml\n", 12, "[token] format = 'saml': allowed: jwt, opaque"},
	{OIDC_AGENT "send_audience = true\n", 12, "[token] send_audience = 'true': yes or no is allowed"},
	{OIDC_AGENT "algorithms = RS256, none\n", 12,
		"[token] algorithms = 'RS256, none': allowed: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA"},
	{OIDC_AGENT "allowed_hosts = *.example\n", 12,
		"[token] allowed_hosts = '*.example': '*.example' is no host name; names without scheme, port and wildcard are allowed"},
	{OIDC_AGENT "scope = a  b\n", 12,
		"[token] scope = 'a  b': scopes with single blanks between, without '\"' and '\\', at most 1024 bytes, are allowed"},
	{OIDC_AGENT "ca_file = ca.pem\n", 12,
		"[token] ca_file = 'ca.pem': an absolute path without '..' of at most 1023 bytes is needed"},
	/* a secret pasted where its reference should stand is not repeated */
	{OIDC_HEAD OIDC_ISSUER
		"client_id = c\nclient_auth = client_secret_basic\nclient_secret = hunter2\nsubject = a\n",
		10, "[token] client_secret: secret reference starts with none of file:, credential:, vault: and aws-sm:"},
	{OIDC_HEAD OIDC_ISSUER
		"client_id = c\nclient_auth = client_secret_basic\nclient_secret: hunter2\nsubject = a\n",
		10, "the line is neither [section], key = value nor # comment"},
	/* what must and may stand together */
	{OIDC_HEAD OIDC_ISSUER OIDC_CLIENT, 4, "[token] subject is missing: source = oidc needs it"},
	{OIDC_HEAD OIDC_ISSUER "client_id = c\nclient_auth = tls_client_auth\nclient_key = file:/k\n"
		"subject = a\n",
		4, "[token] client_certificate is missing: client_auth = tls_client_auth needs it"},
	{OIDC_HEAD OIDC_ISSUER "client_id = c\nclient_auth = federated_jwt\nclient_secret = file:/k\n"
		"subject = a\n",
		10,
		"[token] client_secret has no meaning with client_auth = federated_jwt; take one of them out"},
	{OIDC_AGENT "lifetime = 5m\n", 12,
		"[token] lifetime has no meaning with source = oidc; take one of them out"},
	{HOST_AGENT "revoke_at_end = no\n", 7,
		"[token] revoke_at_end has no meaning with source = host; take one of them out"},
	{OIDC_AGENT "revoke_at_end = never\n", 12, "[token] revoke_at_end = 'never': yes or no is allowed"},
	{HOST_AGENT "subject = agent:b\n", 7,
		"[token] subject has no meaning with source = host; take one of them out"},
	{OIDC_AGENT "format = opaque\nsend_audience = yes\n", 11,
		"[token] subject has no meaning with format = opaque; take one of them out"},
	{OIDC_HEAD OIDC_ISSUER OIDC_CLIENT "format = opaque\n", 6,
		"[token] audience cannot be checked in a token with format = opaque; set send_audience = yes to ask for it or take it out"},
	{OIDC_HEAD OIDC_ISSUER "client_id = c\nclient_auth = federated_jwt\nsubject = a\n"
		"assertion_audience = token_endpoint\n",
		11,
		"[token] assertion_audience = 'token_endpoint': client_auth = federated_jwt allows issuer only"},
};

static void expect_one(const struct bad *bad)
{
	struct aid_problems problems = {0};
	struct aid_draft draft;
	struct aid_agent agent;

	assert_int_equal(aid_agent_parse("f", bad->text, strlen(bad->text), &draft, &agent, &problems),
		AID_OK);
	for (size_t i = 1; i < problems.count || problems.count == 0; i++) {
		print_message("in\n%s: %s\n", bad->text,
			problems.count == 0 ? "no problem" : problems.items[i].text);
		if (problems.count == 0)
			break;
	}
	assert_int_equal(problems.count, 1);
	assert_string_equal(problems.items[0].text, bad->sentence);
	assert_string_equal(problems.items[0].file, "f");
	assert_int_equal(problems.items[0].line, bad->line);
	aid_problems_done(&problems);
	aid_agent_done(&agent);
}

static void each_bad_text_has_one_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++)
		expect_one(&bads[i]);
}

static void long_lines_and_nuls_are_refused(void **state)
{
	char text[8192];
	struct aid_problems problems = {0};
	struct aid_draft draft;
	struct aid_agent agent;
	size_t head = strlen(HOST_AGENT);

	(void)state;
	memcpy(text, HOST_AGENT, head);
	memset(text + head, '#', 4097);
	assert_int_equal(aid_agent_parse("f", text, head + 4096, &draft, &agent, &problems), AID_OK);
	assert_int_equal(problems.count, 0);
	aid_agent_done(&agent);
	assert_int_equal(aid_agent_parse("f", text, head + 4097, &draft, &agent, &problems), AID_OK);
	assert_int_equal(problems.count, 1);
	assert_string_equal(problems.items[0].text, "the line has 4097 bytes; at most 4096 are allowed");
	assert_int_equal(problems.items[0].line, 7);
	aid_problems_done(&problems);
	aid_agent_done(&agent);
	memcpy(text + head, "lifetime = 5m\0 # x\n", 19);
	assert_int_equal(aid_agent_parse("f", text, head + 19, &draft, &agent, &problems), AID_OK);
	assert_int_equal(problems.count, 1);
	assert_string_equal(problems.items[0].text,
		"byte 0x00 in column 14: only printable ASCII is allowed");
	aid_problems_done(&problems);
	aid_agent_done(&agent);
}

static void every_problem_is_found(void **state)
{
	static const char text[] = "[agent]\nid = A\naccount = root\n[token]\nsource = host\n"
				   "audience = *\nlifetime = 1d\nrefresh_at = 1\nx = y\n[more]\nz = 1\n";
	struct aid_problems problems = {0};
	struct aid_draft draft;
	struct aid_agent agent;

	(void)state;
	assert_int_equal(aid_agent_parse("f", text, strlen(text), &draft, &agent, &problems), AID_OK);
	assert_int_equal(problems.count, 7);
	aid_problems_done(&problems);
	aid_agent_done(&agent);
}

static void a_good_agent_is_read(void **state)
{
	static const char text[] =
		"# an agent\n\n[agent]   # who\n  id = a.b-c_1 # the name\naccount=svc\n"
		"services = sshd , su\nmax_sessions = 10\n[token]\nsource = oidc\n"
		"audience = api#v2\nissuer = https://idp.example:8443/realms/r/\nclient_id = c d\n"
		"client_auth = private_key_jwt\nclient_key = credential:k#1\nsigning_alg = ES256\n"
		"subject = a == b\nscope = x y\nresource = https://api.example/?q\n"
		"algorithms = ES256 \t RS256\nallowed_hosts = a.example, b.example\n"
		"assertion_audience = token_endpoint\nmax_lifetime = 1h\nrefresh_at = 50%\n"
		"send_audience = yes\nca_file = /etc/ca.pem # \xc3\xa4";
	struct aid_problems problems = {0};
	struct aid_draft draft;
	struct aid_agent agent;

	(void)state;
	assert_int_equal(aid_agent_parse("f", text, strlen(text), &draft, &agent, &problems), AID_OK);
	for (size_t i = 0; i < problems.count; i++)
		print_message("%s\n", problems.items[i].text);
	assert_int_equal(problems.count, 0);
	assert_string_equal(agent.id, "a.b-c_1");
	assert_string_equal(agent.account, "svc");
	assert_string_equal(agent.services[0], "sshd");
	assert_string_equal(agent.services[1], "su");
	assert_null(agent.services[2]);
	assert_int_equal(agent.max_sessions, 10);
	assert_int_equal(agent.token.source, AID_SOURCE_OIDC);
	assert_string_equal(agent.token.audience, "api#v2");
	assert_string_equal(agent.token.issuer, "https://idp.example:8443/realms/r/");
	assert_string_equal(agent.token.client_id, "c d");
	assert_int_equal(agent.token.client_auth, AID_PRIVATE_KEY_JWT);
	assert_string_equal(agent.token.client_key, "credential:k#1");
	assert_null(agent.token.client_secret);
	assert_string_equal(agent.token.signing_alg, "ES256");
	assert_string_equal(agent.token.subject, "a == b");
	assert_string_equal(agent.token.scope, "x y");
	assert_string_equal(agent.token.resource, "https://api.example/?q");
	assert_string_equal(agent.token.algorithms, "ES256,RS256");
	assert_string_equal(agent.token.allowed_hosts, "a.example,b.example");
	assert_int_equal(agent.token.assertion_audience, AID_ASSERTION_AUD_TOKEN_ENDPOINT);
	assert_int_equal(agent.token.format, AID_FORMAT_JWT);
	assert_int_equal(agent.token.max_lifetime_ms, 3600000);
	assert_int_equal(agent.token.refresh_at, 50);
	assert_true(agent.token.send_audience);
	assert_true(agent.token.revoke_at_end);
	assert_string_equal(agent.token.ca_file, "/etc/ca.pem");
	aid_agent_done(&agent);
}

static void an_opaque_token_needs_no_pins(void **state)
{
	static const char text[] = "[agent]\nid = a\naccount = u\n[token]\nsource = oidc\n" OIDC_ISSUER
		OIDC_CLIENT "format = opaque\n";
	struct aid_problems problems = {0};
	struct aid_draft draft;
	struct aid_agent agent;

	(void)state;
	assert_int_equal(aid_agent_parse("f", text, strlen(text), &draft, &agent, &problems), AID_OK);
	assert_int_equal(problems.count, 0);
	assert_int_equal(agent.token.format, AID_FORMAT_OPAQUE);
	assert_int_equal(agent.token.max_lifetime_ms, 600000);
	assert_int_equal(agent.token.refresh_at, 80);
	assert_null(agent.token.audience);
	aid_agent_done(&agent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bad_text_has_one_sentence),
		cmocka_unit_test(long_lines_and_nuls_are_refused),
		cmocka_unit_test(every_problem_is_found),
		cmocka_unit_test(a_good_agent_is_read),
		cmocka_unit_test(an_opaque_token_needs_no_pins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
