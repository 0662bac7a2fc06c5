/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Parsed CA files, shared by all connections: reading the system's bundle costs 17 ms, looking at it
 * one stat(2). Only the http*.c files see OpenSSL's TLS half. */
#ifndef AID_HTTP_TRUST_H
#define AID_HTTP_TRUST_H

#include "cleanup.h"
#include "error.h"

#include <openssl/ssl.h>

#define AID_CA_FILE_MAX 4194304U /* bytes */

struct aid_trust;

struct aid_trust *aid_trust_new(void);
void aid_trust_free(struct aid_trust *trust);
AID_DEFINE_AUTO(aid_trust)

/* The store of a PEM file of CA certificates: root-owned, not writable by others, at least one
 * certificate in it; AID_E_CONFIG otherwise. Read again when the file changes; when it has become
 * unusable, the certificates read before stay in use and *ret_notice says so (else NULL). *ret_store
 * and *ret_notice are borrowed until the next call: take a reference to keep the store. */
int aid_trust_get(struct aid_trust *trust, const char *ca_file, X509_STORE **ret_store,
	const char **ret_notice, struct aid_error *err) AID_WUR;

/* What every connection gets: this store, TLS 1.2 or later, keys of at least 112 bits of security,
 * whatever the system's OpenSSL configuration says. */
int aid_trust_apply(SSL_CTX *context, X509_STORE *store) AID_WUR;

#endif
