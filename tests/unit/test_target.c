/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The options of exchange targets: each kind of wrong value with its sentence, what holds between
 * options, and the way over the socket. */
#include "unit.h"

#include "configuration.h"
#include "target.h"

#define ROLE "arn:aws:iam::123456789012:role/agents/Reports"
#define GUID "0f3c2f3e-1111-4222-8333-0123456789ab"
#define PROVIDER                                                                                   \
	"//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/agents/providers/host1"

#define T10 "aaaaaaaaaa"
#define T50 T10 T10 T10 T10 T10
#define T250 T50 T50 T50 T50 T50
#define T1000 T250 T250 T250 T250

struct row {
	const char *type;
	const char *name;
	const char *value;
	const char *sentence; /* NULL: allowed */
};

static const struct row rows[] = {
	/* aws-sts */
	{"aws-sts", "role_arn", ROLE, NULL},
	{"aws-sts", "role_arn", "arn:aws-cn:iam::123456789012:role/r", NULL},
	{"aws-sts", "role_arn", "arn:aws:iam::123456789012:role/*", "'*' is a wildcard; a role is named exactly"},
	{"aws-sts", "role_arn", "arn:aws:iam::1:role/a", "ACCOUNT 12 digits"},
	{"aws-sts", "role_arn", "arn:aws:iam::1:rol/", "19 bytes; 20 to 2048 are allowed"},
	{"aws-sts", "role_arn", "arn:aws:iam::123456789012:role/" T1000 T1000 "aaaaaaaaaaaaaaaaa", NULL},
	{"aws-sts", "role_arn", "arn:aws:iam::123456789012:role/" T1000 T1000 "aaaaaaaaaaaaaaaaaa",
		"2049 bytes; 20 to 2048 are allowed"},
	{"aws-sts", "role_arn", "arn:aws:iam::12345678901:role/Reports", "ACCOUNT 12 digits"},
	{"aws-sts", "role_arn", "arn:aws:iam::123456789012:user/Reports", "arn:aws:iam::ACCOUNT:role/NAME"},
	{"aws-sts", "role_arn", "arn:aws:sts::123456789012:role/Reports", "arn:aws:iam::ACCOUNT:role/NAME"},
	{"aws-sts", "role_arn", "arn:evil:iam::123456789012:role/Reports", "arn:aws:iam::ACCOUNT:role/NAME"},
	{"aws-sts", "role_arn", "arn:aws:iam:us-east-1:123456789012:role/R", "arn:aws:iam::ACCOUNT:role/NAME"},
	{"aws-sts", "role_arn", "arn:aws:iam::123456789012:role/a b", "arn:aws:iam::ACCOUNT:role/NAME"},
	{"aws-sts", "region", "us-gov-west-1", NULL},
	{"aws-sts", "region", "us-east-1.evil.example", "a region is written as us-east-1"},
	{"aws-sts", "region", "us-east", "a region is written as us-east-1"},
	{"aws-sts", "region", "east-1", "a region is written as us-east-1"},
	{"aws-sts", "region", "us--east-1", "a region is written as us-east-1"},
	{"aws-sts", "endpoint", "https://sts.eu-west-1.example:8443", NULL},
	{"aws-sts", "endpoint", "http://127.0.0.1:8000", NULL},
	{"aws-sts", "endpoint", "http://sts.example", "http:// is allowed for localhost"},
	{"aws-sts", "endpoint", "https://sts.example/", "'/' at the end is not allowed"},
	{"aws-sts", "endpoint", "https://sts.example/a?b", "'?' is a wildcard"},
	{"aws-sts", "duration", "899s", "15m to 12h is allowed"},
	{"aws-sts", "duration", "900s", NULL},
	{"aws-sts", "duration", "12h", NULL},
	{"aws-sts", "duration", "13h", "15m to 12h is allowed"},
	{"aws-sts", "duration", "3600", "a whole number with s, m, h or d"},
	{"aws-sts", "session_policy", "policy.json", "an absolute path"},
	{"aws-sts", "policy_arns", "arn:aws:iam::aws:policy/ReadOnlyAccess", NULL},
	{"aws-sts", "policy_arns", "arn:aws:iam::aws:policy/*", "'*' is a wildcard; a policy is named exactly"},
	{"aws-sts", "policy_arns", ROLE, "arn:aws:iam::ACCOUNT:policy/NAME"},
	{"aws-sts", "policy_arns",
		"arn:aws:iam::aws:policy/A1 arn:aws:iam::aws:policy/A2 arn:aws:iam::aws:policy/A3 "
		"arn:aws:iam::aws:policy/A4 arn:aws:iam::aws:policy/A5 arn:aws:iam::aws:policy/A6 "
		"arn:aws:iam::aws:policy/A7 arn:aws:iam::aws:policy/A8 arn:aws:iam::aws:policy/A9 "
		"arn:aws:iam::aws:policy/A10", NULL},
	{"aws-sts", "policy_arns",
		"arn:aws:iam::aws:policy/A1 arn:aws:iam::aws:policy/A2 arn:aws:iam::aws:policy/A3 "
		"arn:aws:iam::aws:policy/A4 arn:aws:iam::aws:policy/A5 arn:aws:iam::aws:policy/A6 "
		"arn:aws:iam::aws:policy/A7 arn:aws:iam::aws:policy/A8 arn:aws:iam::aws:policy/A9 "
		"arn:aws:iam::aws:policy/A10 arn:aws:iam::aws:policy/A11",
		"11 policies; at most 10 are allowed"},
	/* azure-wif */
	{"azure-wif", "tenant", GUID, NULL},
	{"azure-wif", "tenant", "contoso.onmicrosoft.com", NULL},
	{"azure-wif", "tenant", "common", "common, organizations and consumers name none"},
	{"azure-wif", "tenant", "a.b/../c", "a tenant is its GUID or one of its domains"},
	{"azure-wif", "client_id", "my-app", "a GUID is needed"},
	{"azure-wif", "client_id", "0f3c2f3e-1111-4222-8333-0123456789a", "a GUID is needed"},
	{"azure-wif", "client_id", "0f3c2f3e1-111-4222-8333-0123456789ab", "a GUID is needed"},
	{"azure-wif", "scope", "https://management.azure.com/.default", NULL},
	{"azure-wif", "scope", "https://management.azure.com/user_impersonation", "a scope ends in /.default"},
	{"azure-wif", "scope", "/.default", "a scope ends in /.default"},
	{"azure-wif", "scope", "https://a/.default https://b/.default", "exactly one scope is allowed"},
	{"azure-wif", "scope", "https://*/.default", "'*' is a wildcard; a scope is named exactly"},
	{"azure-wif", "authority", "https://login.microsoftonline.us/x?y", "'?' is a wildcard"},
	/* gcp-wif */
	{"gcp-wif", "provider", PROVIDER, NULL},
	{"gcp-wif", "provider", "https:" PROVIDER, "the form is //iam.googleapis.com/projects/NUMBER"},
	{"gcp-wif", "provider", PROVIDER "/x", "the form is //iam.googleapis.com"},
	{"gcp-wif", "provider",
		"//iam.googleapis.com/projects/name/locations/global/workloadIdentityPools/agents/providers/host1",
		"the form is //iam.googleapis.com"},
	{"gcp-wif", "provider",
		"//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/*/providers/host1",
		"'*' is a wildcard; a provider is named exactly"},
	{"gcp-wif", "service_account", "reports@my-project.iam.gserviceaccount.com", NULL},
	{"gcp-wif", "service_account", "reports@gmail.com", "ends in .gserviceaccount.com"},
	{"gcp-wif", "service_account", "a/b@p.iam.gserviceaccount.com", "ends in .gserviceaccount.com"},
	{"gcp-wif", "service_account", "-@p.iam.gserviceaccount.com@x.gserviceaccount.com",
		"ends in .gserviceaccount.com"},
	{"gcp-wif", "scopes", "https://www.googleapis.com/auth/a https://www.googleapis.com/auth/b", NULL},
	{"gcp-wif", "scopes", "https://a,https://b", "scopes are separated by blanks"},
	{"gcp-wif", "scopes", "cloud-platform", "a scope starts with https://"},
	{"gcp-wif", "lifetime", "61m", "1m to 1h is allowed"},
	{"gcp-wif", "user_project", "My_Project", "a project's id or number"},
	/* vault */
	{"vault", "role", "agent-1", NULL},
	{"vault", "role", "Agent", "lower-case letters (the server makes them so)"},
	{"vault", "role", "agent*", "'*' is a wildcard; a role is named exactly"},
	{"vault", "mount", "agents/jwt", NULL},
	{"vault", "mount", "/jwt", "single '/' within"},
	{"vault", "mount", "jwt/", "single '/' within"},
	{"vault", "mount", "a/../sys", "no '..'"},
	{"vault", "mount", "a%2fb", "letters, digits"},
	{"vault", "namespace", "team/x", NULL},
	{"vault", "address", "https://vault.example:8200/v1/", "'/' at the end is not allowed"},
	{"vault", "address", "http://vault.example:8200", "http:// is allowed for localhost"},
	/* rfc8693 */
	{"rfc8693", "client_auth", "none", "allowed: client_secret_basic, client_secret_post"},
	{"rfc8693", "client_secret", "plain-text", "reference"},
	{"rfc8693", "audience", "orders-*", "'*' is a wildcard"},
	{"rfc8693", "subject", "agent:?", "'?' is a wildcard"},
	{"rfc8693", "requested_token_type", "saml2", "allowed: access_token, id_token, jwt, txn_token"},
	{"rfc8693", "resource", "https://x/#f", "an absolute URI without fragment"},
	/* common */
	{"oidc", "max_lifetime", "13h", "30s to 12h is allowed"},
	{"oidc", "refresh_at", "96%", "10% to 95% is allowed"},
	{"oidc", "at_open", "true", "yes or no is allowed"},
	{"oidc", "refresh", "never", "allowed: used, always"},
	{"oidc", "allowed_hosts", "a.example, *.example", "'*.example' is no host name"},
	{"oidc", "ca_file", "../ca.pem", "an absolute path"},
	{"oidc", "assertion", "me", "allowed: host, oidc"},
};

