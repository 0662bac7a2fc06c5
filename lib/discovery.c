/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "discovery.h"

#include "http.h"
#include "json.h"
#include "str.h"

#include <stdio.h>
#include <string.h>

static const char well_known[] = "/.well-known/openid-configuration";

int aid_discovery_url(const char *issuer, char *out, size_t size, struct aid_error *err)
{
	size_t length = strlen(issuer);
	struct aid_error why = AID_ERROR_INIT;
	struct aid_url url;
	int written;

	if (aid_url_parse(issuer, &url, &why) != AID_OK)
		return aid_fail(err, AID_E_CONFIG, "issuer: %s", why.text);
	if (strchr(issuer, '?') != NULL)
		return aid_fail(err, AID_E_CONFIG, "issuer '%.96s': a query is not allowed", issuer);
	if (issuer[length - 1] == '/')
		length--;
	written = snprintf(out, size, "%.*s%s", (int)length, issuer, well_known);
	if (written < 0 || (size_t)written >= size)
		return aid_fail(err, AID_E_CONFIG, "issuer '%.48s...': over %zu bytes", issuer,
			size - sizeof(well_known));
	return AID_OK;
}

static bool list_has(const char *list, const char *host)
{
	size_t length = strlen(host);

	while (list != NULL && *list != '\0') {
		size_t n;

		list += strspn(list, ", ");
		n = strcspn(list, ", ");
		if (n == length && strncmp(list, host, n) == 0)
			return true;
		list += n;
	}
	return false;
}

struct judge {
	struct aid_url issuer;
	const char *allowed_hosts;
};

static int check_endpoint(const struct judge *judge, const char *name, const char *text,
	struct aid_error *err)
{
	struct aid_error why = AID_ERROR_INIT;
	struct aid_url url;

	if (aid_url_parse(text, &url, &why) != AID_OK)
		return aid_fail(err, AID_E_UNTRUSTED, "discovery of '%.64s': %s: %s", judge->issuer.host,
			name, why.text);
	if (url.is_loopback && !judge->issuer.is_loopback)
		return aid_fail(err, AID_E_UNTRUSTED,
			"discovery of '%.64s': %s is on loopback host '%.64s', and the issuer is not",
			judge->issuer.host, name, url.host);
	if (!url.is_tls && judge->issuer.is_tls)
		return aid_fail(err, AID_E_UNTRUSTED,
			"discovery of '%.64s': %s is http and the issuer https", judge->issuer.host, name);
	if (aid_streq(url.host, judge->issuer.host) || list_has(judge->allowed_hosts, url.host))
		return AID_OK;
	return aid_fail(err, AID_E_UNTRUSTED,
		"discovery of '%.64s': %s is on host '%.64s', which is neither the issuer's nor in "
		"allowed_hosts", judge->issuer.host, name, url.host);
}

/* Left alone when absent. */
static int find_endpoint(const struct judge *judge, const struct aid_json *object, const char *name,
	const char **ret_url, struct aid_error *err)
{
	const char *text;
	int r;

	r = aid_json_text(object, name, 1, AID_URL_MAX, &text, err);
	if (r == AID_E_NOTFOUND)
		return AID_OK;
	if (r != AID_OK)
		return aid_prefix(err, "discovery of '%.64s'", judge->issuer.host);
	r = check_endpoint(judge, name, text, err);
	if (r == AID_OK)
		*ret_url = text;
	return r;
}

static int check_issuer(const struct aid_json *document, const struct judge *judge,
	const char *issuer, struct aid_error *err)
{
	const char *text;

	if (aid_json_text(document, "issuer", 1, AID_URL_MAX, &text, NULL) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL, "discovery of '%.64s': no issuer that is text",
			judge->issuer.host);
	if (!aid_streq(text, issuer))
		return aid_fail(err, AID_E_UNTRUSTED,
			"discovery of '%.64s': issuer is '%.96s', the configured one is '%.64s'",
			judge->issuer.host, text, issuer);
	return AID_OK;
}

/* Borrowed from the document; NULL: absent. */
struct endpoints {
	const char *token;
	const char *jwks;
	const char *mtls_token;
	const char *revocation;
	const char *mtls_revocation;
};

