/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "secret_manager.h"

#include "str.h"
#include "syntax.h"
#include "target_private.h"

#include <string.h>

#define HOUR_MS INT64_C(3600000)
#define MAX_AGE                                                                                    \
	{"max_age", AID_USE_SENT, .check = aid_option_duration, .min = 10000, .max = 24 * HOUR_MS,      \
		.fallback = "1h",                                                                  \
		.meaning = "How long the last secret that was read is used when it cannot be read anew."}
#define CA_FILE                                                                                    \
	{"ca_file", AID_USE_SENT, .check = aid_option_path,                                        \
		.meaning = "CA certificates of its servers. Default: [fetch] ca_file."}

static const char *const auth_names[] = {"jwt", "approle", NULL};

static const struct aid_target_option vault_options[] = {
	{"address", AID_USE_SENT, .required = true, .check = aid_option_url, .max = 255,
		.meaning = "URL of the server."},
	{"namespace", AID_USE_SENT, .check = aid_option_vault_path, .max = 255,
		.meaning = "The namespace of the auth method and of the secrets."},
	{"auth", AID_USE_SENT, .check = aid_option_choice, .names = auth_names, .fallback = "jwt",
		.meaning = "How agentid-fetch logs in: jwt with an assertion that this host signs, or approle."},
	{"mount", AID_USE_SENT, .check = aid_option_vault_path, .max = 255,
		.meaning = "Where the auth method is mounted. Default: its name."},
	{"role", AID_USE_SENT, .check = aid_option_vault_role, .max = 128,
		.meaning = "With auth = jwt, and required there: the role to log in to."},
	{"audience", AID_USE_SENT, .check = aid_option_pin, .max = 255,
		.meaning = "With auth = jwt: aud of the assertion. Default: address."},
	{"subject", AID_USE_SENT, .check = aid_option_pin, .max = 255, .fallback = "host",
		.meaning = "With auth = jwt: sub of the assertion."},
	{"role_id", AID_USE_SENT, .check = aid_option_role_id, .max = 255,
		.meaning = "With auth = approle, and required there: the role's id."},
	{"secret_id", AID_USE_REFERENCE, .check = aid_option_reference,
		.meaning = "With auth = approle, and required there: file: or credential: of the secret id."},
	MAX_AGE,
	CA_FILE,
	{"allowed_hosts", AID_USE_SENT, .check = aid_option_hosts,
		.meaning = "Hosts that a standby may send agentid on to."},
	{.name = NULL},
};

static const struct aid_target_option aws_sm_options[] = {
	{"region", AID_USE_SENT, .required = true, .check = aid_option_region,
		.meaning = "The region whose Secrets Manager is asked."},
	{"endpoint", AID_USE_SENT, .check = aid_option_url, .max = 255,
		.meaning = "URL of the service, where it is not the public one of the region."},
	{"role_arn", AID_USE_SENT, .check = aid_option_role_arn, .min = 20, .max = 2048,
		.meaning = "The role to assume with an assertion that this host signs."},
	{"sts_endpoint", AID_USE_SENT, .check = aid_option_url, .max = 255,
		.meaning = "With role_arn: URL of the STS, where it is not the public one of the region."},
	{"audience", AID_USE_SENT, .check = aid_option_pin, .max = 255, .fallback = "sts.amazonaws.com",
		.meaning = "With role_arn: aud of the assertion."},
	{"subject", AID_USE_SENT, .check = aid_option_pin, .max = 255, .fallback = "host",
		.meaning = "With role_arn: sub of the assertion."},
	{"container_url", AID_USE_SENT, .check = aid_option_container_url, .max = 255,
		.meaning = "Without role_arn: where the container's keys are served, in place of the instance's "
			   "metadata service."},
	{"container_token", AID_USE_REFERENCE, .check = aid_option_reference,
		.meaning = "With container_url: file: or credential: of the token that is asked for there."},
	MAX_AGE,
	CA_FILE,
	{.name = NULL},
};

static int check_needed(const struct aid_target_values *values, const char *option, const char *why,
	struct aid_error *err)
{
	const struct aid_target_option *row = aid_target_option(values->target, option);

	/* What does not travel is not to be had on the other side. */
	if (aid_target_is_set(values, option) || (values->travelled && row->use == AID_USE_REFERENCE))
		return AID_OK;
	return aid_fail(err, AID_E_CONFIG, "%s is missing: %s needs it", option, why);
}

static int check_idle(const struct aid_target_values *values, const char *const *options, const char *why,
	struct aid_error *err)
{
	for (; *options != NULL; options++) {
		if (aid_target_is_set(values, *options))
			return aid_fail(err, AID_E_CONFIG, "%s has no meaning %s; take one of them out", *options,
				why);
	}
	return AID_OK;
}

static int check_vault(const struct aid_target_values *values, struct aid_error *err)
{
	static const char *const of_jwt[] = {"role", "audience", "subject", NULL};
	static const char *const of_approle[] = {"role_id", "secret_id", NULL};
	bool jwt = aid_streq(aid_target_get(values, "auth"), "jwt");
	int r = check_idle(values, jwt ? of_approle : of_jwt, jwt ? "with auth = jwt" : "with auth = approle",
		err);

	if (r == AID_OK)
		r = check_needed(values, jwt ? "role" : "role_id", jwt ? "auth = jwt" : "auth = approle", err);
	if (r == AID_OK && !jwt)
		r = check_needed(values, "secret_id", "auth = approle", err);
	return r;
}

