/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* An agent's file, through our checks and libeconf. What has no problem is an agent that cannot stand
 * for another one. */
#include "fuzz.h"

#include "configuration_private.h"
#include "str.h"

#include <string.h>

static void check_pin(const char *pin)
{
	fuzz_assert(pin == NULL || (strpbrk(pin, "*?") == NULL && aid_str_is_printable(pin)));
}

static void check_agent(const struct aid_agent *agent)
{
	const struct aid_token_config *token = &agent->token;

	fuzz_assert(aid_str_is_agent_id(agent->id) && !aid_streq(agent->account, "root"));
	fuzz_assert(token->max_lifetime_ms >= 30000 && token->max_lifetime_ms <= 3600000);
	fuzz_assert(token->refresh_at >= 10 && token->refresh_at <= 95);
	check_pin(token->audience);
	check_pin(token->subject);
	check_pin(token->issuer);
	check_pin(token->client_id);
	if (token->source == AID_SOURCE_HOST) {
		fuzz_assert(token->audience != NULL && token->issuer == NULL && token->subject == NULL);
		fuzz_assert(token->lifetime_ms <= token->max_lifetime_ms);
		return;
	}
	fuzz_assert(token->source == AID_SOURCE_OIDC && token->client_auth >= AID_CLIENT_SECRET_BASIC &&
		token->client_auth <= AID_FEDERATED_JWT);
	fuzz_assert(aid_str_has_prefix(token->issuer, "https://") ||
		aid_str_has_prefix(token->issuer, "http://"));
	fuzz_assert(token->format == AID_FORMAT_OPAQUE || (token->subject != NULL && token->audience != NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct aid_problems problems = {0};
	struct aid_draft draft;
	struct aid_agent agent;

	if (length > AID_CONFIG_FILE_MAX)
		return 0;
	if (aid_agent_parse("f", (const char *)bytes, length, &draft, &agent, &problems) == AID_OK &&
		problems.count == 0 && !problems.incomplete)
		check_agent(&agent);
	for (size_t i = 0; i < problems.count; i++)
		fuzz_assert(problems.items[i].text != NULL && problems.items[i].text[0] != '\0');
	aid_problems_done(&problems);
	aid_agent_done(&agent);
	return 0;
}
