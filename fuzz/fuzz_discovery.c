/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The metadata of a hostile issuer: every endpoint that comes out is on an allowed host. */
#include "fuzz.h"

#include "discovery.h"
#include "http.h"
#include "str.h"

static void check(const char *endpoint)
{
	struct aid_url url;

	if (endpoint == NULL)
		return;
	fuzz_assert(aid_url_parse(endpoint, &url, NULL) == AID_OK);
	fuzz_assert(url.is_tls && !url.is_loopback);
	fuzz_assert(aid_streq(url.host, "idp.example") || aid_streq(url.host, "keys.example"));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	AID_AUTO(aid_metadata) *metadata = NULL;

	if (aid_metadata_parse(bytes, length, "https://idp.example/r", "keys.example", &metadata, NULL) !=
		AID_OK)
		return 0;
	check(metadata->token_endpoint);
	check(metadata->jwks_uri);
	check(metadata->mtls_token_endpoint);
	check(metadata->revocation_endpoint);
	check(metadata->mtls_revocation_endpoint);
	return 0;
}
