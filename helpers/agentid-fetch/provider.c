/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "provider.h"

#include "clock.h"
#include "job.h"
#include "jwks.h"
#include "str.h"

#include <stdio.h>
#include <string.h>

#define PROVIDERS_MAX 1024U
#define FAILED_LATELY_MS 2000

struct document {
	struct provider *provider;
	struct aid_cache_age age;
	struct aid_http_transfer *transfer; /* under way; NULL: not */
	struct job_list waiting;
	struct aid_error why; /* of the last failure */
	int (*parse)(struct provider *, struct aid_secret *body, struct aid_error *);
	const char *what;
	size_t max_bytes;
};

struct provider {
	struct fetch *fetch;
	LIST_ENTRY(provider) link;
	char *issuer;
	char *ca_file;       /* NULL: none */
	char *allowed_hosts;
	struct aid_url url;
	int64_t used_boot_ms;
	size_t held;
	struct document metadata_document, keys_document;
	struct aid_metadata *metadata;
	struct aid_jwk_set *keys;
	char notice[320];    /* the last one that was logged */
};

static int parse_metadata(struct provider *provider, struct aid_secret *body, struct aid_error *err)
{
	struct aid_metadata *metadata = NULL;
	int r = aid_metadata_parse(aid_secret_peek(body), aid_secret_length(body), provider->issuer,
		provider->allowed_hosts, &metadata, err);

	if (r != AID_OK)
		return r;
	aid_metadata_free(provider->metadata);
	provider->metadata = metadata;
	return AID_OK;
}

static int parse_keys(struct provider *provider, struct aid_secret *body, struct aid_error *err)
{
	struct aid_jwk_set *keys = NULL;
	int r = aid_jwk_set_parse(aid_secret_peek(body), aid_secret_length(body), &keys, err);

	if (r != AID_OK)
		return aid_prefix(err, "key set of '%.64s'", provider->url.host);
	aid_jwk_set_free(provider->keys);
	provider->keys = keys;
	return AID_OK;
}

static void free_provider(struct provider *provider)
{
	if (provider == NULL)
		return;
	aid_http_cancel(provider->metadata_document.transfer);
	aid_http_cancel(provider->keys_document.transfer);
	aid_metadata_free(provider->metadata);
	aid_jwk_set_free(provider->keys);
	free(provider->issuer);
	free(provider->ca_file);
	free(provider->allowed_hosts);
	free(provider);
}

static void drop(struct provider *provider)
{
	LIST_REMOVE(provider, link);
	provider->fetch->n_providers--;
	free_provider(provider);
}

void provider_free_all(struct fetch *fetch)
{
	while (!LIST_EMPTY(&fetch->providers))
		drop(LIST_FIRST(&fetch->providers));
}

void provider_hold(struct provider *provider)
{
	provider->held++;
}

void provider_release(struct provider *provider)
{
	provider->held--;
}

static int make_room(struct fetch *fetch, struct aid_error *err)
{
	struct provider *oldest = NULL;
	struct provider *p;

	if (fetch->n_providers < PROVIDERS_MAX)
		return AID_OK;
	LIST_FOREACH(p, &fetch->providers, link) {
		if (p->held == 0 && (oldest == NULL || p->used_boot_ms < oldest->used_boot_ms))
			oldest = p;
	}
	if (oldest == NULL)
		return aid_fail(err, AID_E_BUSY, "over %u providers in use", PROVIDERS_MAX);
	drop(oldest);
	return AID_OK;
}

static void set_up_document(struct provider *provider, struct document *document,
	const struct document *kind)
{
	*document = *kind;
	document->provider = provider;
	LIST_INIT(&document->waiting);
}

static struct provider *new_provider(struct fetch *fetch, const struct provider_name *name)
{
	const struct document metadata = {
		.parse = parse_metadata, .what = "discovery", .max_bytes = AID_DISCOVERY_MAX};
	const struct document keys = {
		.parse = parse_keys, .what = "key set", .max_bytes = AID_JWK_SET_BYTES_MAX};
	struct provider *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->fetch = fetch;
	p->issuer = strdup(name->issuer);
	p->allowed_hosts = strdup(name->allowed_hosts);
	if (name->ca_file[0] != '\0')
		p->ca_file = strdup(name->ca_file);
	set_up_document(p, &p->metadata_document, &metadata);
	set_up_document(p, &p->keys_document, &keys);
	if (p->issuer == NULL || p->allowed_hosts == NULL ||
		(name->ca_file[0] != '\0' && p->ca_file == NULL)) {
		free_provider(p);
		return NULL;
	}
	return p;
}