static void test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct aid_error err = AID_ERROR_INIT;
		struct aid_target_values values;
		int r;

		aid_target_values_init(&values, aid_target_by_name(rows[i].type));
		r = aid_target_set(&values, rows[i].name, rows[i].value, &err);
		if (rows[i].sentence == NULL) {
			if (r != AID_OK)
				print_error("%s = %s\n", rows[i].name, rows[i].value);
			assert_ok(r, &err);
			assert_string_equal(aid_target_get(&values, rows[i].name), rows[i].value);
		} else {
			assert_failed(r, AID_E_CONFIG, &err, rows[i].sentence);
			assert_false(aid_target_is_set(&values, rows[i].name));
		}
		aid_target_values_done(&values);
	}
}

/* "name=value" lines of one credential. */
static int fill(struct aid_target_values *values, const char *type, const char *const *lines,
	struct aid_error *err)
{
	int r = AID_OK;

	aid_target_values_init(values, aid_target_by_name(type));
	for (size_t i = 0; lines[i] != NULL && r == AID_OK; i++) {
		const char *equals = strchr(lines[i], '=');
		char name[64] = "";

		memcpy(name, lines[i], (size_t)(equals - lines[i]));
		r = aid_target_set(values, name, equals + 1, err);
	}
	return r == AID_OK ? aid_target_complete(values, err) : r;
}

