/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The one list of configuration keys. A new key is a row here, a field in configuration.h and a
 * paragraph in its man page; a test compares the three. */
#include "configuration_private.h"

#include "str.h"

#include <stdio.h>

#define HOUR_MS INT64_C(3600000)

#define HOST(field) offsetof(struct aid_config, field)
#define AGENT(field) offsetof(struct aid_agent, field)
#define TOKEN(field) offsetof(struct aid_agent, token.field)
#define ROTATE(field) offsetof(struct aid_agent, rotate.field)

#define AUTH_SECRET (AID_FOR_AUTH(AID_CLIENT_SECRET_BASIC) | AID_FOR_AUTH(AID_CLIENT_SECRET_POST))
#define AUTH_KEY (AID_FOR_AUTH(AID_PRIVATE_KEY_JWT) | AID_FOR_AUTH(AID_TLS_CLIENT_AUTH))
#define AUTH_ASSERTION (AID_FOR_AUTH(AID_PRIVATE_KEY_JWT) | AID_FOR_AUTH(AID_FEDERATED_JWT))

/* In the order of their enums, which count from 1. */
static const char *const source_names[] = {"oidc", "host", NULL};
static const char *const client_auth_names[] = {"client_secret_basic", "client_secret_post",
	"private_key_jwt", "tls_client_auth", "federated_jwt", NULL};
static const char *const rotate_provider_names[] = {"keycloak-admin", NULL};
static const char *const format_names[] = {"jwt", "opaque", NULL};
static const char *const assertion_audience_names[] = {"issuer", "token_endpoint", NULL};

static const char *const signing_algs[] = {"RS256", "PS256", "ES256", NULL};
/* Asymmetric ones only: with a shared key whoever can check a token can make one. */
static const char *const token_algs[] = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
	"ES256", "ES384", "ES512", "EdDSA", NULL};

#define MANAGER(name, key, number)                                                                 \
	{"secrets " name, key, AID_VALUE_MANAGER, .offset = HOST(managers[number]), .min = (number)}
#define VAULT(key) MANAGER("vault", key, AID_MANAGER_VAULT)
#define AWS_SM(key) MANAGER("aws-sm", key, AID_MANAGER_AWS_SM)

const struct aid_option aid_host_options[] = {
	{"issuer", "url", AID_VALUE_URL, .offset = HOST(host_issuer), .max = 512},
	{"issuer", "key_dir", AID_VALUE_PATH, .offset = HOST(issuer_key_dir),
		.fallback = LOCALSTATEDIR "/agentid/issuer"},
	{"fetch", "user", AID_VALUE_ACCOUNT, .offset = HOST(fetch_user), .fallback = "agentid-fetch"},
	{"fetch", "ca_file", AID_VALUE_PATH, .offset = HOST(ca_file),
		.fallback = "/etc/ssl/certs/ca-certificates.crt"},
	{"verify", "issuers", AID_VALUE_URLS, .offset = HOST(verify_issuers), .max = 512},
	/* Their forms and defaults are in secret_manager.c. */
	VAULT("address"),
	VAULT("namespace"),
	VAULT("auth"),
	VAULT("mount"),
	VAULT("role"),
	VAULT("audience"),
	VAULT("subject"),
	VAULT("role_id"),
	VAULT("secret_id"),
	VAULT("max_age"),
	VAULT("ca_file"),
	VAULT("allowed_hosts"),
	AWS_SM("region"),
	AWS_SM("endpoint"),
	AWS_SM("role_arn"),
	AWS_SM("sts_endpoint"),
	AWS_SM("audience"),
	AWS_SM("subject"),
	AWS_SM("container_url"),
	AWS_SM("container_token"),
	AWS_SM("max_age"),
	AWS_SM("ca_file"),
	{.section = NULL},
};

