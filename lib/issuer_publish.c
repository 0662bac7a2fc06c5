/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The documents of issuer.h. */
#include "issuer.h"

#include "file.h"
#include "issuer_private.h"
#include "json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DOCUMENT_MAX 65536U

/* Relying parties check that these are there; the endpoints of a login provider are not, because the
 * host is none. */
static const char *const claims[] = {"iss", "sub", "aud", "iat", "nbf", "exp", "jti"};

static int put_list(struct aid_json *object, const char *name, const char *const *texts, size_t count)
{
	AID_AUTO(aid_json) *list = aid_json_new_array();

	for (size_t i = 0; i < count; i++) {
		if (aid_json_append_text(list, texts[i]) != AID_OK)
			return AID_E_NOMEM;
	}
	return aid_json_put(object, name, aid_steal(&list));
}

static int render(const struct aid_json *document, struct aid_secret **ret_document,
	struct aid_error *err)
{
	AID_AUTO(aid_secret) *bytes = aid_secret_new(DOCUMENT_MAX);
	size_t room, length;
	char *tail;
	int r;

	if (bytes == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	tail = aid_secret_tail(bytes, &room);
	r = aid_json_render(document, tail, room, &length);
	if (r != AID_OK)
		return aid_fail(err, r, "the document does not fit %u bytes", DOCUMENT_MAX);
	aid_secret_grown(bytes, length);
	if (aid_secret_append(bytes, "\n", 1) != AID_OK)
		return aid_fail(err, AID_E_TOOBIG, "the document does not fit %u bytes", DOCUMENT_MAX);
	*ret_document = aid_steal(&bytes);
	return AID_OK;
}

static int list_published(const char *directory, int64_t now_wall_ms, struct aid_issuer_keys *ret_keys,
	struct aid_error *err)
{
	struct aid_issuer_keys all, published = {0};
	int r = aid_issuer_list(directory, now_wall_ms, &all, err);

	if (r != AID_OK)
		return r;
	for (size_t i = 0; i < all.count; i++) {
		if (all.items[i].state != AID_ISSUER_KEY_RETIRED)
			published.items[published.count++] = all.items[i];
	}
	if (published.count == 0)
		return aid_fail(err, AID_E_NOTFOUND, "%s: no key to publish (agentid issuer init makes one)",
			directory);
	*ret_keys = published;
	return AID_OK;
}

/* Each algorithm once. */
static int put_algs(struct aid_json *document, const char *directory, int64_t now_wall_ms,
	struct aid_error *err)
{
	static const enum aid_alg known[] = {AID_ALG_RS256, AID_ALG_ES256};
	const char *names[sizeof(known) / sizeof(known[0])];
	struct aid_issuer_keys keys;
	unsigned int used = 0;
	size_t count = 0;
	int r;

	r = list_published(directory, now_wall_ms, &keys, err);
	for (size_t i = 0; r == AID_OK && i < keys.count; i++) {
		AID_AUTO(aid_signing_key) *key = NULL;

		r = aid_issuer_key_load(directory, &keys.items[i], &key, err);
		if (r == AID_OK)
			used |= (unsigned int)aid_signing_key_default_alg(key);
	}
	if (r != AID_OK)
		return r;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if ((used & (unsigned int)known[i]) != 0)
			names[count++] = aid_alg_info(known[i])->name;
	}
	if (put_list(document, "id_token_signing_alg_values_supported", names, count) != AID_OK)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	return AID_OK;
}

static int put_urls(struct aid_json *document, const char *issuer)
{
	size_t length = strlen(issuer);
	char jwks_uri[1024];
	int used;

	/* OpenID Connect Discovery section 4: one trailing slash does not count. */
	if (length > 0 && issuer[length - 1] == '/')
		length--;
	used = snprintf(jwks_uri, sizeof(jwks_uri), "%.*s/jwks.json", (int)length, issuer);
	if (used < 0 || (size_t)used >= sizeof(jwks_uri))
		return AID_E_INVALID;
	if (aid_json_put_text(document, "issuer", issuer) != AID_OK)
		return AID_E_INVALID;
	return aid_json_put_text(document, "jwks_uri", jwks_uri);
}

int aid_issuer_discovery(const char *issuer, const char *directory, int64_t now_wall_ms,
	struct aid_secret **ret_document, struct aid_error *err)
{
	static const char *const response_types[] = {"id_token"};
	static const char *const subject_types[] = {"public"};
	static const char *const scopes[] = {"openid"};
	AID_AUTO(aid_json) *document = aid_json_new_object();
	int r;

