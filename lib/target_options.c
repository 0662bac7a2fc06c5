/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The one list of exchange targets and their options. A new kind is a table and a row here, and a file
 * of lib/ that makes its requests and reads its answers (exchange.h). */
#include "target_private.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)

static const char *const assertion_names[] = {"host", "oidc", NULL};
static const char *const refresh_names[] = {"used", "always", NULL};
static const char *const format_names[] = {"jwt", "opaque", NULL};
static const char *const alg_names[] = {"RS256", "PS256", "ES256", NULL};
static const char *const subject_token_names[] = {"assertion", "session", NULL};
static const char *const actor_token_names[] = {"none", "assertion", NULL};
/* urn:ietf:params:oauth:token-type: and these */
static const char *const given_type_names[] = {"access_token", "id_token", "jwt", NULL};
static const char *const wanted_type_names[] = {"access_token", "id_token", "jwt", "txn_token", NULL};
/* In the order of enum aid_client_auth. */
static const char *const client_auth_names[] = {"client_secret_basic", "client_secret_post",
	"private_key_jwt", "tls_client_auth", "federated_jwt", NULL};

const struct aid_target_option aid_target_common_options[] = {
	{"assertion", AID_USE_LOCAL, .check = aid_option_choice, .names = assertion_names,
		.meaning = "Who vouches for the agent: this host as issuer, or the provider of [token], where "
			   "a token is fetched for the exchange. Default: host where [issuer] url is set, "
			   "else oidc."},
	{"assertion_audience", AID_USE_LOCAL, .check = aid_option_pin, .max = 255,
		.meaning = "aud of the assertion. Each kind has the default that its vendor documents."},
	{"assertion_scope", AID_USE_LOCAL, .check = aid_option_scope, .max = 1000,
		.meaning = "With assertion = oidc: the scope to ask for."},
	{"assertion_resource", AID_USE_LOCAL, .check = aid_option_uri, .max = 1000,
		.meaning = "With assertion = oidc: the resource to ask for (RFC 8707)."},
	{"max_lifetime", AID_USE_LOCAL, .check = aid_option_duration, .min = MINUTE_MS / 2,
		.max = 12 * HOUR_MS,
		.meaning = "A credential that lives longer is refused. Default: 1h for aws-sts and gcp-wif, "
			   "90m for azure-wif, 10m for the others."},
	{"refresh_at", AID_USE_LOCAL, .check = aid_option_percent, .min = 10, .max = 95, .fallback = "80%",
		.meaning = "When to get the next one, as a part of the lifetime."},
	{"at_open", AID_USE_LOCAL, .check = aid_option_flag, .fallback = "no",
		.meaning = "yes: get it when the session opens, not when it is first read."},
	{"refresh", AID_USE_LOCAL, .check = aid_option_choice, .names = refresh_names, .fallback = "used",
		.meaning = "used: keep it fresh while somebody reads it. always: as long as the session "
			   "lives."},
	{"ca_file", AID_USE_SENT, .check = aid_option_path,
		.meaning = "CA certificates of the target's servers. Default: [fetch] ca_file. Not for oidc, "
			   "whose server is that of [token]."},
	{"allowed_hosts", AID_USE_SENT, .check = aid_option_hosts,
		.meaning = "vault: hosts that the server may send agentid on to. rfc8693: hosts that the "
			   "issuer's endpoints may have beside its own. Not for the other types."},
	{.name = NULL},
};

static const struct aid_target_option aws_options[] = {
	{"role_arn", AID_USE_SENT, .required = true, .check = aid_option_role_arn, .min = 20, .max = 2048,
		.meaning = "The role to assume."},
	{"region", AID_USE_SENT, .required = true, .check = aid_option_region,
		.meaning = "The region whose STS is asked."},
	{"endpoint", AID_USE_SENT, .check = aid_option_url, .max = 255,
		.meaning = "URL of the STS, where it is not the public one of the region."},
	{"duration", AID_USE_SENT, .check = aid_option_duration, .min = 15 * MINUTE_MS,
		.max = 12 * HOUR_MS, .fallback = "15m",
		.meaning = "How long the credentials live; AWS allows no less than 15m."},
	{"session_policy", AID_USE_FILE, .check = aid_option_path, .max = AID_SESSION_POLICY_MAX,
		.meaning = "File of a policy that narrows what the role may do, at most 2048 characters."},
	{"policy_arns", AID_USE_SENT, .check = aid_option_policy_arns, .max = 10,
		.meaning = "Up to 10 managed policies that narrow it, too."},
	{.name = NULL},
};

