/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "rotate.h"

#include "b64.h"
#include "clock.h"
#include "form.h"
#include "job_private.h"
#include "managed.h"
#include "oauth.h"
#include "pkey.h"
#include "provider.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SECRET_BYTES 32U /* random ones in a new secret */

static void go_on(struct rotate *rotate);

void rotate_remark(struct rotate *rotate, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(rotate->remark, sizeof(rotate->remark), fmt, args);
	va_end(args);
}

int64_t rotate_their_ms(const struct rotate *rotate)
{
	return rotate->date_ms != 0 ? rotate->date_ms : aid_clock_wall_ms();
}

/* ---- requests ---- */

void rotate_failed(struct rotate *rotate, const struct aid_error *err)
{
	struct aid_error told = *err;

	(void)aid_prefix(&told, "%s", aid_rotation_step_name(rotate->machine.step));
	aid_rotation_ended(&rotate->machine, AID_ROTATION_WAS_FAILURE);
	job_fail(rotate->job, &told);
}

static void on_answer(void *data, struct aid_http_response *response, const struct aid_error *err)
{
	struct rotate *rotate = data;
	struct aid_exchange_answer answer;

	rotate->job->transfer = NULL;
	if (response == NULL) {
		rotate_failed(rotate, err);
		return;
	}
	if (response->notice != NULL)
		say(rotate->job->fetch, SAY_WARNING, "trust", response->host, AID_E_CONFIG, response->notice);
	rotate->date_ms = response->date_s * 1000;
	answer = (struct aid_exchange_answer){
		.status = response->status,
		.body = response->body,
		.host = response->host,
		.location = response->location,
		.retry_after_s = response->retry_after_s,
		.asked_wall_ms = rotate->asked_wall_ms,
	};
	rotate->next(rotate, &answer);
}

static int start(struct rotate *rotate, struct aid_http_request *http, struct aid_error *err)
{
	struct job *job = rotate->job;
	int64_t left = job->deadline_boot_ms - aid_clock_boot_ms();
	struct aid_url url;
	int r = aid_url_parse(http->url, &url, err);

	/* Whoever has stood still for long has lost the lease, and must not go on with an old secret. */
	if (r == AID_OK && left <= 0)
		r = aid_fail(err, AID_E_TIMEOUT, "the rotation took more than %lld ms",
			(long long)job->timeout_ms);
	if (r == AID_OK) {
		http->allow_loopback = url.is_loopback;
		http->timeout_ms = left < AID_HTTP_TIMEOUT_MAX_MS ? left : AID_HTTP_TIMEOUT_MAX_MS;
		rotate->asked_wall_ms = aid_clock_wall_ms();
		return aid_http_start(job->fetch->http, http, on_answer, rotate, &job->transfer, err);
	}
	aid_secret_free(http->body);
	for (size_t i = 0; i < AID_HTTP_LINES_MAX; i++)
		aid_secret_free(http->lines[i]);
	return r;
}

void rotate_call(struct rotate *rotate, struct aid_exchange_call *call, const char *scope,
	const char *ca_file, rotate_next *next)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_http_request http = {
		.url = call->url,
		.ca_file = ca_file,
		.scope = scope,
		.max_body = AID_EXCHANGE_ANSWER_MAX,
		.accept = call->accept,
		.content_type = call->content_type,
		.is_put = call->is_put,
		.body = aid_steal(&call->body),
	};

	for (size_t i = 0; i < AID_HTTP_LINES_MAX; i++)
		http.lines[i] = aid_steal(&call->headers[i]);
	rotate->next = next;
	if (start(rotate, &http, &err) != AID_OK)
		rotate_failed(rotate, &err);
}

static int make_token_request(struct rotate *rotate, const struct request *request,
	struct aid_secret **ret_form, struct aid_secret **ret_authorization, struct aid_error *err)
{
	AID_AUTO(aid_secret) *form = NULL;
	int r = form_make(request, &form, err);

	if (r == AID_OK)
		r = form_authenticate(rotate->job->fetch, request, rotate->token_endpoint, form,
			ret_authorization, err);
	if (r == AID_OK)
		*ret_form = aid_steal(&form);
	return r;
}

void rotate_ask_token(struct rotate *rotate, const struct request *request, rotate_next *next)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_http_request http = {
		.url = rotate->token_endpoint,
		.ca_file = request->ca_file,
		.scope = request->issuer,
		.max_body = AID_TOKEN_RESPONSE_MAX,
	};
	int r = make_token_request(rotate, request, &http.body, &http.lines[0], &err);

	rotate->next = next;
	if (r == AID_OK)
		r = start(rotate, &http, &err);
	if (r != AID_OK)
		rotate_failed(rotate, &err);
}

/* ---- what is told ---- */

static void tell_step(struct rotate *rotate, enum aid_rotation_step step)
{
	struct fetch *fetch = rotate->job->fetch;

	client_send_step(fetch, rotate->job->client, rotate->job->id, aid_rotation_step_name(step),
		aid_clock_boot_ms() - rotate->began_boot_ms, rotate->remark);
	rotate->remark[0] = '\0';
}