static struct provider *find(struct fetch *fetch, const struct provider_name *name)
{
	struct provider *p;

	LIST_FOREACH(p, &fetch->providers, link) {
		if (aid_streq(p->issuer, name->issuer) &&
			aid_streq(p->ca_file != NULL ? p->ca_file : "", name->ca_file) &&
			aid_streq(p->allowed_hosts, name->allowed_hosts))
			return p;
	}
	return NULL;
}

int provider_get(struct fetch *fetch, const struct provider_name *name, struct provider **ret_provider,
	struct aid_error *err)
{
	struct provider *provider = find(fetch, name);
	char url[AID_URL_MAX + 1];
	struct aid_url parsed;
	int r;

	if (provider == NULL) {
		r = aid_discovery_url(name->issuer, url, sizeof(url), err);
		if (r == AID_OK)
			r = aid_url_parse(name->issuer, &parsed, err);
		if (r == AID_OK)
			r = make_room(fetch, err);
		if (r != AID_OK)
			return r;
		provider = new_provider(fetch, name);
		if (provider == NULL)
			return aid_fail(err, AID_E_NOMEM, "out of memory");
		provider->url = parsed;
		LIST_INSERT_HEAD(&fetch->providers, provider, link);
		fetch->n_providers++;
	}
	provider->used_boot_ms = aid_clock_boot_ms();
	*ret_provider = provider;
	return AID_OK;
}

static void wake(struct document *document, const struct aid_error *err)
{
	struct job_list waiting = document->waiting;
	struct job *job;

	/* Whoever is woken may wait anew: on the document's own list, not on this one. */
	LIST_INIT(&document->waiting);
	if (!LIST_EMPTY(&waiting))
		job_relink_waiting(LIST_FIRST(&waiting), &waiting);
	while ((job = LIST_FIRST(&waiting)) != NULL) {
		job_stop_waiting(job);
		if (err == NULL)
			job_advance(job);
		else
			job_fail_by_provider(job, err);
	}
}

static int take(struct document *document, struct aid_http_response *response, struct aid_error *err)
{
	struct provider *provider = document->provider;
	int64_t max_age_s = response->max_age_s;
	int r;

	if (response->notice != NULL && !aid_streq(response->notice, provider->notice)) {
		(void)snprintf(provider->notice, sizeof(provider->notice), "%s", response->notice);
		say(provider->fetch, SAY_WARNING, "trust", provider->url.host, AID_E_CONFIG,
			response->notice);
	}
	if (response->status != 200) {
		int status = response->status == 429 || response->status == 503 ? AID_E_BUSY
			: response->status >= 500				? AID_E_UNREACHABLE
										: AID_E_PROTOCOL;

		(void)aid_fail(err, status, "%s of '%.64s': HTTP %d, 200 is wanted", document->what,
			provider->url.host, response->status);
		err->http_status = response->status;
		err->retry_after_s = response->retry_after_s;
		return status;
	}
	if (response->body == NULL)
		return aid_fail(err, AID_E_PROTOCOL, "%s of '%.64s': empty answer", document->what,
			provider->url.host);
	r = document->parse(provider, response->body, err);
	if (r == AID_OK)
		aid_cache_filled(&document->age, max_age_s, aid_clock_boot_ms());
	return r;
}

static void on_document(void *data, struct aid_http_response *response, const struct aid_error *err)
{
	struct document *document = data;
	struct provider *provider = document->provider;
	struct aid_error why = err != NULL ? *err : AID_ERROR_INIT;
	int64_t now = aid_clock_boot_ms();

	document->transfer = NULL;
	if (response != NULL && take(document, response, &why) == AID_OK) {
		wake(document, NULL);
		return;
	}
	say(provider->fetch, SAY_WARNING, document->what, provider->issuer, why.status, why.text);
	aid_cache_failed(&document->age, now);
	document->why = why;
	wake(document, aid_cache_is_bearable(&document->age, now) ? NULL : &why);
}

