/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Between the target*.c files of the base half: checks for the rows of target_options.c. */
#ifndef AID_TARGET_PRIVATE_H
#define AID_TARGET_PRIVATE_H

#include "target.h"

extern const struct aid_target aid_targets[];                     /* name NULL ends them */
extern const struct aid_target_option aid_target_common_options[]; /* the same */

typedef int aid_option_check(const struct aid_target_option *option, const char *value,
	struct aid_error *err);

/* target_check.c: forms that more than one kind has */
aid_option_check aid_option_pin, aid_option_url, aid_option_uri, aid_option_scope, aid_option_path,
	aid_option_hosts, aid_option_flag, aid_option_choice, aid_option_duration, aid_option_percent,
	aid_option_reference, aid_option_any_reference;

/* target_check_cloud.c: forms of one vendor */
aid_option_check aid_option_role_arn, aid_option_region, aid_option_policy_arns, aid_option_tenant,
	aid_option_guid, aid_option_azure_scope, aid_option_gcp_provider, aid_option_service_account,
	aid_option_gcp_scopes, aid_option_user_project, aid_option_vault_path, aid_option_vault_role;

/* target_check_manager.c: forms of the sections [secrets NAME] */
aid_option_check aid_option_role_id, aid_option_container_url;

typedef int aid_target_check(const struct aid_target_values *values, struct aid_error *err);

/* target_check_all.c: what holds between options */
aid_target_check aid_target_check_aws, aid_target_check_azure, aid_target_check_gcp, aid_target_check_rfc8693,
	aid_target_check_vault, aid_target_check_oidc;

#endif