const struct aid_option aid_agent_options[] = {
	{"agent", "id", AID_VALUE_AGENT_ID, .required = true, .offset = AGENT(id)},
	{"agent", "account", AID_VALUE_ACCOUNT, .required = true, .offset = AGENT(account)},
	{"agent", "services", AID_VALUE_NAMES, .offset = AGENT(services)},
	{"agent", "max_sessions", AID_VALUE_COUNT, .offset = AGENT(max_sessions), .min = 1,
		.max = 100000},
	{"token", "source", AID_VALUE_CHOICE, .required = true, .offset = TOKEN(source),
		.names = source_names},
	{"token", "audience", AID_VALUE_PIN, .required = true, .unless_opaque = true,
		.offset = TOKEN(audience), .max = 255},
	{"token", "max_lifetime", AID_VALUE_DURATION, .offset = TOKEN(max_lifetime_ms),
		.min = 30000, .max = HOUR_MS, .fallback = "10m"},
	{"token", "refresh_at", AID_VALUE_PERCENT, .offset = TOKEN(refresh_at), .min = 10, .max = 95,
		.fallback = "80%"},
	{"token", "lifetime", AID_VALUE_DURATION, .offset = TOKEN(lifetime_ms), .min = 5000,
		.max = HOUR_MS, .fallback = "5m", .sources = AID_FOR_HOST},
	{"token", "issuer", AID_VALUE_URL, .required = true, .offset = TOKEN(issuer), .max = 512,
		.sources = AID_FOR_OIDC},
	{"token", "client_id", AID_VALUE_PIN, .required = true, .offset = TOKEN(client_id), .max = 255,
		.sources = AID_FOR_OIDC},
	{"token", "client_auth", AID_VALUE_CHOICE, .required = true, .offset = TOKEN(client_auth),
		.names = client_auth_names, .sources = AID_FOR_OIDC},
	{"token", "client_secret", AID_VALUE_CLIENT_SECRET, .required = true, .offset = TOKEN(client_secret),
		.sources = AID_FOR_OIDC, .auths = AUTH_SECRET},
	{"token", "client_key", AID_VALUE_SECRET, .required = true, .offset = TOKEN(client_key),
		.sources = AID_FOR_OIDC, .auths = AUTH_KEY},
	{"token", "client_certificate", AID_VALUE_SECRET, .required = true,
		.offset = TOKEN(client_certificate), .sources = AID_FOR_OIDC,
		.auths = AID_FOR_AUTH(AID_TLS_CLIENT_AUTH)},
	{"token", "signing_alg", AID_VALUE_WORD, .offset = TOKEN(signing_alg), .fallback = "RS256",
		.names = signing_algs, .sources = AID_FOR_OIDC,
		.auths = AID_FOR_AUTH(AID_PRIVATE_KEY_JWT)},
	{"token", "subject", AID_VALUE_PIN, .required = true, .offset = TOKEN(subject), .max = 255,
		.sources = AID_FOR_OIDC, .formats = AID_FOR_JWT},
	{"token", "scope", AID_VALUE_SCOPE, .offset = TOKEN(scope), .max = 1024,
		.sources = AID_FOR_OIDC},
	{"token", "resource", AID_VALUE_URI, .offset = TOKEN(resource), .max = 1024,
		.sources = AID_FOR_OIDC},
	{"token", "send_audience", AID_VALUE_BOOL, .offset = TOKEN(send_audience), .fallback = "no",
		.sources = AID_FOR_OIDC},
	{"token", "format", AID_VALUE_CHOICE, .offset = TOKEN(format), .fallback = "jwt",
		.names = format_names, .sources = AID_FOR_OIDC},
	{"token", "assertion_audience", AID_VALUE_CHOICE, .offset = TOKEN(assertion_audience),
		.fallback = "issuer", .names = assertion_audience_names, .sources = AID_FOR_OIDC,
		.auths = AUTH_ASSERTION},
	{"token", "algorithms", AID_VALUE_WORDS, .offset = TOKEN(algorithms), .names = token_algs,
		.sources = AID_FOR_OIDC, .formats = AID_FOR_JWT},
	{"token", "allowed_hosts", AID_VALUE_HOSTS, .offset = TOKEN(allowed_hosts),
		.sources = AID_FOR_OIDC},
	{"token", "ca_file", AID_VALUE_PATH, .offset = TOKEN(ca_file), .sources = AID_FOR_OIDC},
	{"token", "revoke_at_end", AID_VALUE_BOOL, .offset = TOKEN(revoke_at_end), .fallback = "yes",
		.sources = AID_FOR_OIDC},
	{"rotate", "provider", AID_VALUE_CHOICE, .offset = ROTATE(provider),
		.names = rotate_provider_names, .sources = AID_FOR_OIDC, .auths = AUTH_SECRET},
	{"rotate", "every", AID_VALUE_DURATION, .offset = ROTATE(every_ms), .min = 1000,
		.max = INT64_C(365) * 24 * HOUR_MS},
	{"rotate", "admin_url", AID_VALUE_URL, .offset = ROTATE(admin_url), .max = 512},
	{"rotate", "admin_client_id", AID_VALUE_PIN, .offset = ROTATE(admin_client_id), .max = 255},
	{"rotate", "admin_client_auth", AID_VALUE_CHOICE, .offset = ROTATE(admin_client_auth),
		.fallback = "client_secret_basic", .names = client_auth_names},
	{"rotate", "admin_client_secret", AID_VALUE_SECRET, .offset = ROTATE(admin_client_secret)},
	{"rotate", "admin_client_key", AID_VALUE_SECRET, .offset = ROTATE(admin_client_key)},
	{"rotate", "lease", AID_VALUE_DURATION, .offset = ROTATE(lease_ms), .min = 5000,
		.max = HOUR_MS / 6, .fallback = "60s"},
	{"rotate", "overlap", AID_VALUE_DURATION, .offset = ROTATE(overlap_ms), .min = 1000,
		.max = 24 * HOUR_MS, .fallback = "5m"},
	{.section = NULL},
};

_Static_assert(sizeof(aid_host_options) / sizeof(aid_host_options[0]) - 1 <= AID_OPTIONS_MAX,
	"a draft has a line for every option");
_Static_assert(sizeof(aid_agent_options) / sizeof(aid_agent_options[0]) - 1 <= AID_OPTIONS_MAX,
	"a draft has a line for every option");

const char *aid_source_name(enum aid_source source)
{
	return source < AID_SOURCE_OIDC || source > AID_SOURCE_HOST ? "?" : source_names[source - 1];
}

const char *aid_client_auth_name(enum aid_client_auth method)
{
	return method < AID_CLIENT_SECRET_BASIC || method > AID_FEDERATED_JWT
		       ? "?"
		       : client_auth_names[method - 1];
}

const char *aid_rotate_provider_name(enum aid_rotate_provider provider)
{
	return provider != AID_ROTATE_KEYCLOAK_ADMIN ? "?" : rotate_provider_names[provider - 1];
}
