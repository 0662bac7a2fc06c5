/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What is known of an issuer: its metadata and its keys, each fetched once for all who wait. */
#ifndef PROVIDER_H
#define PROVIDER_H

#include "discovery.h"
#include "fetch.h"
#include "jwk.h"

struct provider_name {
	const char *issuer;
	const char *ca_file;       /* "" for none */
	const char *allowed_hosts; /* "" for none */
};

/* The one for this name, made where there is none. AID_E_CONFIG for an issuer that is no usable URL;
 * AID_E_BUSY, AID_E_NOMEM. It stays while jobs wait for it or it was put to use since. */
int provider_get(struct fetch *fetch, const struct provider_name *name, struct provider **ret_provider,
	struct aid_error *err) AID_WUR;
/* A job that has a provider keeps it from being dropped. */
void provider_hold(struct provider *provider);
void provider_release(struct provider *provider);
void provider_free_all(struct fetch *fetch);

/* AID_OK and the document, borrowed until the loop turns; or AID_E_BUSY: the job waits, and
 * job_advance() or job_fail() will be called for it; or why it cannot be had. */
int provider_metadata(struct provider *provider, struct job *job,
	const struct aid_metadata **ret_metadata, struct aid_error *err) AID_WUR;
int provider_keys(struct provider *provider, struct job *job, const struct aid_jwk_set **ret_keys,
	struct aid_error *err) AID_WUR;
/* Starts fetching the keys where they are needed and nobody does; nobody waits. */
void provider_prefetch_keys(struct provider *provider);
/* AID_OK, or why the documents could not be had a moment ago: whoever may ask as often as they like shall
 * not have an issuer that fails asked as often. */
int provider_lately(const struct provider *provider, struct aid_error *err) AID_WUR;
/* The same as provider_refetch_keys() for a token that somebody else shows. */
bool provider_refetch_shown(struct provider *provider, struct job *job);
/* The keys hold none for a token: true when they are being fetched again and the job waits. */
bool provider_refetch_keys(struct provider *provider, struct job *job);

const char *provider_host(const struct provider *provider);
bool provider_is_loopback(const struct provider *provider);

#endif