	if (document == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	if (put_urls(document, issuer) != AID_OK)
		return aid_fail(err, AID_E_INVALID, "issuer '%.80s' cannot stand in the document", issuer);
	if (put_list(document, "response_types_supported", response_types, 1) != AID_OK ||
		put_list(document, "subject_types_supported", subject_types, 1) != AID_OK)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	r = put_algs(document, directory, now_wall_ms, err);
	if (r != AID_OK)
		return r;
	if (put_list(document, "scopes_supported", scopes, 1) != AID_OK ||
		put_list(document, "claims_supported", claims, sizeof(claims) / sizeof(claims[0])) !=
			AID_OK)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	return render(document, ret_document, err);
}

static int append_key(struct aid_json *list, const char *directory, const struct aid_issuer_key *entry,
	struct aid_error *err)
{
	AID_AUTO(aid_signing_key) *key = NULL;
	int r = aid_issuer_key_load(directory, entry, &key, err);

	if (r != AID_OK)
		return r;
	if (aid_json_append(list, aid_signing_key_public_jwk(key)) != AID_OK)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	return AID_OK;
}

int aid_issuer_jwks(const char *directory, int64_t now_wall_ms, struct aid_secret **ret_document,
	struct aid_error *err)
{
	AID_AUTO(aid_json) *document = aid_json_new_object();
	AID_AUTO(aid_json) *list = aid_json_new_array();
	struct aid_issuer_keys keys;
	int r;

	r = list_published(directory, now_wall_ms, &keys, err);
	for (size_t i = 0; r == AID_OK && i < keys.count; i++)
		r = append_key(list, directory, &keys.items[i], err);
	if (r != AID_OK)
		return r;
	if (aid_json_put(document, "keys", aid_steal(&list)) != AID_OK)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	return render(document, ret_document, err);
}

static int write_document(const char *out, const char *name, mode_t mode,
	const struct aid_secret *document, struct aid_error *err)
{
	char path[AID_ISSUER_PATH_SIZE];
	int length = snprintf(path, sizeof(path), "%s/%s", out, name);

	if (length < 0 || (size_t)length >= sizeof(path))
		return aid_fail(err, AID_E_CONFIG, "%.64s: path over %zu bytes", out, sizeof(path) - 1);
	return aid_file_replace(path, mode, aid_secret_peek(document), aid_secret_length(document), err);
}

int aid_issuer_keep_set(const char *directory, int64_t now_wall_ms, struct aid_error *err)
{
	AID_AUTO(aid_secret) *jwks = NULL;
	int r = aid_issuer_jwks(directory, now_wall_ms, &jwks, err);

	return r == AID_OK ? write_document(directory, AID_ISSUER_KEY_SET, 0600, jwks, err) : r;
}

/* Readable for the web server whatever the umask is. */
static int make_directory(const char *out, const char *name, struct aid_error *err)
{
	char path[AID_ISSUER_PATH_SIZE];
	int length = snprintf(path, sizeof(path), "%s/%s", out, name);

	if (length < 0 || (size_t)length >= sizeof(path))
		return aid_fail(err, AID_E_CONFIG, "%.64s: path over %zu bytes", out, sizeof(path) - 1);
	if (mkdir(path, 0755) == 0)
		return chmod(path, 0755) == 0 ? AID_OK : aid_fail_errno(err, AID_E_IO, errno, "%s", path);
	if (errno == EEXIST)
		return AID_OK;
	return aid_fail_errno(err, errno == ENOENT ? AID_E_NOTFOUND : AID_E_IO, errno, "%s", path);
}

int aid_issuer_publish(const char *issuer, const char *directory, const char *out,
	int64_t now_wall_ms, struct aid_error *err)
{
	AID_AUTO(aid_secret) *discovery = NULL;
	AID_AUTO(aid_secret) *jwks = NULL;
	int r;

	r = aid_issuer_discovery(issuer, directory, now_wall_ms, &discovery, err);
	if (r == AID_OK)
		r = aid_issuer_jwks(directory, now_wall_ms, &jwks, err);
	/* Before others see it: what this host signs it also accepts. */
	if (r == AID_OK)
		r = write_document(directory, AID_ISSUER_KEY_SET, 0600, jwks, err);
	if (r == AID_OK)
		r = make_directory(out, ".well-known", err);
	if (r == AID_OK)
		r = write_document(out, "jwks.json", 0644, jwks, err);
	if (r == AID_OK)
		r = write_document(out, ".well-known/openid-configuration", 0644, discovery, err);
	return r;
}