/* *ret_aliases is NULL without them. */
static int find_aliases(const struct judge *judge, const struct aid_json *document,
	const struct aid_json **ret_aliases, struct aid_error *err)
{
	int r = aid_json_object(document, "mtls_endpoint_aliases", ret_aliases, err);

	if (r == AID_OK)
		return AID_OK;
	*ret_aliases = NULL;
	if (r == AID_E_NOTFOUND)
		return AID_OK;
	return aid_prefix(err, "discovery of '%.64s'", judge->issuer.host);
}

static int find_all(const struct judge *judge, const struct aid_json *document,
	struct endpoints *found, struct aid_error *err)
{
	const struct aid_json *aliases;
	int r;

	r = find_endpoint(judge, document, "token_endpoint", &found->token, err);
	if (r == AID_OK)
		r = find_endpoint(judge, document, "jwks_uri", &found->jwks, err);
	if (r != AID_OK)
		return r;
	r = find_aliases(judge, document, &aliases, err);
	if (r != AID_OK || aliases == NULL)
		return r;
	return find_endpoint(judge, aliases, "token_endpoint", &found->mtls_token, err);
}

static int find_revocation(const struct judge *judge, const struct aid_json *document,
	struct endpoints *found, struct aid_error *err)
{
	const struct aid_json *aliases;
	int r = find_endpoint(judge, document, "revocation_endpoint", &found->revocation, err);

	if (r == AID_OK)
		r = find_aliases(judge, document, &aliases, err);
	if (r != AID_OK || aliases == NULL)
		return r;
	return find_endpoint(judge, aliases, "revocation_endpoint", &found->mtls_revocation, err);
}

static bool copy(const char *text, char **out)
{
	if (text == NULL)
		return true;
	*out = strdup(text);
	return *out != NULL;
}

/* revocation_problem: NULL, or why nothing is revoked. */
static struct aid_metadata *copy_all(const struct endpoints *found, const char *revocation_problem)
{
	struct aid_metadata *metadata = calloc(1, sizeof(*metadata));

	if (metadata == NULL)
		return NULL;
	if (copy(found->token, &metadata->token_endpoint) && copy(found->jwks, &metadata->jwks_uri) &&
		copy(found->mtls_token, &metadata->mtls_token_endpoint) &&
		copy(revocation_problem, &metadata->revocation_problem) &&
		(revocation_problem != NULL ||
			(copy(found->revocation, &metadata->revocation_endpoint) &&
				copy(found->mtls_revocation, &metadata->mtls_revocation_endpoint))))
		return metadata;
	aid_metadata_free(metadata);
	return NULL;
}

int aid_metadata_parse(const void *bytes, size_t length, const char *issuer,
	const char *allowed_hosts, struct aid_metadata **ret_metadata, struct aid_error *err)
{
	AID_AUTO(aid_json) *document = NULL;
	struct judge judge = {.allowed_hosts = allowed_hosts};
	struct endpoints found = {0};
	struct aid_error problem = AID_ERROR_INIT;
	struct aid_metadata *metadata;
	int r;

	r = aid_url_parse(issuer, &judge.issuer, err);
	if (r != AID_OK)
		return r;
	r = aid_json_parse(bytes, length, AID_DISCOVERY_MAX, &document, err);
	if (r != AID_OK)
		return aid_prefix(err, "discovery of '%.64s'", judge.issuer.host);
	r = check_issuer(document, &judge, issuer, err);
	if (r == AID_OK)
		r = find_all(&judge, document, &found, err);
	if (r != AID_OK)
		return r;
	metadata = copy_all(&found,
		find_revocation(&judge, document, &found, &problem) == AID_OK ? NULL : problem.text);
	if (metadata == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	*ret_metadata = metadata;
	return AID_OK;
}

void aid_metadata_free(struct aid_metadata *metadata)
{
	if (metadata == NULL)
		return;
	free(metadata->token_endpoint);
	free(metadata->jwks_uri);
	free(metadata->mtls_token_endpoint);
	free(metadata->revocation_endpoint);
	free(metadata->mtls_revocation_endpoint);
	free(metadata->revocation_problem);
	free(metadata);
}