static int fetch_document(struct document *document, const char *url, struct aid_error *err)
{
	struct provider *provider = document->provider;
	struct aid_http_request request = {
		.url = url,
		.ca_file = provider->ca_file,
		.scope = provider->issuer,
		.allow_loopback = provider->url.is_loopback,
		.max_body = document->max_bytes,
		.timeout_ms = AID_HTTP_TIMEOUT_MAX_MS,
	};

	if (document->transfer != NULL)
		return AID_OK;
	return aid_http_start(provider->fetch->http, &request, on_document, document,
		&document->transfer, err);
}

static int fetch_metadata(struct provider *provider, struct aid_error *err)
{
	char url[AID_URL_MAX + 1];
	int r;

	r = aid_discovery_url(provider->issuer, url, sizeof(url), err);
	return r == AID_OK ? fetch_document(&provider->metadata_document, url, err) : r;
}

static int fetch_keys(struct provider *provider, struct aid_error *err)
{
	if (provider->metadata == NULL || provider->metadata->jwks_uri == NULL)
		return aid_fail(err, AID_E_PROTOCOL, "discovery of '%.64s': no jwks_uri",
			provider->url.host);
	return fetch_document(&provider->keys_document, provider->metadata->jwks_uri, err);
}

static int start_wait(struct document *document, struct job *job, int r, struct aid_error *err)
{
	int64_t now = aid_clock_boot_ms();

	if (r != AID_OK && aid_cache_is_bearable(&document->age, now))
		return AID_OK;
	if (r != AID_OK)
		return r;
	job_wait(job, &document->waiting);
	return aid_fail(err, AID_E_BUSY, "waiting for %s", document->what);
}

int provider_metadata(struct provider *provider, struct job *job,
	const struct aid_metadata **ret_metadata, struct aid_error *err)
{
	struct document *document = &provider->metadata_document;
	int r = AID_OK;

	if (!aid_cache_is_usable(&document->age, aid_clock_boot_ms()))
		r = start_wait(document, job, fetch_metadata(provider, err), err);
	if (r == AID_OK)
		*ret_metadata = provider->metadata;
	return r;
}

int provider_keys(struct provider *provider, struct job *job, const struct aid_jwk_set **ret_keys,
	struct aid_error *err)
{
	struct document *document = &provider->keys_document;
	int r = AID_OK;

	if (!aid_cache_is_usable(&document->age, aid_clock_boot_ms()))
		r = start_wait(document, job, fetch_keys(provider, err), err);
	if (r == AID_OK)
		*ret_keys = provider->keys;
	return r;
}

void provider_prefetch_keys(struct provider *provider)
{
	if (!aid_cache_is_usable(&provider->keys_document.age, aid_clock_boot_ms()))
		(void)!fetch_keys(provider, NULL);
}

static bool refetch(struct provider *provider, struct job *job,
	bool (*may)(struct aid_cache_age *age, int64_t now_ms))
{
	struct document *document = &provider->keys_document;

	if (document->transfer == NULL) {
		if (!may(&document->age, aid_clock_boot_ms()))
			return false;
		if (fetch_keys(provider, NULL) != AID_OK)
			return false;
	}
	job_wait(job, &document->waiting);
	return true;
}

bool provider_refetch_keys(struct provider *provider, struct job *job)
{
	return refetch(provider, job, aid_cache_force);
}

bool provider_refetch_shown(struct provider *provider, struct job *job)
{
	return refetch(provider, job, aid_cache_force_shown);
}

int provider_lately(const struct provider *provider, struct aid_error *err)
{
	const struct document *const documents[] = {&provider->metadata_document,
		&provider->keys_document};
	int64_t now = aid_clock_boot_ms();

	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		const struct document *d = documents[i];

		if (d->age.failed_ms == 0 || now - d->age.failed_ms >= FAILED_LATELY_MS ||
			aid_cache_is_usable(&d->age, now))
			continue;
		if (err != NULL)
			*err = d->why;
		return d->why.status;
	}
	return AID_OK;
}

const char *provider_host(const struct provider *provider)
{
	return provider->url.host;
}

bool provider_is_loopback(const struct provider *provider)
{
	return provider->url.is_loopback;
}
