/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid policy permissions: the least that an agent's role needs for a part of a bucket, and the bucket
 * policy that denies that part to everybody else. */
#include "policy_command.h"

#include "str.h"

#include <stdio.h>
#include <string.h>

/* "arn:PARTITION:iam::ACCOUNT:role/NAME": the partition, which the bucket is in, too. */
static bool partition_of(const char *role_arn, char *out, size_t size)
{
	const char *iam = strstr(role_arn, ":iam::");
	size_t length = iam == NULL ? 0 : (size_t)(iam - role_arn);

	if (!aid_str_has_prefix(role_arn, "arn:aws") || strstr(role_arn, ":role/") == NULL ||
		length - strlen("arn:") >= size)
		return false;
	(void)snprintf(out, size, "%.*s", (int)(length - strlen("arn:")), role_arn + strlen("arn:"));
	return true;
}

/* Deny on the objects alone: nobody is locked out of the bucket's own settings. */
static int print_bucket_policy(const struct policy *policy, const char *partition, const char *bucket,
	const char *prefix)
{
	(void)printf("{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [{\n"
		     "    \"Sid\": \"DenyAllButTheAgent\",\n    \"Effect\": \"Deny\",\n    \"Principal\": \"*\",\n"
		     "    \"Action\": \"s3:*\",\n    \"Resource\": \"arn:%s:s3:::%s/%s*\",\n"
		     "    \"Condition\": {\"ArnNotEquals\": {\"aws:PrincipalArn\": \"%s\"}}\n  }]\n}\n",
		partition, bucket, prefix, policy->values[POLICY_ROLE_ARN]);
	return CLI_OK;
}

static int print_permissions(const struct policy *policy, const char *partition, const char *bucket,
	const char *prefix)
{
	(void)printf("{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [");
	if (policy->read)
		(void)printf("{\n    \"Sid\": \"List\",\n    \"Effect\": \"Allow\",\n    \"Action\": \"s3:ListBucket\",\n"
			     "    \"Resource\": \"arn:%s:s3:::%s\",\n"
			     "    \"Condition\": {\"StringLike\": {\"s3:prefix\": \"%s*\"}}\n  }, ",
			partition, bucket, prefix);
	(void)printf("{\n    \"Sid\": \"Objects\",\n    \"Effect\": \"Allow\",\n    \"Action\": [%s%s%s],\n"
		     "    \"Resource\": \"arn:%s:s3:::%s/%s*\"\n  }]\n}\n",
		policy->read ? "\"s3:GetObject\"" : "", policy->read && policy->write ? ", " : "",
		policy->write ? "\"s3:PutObject\"" : "", partition, bucket, prefix);
	return CLI_OK;
}

int policy_permissions(const struct policy *policy, const char *kind)
{
	const char *bucket = policy_need(policy, POLICY_BUCKET, "the name of the bucket");
	const char *prefix = bucket == NULL ? NULL : policy_need(policy, POLICY_PREFIX,
		"what the names of the agent's objects begin with, such as reports/");
	const char *role_arn = policy->values[POLICY_ROLE_ARN];
	char partition[16] = "aws";

	if (!aid_streq(kind, "aws"))
		return cli_usage(policy->cli, "'%s': aws is known", kind);
	if (prefix == NULL)
		return CLI_USAGE;
	if (prefix[strlen(prefix) - 1] != '/' || prefix[0] == '/')
		return cli_usage(policy->cli, "--prefix '%s': it ends with /, so that reports/ is not also "
			"reports-of-others, and does not begin with it", prefix);
	if (role_arn != NULL && !partition_of(role_arn, partition, sizeof(partition)))
		return cli_usage(policy->cli, "--role-arn '%s': it is no ARN of a role", role_arn);
	if (policy->bucket_policy)
		return policy_need(policy, POLICY_ROLE_ARN, "the role that is not denied") == NULL
			? CLI_USAGE
			: print_bucket_policy(policy, partition, bucket, prefix);
	if (!policy->read && !policy->write)
		return cli_usage(policy->cli, "--read, --write or --bucket-policy is needed");
	return print_permissions(policy, partition, bucket, prefix);
}
