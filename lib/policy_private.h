/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Shared by policy*.c. */
#ifndef AID_POLICY_PRIVATE_H
#define AID_POLICY_PRIVATE_H

#include "policy.h"

struct policy_lint {
	const struct aid_policy_known *known;
	struct aid_policy_findings *findings;
	const char *subject; /* the first that was pinned: a second one is another agent */
};

struct policy_path {
	char text[AID_POLICY_PATH_SIZE];
};

struct policy_path policy_member(const struct policy_path *parent, const char *name);
struct policy_path policy_element(const struct policy_path *parent, size_t index);
void policy_find(struct policy_lint *lint, const struct policy_path *path, const char *value,
	const char *why, const char *instead);
/* The value of a string, else what kind of thing stands there. */
const char *policy_shown(const struct aid_json *value);

/* A string is an array of one. Elements are NULL past the end. */
size_t policy_count(const struct aid_json *value);
const struct aid_json *policy_at(const struct aid_json *value, size_t index);

bool policy_has_wildcard(const char *text);
/* issuer with or without "https://". */
bool policy_knows_issuer(const struct policy_lint *lint, const char *issuer);
/* Every exact subject comes here. */
void policy_see_subject(struct policy_lint *lint, const struct policy_path *path, const char *subject);

void policy_lint_aws(struct policy_lint *lint, const struct aid_json *document);
void policy_lint_azure(struct policy_lint *lint, const struct aid_json *document);
void policy_lint_gcp(struct policy_lint *lint, const struct aid_json *document);
void policy_lint_gcp_iam(struct policy_lint *lint, const struct aid_json *document);
void policy_lint_vault(struct policy_lint *lint, const struct aid_json *document);

#endif