#define AWS "role_arn=" ROLE, "region=eu-west-1"
#define AZURE "tenant=" GUID, "client_id=" GUID, "scope=https://vault.azure.net/.default"
#define CLIENT "client_id=c", "client_auth=client_secret_basic", "client_secret=file:/s"
#define EXCHANGE "issuer=https://idp.example", CLIENT, "audience=b", "subject=agent:a"
#define VAULT "address=https://vault.example", "role=agent", "assertion_audience=vault"

static void test_whole(void **state)
{
	static const struct {
		const char *type;
		const char *lines[12];
		const char *sentence; /* NULL: allowed */
	} all[] = {
		{"aws-sts", {AWS}, NULL},
		{"aws-sts", {"region=eu-west-1"}, "role_arn is missing: type aws-sts needs it"},
		{"aws-sts", {"role_arn=" ROLE, "region=cn-north-1"},
			"belong to different partitions; a role there starts with arn:aws-cn:"},
		{"aws-sts", {"role_arn=arn:aws-us-gov:iam::123456789012:role/r", "region=us-gov-west-1"}, NULL},
		{"aws-sts", {"role_arn=arn:aws-us-gov:iam::123456789012:role/r", "region=us-east-1"},
			"belong to different partitions"},
		{"aws-sts", {"role_arn=arn:aws-iso:iam::123456789012:role/r", "region=us-iso-east-1"},
			"region 'us-iso-east-1' needs endpoint"},
		{"aws-sts", {AWS, "duration=2h"}, "duration = 2h is over max_lifetime = 3600s"},
		{"aws-sts", {AWS, "duration=2h", "max_lifetime=2h"}, NULL},
		{"aws-sts", {AWS, "max_lifetime=10m"}, "duration = 15m is over max_lifetime = 600s"},
		{"aws-sts", {AWS, "assertion=host", "assertion_scope=x"}, "assertion_scope needs assertion = oidc"},
		{"azure-wif", {AZURE}, NULL},
		{"gcp-wif", {"provider=" PROVIDER}, NULL},
		{"gcp-wif", {"provider=" PROVIDER, "lifetime=5m"}, "lifetime needs service_account"},
		{"gcp-wif", {"provider=" PROVIDER, "service_account=a@p.iam.gserviceaccount.com",
			"lifetime=1h", "max_lifetime=30m"}, "lifetime = 1h is over max_lifetime = 1800s"},
		{"rfc8693", {EXCHANGE}, NULL},
		{"rfc8693", {EXCHANGE, "token_endpoint=https://x"}, "exactly one of issuer and token_endpoint"},
		{"rfc8693", {CLIENT, "audience=b", "subject=s"}, "exactly one of issuer and token_endpoint"},
		{"rfc8693", {CLIENT, "token_endpoint=https://x", "audience=b", "subject=s"},
			"token_endpoint needs format = opaque"},
		{"rfc8693", {CLIENT, "token_endpoint=https://x", "format=opaque"},
			"assertion_audience is missing: type rfc8693 has no default"},
		{"rfc8693", {CLIENT, "token_endpoint=https://x", "format=opaque", "assertion_audience=x"}, NULL},
		{"rfc8693", {"issuer=https://i", CLIENT, "subject=s"}, "audience is missing"},
		{"rfc8693", {"issuer=https://i", CLIENT, "audience=b"}, "subject is missing"},
		{"rfc8693", {EXCHANGE, "actor_token=assertion"}, "an identity does not act for itself"},
		{"rfc8693", {EXCHANGE, "actor_token=assertion", "subject_token=session"}, NULL},
		{"rfc8693", {EXCHANGE, "client_key=file:/k"}, "client_key is not for client_auth = client_secret_basic"},
		{"rfc8693", {"issuer=https://i", "client_id=c", "client_auth=tls_client_auth", "audience=b",
			"subject=s", "client_key=file:/k"}, "client_auth = tls_client_auth needs client_certificate"},
		{"rfc8693", {EXCHANGE, "allowed_hosts=h.example", "ca_file=/c"}, NULL},
		{"rfc8693", {EXCHANGE, "requested_token_type=txn_token"},
			"requested_token_type = txn_token needs format = opaque"},
		{"rfc8693", {EXCHANGE, "requested_token_type=txn_token", "format=opaque"}, NULL},
		{"aws-sts", {AWS, "ca_file=/c"}, NULL},
		{"aws-sts", {AWS, "allowed_hosts=h.example"}, "allowed_hosts is not for type aws-sts: no redirect"},
		{"azure-wif", {AZURE, "allowed_hosts=h.example"}, "allowed_hosts is not for type azure-wif"},
		{"gcp-wif", {"provider=" PROVIDER, "allowed_hosts=h.example"}, "allowed_hosts is not for type gcp-wif"},
		{"vault", {VAULT, "allowed_hosts=h.example"}, NULL},
		{"oidc", {"audience=b", "ca_file=/c"}, "ca_file is not for type oidc: its server is that of [token]"},
		{"oidc", {"audience=b", "allowed_hosts=h.example"}, "allowed_hosts is not for type oidc"},
		{"vault", {VAULT}, NULL},
		{"vault", {"address=https://vault.example", "role=agent"},
			"assertion_audience is missing: type vault has no default"},
		{"vault", {VAULT, "increment=1h"}, "increment = 1h is over max_lifetime = 600s"},
		{"oidc", {"audience=b"}, NULL},
		{"oidc", {"scope=x"}, "audience is missing: only format = opaque does without"},
		{"oidc", {"scope=x", "format=opaque"}, NULL},
		{"oidc", {"audience=b", "assertion=host"}, "assertion is not for type oidc"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		struct aid_error err = AID_ERROR_INIT;
		struct aid_target_values values;
		int r = fill(&values, all[i].type, all[i].lines, &err);

		if (all[i].sentence == NULL)
			assert_ok(r, &err);
		else
			assert_failed(r, AID_E_CONFIG, &err, all[i].sentence);
		aid_target_values_done(&values);
	}
}

static void test_names(void **state)
{
	static const char *const bad[] = {"", "A", "a_b", "a.b", "abcdefghijklmnopqrstuvwxyz0123456"};
	static const char *const kept[] = {"token", "info", "meta", "cookie"};
	struct aid_error err = AID_ERROR_INIT;
	struct aid_target_values values;

	(void)state;
	assert_ok(aid_credential_name_check("abcdefghijklmnopqrstuvwxyz-01234", &err), &err);
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_failed(aid_credential_name_check(bad[i], &err), AID_E_CONFIG, &err, "1 to 32 lower-case");
	for (size_t i = 0; i < COUNT_OF(kept); i++)
		assert_failed(aid_credential_name_check(kept[i], &err), AID_E_CONFIG, &err, "makes itself");
	assert_null(aid_target_by_name("s3"));
	assert_null(aid_target_by_kind(0));
	assert_null(aid_target_by_kind(AID_TARGET_LAST_WK + 1));
	aid_target_values_init(&values, aid_target_by_name("oidc"));
	assert_failed(aid_target_set(&values, "role_arn", ROLE, &err), AID_E_NOTFOUND, &err,
		"type oidc has no option 'role_arn'");
	assert_ok(aid_target_set(&values, "audience", "b", &err), &err);
	assert_failed(aid_target_set(&values, "audience", "c", &err), AID_E_INVALID, &err, "stands twice");
	assert_string_equal(aid_target_get(&values, "audience"), "b");
	aid_target_values_done(&values);
}

/* Every row can be set up, says what it means, and has a default that its own check takes. */
static void test_tables(void **state)
{
	const struct aid_target *target;

	(void)state;
	for (size_t t = 0; (target = aid_target_at(t)) != NULL; t++) {
		const struct aid_target_option *o;
		size_t count = 0;

		assert_ptr_equal(aid_target_by_name(target->name), target);
		assert_ptr_equal(aid_target_by_kind((int64_t)target->kind), target);
		for (; (o = aid_target_option_at(target, count)) != NULL; count++) {
			assert_ptr_equal(aid_target_option(target, o->name), o);
			assert_non_null(o->check);
			assert_true(strlen(o->meaning) > 4);
			if (o->fallback != NULL)
				assert_int_equal(o->check(o, o->fallback, NULL), AID_OK);
		}
		assert_in_range(count, 12, AID_TARGET_OPTIONS_MAX);
	}
}

/* The names stand in the order of the enum that [token] client_auth has. */
static void test_client_auth_names(void **state)
{
	const struct aid_target_option *o =
		aid_target_option(aid_target_by_name("rfc8693"), "client_auth");

	(void)state;
	for (unsigned int i = 0; i < AID_FEDERATED_JWT; i++)
		assert_string_equal(o->names[i], aid_client_auth_name((enum aid_client_auth)(i + 1)));
	assert_null(o->names[AID_FEDERATED_JWT]);
}

static void test_defaults(void **state)
{
	static const char *const lines[] = {AWS, "refresh_at=70%", NULL};
	static const char *const google[] = {"provider=" PROVIDER, NULL};
	struct aid_error err = AID_ERROR_INIT;
	struct aid_target_values values;
	char audience[512];

	(void)state;
	assert_ok(fill(&values, "aws-sts", lines, &err), &err);
	assert_int_equal(aid_target_number(&values, "duration"), 900000);
	assert_int_equal(aid_target_number(&values, "refresh_at"), 70);
	assert_int_equal(aid_target_number(&values, "endpoint"), -1);
	assert_int_equal(aid_target_max_lifetime_ms(&values), 3600000);
	assert_ok(aid_target_audience(&values, audience, sizeof(audience), &err), &err);
	assert_string_equal(audience, "sts.amazonaws.com");
	assert_failed(aid_target_audience(&values, audience, 5, &err), AID_E_TOOBIG, &err, "over 4 bytes");
	aid_target_values_done(&values);
	assert_ok(fill(&values, "gcp-wif", google, &err), &err);
	assert_ok(aid_target_audience(&values, audience, sizeof(audience), &err), &err);
	assert_string_equal(audience, "https:" PROVIDER);
	aid_target_values_done(&values);
}

static void test_travel(void **state)
{
	static const char *const lines[] = {AWS, "session_policy=/etc/p.json", "max_lifetime=2h",
		"duration=90m", "at_open=yes", "ca_file=/ca.pem", NULL};
	const char policy[] = "{\n\t\"Version\": \"2012-10-17\"}\n";
	const struct aid_target_file file = {"session_policy", policy, sizeof(policy) - 1};
	struct aid_error err = AID_ERROR_INIT;
	struct aid_target_values sent, seen;
	char packed[1024];
	size_t length;

	(void)state;
	assert_ok(fill(&sent, "aws-sts", lines, &err), &err);
	assert_failed(aid_target_pack(&sent, NULL, 0, packed, sizeof(packed), &length, &err), AID_E_CONFIG,
		&err, "session_policy: the file was not read");
	assert_failed(aid_target_pack(&sent, &file, 1, packed, 40, &length, &err), AID_E_TOOBIG, &err,
		"over 40 bytes");
	assert_ok(aid_target_pack(&sent, &file, 1, packed, sizeof(packed), &length, &err), &err);
	aid_target_values_init(&seen, aid_target_by_name("aws-sts"));
	assert_ok(aid_target_unpack(&seen, packed, length, 7200000, &err), &err);
	assert_string_equal(aid_target_get(&seen, "session_policy"), policy);
	assert_string_equal(aid_target_get(&seen, "role_arn"), ROLE);
	assert_string_equal(aid_target_get(&seen, "ca_file"), "/ca.pem");
	assert_false(aid_target_is_set(&seen, "at_open"));
	assert_false(aid_target_is_set(&seen, "max_lifetime"));
	aid_target_values_done(&seen);
	/* The limit counts on the other side, too. */
	aid_target_values_init(&seen, aid_target_by_name("aws-sts"));
	assert_failed(aid_target_unpack(&seen, packed, length, 3600000, &err), AID_E_CONFIG, &err,
		"duration = 90m is over max_lifetime = 3600s");
	aid_target_values_done(&seen);
	aid_target_values_done(&sent);
}

static void test_contents(void **state)
{
	static const char *const lines[] = {AWS, "session_policy=/etc/p.json", NULL};
	static const char *const boundary[] = {"provider=" PROVIDER, "access_boundary=/etc/b.json", NULL};
	struct aid_error err = AID_ERROR_INIT;
	struct aid_target_values values;
	char packed[4096];
	char policy[2049];
	size_t length;

	(void)state;
	memset(policy, ' ', sizeof(policy));
	assert_ok(fill(&values, "aws-sts", lines, &err), &err);
	assert_ok(aid_target_pack(&values, &(struct aid_target_file){"session_policy", policy, 2048}, 1,
		packed, sizeof(packed), &length, &err), &err);
	assert_failed(aid_target_pack(&values, &(struct aid_target_file){"session_policy", policy, 2049}, 1,
		packed, sizeof(packed), &length, &err), AID_E_CONFIG, &err,
		"session_policy: the file has 2049 bytes; 1 to 2048 are allowed");
	policy[7] = '\0';
	assert_failed(aid_target_pack(&values, &(struct aid_target_file){"session_policy", policy, 100}, 1,
		packed, sizeof(packed), &length, &err), AID_E_CONFIG, &err, "byte 0x00 at 7");
	aid_target_values_done(&values);
	policy[7] = ' ';
	assert_ok(fill(&values, "gcp-wif", boundary, &err), &err);
	assert_failed(aid_target_pack(&values, &(struct aid_target_file){"access_boundary", policy, 2049}, 1,
		packed, sizeof(packed), &length, &err), AID_E_CONFIG, &err,
		"access_boundary: the file has 2049 bytes; 1 to 2048 are allowed");
	aid_target_values_done(&values);
}

static void test_bad_bytes(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		int status;
		const char *sentence;
	} all[] = {
		{"audience=b", 10, AID_E_PROTOCOL, "without an end"},
		{"audience\0", 9, AID_E_PROTOCOL, "no name=value"},
		{"=b\0", 3, AID_E_PROTOCOL, "no option ''"},
		{"at_open=yes\0", 12, AID_E_PROTOCOL, "no option 'at_open' that travels"},
		{"other=b\0", 8, AID_E_PROTOCOL, "no option 'other' that travels"},
		{"a\x1b=b\0", 5, AID_E_PROTOCOL, "no option ''"},
		{"audience=b\0audience=c\0", 22, AID_E_INVALID, "option audience: audience stands twice"},
		{"audience=*\0", 11, AID_E_CONFIG, "option audience: '*' is a wildcard"},
		{"", 0, AID_E_CONFIG, "audience is missing"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		struct aid_error err = AID_ERROR_INIT;
		struct aid_target_values values;

		aid_target_values_init(&values, aid_target_by_name("oidc"));
		assert_failed(aid_target_unpack(&values, all[i].bytes, all[i].length, 600000, &err),
			all[i].status, &err, all[i].sentence);
		aid_target_values_done(&values);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values), cmocka_unit_test(test_whole), cmocka_unit_test(test_names),
		cmocka_unit_test(test_tables), cmocka_unit_test(test_client_auth_names),
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_travel),
		cmocka_unit_test(test_contents), cmocka_unit_test(test_bad_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
