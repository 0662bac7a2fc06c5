/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid policy trust: what lets in one agent's tokens and no others. aid_policy_check_pin() has looked
 * at every value before, so each means itself where it is put. */
#include "policy_command.h"

#include "str.h"
#include "target.h"

#include <stdio.h>
#include <string.h>

#define ACCOUNT_DIGITS 12U
#define ALIAS_SIZE 600U
#define VAULT_TTL_S 600 /* the default of max_lifetime */
#define VAULT_MAX_TTL_S 3600

static const char *given(const struct policy *policy, enum policy_option option, const char *fallback)
{
	return policy->values[option] == NULL ? fallback : policy->values[option];
}

/* The audience that is given, else the one of the agent's [credential], else the fallback. */
static const char *audience_of(const struct policy *policy, const char *fallback)
{
	return given(policy, POLICY_AUDIENCE, policy->audience[0] != '\0' ? policy->audience : fallback);
}

static const char *without_scheme(const char *issuer)
{
	return aid_str_has_prefix(issuer, "https://") ? issuer + strlen("https://") : issuer;
}

/* AWS compares "azp" in place of "aud" where a token has it. Keycloak and Entra always write it. */
static void print_aws_conditions(const struct policy *policy)
{
	const char *issuer = without_scheme(policy->issuer);
	bool oidc = policy->source == AID_SOURCE_OIDC;
	bool azp = oidc && !policy->no_azp;
	const char *audience = audience_of(policy, oidc ? policy->agent->token.audience : "sts.amazonaws.com");

	(void)printf("        \"%s:aud\": \"%s\",\n", issuer, azp ? policy->agent->token.client_id : audience);
	if (azp && audience != NULL)
		(void)printf("        \"%s:oaud\": \"%s\",\n", issuer, audience);
	(void)printf("        \"%s:sub\": \"%s\"\n", issuer, policy->subject);
}

static int trust_aws(const struct policy *policy)
{
	const char *account = policy_need(policy, POLICY_ACCOUNT, "the number of the AWS account");
	bool oidc = policy->source == AID_SOURCE_OIDC;

	if (account == NULL)
		return CLI_USAGE;
	if (strlen(account) != ACCOUNT_DIGITS || strspn(account, "0123456789") != ACCOUNT_DIGITS)
		return cli_usage(policy->cli, "--account '%s': 12 digits", account);
	if (oidc && policy->no_azp && audience_of(policy, policy->agent->token.audience) == NULL &&
		policy_need(policy, POLICY_AUDIENCE, "the agent's file has none") == NULL)
		return CLI_USAGE;
	(void)printf("{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [{\n    \"Effect\": \"Allow\",\n"
		     "    \"Principal\": {\"Federated\": \"arn:aws:iam::%s:oidc-provider/%s\"},\n"
		     "    \"Action\": \"sts:AssumeRoleWithWebIdentity\",\n"
		     "    \"Condition\": {\n      \"StringEquals\": {\n",
		account, without_scheme(policy->issuer));
	print_aws_conditions(policy);
	(void)printf("      }\n    }\n  }]\n}\n");
	return CLI_OK;
}

static int trust_azure(const struct policy *policy)
{
	const char *app = policy_need(policy, POLICY_APP, "the application's id");

	if (app == NULL)
		return CLI_USAGE;
	(void)printf("az ad app federated-credential create --id '%s' --parameters @- <<'END'\n"
		     "{\"name\": \"agentid-%s\", \"issuer\": \"%s\", \"subject\": \"%s\", \"audiences\": [\"%s\"]}\nEND\n",
		app, policy->agent->id, policy->issuer, policy->subject,
		audience_of(policy, "api://AzureADTokenExchange"));
	return CLI_OK;
}

/* The form is the one of the option of [credential]. */
static bool is_provider(const char *resource)
{
	struct aid_target_values values;
	char whole[256];
	bool good;

	(void)snprintf(whole, sizeof(whole), "//iam.googleapis.com/%s", resource);
	aid_target_values_init(&values, aid_target_by_kind(AID_TARGET_GCP_WIF));
	good = aid_target_set(&values, "provider", whole, NULL) == AID_OK;
	aid_target_values_done(&values);
	return good;
}

/* VALUE of "NAME/VALUE/..." in a provider's resource name, in which a name with a capital stands once. */
static void part_of(const char *resource, const char *name, char *out, size_t size)
{
	const char *at = strstr(resource, name) + strlen(name);

	(void)snprintf(out, size, "%.*s", (int)strcspn(at, "/"), at);
}

static int trust_gcp(const struct policy *policy)
{
	static const char form[] = "projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER";
	const char *resource = policy_need(policy, POLICY_PROVIDER, form);
	const char *account = policy->values[POLICY_SERVICE_ACCOUNT];
	char own_audience[POLICY_AUDIENCE_SIZE];
	char number[32];
	char pool[64];

	if (resource == NULL)
		return CLI_USAGE;
	if (!is_provider(resource))
		return cli_usage(policy->cli, "--provider '%s': it is %s", resource, form);
	part_of(resource, "projects/", number, sizeof(number));
	part_of(resource, "workloadIdentityPools/", pool, sizeof(pool));
	(void)snprintf(own_audience, sizeof(own_audience), "https://iam.googleapis.com/%s", resource);
	(void)printf("gcloud iam workload-identity-pools providers create-oidc '%s' --project='%s' \\\n"
		     "    --location=global --workload-identity-pool='%s' --issuer-uri='%s' \\\n"
		     "    --allowed-audiences='%s' --attribute-mapping='google.subject=assertion.sub' \\\n"
		     "    --attribute-condition=\"assertion.sub == '%s'\"\n",
		strrchr(resource, '/') + 1, number, pool, policy->issuer, audience_of(policy, own_audience),
		policy->subject);
	if (account != NULL)
		(void)printf("gcloud iam service-accounts add-iam-policy-binding '%s' --role=roles/iam.workloadIdentityUser \\\n"
			     "    --member='principal://iam.googleapis.com/projects/%s/locations/global/workloadIdentityPools/%s/subject/%s'\n",
			account, number, pool, policy->subject);
	return CLI_OK;
}