static const char *sentence_of(enum aid_rotation_result result)
{
	static const char *const sentences[] = {
		[AID_ROTATION_NOT_DUE] = "it is not due",
		[AID_ROTATION_ELSEWHERE] = "another host is rotating it",
		[AID_ROTATION_SOUND] = "the provider takes the secret that the manager has",
		[AID_ROTATION_PLANNED] = "nothing was changed (dry run)",
		[AID_ROTATION_ROTATED] = "the secret is rotated",
		[AID_ROTATION_FINISHED] = "a rotation that was left half done is finished",
		[AID_ROTATION_MENDED] = "the manager has the secret of the provider again",
	};

	return sentences[result];
}

static int64_t to_wall(const struct rotate *rotate, int64_t manager_ms)
{
	return manager_ms <= 0 ? 0 : manager_ms - rotate->manager_ahead_ms;
}

static void tell_end(struct rotate *rotate)
{
	const struct aid_rotation *machine = &rotate->machine;

	client_send_rotated(rotate->job->fetch, rotate->job->client, rotate->job->id,
		&(struct rotated){aid_rotation_result_name(machine->result), sentence_of(machine->result),
			to_wall(rotate, machine->view.rotated_ms), to_wall(rotate, aid_rotation_next_ms(machine))});
	job_cancel(rotate->job);
}

static void fail_at_end(struct rotate *rotate)
{
	const struct aid_rotation *machine = &rotate->machine;
	struct aid_error err = AID_ERROR_INIT;

	if (machine->result == AID_ROTATION_ELSEWHERE)
		(void)aid_fail(&err, AID_E_BUSY, "another host is rotating the secret of client '%.64s'",
			rotate->client->client_id);
	else if (machine->failure == AID_ROTATION_BY_MANAGER)
		(void)aid_fail(&err, AID_E_BUSY, "the secret of client '%.64s' was changed in the manager each time "
			"that it was read", rotate->client->client_id);
	else
		(void)aid_fail(&err, AID_E_CREDENTIAL, "the provider refuses the secret that it has itself for "
			"client '%.64s': the client is disabled, or proves itself in another way there",
			rotate->client->client_id);
	job_fail(rotate->job, &err);
}

static void end(struct rotate *rotate)
{
	const struct aid_rotation *machine = &rotate->machine;

	if (machine->result == AID_ROTATION_FAILED ||
		(machine->result == AID_ROTATION_ELSEWHERE && machine->order.force))
		fail_at_end(rotate);
	else
		tell_end(rotate);
}

void rotate_read(struct rotate *rotate, const struct aid_rotation_view *view)
{
	aid_rotation_read(&rotate->machine, view);
	tell_step(rotate, AID_ROTATION_READ);
	go_on(rotate);
}

void rotate_ended(struct rotate *rotate, enum aid_rotation_outcome outcome)
{
	enum aid_rotation_step step = rotate->machine.step;

	if (outcome == AID_ROTATION_WAS_LOST)
		rotate_remark(rotate, "somebody else wrote there meanwhile");
	/* Our own readers need not find out by a refusal. */
	else if (step == AID_ROTATION_PROMOTE || step == AID_ROTATION_SET)
		managed_changed(rotate->job->fetch, rotate->client->secret_ref);
	aid_rotation_ended(&rotate->machine, outcome);
	tell_step(rotate, step);
	go_on(rotate);
}

/* ---- the steps ---- */

static int make_secret(struct aid_secret **ret_secret, struct aid_error *err)
{
	char text[AID_B64_SIZE(SECRET_BYTES)];
	uint8_t bytes[SECRET_BYTES];
	size_t length = 0;

	if (aid_random(bytes, sizeof(bytes)) != AID_OK)
		return aid_fail(err, AID_E_IO, "no random numbers");
	length = aid_b64_encode(bytes, sizeof(bytes), text);
	*ret_secret = aid_secret_from(text, length);
	explicit_bzero(bytes, sizeof(bytes));
	explicit_bzero(text, sizeof(text));
	return *ret_secret != NULL ? AID_OK : aid_fail(err, AID_E_NOMEM, "out of memory");
}

static int copy(const struct aid_secret *secret, struct aid_secret **ret_copy, struct aid_error *err)
{
	*ret_copy = aid_secret_from(aid_secret_peek(secret), aid_secret_length(secret));
	return *ret_copy != NULL ? AID_OK : aid_fail(err, AID_E_NOMEM, "out of memory");
}

/* A new secret, or the provider's, is what the manager shall hold ready. */
static void stage(struct rotate *rotate, bool found)
{
	struct aid_secret *fresh = NULL;
	struct aid_error err = AID_ERROR_INIT;
	int r = found ? copy(rotate->found, &fresh, &err) : make_secret(&fresh, &err);

	if (r != AID_OK) {
		rotate_failed(rotate, &err);
		return;
	}
	aid_secret_free(rotate->pending);
	rotate->pending = fresh;
	rotate->manager->stage(rotate);
}

