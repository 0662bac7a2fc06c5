/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What holds between the options of one credential. The same checks run on both sides of the socket;
 * what does not travel is simply not given there. */
#include "target_private.h"

#include "str.h"

#include <string.h>

static int check_within(const struct aid_target_values *values, const char *name, struct aid_error *err)
{
	int64_t wanted = aid_target_number(values, name);

	if (wanted <= aid_target_max_lifetime_ms(values))
		return AID_OK;
	return aid_fail(err, AID_E_CONFIG, "%s = %s is over max_lifetime = %llds", name,
		aid_target_get(values, name), (long long)(aid_target_max_lifetime_ms(values) / 1000));
}

/* Of the common options, which keyringd may give for any type. */
static int check_unused(const struct aid_target_values *values, const char *name, const char *why,
	struct aid_error *err)
{
	if (values->travelled || !aid_target_is_set(values, name))
		return AID_OK;
	return aid_fail(err, AID_E_CONFIG, "%s is not for type %s: %s", name, values->target->name, why);
}

static int check_no_hosts(const struct aid_target_values *values, struct aid_error *err)
{
	return check_unused(values, "allowed_hosts", "no redirect of its servers is followed", err);
}

struct partition {
	const char *arn;    /* how its roles start */
	const char *region; /* how its regions start; "" for the rest */
};

static const struct partition partitions[] = {
	{"arn:aws-cn:", "cn-"},
	{"arn:aws-us-gov:", "us-gov-"},
	{"arn:aws-iso:", "us-iso-"},
	{"arn:aws-iso-b:", "us-isob-"},
	{"arn:aws-iso-e:", "eu-isoe-"},
	{"arn:aws-iso-f:", "us-isof-"},
	{"arn:aws-eusc:", "eusc-"},
	{"arn:aws:", ""},
};

static const struct partition *partition_of_region(const char *region)
{
	const struct partition *p = partitions;

	while (!aid_str_has_prefix(region, p->region))
		p++;
	return p;
}

int aid_target_check_aws(const struct aid_target_values *values, struct aid_error *err)
{
	const char *role = aid_target_get(values, "role_arn");
	const char *region = aid_target_get(values, "region");
	const struct partition *p = partition_of_region(region);

	if (!aid_str_has_prefix(role, p->arn))
		return aid_fail(err, AID_E_CONFIG, "role_arn '%.64s' and region '%s' belong to different "
			"partitions; a role there starts with %s", role, region, p->arn);
	/* Where STS is in the closed partitions is not documented publicly. */
	if (aid_target_get(values, "endpoint") == NULL && strstr(p->arn, "-iso") != NULL)
		return aid_fail(err, AID_E_CONFIG, "region '%s' needs endpoint", region);
	if (check_no_hosts(values, err) != AID_OK)
		return AID_E_CONFIG;
	return check_within(values, "duration", err);
}

int aid_target_check_azure(const struct aid_target_values *values, struct aid_error *err)
{
	return check_no_hosts(values, err);
}

int aid_target_check_gcp(const struct aid_target_values *values, struct aid_error *err)
{
	if (check_no_hosts(values, err) != AID_OK)
		return AID_E_CONFIG;
	if (aid_target_get(values, "service_account") != NULL)
		return check_within(values, "lifetime", err);
	if (aid_target_is_set(values, "lifetime"))
		return aid_fail(err, AID_E_CONFIG,
			"lifetime needs service_account: nobody can choose how long a federated token lives");
	return AID_OK;
}

struct method {
	const char *name;
	const char *needs[2];
};

static const struct method methods[] = {
	{"client_secret_basic", {"client_secret", NULL}},
	{"client_secret_post", {"client_secret", NULL}},
	{"private_key_jwt", {"client_key", NULL}},
	{"tls_client_auth", {"client_key", "client_certificate"}},
	{"federated_jwt", {NULL, NULL}},
};

static bool needs(const struct method *method, const char *name)
{
	return aid_streq(method->needs[0], name) || aid_streq(method->needs[1], name);
}

static int check_client(const struct aid_target_values *values, struct aid_error *err)
{
	static const char *const references[] = {"client_secret", "client_key", "client_certificate"};
	const char *name = aid_target_get(values, "client_auth");
	const struct method *method = methods;

	if (values->travelled)
		return AID_OK;
	while (!aid_streq(method->name, name))
		method++;
	for (size_t i = 0; i < sizeof(references) / sizeof(references[0]); i++) {
		bool given = aid_target_is_set(values, references[i]);

		if (needs(method, references[i]) && !given)
			return aid_fail(err, AID_E_CONFIG, "client_auth = %s needs %s", name, references[i]);
		if (!needs(method, references[i]) && given)
			return aid_fail(err, AID_E_CONFIG, "%s is not for client_auth = %s", references[i],
				name);
	}
	return AID_OK;
}

static int check_pins(const struct aid_target_values *values, struct aid_error *err)
{
	bool opaque = aid_streq(aid_target_get(values, "format"), "opaque");

	if (!opaque && aid_target_get(values, "audience") == NULL)
		return aid_fail(err, AID_E_CONFIG, "audience is missing: only format = opaque does without");
	return AID_OK;
}

int aid_target_check_rfc8693(const struct aid_target_values *values, struct aid_error *err)
{
	bool issuer = aid_target_is_set(values, "issuer");
	bool opaque = aid_streq(aid_target_get(values, "format"), "opaque");
	bool session = aid_streq(aid_target_get(values, "subject_token"), "session");

	if (issuer == aid_target_is_set(values, "token_endpoint"))
		return aid_fail(err, AID_E_CONFIG, "exactly one of issuer and token_endpoint is needed");
	if (!issuer && !opaque)
		return aid_fail(err, AID_E_CONFIG,
			"token_endpoint needs format = opaque: without issuer no signature can be verified");
	/* Its typ is another, and so are its claims. */
	if (!opaque && aid_streq(aid_target_get(values, "requested_token_type"), "txn_token"))
		return aid_fail(err, AID_E_CONFIG, "requested_token_type = txn_token needs format = opaque: a "
			"transaction token is no access token");
	if (!opaque && !aid_target_is_set(values, "subject"))
		return aid_fail(err, AID_E_CONFIG, "subject is missing: only format = opaque does without");
	if (!session && aid_streq(aid_target_get(values, "actor_token"), "assertion"))
		return aid_fail(err, AID_E_CONFIG, "actor_token = assertion needs subject_token = session: "
			"an identity does not act for itself");
	if (check_pins(values, err) != AID_OK)
		return AID_E_CONFIG;
	return check_client(values, err);
}

int aid_target_check_vault(const struct aid_target_values *values, struct aid_error *err)
{
	if (!aid_target_is_set(values, "increment"))
		return AID_OK;
	return check_within(values, "increment", err);
}

int aid_target_check_oidc(const struct aid_target_values *values, struct aid_error *err)
{
	static const char why[] = "its server is that of [token]";

	if (check_unused(values, "ca_file", why, err) != AID_OK ||
		check_unused(values, "allowed_hosts", why, err) != AID_OK)
		return AID_E_CONFIG;
	return check_pins(values, err);
}
