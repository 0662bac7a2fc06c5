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
	"||", "!", "startsWith(", "endsWith(", "contains(", "matches(", "?", "\x01", "<", ">", "size(",
	/* These are not read as CEL reads them: a comment, and a text in three quotes. */
	"//", "'''", "\"\"\""};

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

/* A letter before a text makes it one with other rules for '\\'. */
static bool has_prefixed_text(const char *bare)
{
	for (const char *p = bare; *p != '\0'; p++) {
		if (strchr("rRbB", *p) != NULL && (p[1] == '\'' || p[1] == '"'))
			return true;
	}
	return false;
}

static bool is_loose(const char *bare)
{
	for (size_t i = 0; i < sizeof(loose) / sizeof(loose[0]); i++) {
		if (strstr(bare, loose[i]) != NULL)
			return true;
	}
	return has_prefixed_text(bare);
}

/* Where "&&" or the end comes, outside of brackets. */
static const char *end_of_part(const char *bare)
{
	int depth = 0;

	for (; *bare != '\0' && (depth > 0 || strncmp(bare, "&&", 2) != 0); bare++)
		depth += strchr("([{", *bare) != NULL ? 1 : strchr(")]}", *bare) != NULL ? -1 : 0;
	return bare;
}

static bool is_comparison(const char *part, size_t length, const char *claim)
{
	size_t name = strlen(claim);

	return length == name + 4 && strncmp(part, claim, name) == 0 &&
		(strncmp(part + name, "==''", 4) == 0 || strncmp(part + name, "==\"\"", 4) == 0);
}

/* Whether one of the parts that all have to be true is the subject compared with a text. */
static bool pins_subject(const char *bare, bool subject_is_mapped)
{
	for (;;) {
		const char *end = end_of_part(bare);
		size_t length = (size_t)(end - bare);

		if (is_comparison(bare, length, "assertion.sub") ||
			(subject_is_mapped && is_comparison(bare, length, "google.subject")))
			return true;
		if (*end == '\0')
			return false;
		bare = end + 2;
	}
}

/* Any other mapping can give agents the same subject. */
static bool maps_subject(const struct aid_json *mapping)
{
	const struct aid_json *value = mapping != NULL && aid_json_is_object(mapping)
		? aid_json_get(mapping, "google.subject") : NULL;

	return value != NULL && aid_streq(aid_json_string(value), "assertion.sub");
}

static void lint_condition(struct policy_lint *lint, const struct aid_json *value, bool subject_is_mapped)
{
	const struct policy_path path = {.text = "$.attributeCondition"};
	const char *condition = value == NULL ? NULL : aid_json_string(value);
	char bare[CONDITION_MAX] = "";

	if (condition == NULL || condition[0] == '\0') {
		policy_find(lint, &path, policy_shown(value),
			"no subject is pinned: every token of the issuer is let in", USE_CONDITION);
		return;
	}
	skeleton(condition, bare, sizeof(bare));
	/* Of one that is too long only the beginning would be judged. */
	if (strlen(condition) >= sizeof(bare) || is_loose(bare))
		policy_find(lint, &path, condition, "the condition can be true for more than one agent",
			USE_CONDITION);
	else if (!pins_subject(bare, subject_is_mapped))
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
	lint_condition(lint, aid_json_get(document, "attributeCondition"),
		maps_subject(aid_json_get(document, "attributeMapping")));
}

static void lint_member(struct policy_lint *lint, const struct policy_path *path, const char *member)
{
	if (aid_streq(member, "allUsers") || aid_streq(member, "allAuthenticatedUsers"))
		policy_find(lint, path, member, "everybody is let in", USE_PRINCIPAL);
	else if (aid_str_has_prefix(member, "principalSet://"))
		policy_find(lint, path, member, "a set of principals is more than one agent", USE_PRINCIPAL);
	else if (aid_str_has_prefix(member, "principal://"))
		policy_see_subject(lint, path, member);
	else
		policy_find(lint, path, member, "this is another way in than an agent's token", USE_PRINCIPAL);
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
