/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Where a credential's target is: what failures and successes are counted for. */
#include "target_private.h"

#include "str.h"

#include <stdio.h>
#include <string.h>

#define SCHEME "https://"

/* NULL: the kind asks somebody whom no option names, or the public place of a region. */
static const char *url_of(const struct aid_target_values *values)
{
	const char *issuer;

	switch (values->target->kind) {
	case AID_TARGET_AWS_STS:
		return aid_target_get(values, "endpoint");
	case AID_TARGET_AZURE_WIF:
		return aid_target_get(values, "authority");
	case AID_TARGET_GCP_WIF:
		return aid_target_get(values, "sts_url");
	case AID_TARGET_RFC8693:
		issuer = aid_target_get(values, "issuer");
		return issuer != NULL ? issuer : aid_target_get(values, "token_endpoint");
	case AID_TARGET_VAULT:
		return aid_target_get(values, "address");
	case AID_TARGET_OIDC:
		break;
	}
	return NULL;
}

void aid_target_host(const struct aid_target_values *values, const char *issuer, char *out, size_t size)
{
	const char *url = url_of(values);

	if (url == NULL && values->target->kind == AID_TARGET_AWS_STS) {
		(void)snprintf(out, size, "sts.%s", aid_target_get(values, "region"));
		return;
	}
	if (url == NULL)
		url = issuer != NULL ? issuer : "";
	if (aid_str_has_prefix(url, SCHEME))
		url += strlen(SCHEME);
	(void)snprintf(out, size, "%.*s", (int)strcspn(url, "/"), url);
}
