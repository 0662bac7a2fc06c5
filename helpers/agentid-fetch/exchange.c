/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The steps from a session's identity to a credential: the assertion, which leaves this process for the
 * target only, and then the requests that the target's kind has. */
#include "job_private.h"

#include "clock.h"
#include "jwt.h"
#include "str.h"

#include <stdio.h>
#include <string.h>

static void go_on(struct job *job);

static int sign_assertion(struct job *job, struct aid_error *err)
{
	struct credential *c = job->credential;
	struct aid_jwt_signed made = {0};
	const struct aid_signing_key *key;
	struct aid_jwt_request request;
	int r = key_cache_get(job->fetch->keys, c->key_fd, &key, err);

	if (r != AID_OK)
		return r;
	request = (struct aid_jwt_request){
		.issuer = c->host_issuer,
		.subject = c->host_subject,
		.audience = c->audience,
		.kid = aid_signing_key_thumbprint(key),
		.now_wall_ms = aid_clock_wall_ms(),
		.lifetime_ms = c->assertion_lifetime_ms / 1000 * 1000,
		.with_not_before = true,
	};
	r = aid_jwt_sign(key, aid_signing_key_default_alg(key), &request, &made, err);
	if (r == AID_OK)
		c->assertion = aid_steal(&made.token);
	aid_jwt_signed_done(&made);
	return r;
}

/* rfc8693: the assertion is what is exchanged, or says who acts for it. */
static void use_request(struct job *job)
{
	struct credential *c = job->credential;
	struct aid_error err = AID_ERROR_INIT;
	struct request *request = aid_steal(&c->request);

	if (request->subject_token == NULL)
		request->subject_token = aid_steal(&c->assertion);
	else
		request->actor_token = aid_steal(&c->assertion);
	if (job_use_request(job, request, &err) != AID_OK) {
		job_fail(job, &err);
		return;
	}
	job_advance(job);
}

/* Once: every answer has it until the file is mended. */
static void tell_notice(struct fetch *fetch, const struct aid_http_response *response)
{
	if (aid_streq(response->notice, fetch->exchange_notice))
		return;
	(void)snprintf(fetch->exchange_notice, sizeof(fetch->exchange_notice), "%s", response->notice);
	say(fetch, SAY_WARNING, "trust", response->host, AID_E_CONFIG, response->notice);
}

static void take_answer(struct job *job, struct aid_http_response *response)
{
	struct credential *c = job->credential;
	const struct aid_exchange_answer answer = {
		.status = response->status,
		.body = response->body,
		.host = response->host,
		.location = response->location,
		.retry_after_s = response->retry_after_s,
		.asked_wall_ms = job->asked_wall_ms,
	};
	struct aid_exchange_result result = {.payload = NULL};
	struct aid_error err = AID_ERROR_INIT;
	bool more = false;
	int r;

	if (response->date_s != 0)
		job->offset_s = response->date_s - aid_clock_wall_ms() / 1000;
	if (response->notice != NULL)
		tell_notice(job->fetch, response);
	r = aid_exchange_answer(&c->exchange, &answer, &result, &more, &err);
	if (r == AID_E_NOTFOUND && c->retire) {
		job_retired(job, false, err.text);
		return;
	}
	if (r != AID_OK) {
		job_fail(job, &err);
		return;
	}
	if (more) {
		go_on(job);
		return;
	}
	if (c->retire) {
		job_retired(job, true, NULL);
		return;
	}
	client_send_issued(job->fetch, job->client, job->id,
		&(struct issued){result.payload, result.expires_wall_ms, result.id, result.renewable});
	aid_secret_free(result.payload);
	job_cancel(job);
}

static void on_answer(void *data, struct aid_http_response *response, const struct aid_error *err)
{
	struct job *job = data;

	job->transfer = NULL;
	if (response == NULL)
		job_fail(job, err);
	else
		take_answer(job, response);
}

static int send_call(struct job *job, struct aid_exchange_call *call, struct aid_error *err)
{
	const struct credential *c = job->credential;
	struct aid_http_request http = {
		.url = call->url,
		.ca_file = aid_target_get(&c->options, "ca_file"),
		.scope = c->options.target->name,
		.max_body = AID_EXCHANGE_ANSWER_MAX,
		.timeout_ms = job->deadline_boot_ms - aid_clock_boot_ms(),
		.accept = call->accept,
		.content_type = call->content_type,
		.take_redirect = call->take_redirect,
		.body = aid_steal(&call->body),
	};
	struct aid_url url;
	int r = aid_url_parse(call->url, &url, err);

	for (size_t i = 0; i < AID_HTTP_LINES_MAX; i++)
		http.lines[i] = aid_steal(&call->headers[i]);
	if (r == AID_OK) {
		http.allow_loopback = url.is_loopback;
		(void)snprintf(job->host, sizeof(job->host), "%s", url.host);
		job->asked_wall_ms = aid_clock_wall_ms();
		return aid_http_start(job->fetch->http, &http, on_answer, job, &job->transfer, err);
	}
	aid_secret_free(http.body);
	for (size_t i = 0; i < AID_HTTP_LINES_MAX; i++)
		aid_secret_free(http.lines[i]);
	return r;
}

/* Sends the request of the step that is due. */
static void ask_target(struct job *job)
{
	struct credential *c = job->credential;
	struct aid_exchange_call call;
	struct aid_error err = AID_ERROR_INIT;
	int r;

	job->step = STEP_EXCHANGE;
	c->exchange.assertion = c->assertion;
	r = aid_exchange_call(&c->exchange, &call, &err);
	if (r == AID_OK)
		r = send_call(job, &call, &err);
	aid_exchange_call_done(&call);
	if (r != AID_OK)
		job_fail(job, &err);
}

bool exchange_take_token(struct job *job)
{
	struct credential *c = job->credential;

	if (c == NULL || !c->assertion_pending)
		return false;
	c->assertion_pending = false;
	c->assertion = aid_steal(&job->response.token);
	go_on(job);
	return true;
}

static void fetch_assertion(struct job *job)
{
	struct credential *c = job->credential;
	struct aid_error err = AID_ERROR_INIT;

	c->assertion_pending = true;
	if (job_use_request(job, aid_steal(&c->assertion_request), &err) != AID_OK) {
		job_fail(job, &err);
		return;
	}
	job_advance(job);
}

/* Where no assertion is needed yet, nobody is asked for one. */
static void go_on(struct job *job)
{
	struct credential *c = job->credential;
	struct aid_error err = AID_ERROR_INIT;

	if (c->assertion == NULL && aid_exchange_needs_assertion(&c->exchange)) {
		if (c->assertion_request != NULL) {
			fetch_assertion(job);
			return;
		}
		if (c->key_fd >= 0 && sign_assertion(job, &err) != AID_OK) {
			job_fail(job, &err);
			return;
		}
	}
	if (c->request != NULL)
		use_request(job);
	else
		ask_target(job);
}

void exchange_start(struct job *job)
{
	const struct credential *c = job->credential;

	if (c->retire && c->request == NULL && !aid_exchange_can_revoke(c->options.target->kind)) {
		job_retired(job, false, "such credentials cannot be revoked; they end by themselves");
		return;
	}
	go_on(job);
}
