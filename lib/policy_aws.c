/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Trust policies of AWS roles, for AssumeRoleWithWebIdentity. */
#include "policy_private.h"

#include "str.h"

#include <stdio.h>
#include <string.h>

#define OIDC_PROVIDER ":oidc-provider/"

#define USE_EXACT "\"StringEquals\": {\"ISSUER:sub\": \"agent:NAME\", \"ISSUER:aud\": \"AUDIENCE\"}"
#define USE_FEDERATED "\"Principal\": {\"Federated\": \"arn:aws:iam::ACCOUNT:oidc-provider/ISSUER\"}"
#define USE_ACTION "\"Action\": \"sts:AssumeRoleWithWebIdentity\""

/* What one statement pins. */
struct pins {
	const char *provider; /* of Federated, without "https://"; NULL where there is none */
	bool subject;
	bool audience;
};

struct operator {
	bool set;       /* ForAnyValue:, ForAllValues: */
	bool if_exists;
	char base[40];
};

static bool has_suffix_nocase(const char *text, const char *suffix)
{
	size_t length = strlen(text);
	size_t wanted = strlen(suffix);

	return length >= wanted && aid_streq_nocase(text + length - wanted, suffix);
}

static struct operator parse_operator(const char *text)
{
	struct operator op = {.set = strchr(text, ':') != NULL};
	const char *base = op.set ? strchr(text, ':') + 1 : text;

	(void)snprintf(op.base, sizeof(op.base), "%s", base);
	op.if_exists = has_suffix_nocase(op.base, "IfExists");
	if (op.if_exists)
		op.base[strlen(op.base) - strlen("IfExists")] = '\0';
	return op;
}

static void lint_value(struct policy_lint *lint, const struct policy_path *path, const struct operator *op,
	const char *value, bool subject)
{
	bool exact = aid_streq_nocase(op->base, "StringEquals");

	if (!exact && policy_has_wildcard(value))
		policy_find(lint, path, value, "a wildcard lets in other agents too", USE_EXACT);
	else if (exact && policy_has_wildcard(value))
		policy_find(lint, path, value, "StringEquals knows no wildcard: this matches nothing",
			"the whole value");
	if (strstr(value, "${") != NULL)
		policy_find(lint, path, value, "a variable is no pin: the token fills it in", USE_EXACT);
	else if (subject && exact)
		policy_see_subject(lint, path, value);
}

/* A condition on "ISSUER:sub" or "ISSUER:aud". */
static void lint_pin(struct policy_lint *lint, const struct policy_path *path, const struct operator *op,
	const char *key, const struct aid_json *values, struct pins *pins)
{
	bool subject = has_suffix_nocase(key, ":sub");
	bool exact = aid_streq_nocase(op->base, "StringEquals");
	size_t count = policy_count(values);
	char issuer[AID_POLICY_VALUE_SIZE];

	(void)snprintf(issuer, sizeof(issuer), "%.*s", (int)(strrchr(key, ':') - key), key);
	if (!policy_knows_issuer(lint, issuer))
		policy_find(lint, path, issuer, "this issuer is not of this host or of one of its agents",
			"the issuer of the agent's tokens, without https://");
	else if (pins->provider != NULL && !aid_streq_nocase(issuer, pins->provider))
		policy_find(lint, path, issuer, "the condition is on another issuer than Principal names",
			"the issuer of Principal");
	if (!exact)
		policy_find(lint, path, op->base, "this operator does not compare exactly", USE_EXACT);
	if (op->if_exists)
		policy_find(lint, path, op->base, "IfExists lets in a token without the claim", USE_EXACT);
	if (op->set)
		policy_find(lint, path, op->base, "a set operator is for keys of several values; ForAllValues "
			"lets in a token without the claim", USE_EXACT);
	if (!subject && count > 1)
		policy_find(lint, path, "[...]", "more than one audience is let in", "one audience");
	for (size_t i = 0; i < count; i++) {
		struct policy_path element = policy_element(path, i);
		const struct aid_json *value = policy_at(values, i);

		if (aid_json_string(value) == NULL)
			policy_find(lint, &element, policy_shown(value), "it is no text", USE_EXACT);
		else
			lint_value(lint, count > 1 ? &element : path, op, aid_json_string(value), subject);
	}
	if (exact && !op->if_exists && !op->set && count > 0) {
		pins->subject = pins->subject || subject;
		pins->audience = pins->audience || !subject;
	}
}

