/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid policy: what its parts share. */
#ifndef AID_POLICY_COMMAND_H
#define AID_POLICY_COMMAND_H

#include "cli.h"
#include "configuration.h"

/* The options of policy trust and policy permissions, in the order of policy_options. NULL: not given. */
enum policy_option {
	POLICY_ACCOUNT,
	POLICY_APP,
	POLICY_AUDIENCE,
	POLICY_BUCKET,
	POLICY_CLIENT,
	POLICY_MOUNT,
	POLICY_POLICIES,
	POLICY_PREFIX,
	POLICY_PROVIDER,
	POLICY_REALM,
	POLICY_ROLE,
	POLICY_ROLE_ARN,
	POLICY_SERVICE_ACCOUNT,
	POLICY_OPTIONS
};

#define POLICY_AUDIENCE_SIZE 512U

struct policy {
	const struct cli *cli;
	const struct aid_agent *agent;
	enum aid_source source; /* of the tokens that the trust is for */
	const char *issuer;
	const char *subject;
	char audience[POLICY_AUDIENCE_SIZE]; /* of the agent's [credential] of this kind; "" without one */
	int64_t max_lifetime_ms; /* the same; 0 without one */
	const char *values[POLICY_OPTIONS];
	bool read, write, bucket_policy, no_azp;
};

/* Each prints, or returns the status of what is missing or wrong. */
int policy_trust(const struct policy *policy, const char *kind);
int policy_permissions(const struct policy *policy, const char *kind);
/* An option that must be there: its value, or NULL after the usage. */
const char *policy_need(const struct policy *policy, enum policy_option option, const char *meaning);

#endif
