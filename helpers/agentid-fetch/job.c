/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "job.h"

#include "client_auth.h"
#include "clock.h"
#include "form.h"
#include "oauth.h"
#include "provider.h"
#include "request.h"

#include <stdio.h>
#include <string.h>

#define OFFSET_SHOWN_S 5 /* a smaller difference between clocks is no news */

enum step { STEP_METADATA, STEP_TOKEN, STEP_VERIFY, STEP_REVOCATION };

struct job {
	struct fetch *fetch;
	struct client *client;
	uint32_t id;
	LIST_ENTRY(job) of_fetch, of_client, of_waiting;
	bool is_waiting;
	enum step step;
	struct request *request;
	struct provider *provider;
	struct aid_http_transfer *transfer;
	struct aid_token_response response;
	int64_t asked_wall_ms;  /* the lifetime counts from before the request */
	int64_t deadline_boot_ms;
	int64_t offset_s;       /* the provider's clock minus ours */
	bool refetched;
};

void job_wait(struct job *job, struct job_list *waiting)
{
	job_stop_waiting(job);
	LIST_INSERT_HEAD(waiting, job, of_waiting);
	job->is_waiting = true;
}

void job_stop_waiting(struct job *job)
{
	if (job->is_waiting)
		LIST_REMOVE(job, of_waiting);
	job->is_waiting = false;
}

void job_relink_waiting(struct job *first, struct job_list *waiting)
{
	first->of_waiting.le_prev = &waiting->lh_first;
}

static void free_job(struct job *job)
{
	if (job == NULL)
		return;
	job_stop_waiting(job);
	aid_http_cancel(job->transfer);
	if (job->provider != NULL)
		provider_release(job->provider);
	aid_secret_free(job->response.token);
	request_free(job->request);
	free(job);
}

void job_cancel(struct job *job)
{
	LIST_REMOVE(job, of_fetch);
	LIST_REMOVE(job, of_client);
	job->fetch->n_jobs--;
	free_job(job);
}

/* A refusal or a time in the future is often a wrong clock, and nobody can see that from here but us. */
static void tell_offset(const struct job *job, struct aid_error *err)
{
	bool about_time = err->status == AID_E_EXPIRED ||
		((err->status == AID_E_DENIED || err->status == AID_E_CREDENTIAL) &&
			err->http_status != 0 && aid_client_auth_is_timed(job->request->method));
	size_t used = strlen(err->text);

	if (!about_time || (job->offset_s < OFFSET_SHOWN_S && job->offset_s > -OFFSET_SHOWN_S))
		return;
	(void)snprintf(err->text + used, sizeof(err->text) - used,
		"; the provider's clock is %lld s %s ours",
		(long long)(job->offset_s > 0 ? job->offset_s : -job->offset_s),
		job->offset_s > 0 ? "ahead of" : "behind");
}

void job_fail(struct job *job, const struct aid_error *err)
{
	struct aid_error told = *err;
	char subject[256];

	tell_offset(job, &told);
	(void)snprintf(subject, sizeof(subject), "%.64s at %.128s", job->request->client_id,
		job->request->issuer);
	if (job->request->retired != NULL)
		say(job->fetch, SAY_INFO, "retire", subject, told.status, told.text);
	else
		say(job->fetch, SAY_WARNING, "token", subject, told.status, told.text);
	client_send_error(job->fetch, job->client, job->id, &told);
	job_cancel(job);
}

static void succeed(struct job *job, int64_t expires_wall_ms, const char *jti)
{
	struct aid_error err = AID_ERROR_INIT;

	if (expires_wall_ms <= aid_clock_wall_ms()) {
		(void)aid_fail(&err, AID_E_EXPIRED, "the token has expired already");
		job_fail(job, &err);
		return;
	}
	client_send_issued(job->fetch, job->client, job->id,
		&(struct issued){job->response.token, expires_wall_ms, jti});
	job_cancel(job);
}

static int64_t said_expiry(const struct job *job)
{
	return job->asked_wall_ms + job->response.expires_in_s * 1000;
}

static void finish_opaque(struct job *job)
{
	struct aid_error err = AID_ERROR_INIT;
	int64_t lifetime_s = job->response.expires_in_s;
	int64_t limit_ms = job->request->max_lifetime_ms;

	if (lifetime_s < 0) {
		(void)aid_fail(&err, AID_E_PROTOCOL,
			"token response: no expires_in, and an opaque token does not say it itself");
		job_fail(job, &err);
	} else if (lifetime_s * 1000 > limit_ms) {
		(void)aid_fail(&err, AID_E_DENIED,
			"token lifetime %lld s exceeds max_lifetime %lld s: lower the access token lifespan "
			"of client '%.48s' at the provider or raise [token] max_lifetime",
			(long long)lifetime_s, (long long)(limit_ms / 1000), job->request->client_id);
		job_fail(job, &err);
	} else {
		succeed(job, said_expiry(job), "");
	}
}