/* bound_issuer is of the mount: one mount has one issuer. A token that lives longer than the credential's
 * max_lifetime would be refused here. */
static int trust_vault(const struct policy *policy)
{
	const char *audience = audience_of(policy, NULL);
	const char *mount = given(policy, POLICY_MOUNT, "jwt");
	bool host = policy->source == AID_SOURCE_HOST;
	int64_t ttl_s = policy->max_lifetime_ms == 0 ? VAULT_TTL_S : policy->max_lifetime_ms / 1000;

	if (audience == NULL &&
		policy_need(policy, POLICY_AUDIENCE, "one that is for this Vault alone") == NULL)
		return CLI_USAGE;
	/* Where this host publishes its keys is known; a provider says it in its discovery document. */
	(void)printf("vault write 'auth/%s/config' bound_issuer='%s' %s='%s%s'\n", mount, policy->issuer,
		host ? "jwks_url" : "oidc_discovery_url", policy->issuer, host ? "/jwks.json" : "");
	(void)printf("vault write 'auth/%s/role/%s' - <<'END'\n"
		     "{\"role_type\": \"jwt\", \"user_claim\": \"sub\", \"bound_subject\": \"%s\", "
		     "\"bound_audiences\": [\"%s\"],\n \"token_policies\": [\"%s\"], \"token_ttl\": \"%llds\", "
		     "\"token_max_ttl\": \"%llds\"}\nEND\n",
		mount, given(policy, POLICY_ROLE, policy->agent->id), policy->subject, audience,
		given(policy, POLICY_POLICIES, policy->agent->id), (long long)ttl_s,
		(long long)(ttl_s > VAULT_MAX_TTL_S ? ttl_s : VAULT_MAX_TTL_S));
	return CLI_OK;
}

/* A realm takes one provider of an issuer, so the host's agents share it, and it is named after the host. */
static void name_provider(const char *issuer, char alias[ALIAS_SIZE])
{
	(void)snprintf(alias, ALIAS_SIZE, "agentid-%s", without_scheme(issuer));
	for (char *p = alias; *p != '\0'; p++) {
		if (strchr("/:.", *p) != NULL)
			*p = '-';
	}
}

/* The host's assertions in place of a client secret: client_auth = federated_jwt. Keycloak itself takes
 * only its realm's issuer as their audience. */
static int trust_keycloak(const struct policy *policy)
{
	const char *realm = policy_need(policy, POLICY_REALM, "the realm");
	const char *client = policy_need(policy, POLICY_CLIENT, "the client that the agent is");
	char alias[ALIAS_SIZE];

	if (realm == NULL || client == NULL)
		return CLI_USAGE;
	if (policy->values[POLICY_AUDIENCE] != NULL)
		return cli_usage(policy->cli, "--audience: Keycloak takes its realm's issuer and no other");
	name_provider(policy->issuer, alias);
	(void)printf("# Once in a realm: this host.\n"
		     "kcadm.sh create identity-provider/instances -r '%s' -f - <<'END'\n"
		     "{\"alias\": \"%s\", \"providerId\": \"oidc\", \"enabled\": true, \"hideOnLogin\": true, "
		     "\"config\": {\n \"issuer\": \"%s\", \"useJwksUrl\": \"true\", \"jwksUrl\": \"%s/jwks.json\", "
		     "\"validateSignature\": \"true\",\n \"supportsClientAssertions\": \"true\", \"clientId\": \"unused\", "
		     "\"clientSecret\": \"unused\",\n \"authorizationUrl\": \"%s/none\", \"tokenUrl\": \"%s/none\"}}\nEND\n",
		realm, alias, policy->issuer, policy->issuer, policy->issuer, policy->issuer);
	(void)printf("# This agent.\n"
		     "kcadm.sh create clients -r '%s' -f - <<'END'\n"
		     "{\"clientId\": \"%s\", \"enabled\": true, \"publicClient\": false, \"serviceAccountsEnabled\": true,\n"
		     " \"standardFlowEnabled\": false, \"directAccessGrantsEnabled\": false,\n"
		     " \"clientAuthenticatorType\": \"federated-jwt\", \"attributes\": {\n"
		     "  \"jwt.credential.issuer\": \"%s\", \"jwt.credential.sub\": \"%s\"}}\nEND\n",
		realm, client, alias, policy->subject);
	return CLI_OK;
}

static const struct {
	const char *kind;
	int (*print)(const struct policy *policy);
} trusts[] = {
	{"aws", trust_aws}, {"azure", trust_azure}, {"gcp", trust_gcp}, {"keycloak", trust_keycloak},
	{"vault", trust_vault},
};

int policy_trust(const struct policy *policy, const char *kind)
{
	for (size_t i = 0; i < sizeof(trusts) / sizeof(trusts[0]); i++) {
		if (aid_streq(trusts[i].kind, kind))
			return trusts[i].print(policy);
	}
	return cli_usage(policy->cli, "'%s': aws, azure, gcp, keycloak and vault are known", kind);
}
