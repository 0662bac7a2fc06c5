/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Federated credentials of Entra applications and managed identities. */
#include "policy_private.h"

void policy_lint_azure(struct policy_lint *lint, const struct aid_json *document)
{
	const struct policy_path root = {.text = "$"};
	struct policy_path path = policy_member(&root, "issuer");
	const struct aid_json *audiences = aid_json_get(document, "audiences");
	const struct aid_json *value = aid_json_get(document, "issuer");

	if (value == NULL || aid_json_string(value) == NULL)
		policy_find(lint, &path, policy_shown(value), "no issuer is pinned", "\"issuer\": \"ISSUER\"");
	else if (!policy_knows_issuer(lint, aid_json_string(value)))
		policy_find(lint, &path, aid_json_string(value),
			"this issuer is not of this host or of one of its agents",
			"the issuer of the agent's tokens");
	path = policy_member(&root, "claimsMatchingExpression");
	value = aid_json_get(document, "claimsMatchingExpression");
	if (value != NULL && (aid_json_is_object(value) || aid_json_string(value) != NULL))
		policy_find(lint, &path, policy_shown(value), "an expression can let in more than one agent",
			"\"subject\": \"agent:NAME\"");
	path = policy_member(&root, "subject");
	value = aid_json_get(document, "subject");
	if (value == NULL || aid_json_string(value) == NULL)
		policy_find(lint, &path, policy_shown(value), "no subject is pinned",
			"\"subject\": \"agent:NAME\"");
	else if (policy_has_wildcard(aid_json_string(value)))
		policy_find(lint, &path, aid_json_string(value),
			"Entra compares subjects exactly: this matches nothing", "\"subject\": \"agent:NAME\"");
	path = policy_member(&root, "audiences");
	if (audiences == NULL || policy_count(audiences) == 0)
		policy_find(lint, &path, "", "no audience is pinned",
			"\"audiences\": [\"api://AzureADTokenExchange\"]");
	else if (policy_count(audiences) > 1)
		policy_find(lint, &path, "[...]", "more than one audience is let in",
			"\"audiences\": [\"api://AzureADTokenExchange\"]");
}