int rotate_take_token(const struct request *request, const struct aid_exchange_answer *answer,
	struct aid_secret **ret_token, struct aid_error *err)
{
	const struct aid_refusal refusal = {.http_status = answer->status, .body = answer->body,
		.retry_after_s = answer->retry_after_s, .host = answer->host, .secrets = {request->secret}};
	struct aid_token_response response = {.token = NULL};
	int r;

	if (answer->status != 200)
		return aid_oauth_refusal(&refusal, err);
	if (answer->body == NULL)
		return aid_fail(err, AID_E_PROTOCOL, "token response: empty");
	r = aid_oauth_response(answer->body, &response, err);
	if (r == AID_OK)
		*ret_token = response.token;
	return r;
}

static void proved(struct rotate *rotate, const struct aid_exchange_answer *answer)
{
	/* It has shown what it was to show; nobody else ever gets it. */
	AID_AUTO(aid_secret) *token = NULL;
	struct aid_error err = AID_ERROR_INIT;
	int r = rotate_take_token(rotate->client, answer, &token, &err);

	if (r == AID_OK) {
		rotate_ended(rotate, AID_ROTATION_WAS_OK);
	} else if (r == AID_E_CREDENTIAL) {
		rotate_remark(rotate, "refused: %.100s", err.text);
		rotate_ended(rotate, AID_ROTATION_WAS_REFUSED);
	} else {
		rotate_failed(rotate, &err);
	}
}

static void prove(struct rotate *rotate, const struct aid_secret *secret)
{
	struct aid_error err = AID_ERROR_INIT;

	aid_secret_free(aid_steal(&rotate->client->secret));
	if (copy(secret, &rotate->client->secret, &err) != AID_OK)
		rotate_failed(rotate, &err);
	else
		rotate_ask_token(rotate, rotate->client, proved);
}

static void go_on(struct rotate *rotate)
{
	switch (rotate->machine.step) {
	case AID_ROTATION_READ:
		rotate->manager->read(rotate);
		return;
	case AID_ROTATION_PROVE_CURRENT:
		prove(rotate, rotate->current);
		return;
	case AID_ROTATION_LOOK:
		rotate->provider->look(rotate);
		return;
	case AID_ROTATION_STAGE:
		stage(rotate, false);
		return;
	case AID_ROTATION_ADOPT:
		stage(rotate, true);
		return;
	case AID_ROTATION_TAKE:
		rotate->manager->take(rotate);
		return;
	case AID_ROTATION_SET:
		rotate->provider->set(rotate);
		return;
	case AID_ROTATION_PROVE:
		prove(rotate, rotate->pending);
		return;
	case AID_ROTATION_PROMOTE:
		rotate->manager->promote(rotate);
		return;
	case AID_ROTATION_FORGET:
		rotate->manager->forget(rotate);
		return;
	case AID_ROTATION_END:
		end(rotate);
		return;
	}
}

/* ---- the job ---- */

static void advance(struct job *job, void *data)
{
	struct rotate *rotate = data;
	const struct aid_metadata *metadata;
	struct aid_error err = AID_ERROR_INIT;
	int r;

	if (rotate->token_endpoint != NULL)
		return;
	r = provider_metadata(job->provider, job, &metadata, &err);
	if (r == AID_E_BUSY && job->is_waiting)
		return;
	if (r == AID_OK && metadata->token_endpoint == NULL)
		r = aid_fail(&err, AID_E_PROTOCOL, "discovery of '%.64s': no token_endpoint",
			provider_host(job->provider));
	if (r == AID_OK)
		r = request_set(&rotate->token_endpoint, metadata->token_endpoint, &err);
	if (r == AID_OK)
		go_on(rotate);
	else
		job_fail(job, &err);
}

static void free_rotate(void *data)
{
	rotate_free(data);
}

static const char *text_or_none(const char *text)
{
	return text != NULL ? text : "";
}

void rotate_start(struct fetch *fetch, struct client *client, const struct aid_frame *frame,
	const int *fds, size_t n_fds)
{
	static const struct job_work work = {"the rotation", advance, free_rotate};
	struct rotate *rotate = NULL;
	struct provider_name name;
	struct aid_error err = AID_ERROR_INIT;
	struct job *job;

	if (rotate_parse(frame, fds, n_fds, &rotate, &err) != AID_OK) {
		say(fetch, SAY_WARNING, "rotate", "request", err.status, err.text);
		client_send_error(fetch, client, frame->id, &err);
		return;
	}
	rotate->began_boot_ms = aid_clock_boot_ms();
	name = (struct provider_name){rotate->client->issuer, text_or_none(rotate->client->ca_file),
		text_or_none(rotate->client->allowed_hosts)};
	job = job_start_work(fetch, client, frame->id, rotate->timeout_ms, &name, &work, rotate);
	if (job == NULL)
		return;
	rotate->job = job;
	job_advance(job);
}