static const struct aid_target_option azure_options[] = {
	{"tenant", AID_USE_SENT, .required = true, .check = aid_option_tenant,
		.meaning = "The tenant: its id or one of its domains."},
	{"client_id", AID_USE_SENT, .required = true, .check = aid_option_guid,
		.meaning = "Client id of the application or of the managed identity."},
	{"scope", AID_USE_SENT, .required = true, .check = aid_option_azure_scope, .max = 255,
		.meaning = "The resource, followed by /.default."},
	{"authority", AID_USE_SENT, .check = aid_option_url, .max = 255,
		.fallback = "https://login.microsoftonline.com",
		.meaning = "Where Entra is; national clouds have their own."},
	{.name = NULL},
};

static const struct aid_target_option gcp_options[] = {
	{"provider", AID_USE_SENT, .required = true, .check = aid_option_gcp_provider,
		.meaning = "Resource name of the workload identity provider."},
	{"service_account", AID_USE_SENT, .check = aid_option_service_account,
		.meaning = "The service account to impersonate. Without it the federated token itself is "
			   "the credential."},
	{"scopes", AID_USE_SENT, .check = aid_option_gcp_scopes, .max = 1000,
		.fallback = "https://www.googleapis.com/auth/cloud-platform",
		.meaning = "Scopes of the token, separated by blanks."},
	{"lifetime", AID_USE_SENT, .check = aid_option_duration, .min = MINUTE_MS, .max = HOUR_MS,
		.fallback = "15m", .meaning = "With service_account: how long the token lives."},
	{"access_boundary", AID_USE_FILE, .check = aid_option_path, .max = AID_ACCESS_BOUNDARY_MAX,
		.meaning = "File of a credential access boundary that narrows the token, at most 2048 "
			   "characters."},
	{"user_project", AID_USE_SENT, .check = aid_option_user_project,
		.meaning = "The project that quota and billing count for."},
	{"sts_url", AID_USE_SENT, .check = aid_option_url, .max = 255,
		.fallback = "https://sts.googleapis.com/v1/token",
		.meaning = "The token exchange, where it is not the public one."},
	{"iam_url", AID_USE_SENT, .check = aid_option_url, .max = 255,
		.fallback = "https://iamcredentials.googleapis.com",
		.meaning = "The service that impersonates, where it is not the public one."},
	{.name = NULL},
};

static const struct aid_target_option rfc8693_options[] = {
	{"issuer", AID_USE_SENT, .check = aid_option_url, .max = 512,
		.meaning = "Issuer of the new token; its metadata says where to ask."},
	{"token_endpoint", AID_USE_SENT, .check = aid_option_url, .max = 512,
		.meaning = "Where to ask at a server without metadata. The token is then opaque."},
	{"client_id", AID_USE_SENT, .required = true, .check = aid_option_pin, .max = 255,
		.meaning = "Who asks."},
	{"client_auth", AID_USE_SENT, .required = true, .check = aid_option_choice,
		.names = client_auth_names, .meaning = "How the client proves it, as in [token]."},
	{"client_secret", AID_USE_REFERENCE, .check = aid_option_any_reference,
		.meaning = "client_secret_basic and client_secret_post: reference of the secret."},
	{"client_key", AID_USE_REFERENCE, .check = aid_option_reference,
		.meaning = "private_key_jwt and tls_client_auth: reference of a PEM private key."},
	{"client_certificate", AID_USE_REFERENCE, .check = aid_option_reference,
		.meaning = "tls_client_auth: reference of a PEM certificate chain."},
	{"signing_alg", AID_USE_SENT, .check = aid_option_choice, .names = alg_names, .fallback = "RS256",
		.meaning = "private_key_jwt: algorithm of the assertion."},
	{"audience", AID_USE_SENT, .check = aid_option_pin, .max = 255,
		.meaning = "Who the new token is for: asked for, and required in it."},
	{"scope", AID_USE_SENT, .check = aid_option_scope, .max = 1000, .meaning = "Scope to ask for."},
	{"resource", AID_USE_SENT, .check = aid_option_uri, .max = 1000,
		.meaning = "Resource to ask for (RFC 8707)."},
	{"requested_token_type", AID_USE_SENT, .check = aid_option_choice, .names = wanted_type_names,
		.fallback = "access_token", .meaning = "Type of the new token. txn_token needs format = opaque."},
	{"subject_token", AID_USE_SENT, .check = aid_option_choice, .names = subject_token_names,
		.fallback = "assertion",
		.meaning = "What is exchanged: an assertion made for it, or the session's own token."},
	{"subject_token_type", AID_USE_SENT, .check = aid_option_choice, .names = given_type_names,
		.meaning = "Its type. Default: jwt for an assertion of this host, else access_token."},
	{"actor_token", AID_USE_SENT, .check = aid_option_choice, .names = actor_token_names,
		.fallback = "none",
		.meaning = "assertion: an assertion says who acts for the subject."},
	{"subject", AID_USE_SENT, .check = aid_option_pin, .max = 255,
		.meaning = "sub that the new token must have."},
	{"format", AID_USE_SENT, .check = aid_option_choice, .names = format_names, .fallback = "jwt",
		.meaning = "jwt: verified. opaque: taken as it is."},
	{.name = NULL},
};