static void finish_jwt(struct job *job, const struct aid_claims *claims)
{
	int64_t expires = claims->expires_wall_ms;

	if (job->response.expires_in_s >= 0 && said_expiry(job) < expires)
		expires = said_expiry(job);
	succeed(job, expires, claims->jti);
}

static void verify(struct job *job)
{
	const struct request *request = job->request;
	const struct aid_jwt_params params = {
		.issuer = request->issuer,
		.audience = request->audience,
		.subject = request->subject,
		.client_id = request->client_id,
		.algs = request->algs,
		.max_lifetime_ms = request->max_lifetime_ms,
		.now_wall_ms = aid_clock_wall_ms(),
		.skew_ms = AID_JWT_SKEW_MS,
	};
	struct aid_error err = AID_ERROR_INIT;
	const struct aid_jwk_set *keys;
	struct aid_claims claims;
	int r;

	r = provider_keys(job->provider, job, &keys, &err);
	if (r == AID_E_BUSY && job->is_waiting)
		return;
	if (r == AID_OK)
		r = aid_jwt_verify(job->response.token, &params, keys, &claims, &err);
	if (r == AID_OK) {
		finish_jwt(job, &claims);
		return;
	}
	if (r == AID_E_NOTFOUND && !job->refetched) {
		job->refetched = true;
		if (provider_refetch_keys(job->provider, job))
			return;
	}
	if (r == AID_E_NOTFOUND)
		err.status = AID_E_UNTRUSTED;
	job_fail(job, &err);
}

static void on_token(void *data, struct aid_http_response *response, const struct aid_error *err)
{
	struct job *job = data;
	struct aid_error why = AID_ERROR_INIT;

	job->transfer = NULL;
	if (response == NULL) {
		job_fail(job, err);
		return;
	}
	if (response->date_s != 0)
		job->offset_s = response->date_s - aid_clock_wall_ms() / 1000;
	if (response->status != 200) {
		(void)aid_oauth_refusal(
			&(struct aid_refusal){response->status, response->body, response->retry_after_s,
				response->host, job->request->secret, NULL}, &why);
	} else if (response->body == NULL) {
		(void)aid_fail(&why, AID_E_PROTOCOL, "token response: empty");
	} else {
		(void)!aid_oauth_response(response->body, &job->response, &why);
	}
	if (why.status != AID_OK) {
		job_fail(job, &why);
		return;
	}
	if (job->request->format == AID_FORMAT_OPAQUE) {
		finish_opaque(job);
		return;
	}
	job->step = STEP_VERIFY;
	verify(job);
}

/* Whatever the provider cannot do or has done is no failure; why, in remark, is for a person. */
static void retired(struct job *job, bool revoked, const char *remark)
{
	client_send_done(job->fetch, job->client, job->id, revoked ? 1 : 0, remark);
	job_cancel(job);
}

static void on_revoked(void *data, struct aid_http_response *response, const struct aid_error *err)
{
	struct job *job = data;
	struct aid_error why = AID_ERROR_INIT;
	int r;

	job->transfer = NULL;
	if (response == NULL) {
		job_fail(job, err);
		return;
	}
	if (response->date_s != 0)
		job->offset_s = response->date_s - aid_clock_wall_ms() / 1000;
	r = aid_oauth_revoked(
		&(struct aid_refusal){response->status, response->body, response->retry_after_s,
			response->host, job->request->secret, job->request->retired}, &why);
	if (r == AID_OK)
		retired(job, true, NULL);
	else if (r == AID_E_NOTFOUND)
		retired(job, false, why.text);
	else
		job_fail(job, &why);
}

static int ask(struct job *job, const char *endpoint, struct aid_error *err)
{
	aid_http_done_fn *done = job->request->retired != NULL ? on_revoked : on_token;
	AID_AUTO(aid_secret) *form = NULL;
	AID_AUTO(aid_secret) *authorization = NULL;
	struct aid_http_request http;
	int r;

	r = form_make(job->request, &form, err);
	if (r == AID_OK)
		r = form_authenticate(job->fetch, job->request, endpoint, form, &authorization, err);
	if (r != AID_OK)
		return r;
	job->asked_wall_ms = aid_clock_wall_ms();
	http = (struct aid_http_request){
		.url = endpoint,
		.ca_file = job->request->ca_file,
		.scope = job->request->issuer,
		.allow_loopback = provider_is_loopback(job->provider),
		.max_body = AID_TOKEN_RESPONSE_MAX,
		.timeout_ms = job->deadline_boot_ms - aid_clock_boot_ms(),
		.certificate = job->request->certificate,
		.private_key = job->request->private_key,
		.form = aid_steal(&form),
		.authorization = aid_steal(&authorization),
	};
	return aid_http_start(job->fetch->http, &http, done, job, &job->transfer, err);
}

/* NULL only for a revocation that the provider does not offer. */
static const char *endpoint_of(const struct request *request, const struct aid_metadata *metadata)
{
	bool retire = request->retired != NULL;
	const char *mtls = retire ? metadata->mtls_revocation_endpoint : metadata->mtls_token_endpoint;

	if (request->method == AID_TLS_CLIENT_AUTH && mtls != NULL)
		return mtls;
	return retire ? metadata->revocation_endpoint : metadata->token_endpoint;
}

