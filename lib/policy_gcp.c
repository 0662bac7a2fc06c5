/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Workload identity federation of Google Cloud: the provider's condition, and who may impersonate. */
#include "policy_private.h"

#include "str.h"

#include <stdio.h>
#include <string.h>

#define CONDITION_MAX 4096U
#define USE_CONDITION "attribute-condition: assertion.sub == 'agent:NAME'"
#define USE_PRINCIPAL "principal://iam.googleapis.com/projects/N/locations/global/workloadIdentityPools/POOL/subject/agent:NAME"

/* CEL that can be true for more than one subject. Quoted texts and spaces are taken out before. */
static const char *const loose[] = {
	"||", "!", "startsWith(", "endsWith(", "contains(", "matches(", "?", "\x01", "<", ">", "size("};

/* condition without what stands in quotes and without spaces; a quoted text leaves its quotes. " in "
 * becomes a byte that nothing else here makes. */
static void skeleton(const char *condition, char *out, size_t size)
{
	size_t used = 0;
	char quote = '\0';

	for (const char *p = condition; *p != '\0' && used + 1 < size; p++) {
		if (quote == '\0' && strncmp(p, " in ", 4) == 0)
			out[used++] = '\x01';
		else if (*p == quote || (quote == '\0' && *p != ' ' && *p != '\t' && *p != '\n'))
			out[used++] = *p;
		if (quote != '\0' && *p == '\\' && p[1] != '\0')
			p++;
		else if (*p == quote)
			quote = '\0';
		else if (quote == '\0' && (*p == '\'' || *p == '"'))
			quote = *p;
	}
	out[used] = '\0';
}

static void lint_condition(struct policy_lint *lint, const struct aid_json *value)
{
	const struct policy_path path = {.text = "$.attributeCondition"};
	const char *condition = value == NULL ? NULL : aid_json_string(value);
	char bare[CONDITION_MAX];

	if (condition == NULL || condition[0] == '\0') {
		policy_find(lint, &path, policy_shown(value),
			"no subject is pinned: every token of the issuer is let in", USE_CONDITION);
		return;
	}
	skeleton(condition, bare, sizeof(bare));
	for (size_t i = 0; i < sizeof(loose) / sizeof(loose[0]); i++) {
		if (strstr(bare, loose[i]) != NULL) {
			policy_find(lint, &path, condition,
				"the condition can be true for more than one agent", USE_CONDITION);
			return;
		}
	}
	if (strstr(bare, "assertion.sub==") == NULL && strstr(bare, "google.subject==") == NULL)
		policy_find(lint, &path, condition, "the condition does not compare the subject",
			USE_CONDITION);
}

void policy_lint_gcp(struct policy_lint *lint, const struct aid_json *document)
{
	struct policy_path path = {.text = "$.oidc.issuerUri"};
	const struct aid_json *oidc = aid_json_get(document, "oidc");
	const struct aid_json *issuer = oidc == NULL ? NULL : aid_json_get(oidc, "issuerUri");
	const struct aid_json *audiences = oidc == NULL ? NULL : aid_json_get(oidc, "allowedAudiences");

	if (issuer == NULL || aid_json_string(issuer) == NULL)
		policy_find(lint, &path, policy_shown(issuer), "no issuer is pinned", "issuer-uri: ISSUER");
	else if (!policy_knows_issuer(lint, aid_json_string(issuer)))
		policy_find(lint, &path, aid_json_string(issuer),
			"this issuer is not of this host or of one of its agents",
			"the issuer of the agent's tokens");
	path = (struct policy_path){.text = "$.oidc.allowedAudiences"};
	/* Without any, the provider's own name is the only one. */
	if (policy_count(audiences) > 1)
		policy_find(lint, &path, "[...]", "more than one audience is let in",
			"none, which means the provider's own name, or one");
	lint_condition(lint, aid_json_get(document, "attributeCondition"));
}

static void lint_member(struct policy_lint *lint, const struct policy_path *path, const char *member)
{
	if (aid_streq(member, "allUsers") || aid_streq(member, "allAuthenticatedUsers"))
		policy_find(lint, path, member, "everybody is let in", USE_PRINCIPAL);
	else if (aid_str_has_prefix(member, "principalSet://"))
		policy_find(lint, path, member, "a set of principals is more than one agent", USE_PRINCIPAL);
	else if (aid_str_has_prefix(member, "principal://"))
		policy_see_subject(lint, path, member);
}

void policy_lint_gcp_iam(struct policy_lint *lint, const struct aid_json *document)
{
	const struct policy_path root = {.text = "$.bindings"};
	const struct aid_json *bindings = aid_json_get(document, "bindings");

	for (size_t i = 0; i < policy_count(bindings); i++) {
		struct policy_path binding = policy_element(&root, i);
		struct policy_path path = policy_member(&binding, "members");
		const struct aid_json *one = policy_at(bindings, i);
		const struct aid_json *members = aid_json_is_object(one) ? aid_json_get(one, "members") : NULL;

		for (size_t j = 0; j < policy_count(members); j++) {
			struct policy_path at = policy_element(&path, j);

			lint_member(lint, &at, policy_shown(policy_at(members, j)));
		}
	}
}