static void lint_conditions(struct policy_lint *lint, const struct policy_path *path,
	const struct aid_json *conditions, struct pins *pins)
{
	const struct aid_json *keys;
	const char *name;

	for (size_t i = 0; (keys = aid_json_member(conditions, i, &name)) != NULL; i++) {
		struct operator op = parse_operator(name);
		struct policy_path at = policy_member(path, name);
		const struct aid_json *values;
		const char *key;

		for (size_t j = 0; (values = aid_json_member(keys, j, &key)) != NULL; j++) {
			struct policy_path where = policy_member(&at, key);

			/* "Null": "false" only asks that the claim is there. */
			if (aid_streq_nocase(op.base, "Null") && aid_streq(aid_json_string(values), "false"))
				continue;
			if (has_suffix_nocase(key, ":sub") || has_suffix_nocase(key, ":aud"))
				lint_pin(lint, &where, &op, key, values, pins);
		}
	}
}

static void lint_federated(struct policy_lint *lint, const struct policy_path *path,
	const struct aid_json *federated, struct pins *pins)
{
	const char *arn = aid_json_string(policy_at(federated, 0));
	const char *provider = arn == NULL ? NULL : strstr(arn, OIDC_PROVIDER);

	if (policy_count(federated) > 1)
		policy_find(lint, path, "[...]", "more than one issuer is let in", USE_FEDERATED);
	if (arn == NULL || policy_has_wildcard(arn)) {
		policy_find(lint, path, policy_shown(policy_at(federated, 0)), "everybody is let in",
			USE_FEDERATED);
		return;
	}
	pins->provider = provider == NULL ? NULL : provider + strlen(OIDC_PROVIDER);
	if (provider == NULL || !policy_knows_issuer(lint, pins->provider))
		policy_find(lint, path, arn, "this issuer is not of this host or of one of its agents",
			USE_FEDERATED);
}

static void lint_principal(struct policy_lint *lint, const struct policy_path *statement,
	const struct aid_json *principal, struct pins *pins)
{
	struct policy_path path = policy_member(statement, "Principal");
	const struct aid_json *who;
	const char *kind;

	if (principal == NULL || !aid_json_is_object(principal)) {
		policy_find(lint, &path, policy_shown(principal), "everybody is let in", USE_FEDERATED);
		return;
	}
	for (size_t i = 0; (who = aid_json_member(principal, i, &kind)) != NULL; i++) {
		struct policy_path at = policy_member(&path, kind);

		if (aid_streq_nocase(kind, "Federated"))
			lint_federated(lint, &at, who, pins);
		else
			policy_find(lint, &at, policy_shown(who), "this is another way in than an agent's token",
				"a role of its own for what is no agent");
	}
}

static void lint_actions(struct policy_lint *lint, const struct policy_path *statement,
	const struct aid_json *actions)
{
	struct policy_path path = policy_member(statement, "Action");

	if (policy_count(actions) == 0)
		policy_find(lint, &path, "", "no action is named", USE_ACTION);
	for (size_t i = 0; i < policy_count(actions); i++) {
		const char *action = policy_shown(policy_at(actions, i));

		if (!aid_streq_nocase(action, "sts:AssumeRoleWithWebIdentity") &&
			!aid_streq_nocase(action, "sts:TagSession") &&
			!aid_streq_nocase(action, "sts:SetSourceIdentity"))
			policy_find(lint, &path, action, "this is another way in than an agent's token",
				USE_ACTION);
	}
}

static void lint_statement(struct policy_lint *lint, const struct policy_path *path,
	const struct aid_json *statement)
{
	struct policy_path conditions = policy_member(path, "Condition");
	const struct aid_json *effect = aid_json_get(statement, "Effect");
	struct pins pins = {.provider = NULL};

	/* What denies lets nobody in. */
	if (aid_streq(effect == NULL ? NULL : aid_json_string(effect), "Deny"))
		return;
	if (aid_json_has(statement, "NotPrincipal") || aid_json_has(statement, "NotAction"))
		policy_find(lint, path, "NotPrincipal or NotAction", "everything but the named is let in",
			USE_FEDERATED);
	lint_principal(lint, path, aid_json_get(statement, "Principal"), &pins);
	lint_actions(lint, path, aid_json_get(statement, "Action"));
	lint_conditions(lint, &conditions, aid_json_get(statement, "Condition"), &pins);
	if (!pins.subject)
		policy_find(lint, &conditions, "", "no subject is pinned: every token of the issuer is let in",
			USE_EXACT);
	if (!pins.audience)
		policy_find(lint, &conditions, "", "no audience is pinned: tokens for other services are let in",
			USE_EXACT);
}

void policy_lint_aws(struct policy_lint *lint, const struct aid_json *document)
{
	struct policy_path path = {.text = "$.Statement"};
	const struct aid_json *statements = aid_json_get(document, "Statement");

	for (size_t i = 0; i < policy_count(statements); i++) {
		struct policy_path at = policy_element(&path, i);
		const struct aid_json *statement = policy_at(statements, i);

		if (aid_json_is_object(statement))
			lint_statement(lint, aid_json_is_array(statements) ? &at : &path, statement);
		else
			policy_find(lint, &at, policy_shown(statement), "it is no statement", USE_FEDERATED);
	}
}
