/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Roles of the jwt auth of Vault and OpenBao. An empty text there is no bound. */
#include "policy_private.h"

#include "str.h"

#define USE_SUBJECT "bound_subject=agent:NAME"
#define USE_AUDIENCE "bound_audiences=AUDIENCE, one that is for this Vault alone"

static const char *text_of(const struct aid_json *object, const char *name)
{
	const struct aid_json *value = aid_json_get(object, name);
	const char *text = value == NULL ? NULL : aid_json_string(value);

	return text == NULL ? "" : text;
}

static void lint_audiences(struct policy_lint *lint, const struct aid_json *audiences)
{
	struct policy_path path = {.text = "$.bound_audiences"};
	const char *first = policy_shown(policy_at(audiences, 0));

	if (policy_count(audiences) == 0 || first[0] == '\0' || aid_json_string(policy_at(audiences, 0)) == NULL)
		policy_find(lint, &path, "", "no audience is pinned: tokens for other services are let in",
			USE_AUDIENCE);
	else if (policy_count(audiences) > 1)
		policy_find(lint, &path, "[...]", "more than one audience is let in", USE_AUDIENCE);
}

/* Whether bound_claims pins "sub". */
static bool lint_claims(struct policy_lint *lint, const struct aid_json *claims)
{
	struct policy_path path = {.text = "$.bound_claims.sub"};
	const struct aid_json *subject = claims == NULL ? NULL : aid_json_get(claims, "sub");

	for (size_t i = 0; i < policy_count(subject); i++) {
		const char *text = policy_shown(policy_at(subject, i));

		if (policy_has_wildcard(text))
			policy_find(lint, &path, text, "a wildcard lets in other agents too", USE_SUBJECT);
		else
			policy_see_subject(lint, &path, text);
	}
	return policy_count(subject) > 0;
}

void policy_lint_vault(struct policy_lint *lint, const struct aid_json *document)
{
	struct policy_path subject = {.text = "$.bound_subject"};
	struct policy_path type = {.text = "$.bound_claims_type"};
	const char *bound = text_of(document, "bound_subject");
	const struct aid_json *claims = aid_json_get(document, "bound_claims");

	lint_audiences(lint, aid_json_get(document, "bound_audiences"));
	if (bound[0] != '\0')
		policy_see_subject(lint, &subject, bound);
	if (policy_has_wildcard(bound))
		policy_find(lint, &subject, bound, "Vault compares subjects exactly: this matches nothing",
			USE_SUBJECT);
	if (!lint_claims(lint, claims) && bound[0] == '\0')
		policy_find(lint, &subject, "", "no subject is pinned: every token of the issuer is let in",
			USE_SUBJECT);
	if (aid_streq(text_of(document, "bound_claims_type"), "glob"))
		policy_find(lint, &type, "glob", "claims are compared with wildcards",
			"bound_claims_type=string, and " USE_SUBJECT);
}
