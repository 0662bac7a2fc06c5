/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What the sections [secrets NAME] point to. Whether the manager itself gives the secret, only agentid-fetch
 * can see: its log says so. */
#include "check.h"

#include "str.h"

static const char *address_of(const struct aid_target_values *values)
{
	if (values->target == aid_manager_target(AID_MANAGER_VAULT))
		return aid_target_get(values, "address");
	return aid_target_is_set(values, "endpoint") ? aid_target_get(values, "endpoint")
						     : aid_target_get(values, "region");
}

static void check_manager(struct check *check, const struct aid_target_values *values)
{
	bool vault = values->target == aid_manager_target(AID_MANAGER_VAULT);
	const char *option = vault ? "secret_id" : "container_token";
	size_t errors = check->counts[CHECK_ERROR];

	check_secret(check, NULL, values->target->name, option, aid_target_get(values, option));
	if (aid_target_is_set(values, "ca_file"))
		check_ca_file(check, aid_target_get(values, "ca_file"), NULL);
	else
		check_ca_file(check, check->config->ca_file, NULL);
	if (check->counts[CHECK_ERROR] == errors)
		check_say(check, CHECK_OK, "secrets", NULL, 0, "client secrets come from %s",
			address_of(values));
}

void check_managers(struct check *check)
{
	for (enum aid_manager m = AID_MANAGER_VAULT; m < AID_MANAGER_COUNT; m++) {
		if (check->config->managers[m].target != NULL)
			check_manager(check, &check->config->managers[m]);
	}
}

bool check_managers_sign(const struct aid_config *config)
{
	const struct aid_target_values *vault = &config->managers[AID_MANAGER_VAULT];
	const struct aid_target_values *aws = &config->managers[AID_MANAGER_AWS_SM];

	return (vault->target != NULL && aid_streq(aid_target_get(vault, "auth"), "jwt")) ||
		(aws->target != NULL && aid_target_is_set(aws, "role_arn"));
}
