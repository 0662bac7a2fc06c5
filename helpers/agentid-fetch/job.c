/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "job_private.h"

#include "clock.h"
#include "form.h"

#include <stdio.h>
#include <string.h>

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

void job_free(struct job *job)
{
	if (job == NULL)
		return;
	job_stop_waiting(job);
	aid_http_cancel(job->transfer);
	if (job->provider != NULL)
		provider_release(job->provider);
	aid_secret_free(job->response.token);
	request_free(job->request);
	credential_free(job->credential);
	if (job->work != NULL)
		job->work->free(job->data);
	free(job);
}

void job_cancel(struct job *job)
{
	LIST_REMOVE(job, of_fetch);
	LIST_REMOVE(job, of_client);
	job->fetch->n_jobs--;
	job_free(job);
}

void job_fail(struct job *job, const struct aid_error *err)
{
	struct aid_error told = *err;

	/* A refused token is gone or not: why it was refused is what counts. */
	if (job->credential != NULL && job->credential->exchange.refused.status != AID_OK)
		told = job->credential->exchange.refused;
	if (job->work == NULL)
		job_report(job, &told);
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
	if (exchange_take_token(job))
		return;
	client_send_issued(job->fetch, job->client, job->id,
		&(struct issued){job->response.token, expires_wall_ms, jti, false});
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
	char section[JOB_SECTION_SIZE];

	if (lifetime_s < 0) {
		(void)aid_fail(&err, AID_E_PROTOCOL,
			"token response: no expires_in, and an opaque token does not say it itself");
		job_fail(job, &err);
	} else if (lifetime_s * 1000 > limit_ms) {
		(void)aid_fail(&err, AID_E_DENIED,
			"token lifetime %lld s exceeds max_lifetime %lld s: lower the access token lifespan "
			"of client '%.48s' at the provider or raise [%s] max_lifetime",
			(long long)lifetime_s, (long long)(limit_ms / 1000), job->request->client_id,
			job_section(job, section));
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
	char section[JOB_SECTION_SIZE];
	const struct aid_jwt_params params = {
		.issuer = request->issuer,
		.audience = request->audience,
		.subject = request->subject,
		.client_id = request->client_id,
		.algs = request->algs,
		.max_lifetime_ms = request->max_lifetime_ms,
		.now_wall_ms = aid_clock_wall_ms(),
		.skew_ms = AID_JWT_SKEW_MS,
		.section = job_section(job, section),
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
		const struct aid_refusal refusal = job_refusal(job, response);

		(void)aid_oauth_refusal(&refusal, &why);
	} else if (response->body == NULL) {
		(void)aid_fail(&why, AID_E_PROTOCOL, "token response: empty");
	} else if (job->request->requested_type != NULL) {
		(void)!aid_oauth_exchange_response(response->body, job->request->requested_type,
			&job->response, &why);
	} else {
		(void)!aid_oauth_response(response->body, &job->response, &why);
	}
	if (why.status == AID_E_CREDENTIAL && job_read_again(job, &why))
		return;
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

void job_retired(struct job *job, bool revoked, const char *remark)
{
	client_send_done(job->fetch, job->client, job->id, revoked ? 1 : 0, remark);
	job_cancel(job);
}

static void on_revoked(void *data, struct aid_http_response *response, const struct aid_error *err)
{
	struct job *job = data;
	struct aid_error why = AID_ERROR_INIT;
	struct aid_refusal answer;
	int r;

	job->transfer = NULL;
	if (response == NULL) {
		job_fail(job, err);
		return;
	}
	if (response->date_s != 0)
		job->offset_s = response->date_s - aid_clock_wall_ms() / 1000;
	answer = job_refusal(job, response);
	r = aid_oauth_revoked(&answer, &why);
	if (r == AID_OK)
		job_retired(job, true, NULL);
	else if (r == AID_E_NOTFOUND)
		job_retired(job, false, why.text);
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
		.body = aid_steal(&form),
		.lines = {aid_steal(&authorization)},
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

static void use_endpoint(struct job *job, const char *endpoint)
{
	struct aid_error err = AID_ERROR_INIT;

	if (endpoint == NULL && job->request->retired == NULL) {
		(void)aid_fail(&err, AID_E_PROTOCOL, "discovery of '%.64s': no token_endpoint",
			provider_host(job->provider));
		job_fail(job, &err);
		return;
	}
	if (endpoint == NULL) {
		job_retired(job, false, "the provider has no revocation_endpoint");
		return;
	}
	job->step = job->request->retired != NULL ? STEP_REVOCATION : STEP_TOKEN;
	if (ask(job, endpoint, &err) != AID_OK) {
		job_fail(job, &err);
		return;
	}
	/* The keys will be wanted when the answer comes. */
	if (job->step == STEP_TOKEN && job->request->format == AID_FORMAT_JWT)
		provider_prefetch_keys(job->provider);
}

static void use_metadata(struct job *job)
{
	const struct aid_metadata *metadata;
	struct aid_error err = AID_ERROR_INIT;
	int r;

	if (job->request->token_endpoint != NULL) {
		use_endpoint(job, job->request->retired == NULL ? job->request->token_endpoint : NULL);
		return;
	}
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
	use_endpoint(job, endpoint_of(job->request, metadata));
}

void job_advance(struct job *job)
{
	if (job->work != NULL) {
		job->work->advance(job, job->data);
		return;
	}
	switch (job->step) {
	case STEP_SECRET:
		job_use_secret(job);
		return;
	case STEP_METADATA:
		use_metadata(job);
		return;
	case STEP_TOKEN:
	case STEP_REVOCATION:
	case STEP_EXCHANGE:
		return;
	case STEP_VERIFY:
		verify(job);
		return;
	}
}

int job_use_request(struct job *job, struct request *request, struct aid_error *err)
{
	struct provider *provider = NULL;
	const struct provider_name name = {
		.issuer = request->issuer,
		.ca_file = request->ca_file != NULL ? request->ca_file : "",
		.allowed_hosts = request->allowed_hosts != NULL ? request->allowed_hosts : "",
	};
	int r;

	request_free(job->request);
	job->request = request;
	job->step = request->managed != NULL ? STEP_SECRET : STEP_METADATA;
	job->refetched = false;
	r = provider_get(job->fetch, &name, &provider, err);
	if (r != AID_OK)
		return r;
	provider_hold(provider);
	if (job->provider != NULL)
		provider_release(job->provider);
	job->provider = provider;
	return AID_OK;
}

static int prepare(struct job *job, const struct aid_frame *frame, const int *fds, size_t n_fds,
	struct aid_error *err)
{
	struct request *request = NULL;
	int r;

	if (job->fetch->n_jobs == JOBS_MAX)
		return aid_fail(err, AID_E_BUSY, "over %u requests under way", JOBS_MAX);
	if (frame->type == AID_MSG_EXCHANGE ||
		(frame->type == AID_MSG_RETIRE && aid_frame_has(frame, AID_TAG_CREDENTIAL_TYPE))) {
		r = credential_read(frame, fds, n_fds, &job->credential, err);
		if (r == AID_OK)
			r = job_find_secret(job, frame, fds, job->credential->request, err);
		if (r == AID_OK)
			r = job_find_secret(job, frame, fds, job->credential->assertion_request, err);
		job->timeout_ms = r == AID_OK ? job->credential->timeout_ms : 0;
		return r;
	}
	r = request_read(frame, fds, n_fds, &request, err);
	if (r != AID_OK)
		return r;
	job->timeout_ms = request->timeout_ms;
	r = job_find_secret(job, frame, fds, request, err);
	if (r != AID_OK) {
		request_free(request);
		return r;
	}
	return job_use_request(job, request, err);
}

static const char *op_of(const struct aid_frame *frame)
{
	if (frame->type == AID_MSG_RETIRE)
		return "retire";
	return frame->type == AID_MSG_EXCHANGE ? "exchange" : "token";
}

void job_enlist(struct job *job)
{
	struct fetch *fetch = job->fetch;

	job->deadline_boot_ms = aid_clock_boot_ms() + job->timeout_ms;
	if (job->deadline_boot_ms < fetch->next_deadline_boot_ms)
		fetch->next_deadline_boot_ms = job->deadline_boot_ms;
	LIST_INSERT_HEAD(&fetch->jobs, job, of_fetch);
	LIST_INSERT_HEAD(client_jobs(job->client), job, of_client);
	fetch->n_jobs++;
}

void job_start(struct fetch *fetch, struct client *client, const struct aid_frame *frame,
	const int *fds, size_t n_fds)
{
	struct aid_error err = AID_ERROR_INIT;
	struct job *job = calloc(1, sizeof(*job));
	int r;

	if (job == NULL) {
		r = aid_fail(&err, AID_E_NOMEM, "out of memory");
	} else {
		job->fetch = fetch;
		job->client = client;
		job->id = frame->id;
		r = prepare(job, frame, fds, n_fds, &err);
	}
	if (r != AID_OK) {
		say(fetch, SAY_WARNING, op_of(frame), "request", r, err.text);
		client_send_error(fetch, client, frame->id, &err);
		job_free(job);
		return;
	}
	job_enlist(job);
	if (job->credential != NULL)
		exchange_start(job);
	else
		job_advance(job);
}
