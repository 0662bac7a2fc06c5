/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What a provider says about itself (OpenID Connect Discovery 1.0 sections 3 and 4, RFC 8414). Only
 * the endpoints that are used are read, and none is believed before its URL was judged. */
#ifndef AID_DISCOVERY_H
#define AID_DISCOVERY_H

#include "cleanup.h"
#include "error.h"

#include <stddef.h>

#define AID_DISCOVERY_MAX 65536U /* bytes */

struct aid_metadata {
	char *token_endpoint;      /* NULL: not said, as by an issuer that only signs */
	char *jwks_uri;            /* NULL: not said */
	char *mtls_token_endpoint; /* RFC 8705 section 5; NULL: not said */
	char *revocation_endpoint; /* RFC 7009; NULL: not said, or refused */
	char *mtls_revocation_endpoint;
	char *revocation_problem;  /* why one that is said is refused; NULL: none is */
};

/* {issuer}/.well-known/openid-configuration, after one trailing slash of the issuer is removed. The
 * issuer's own URL is judged as by aid_url_parse(), and must have no query. AID_E_CONFIG. */
int aid_discovery_url(const char *issuer, char *out, size_t size, struct aid_error *err) AID_WUR;

/* allowed_hosts: comma-separated, beside the issuer's own; NULL or "" for none. AID_E_UNTRUSTED when
 * "issuer" is not byte-equal or an endpoint's URL or host is refused; AID_E_PROTOCOL for anything that
 * is no such document; AID_E_TOOBIG. The endpoints of revocation are judged alike, but tokens do not
 * depend on them: a refused one is only not used. */
int aid_metadata_parse(const void *bytes, size_t length, const char *issuer,
	const char *allowed_hosts, struct aid_metadata **ret_metadata, struct aid_error *err) AID_WUR;
void aid_metadata_free(struct aid_metadata *metadata);
AID_DEFINE_AUTO(aid_metadata)

#endif