static void use_metadata(struct job *job)
{
	const struct aid_metadata *metadata;
	struct aid_error err = AID_ERROR_INIT;
	const char *endpoint;
	int r;

	r = provider_metadata(job->provider, job, &metadata, &err);
	if (r == AID_E_BUSY && job->is_waiting)
		return;
	if (r != AID_OK) {
		job_fail(job, &err);
		return;
	}
	if (job->request->retired != NULL && metadata->revocation_problem != NULL) {
		(void)aid_fail(&err, AID_E_UNTRUSTED, "%s", metadata->revocation_problem);
		job_fail(job, &err);
		return;
	}
	endpoint = endpoint_of(job->request, metadata);
	if (endpoint == NULL) {
		retired(job, false, "the provider has no revocation_endpoint");
		return;
	}
	job->step = job->request->retired != NULL ? STEP_REVOCATION : STEP_TOKEN;
	r = ask(job, endpoint, &err);
	if (r != AID_OK) {
		job_fail(job, &err);
		return;
	}
	/* The keys will be wanted when the answer comes. */
	if (job->step == STEP_TOKEN && job->request->format == AID_FORMAT_JWT)
		provider_prefetch_keys(job->provider);
}

void job_advance(struct job *job)
{
	switch (job->step) {
	case STEP_METADATA:
		use_metadata(job);
		return;
	case STEP_TOKEN:
	case STEP_REVOCATION:
		return;
	case STEP_VERIFY:
		verify(job);
		return;
	}
}

static int prepare(struct fetch *fetch, const struct aid_frame *frame, const int *fds, size_t n_fds,
	struct job *job, struct aid_error *err)
{
	struct provider_name name;
	int r;

	if (fetch->n_jobs == JOBS_MAX)
		return aid_fail(err, AID_E_BUSY, "over %u requests under way", JOBS_MAX);
	r = request_read(frame, fds, n_fds, &job->request, err);
	if (r != AID_OK)
		return r;
	name = (struct provider_name){
		.issuer = job->request->issuer,
		.ca_file = job->request->ca_file != NULL ? job->request->ca_file : "",
		.allowed_hosts = job->request->allowed_hosts != NULL ? job->request->allowed_hosts : "",
	};
	r = provider_get(fetch, &name, &job->provider, err);
	if (r == AID_OK)
		provider_hold(job->provider);
	return r;
}

void job_start(struct fetch *fetch, struct client *client, const struct aid_frame *frame,
	const int *fds, size_t n_fds)
{
	struct aid_error err = AID_ERROR_INIT;
	struct job *job = calloc(1, sizeof(*job));
	int r;

	if (job == NULL)
		r = aid_fail(&err, AID_E_NOMEM, "out of memory");
	else
		r = prepare(fetch, frame, fds, n_fds, job, &err);
	if (r != AID_OK) {
		say(fetch, SAY_WARNING, frame->type == AID_MSG_RETIRE ? "retire" : "token", "request", r,
			err.text);
		client_send_error(fetch, client, frame->id, &err);
		free_job(job);
		return;
	}
	job->fetch = fetch;
	job->client = client;
	job->id = frame->id;
	job->deadline_boot_ms = aid_clock_boot_ms() + job->request->timeout_ms;
	if (job->deadline_boot_ms < fetch->next_deadline_boot_ms)
		fetch->next_deadline_boot_ms = job->deadline_boot_ms;
	LIST_INSERT_HEAD(&fetch->jobs, job, of_fetch);
	LIST_INSERT_HEAD(client_jobs(client), job, of_client);
	fetch->n_jobs++;
	job_advance(job);
}

static void time_out(struct job *job)
{
	static const char *const waits[] = {
		[STEP_METADATA] = "discovery", [STEP_TOKEN] = "the token", [STEP_VERIFY] = "the key set",
		[STEP_REVOCATION] = "the revocation"};
	struct aid_error err;

	(void)aid_fail(&err, AID_E_TIMEOUT, "host '%.64s': no answer within %lld ms (waited for %s)",
		provider_host(job->provider), (long long)job->request->timeout_ms, waits[job->step]);
	job_fail(job, &err);
}

void job_expire(struct fetch *fetch, int64_t now_boot_ms)
{
	struct job *job, *next;

	if (now_boot_ms < fetch->next_deadline_boot_ms)
		return;
	fetch->next_deadline_boot_ms = INT64_MAX;
	for (job = LIST_FIRST(&fetch->jobs); job != NULL; job = next) {
		next = LIST_NEXT(job, of_fetch);
		if (job->deadline_boot_ms <= now_boot_ms)
			time_out(job);
		else if (job->deadline_boot_ms < fetch->next_deadline_boot_ms)
			fetch->next_deadline_boot_ms = job->deadline_boot_ms;
	}
}
