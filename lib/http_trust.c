/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "http_trust.h"

#include "file.h"
#include "str.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define TRUST_FILES_MAX 64U
#define SECURITY_LEVEL 2 /* RSA of 2048 bits, no SHA-1 signatures */

struct entry {
	char *path;
	struct stat seen;
	X509_STORE *store;
	char notice[320];
};

struct aid_trust {
	struct entry entries[TRUST_FILES_MAX];
	size_t count;
};

struct aid_trust *aid_trust_new(void)
{
	return calloc(1, sizeof(struct aid_trust));
}

void aid_trust_free(struct aid_trust *trust)
{
	if (trust == NULL)
		return;
	for (size_t i = 0; i < trust->count; i++) {
		free(trust->entries[i].path);
		X509_STORE_free(trust->entries[i].store);
	}
	free(trust);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
		a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
		a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static int add_certificates(X509_STORE *store, const struct aid_secret *pem, size_t *ret_count)
{
	BIO *bio = BIO_new_mem_buf(aid_secret_peek(pem), (int)aid_secret_length(pem));
	X509 *certificate;
	size_t count = 0;

	if (bio == NULL)
		return AID_E_NOMEM;
	while ((certificate = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL)) != NULL) {
		if (X509_STORE_add_cert(store, certificate) == 1)
			count++;
		X509_free(certificate);
	}
	BIO_free(bio);
	ERR_clear_error();
	*ret_count = count;
	return AID_OK;
}

static int make_store(const struct aid_secret *pem, const char *path, X509_STORE **ret_store,
	struct aid_error *err)
{
	X509_STORE *store = X509_STORE_new();
	size_t count = 0;
	int r;

	if (store == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	r = add_certificates(store, pem, &count);
	if (r != AID_OK) {
		X509_STORE_free(store);
		return aid_fail(err, r, "out of memory");
	}
	if (count == 0) {
		X509_STORE_free(store);
		return aid_fail(err, AID_E_CONFIG, "ca_file '%.128s': no certificate in it", path);
	}
	(void)X509_STORE_set_flags(store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
	*ret_store = store;
	return AID_OK;
}

static int load(const char *path, X509_STORE **ret_store, struct stat *ret_seen,
	struct aid_error *err)
{
	AID_AUTO(aid_secret) *pem = NULL;
	struct aid_error why = AID_ERROR_INIT;
	AID_FD(fd);
	int r;

	r = aid_file_open(path, AID_FILE_CONFIG, &fd, &why);
	if (r == AID_OK && fstat(fd, ret_seen) != 0)
		r = aid_fail(&why, AID_E_IO, "cannot be looked at");
	if (r == AID_OK)
		r = aid_file_read(fd, AID_CA_FILE_MAX, &pem, &why);
	if (r == AID_E_NOMEM)
		return aid_fail(err, r, "out of memory");
	if (r != AID_OK)
		return aid_fail(err, AID_E_CONFIG, "ca_file '%.128s' cannot be used: %s", path, why.text);
	return make_store(pem, path, ret_store, err);
}

static struct entry *find(struct aid_trust *trust, const char *path)
{
	for (size_t i = 0; i < trust->count; i++) {
		if (aid_streq(trust->entries[i].path, path))
			return &trust->entries[i];
	}
	return NULL;
}

static int add_entry(struct aid_trust *trust, const char *path, struct aid_error *err)
{
	struct entry *entry = &trust->entries[trust->count];
	X509_STORE *store = NULL;
	struct stat seen;
	int r;

	if (trust->count == TRUST_FILES_MAX)
		return aid_fail(err, AID_E_CONFIG, "over %u different ca_file values", TRUST_FILES_MAX);
	r = load(path, &store, &seen, err);
	if (r != AID_OK)
		return r;
	*entry = (struct entry){.path = strdup(path), .seen = seen, .store = store};
	if (entry->path == NULL) {
		X509_STORE_free(store);
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	}
	trust->count++;
	return AID_OK;
}

/* A bundle that is being rewritten, or was made writable, must not end every session's refresh. */
static void refresh_entry(struct entry *entry)
{
	struct aid_error why = AID_ERROR_INIT;
	X509_STORE *store = NULL;
	struct stat seen;

	if (stat(entry->path, &seen) == 0 && same_file(&seen, &entry->seen)) {
		entry->notice[0] = '\0';
		return;
	}
	if (load(entry->path, &store, &seen, &why) != AID_OK) {
		(void)snprintf(entry->notice, sizeof(entry->notice),
			"%s; the certificates read before stay in use", why.text);
		return;
	}
	X509_STORE_free(entry->store);
	entry->store = store;
	entry->seen = seen;
	entry->notice[0] = '\0';
}

int aid_trust_get(struct aid_trust *trust, const char *ca_file, X509_STORE **ret_store,
	const char **ret_notice, struct aid_error *err)
{
	struct entry *entry = find(trust, ca_file);
	int r;

	if (entry != NULL) {
		refresh_entry(entry);
	} else {
		r = add_entry(trust, ca_file, err);
		if (r != AID_OK)
			return r;
		entry = &trust->entries[trust->count - 1];
	}
	*ret_store = entry->store;
	*ret_notice = entry->notice[0] != '\0' ? entry->notice : NULL;
	return AID_OK;
}

int aid_trust_apply(SSL_CTX *context, X509_STORE *store)
{
	SSL_CTX_set1_cert_store(context, store);
	SSL_CTX_set_security_level(context, SECURITY_LEVEL);
	if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1)
		return AID_E_INVALID;
	return AID_OK;
}