static int check_aws_sm(const struct aid_target_values *values, struct aid_error *err)
{
	static const char *const of_role[] = {"sts_endpoint", "audience", "subject", NULL};
	static const char *const of_container[] = {"container_url", "container_token", NULL};
	static const char *const token[] = {"container_token", NULL};

	if (aid_target_is_set(values, "role_arn"))
		return check_idle(values, of_container, "with role_arn", err);
	if (check_idle(values, of_role, "without role_arn", err) != AID_OK)
		return AID_E_CONFIG;
	return aid_target_is_set(values, "container_url")
		? AID_OK : check_idle(values, token, "without container_url", err);
}

/* No kind of credential: the number is none. */
static const struct aid_target managers[AID_MANAGER_COUNT] = {
	[AID_MANAGER_VAULT] = {0, false, true, "secrets vault", vault_options, NULL, "1h",
		"Vault and OpenBao.", check_vault},
	[AID_MANAGER_AWS_SM] = {0, false, true, "secrets aws-sm", aws_sm_options, NULL, "1h",
		"AWS Secrets Manager.", check_aws_sm},
};

static const char *const prefixes[AID_MANAGER_COUNT] = {
	[AID_MANAGER_VAULT] = "vault:", [AID_MANAGER_AWS_SM] = "aws-sm:"};

enum aid_manager aid_manager_of(const char *reference)
{
	for (enum aid_manager m = AID_MANAGER_VAULT; m < AID_MANAGER_COUNT; m++) {
		if (aid_str_has_prefix(reference, prefixes[m]))
			return m;
	}
	return AID_MANAGER_NONE;
}

const struct aid_target *aid_manager_target(enum aid_manager manager)
{
	return manager > AID_MANAGER_NONE && manager < AID_MANAGER_COUNT ? &managers[manager] : NULL;
}

int aid_kv_path_check(const char *path, struct aid_error *err)
{
	size_t segments = 0;

	if (strlen(path) > AID_VAULT_PATH_MAX || !aid_str_is_printable(path))
		return aid_fail(err, AID_E_CONFIG,
			"a path is 1 to %u printable ASCII characters, no blank at either end",
			AID_VAULT_PATH_MAX);
	for (const char *at = path;; at++) {
		size_t length = strcspn(at, "/");

		if (length == 0)
			return aid_fail(err, AID_E_CONFIG, "an empty segment in a path is not allowed");
		if (at[0] == '.' && (length == 1 || (length == 2 && at[1] == '.')))
			return aid_fail(err, AID_E_CONFIG, "'.' and '..' in a path are not allowed");
		segments++;
		at += length;
		if (*at == '\0')
			break;
	}
	return segments > 1 ? AID_OK
			    : aid_fail(err, AID_E_CONFIG, "a path is MOUNT/PATH, and has a '/' in it");
}

int aid_sm_id_check(const char *id, struct aid_error *err)
{
	if (strlen(id) > AID_SM_ID_MAX || !aid_syntax_only(id, AID_ALNUM "/_+=.@:-"))
		return aid_fail(err, AID_E_CONFIG,
			"a secret's name or ARN is 1 to %u letters, digits and '/_+=.@:-'", AID_SM_ID_MAX);
	return AID_OK;
}

static int take_field(const char *hash, struct aid_manager_place *place, struct aid_error *err)
{
	size_t length = strlen(hash + 1);

	if (length == 0 || length > AID_SECRET_FIELD_MAX || !aid_str_is_printable(hash + 1))
		return aid_fail(err, AID_E_CONFIG, "the field after '#' is 1 to %u printable ASCII characters",
			AID_SECRET_FIELD_MAX);
	memcpy(place->field, hash + 1, length + 1);
	return AID_OK;
}

int aid_manager_parse(const char *reference, struct aid_manager_place *ret_place, struct aid_error *err)
{
	struct aid_manager_place place = {.manager = aid_manager_of(reference)};
	const char *rest, *hash;
	size_t length;
	int r = AID_OK;

	if (place.manager == AID_MANAGER_NONE)
		return aid_fail(err, AID_E_CONFIG, "the reference names no secrets manager");
	rest = reference + strlen(prefixes[place.manager]);
	hash = strrchr(rest, '#');
	length = hash != NULL ? (size_t)(hash - rest) : strlen(rest);
	if (length > AID_VAULT_PATH_MAX)
		return aid_fail(err, AID_E_CONFIG, "the path in the reference is over %u bytes",
			AID_VAULT_PATH_MAX);
	memcpy(place.path, rest, length);
	if (hash != NULL)
		r = take_field(hash, &place, err);
	else if (place.manager == AID_MANAGER_VAULT)
		r = aid_fail(err, AID_E_CONFIG, "vault:MOUNT/PATH#FIELD is the form; the #FIELD is missing");
	if (r == AID_OK)
		r = place.manager == AID_MANAGER_VAULT ? aid_kv_path_check(place.path, err)
						       : aid_sm_id_check(place.path, err);
	if (r == AID_OK)
		*ret_place = place;
	return r;
}
