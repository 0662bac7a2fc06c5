/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "policy_private.h"

#include "str.h"

#include <stdio.h>
#include <string.h>

/* What their tools put around a document, and by which member it is known. */
static const struct kind {
	enum aid_policy_kind kind;
	const char *name;
	const char *member;
	void (*lint)(struct policy_lint *lint, const struct aid_json *document);
} kinds[] = {
	{AID_POLICY_AWS, "AWS trust policy", "Statement", policy_lint_aws},
	{AID_POLICY_AZURE, "Azure federated credential", "issuer", policy_lint_azure},
	{AID_POLICY_AZURE, "Azure federated credential", "claimsMatchingExpression", policy_lint_azure},
	{AID_POLICY_GCP, "Google workload identity provider", "oidc", policy_lint_gcp},
	{AID_POLICY_GCP, "Google workload identity provider", "attributeCondition", policy_lint_gcp},
	{AID_POLICY_GCP_IAM, "Google IAM policy", "bindings", policy_lint_gcp_iam},
	{AID_POLICY_VAULT, "Vault role", "bound_audiences", policy_lint_vault},
	{AID_POLICY_VAULT, "Vault role", "bound_subject", policy_lint_vault},
	{AID_POLICY_VAULT, "Vault role", "role_type", policy_lint_vault},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const char *const wrappers[] = {"Role", "AssumeRolePolicyDocument", "properties", "data"};

const char *aid_policy_kind_name(enum aid_policy_kind kind)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (kinds[i].kind == kind)
			return kinds[i].name;
	}
	return "unknown";
}

static void copy_printable(char *out, size_t size, const char *text)
{
	size_t i = 0;

	for (; text[i] != '\0' && i + 1 < size; i++)
		out[i] = (char)(text[i] >= 0x20 && text[i] <= 0x7e ? text[i] : '?');
	out[i] = '\0';
}

struct policy_path policy_member(const struct policy_path *parent, const char *name)
{
	struct policy_path path = *parent;
	size_t length = strlen(path.text);

	(void)snprintf(path.text + length, sizeof(path.text) - length, ".%.80s", name);
	return path;
}

struct policy_path policy_element(const struct policy_path *parent, size_t index)
{
	struct policy_path path = *parent;
	size_t length = strlen(path.text);

	(void)snprintf(path.text + length, sizeof(path.text) - length, "[%zu]", index);
	return path;
}

void policy_find(struct policy_lint *lint, const struct policy_path *path, const char *value,
	const char *why, const char *instead)
{
	struct aid_policy_findings *findings = lint->findings;
	struct aid_policy_finding *finding;

	if (findings->count == AID_POLICY_FINDINGS_MAX) {
		findings->more = true;
		return;
	}
	finding = &findings->items[findings->count++];
	copy_printable(finding->path, sizeof(finding->path), path->text);
	copy_printable(finding->value, sizeof(finding->value), value);
	finding->why = why;
	finding->instead = instead;
}

const char *policy_shown(const struct aid_json *value)
{
	const char *text = aid_json_string(value);

	if (text != NULL)
		return text;
	if (value == NULL)
		return "";
	return aid_json_is_object(value) ? "{...}" : aid_json_is_array(value) ? "[...]" : "no text";
}

size_t policy_count(const struct aid_json *value)
{
	if (value == NULL)
		return 0;
	return aid_json_is_array(value) ? aid_json_array_count(value) : 1;
}

const struct aid_json *policy_at(const struct aid_json *value, size_t index)
{
	if (index >= policy_count(value))
		return NULL;
	return aid_json_is_array(value) ? aid_json_array_at(value, index) : value;
}

bool policy_has_wildcard(const char *text)
{
	return strpbrk(text, "*?") != NULL;
}

static const char *without_scheme(const char *issuer)
{
	return aid_str_has_prefix(issuer, "https://") ? issuer + strlen("https://") : issuer;
}

bool policy_knows_issuer(const struct policy_lint *lint, const char *issuer)
{
	for (size_t i = 0; i < lint->known->n_issuers; i++) {
		if (aid_streq(without_scheme(lint->known->issuers[i]), without_scheme(issuer)))
			return true;
	}
	return lint->known->n_issuers == 0;
}

void policy_see_subject(struct policy_lint *lint, const struct policy_path *path, const char *subject)
{
	if (lint->subject == NULL)
		lint->subject = subject;
	else if (!aid_streq(lint->subject, subject))
		policy_find(lint, path, subject, "more than one agent is let in",
			"one subject here, and a trust of its own for each other agent");
}

static const struct kind *kind_of(const struct aid_json *document)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (aid_json_has(document, kinds[i].member))
			return &kinds[i];
	}
	return NULL;
}

int aid_policy_lint(const struct aid_json *document, const struct aid_policy_known *known,
	enum aid_policy_kind *ret_kind, struct aid_policy_findings *ret_findings, struct aid_error *err)
{
	struct policy_lint lint = {.known = known, .findings = ret_findings};
	const struct kind *kind;

	ret_findings->count = 0;
	ret_findings->more = false;
	for (size_t i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++) {
		const struct aid_json *inner = aid_json_get(document, wrappers[i]);

		if (inner != NULL && aid_json_is_object(inner))
			document = inner;
	}
	kind = kind_of(document);
	if (kind == NULL)
		return aid_fail(err, AID_E_PROTOCOL,
			"it is neither a trust policy of AWS, a federated credential of Azure, a provider or "
			"IAM policy of Google, nor a role of Vault");
	kind->lint(&lint, document);
	*ret_kind = kind->kind;
	return AID_OK;
}

int aid_policy_check_pin(const char *what, const char *text, struct aid_error *err)
{
	if (policy_has_wildcard(text))
		return aid_fail(err, AID_E_INVALID,
			"%s '%.120s': a wildcard would let in more than this agent", what, text);
	if (!aid_str_is_printable(text) || strpbrk(text, " \"'`\\$<>{}|;&") != NULL)
		return aid_fail(err, AID_E_INVALID,
			"%s '%.120s': printable ASCII without spaces, quotes and variables is allowed", what,
			text);
	return AID_OK;
}