static const struct aid_target_option vault_options[] = {
	{"address", AID_USE_SENT, .required = true, .check = aid_option_url, .max = 255,
		.meaning = "URL of the server."},
	{"namespace", AID_USE_SENT, .check = aid_option_vault_path, .max = 255,
		.meaning = "The namespace to log in to."},
	{"mount", AID_USE_SENT, .check = aid_option_vault_path, .max = 255, .fallback = "jwt",
		.meaning = "Where the JWT auth method is mounted."},
	{"role", AID_USE_SENT, .required = true, .check = aid_option_vault_role, .max = 128,
		.meaning = "The role to log in to."},
	{"increment", AID_USE_SENT, .check = aid_option_duration, .min = MINUTE_MS / 2,
		.max = 12 * HOUR_MS,
		.meaning = "What to ask for when the token is renewed. Default: what the server gives."},
	{.name = NULL},
};

static const struct aid_target_option oidc_options[] = {
	{"audience", AID_USE_SENT, .check = aid_option_pin, .max = 255,
		.meaning = "aud that the token must have."},
	{"scope", AID_USE_SENT, .check = aid_option_scope, .max = 1000, .meaning = "Scope to ask for."},
	{"resource", AID_USE_SENT, .check = aid_option_uri, .max = 1000,
		.meaning = "Resource to ask for (RFC 8707)."},
	{"subject", AID_USE_SENT, .check = aid_option_pin, .max = 255,
		.meaning = "sub that the token must have. Default: [token] subject."},
	{"format", AID_USE_SENT, .check = aid_option_choice, .names = format_names, .fallback = "jwt",
		.meaning = "jwt: verified. opaque: taken as it is."},
	{.name = NULL},
};

const struct aid_target aid_targets[] = {
	{AID_TARGET_AWS_STS, true, false, "aws-sts", aws_options, "sts.amazonaws.com", "1h",
		"AWS credentials by AssumeRoleWithWebIdentity; the key holds credential_process JSON.",
		aid_target_check_aws},
	/* Entra picks 60 to 90 minutes by chance and takes no wish. */
	{AID_TARGET_AZURE_WIF, true, false, "azure-wif", azure_options, "api://AzureADTokenExchange", "90m",
		"An Entra access token by workload identity federation.", aid_target_check_azure},
	{AID_TARGET_GCP_WIF, true, false, "gcp-wif", gcp_options, NULL, "1h",
		"A Google Cloud access token by workload identity federation.", aid_target_check_gcp},
	{AID_TARGET_RFC8693, true, false, "rfc8693", rfc8693_options, NULL, "10m",
		"A token from any server that exchanges tokens (RFC 8693).", aid_target_check_rfc8693},
	{AID_TARGET_VAULT, true, false, "vault", vault_options, NULL, "10m",
		"A Vault or OpenBao token by JWT login, renewed while it can be.", aid_target_check_vault},
	{AID_TARGET_OIDC, false, false, "oidc", oidc_options, NULL, "10m",
		"A second token of the [token] client with another audience or scope.",
		aid_target_check_oidc},
	{.name = NULL},
};
