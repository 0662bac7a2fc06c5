/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The requests to secrets managers, one after another: logging in where that is due, once for all who wait,
 * and then the secret. */
#include "managed_private.h"

#include "clock.h"
#include "jwt.h"
#include "key_cache.h"
#include "str.h"

#include <stdio.h>
#include <string.h>

#define REQUEST_TIMEOUT_MS 8000
#define ASSERTION_LIFETIME_MS 60000 /* it is used at once */
#define OFFSET_SHOWN_S 5

static void step(struct managed *m);

int manager_sign(struct manager *manager, const char *audience, struct aid_error *err)
{
	struct aid_jwt_signed made = {0};
	const struct aid_signing_key *key;
	struct aid_jwt_request request;
	int r;

	if (manager->key_fd < 0 || manager->host_issuer[0] == '\0')
		return aid_fail(err, AID_E_PROTOCOL, "frame: the host's key or issuer is missing for [%s]",
			manager->options.target->name);
	r = key_cache_get(manager->fetch->keys, manager->key_fd, &key, err);
	if (r != AID_OK)
		return r;
	request = (struct aid_jwt_request){
		.issuer = manager->host_issuer,
		.subject = aid_target_get(&manager->options, "subject"),
		.audience = audience,
		.kid = aid_signing_key_thumbprint(key),
		.now_wall_ms = aid_clock_wall_ms(),
		.lifetime_ms = ASSERTION_LIFETIME_MS,
		.with_not_before = true,
	};
	r = aid_jwt_sign(key, aid_signing_key_default_alg(key), &request, &made, err);
	if (r == AID_OK) {
		aid_secret_free(manager->assertion);
		manager->assertion = aid_steal(&made.token);
	}
	aid_jwt_signed_done(&made);
	return r;
}

/* Takes body and lines of the call over. */
static int send_call(struct manager *manager, struct aid_exchange_call *call, char *host, size_t host_size,
	aid_http_done_fn *done, void *data, struct aid_http_transfer **ret_transfer, struct aid_error *err)
{
	struct aid_http_request http = {
		.url = call->url,
		.ca_file = aid_target_get(&manager->options, "ca_file"),
		.scope = manager->options.target->name,
		.max_body = AID_EXCHANGE_ANSWER_MAX,
		.timeout_ms = REQUEST_TIMEOUT_MS,
		.accept = call->accept,
		.content_type = call->content_type,
		.take_redirect = call->take_redirect,
		.is_put = call->is_put,
		.is_instance = call->is_instance,
		.body = aid_steal(&call->body),
	};
	struct aid_url url;
	int r = call->is_instance ? aid_url_parse_instance(call->url, &url, err)
				  : aid_url_parse(call->url, &url, err);

	for (size_t i = 0; i < AID_HTTP_LINES_MAX; i++)
		http.lines[i] = aid_steal(&call->headers[i]);
	if (r == AID_OK) {
		http.allow_loopback = url.is_loopback;
		(void)snprintf(host, host_size, "%s", url.host);
		return aid_http_start(manager->fetch->http, &http, done, data, ret_transfer, err);
	}
	aid_secret_free(http.body);
	for (size_t i = 0; i < AID_HTTP_LINES_MAX; i++)
		aid_secret_free(http.lines[i]);
	return r;
}

static void tell_offset(const struct aid_http_response *response, struct aid_error *err)
{
	int64_t offset_s = response->date_s - aid_clock_wall_ms() / 1000;
	size_t used = strlen(err->text);

	if (err->status != AID_E_EXPIRED || response->date_s == 0 ||
		(offset_s < OFFSET_SHOWN_S && offset_s > -OFFSET_SHOWN_S))
		return;
	(void)snprintf(err->text + used, sizeof(err->text) - used,
		"; the manager's clock is %lld s %s ours", (long long)(offset_s > 0 ? offset_s : -offset_s),
		offset_s > 0 ? "ahead of" : "behind");
}

static struct aid_exchange_answer answer_of(const struct aid_http_response *response, int64_t asked_wall_ms)
{
	return (struct aid_exchange_answer){
		.status = response->status,
		.body = response->body,
		.host = response->host,
		.location = response->location,
		.retry_after_s = response->retry_after_s,
		.asked_wall_ms = asked_wall_ms,
	};
}

static void tell_notice(const struct manager *manager, const struct aid_http_response *response)
{
	if (response->notice != NULL)
		say(manager->fetch, SAY_WARNING, "trust", response->host, AID_E_CONFIG, response->notice);
}

/* ---- logging in ---- */

static void stop_waiting(struct managed *m)
{
	if (m->is_waiting)
		LIST_REMOVE(m, of_waiting);
	m->is_waiting = false;
}

/* All who wait go on, or fail for one reason. */
/* NOLINTNEXTLINE(misc-no-recursion): a login that fails at once ends those who wait, and begins nothing. */
static void logged_in(struct manager *manager, const struct aid_error *err)
{
	struct managed *waiting[64];
	size_t count;

	/* Whoever goes on may end, and wait anew: in steps, so that the list is never walked while it changes. */
	do {
		struct managed *m;

		count = 0;
		while (count < sizeof(waiting) / sizeof(waiting[0]) &&
			(m = LIST_FIRST(&manager->waiting)) != NULL) {
			stop_waiting(m);
			waiting[count++] = m;
		}
		for (size_t i = 0; i < count; i++) {
			if (err == NULL)
				step(waiting[i]);
			else
				managed_failed(waiting[i], err);
		}
	} while (count == sizeof(waiting) / sizeof(waiting[0]));
}

static void login_step(struct manager *manager);

static void on_login(void *data, struct aid_http_response *response, const struct aid_error *err)
{
	struct manager *manager = data;
	struct aid_error why = AID_ERROR_INIT;
	bool more = false;

	manager->transfer = NULL;
	if (response != NULL) {
		struct aid_exchange_answer answer = answer_of(response, manager->asked_wall_ms);

		tell_notice(manager, response);
		(void)manager->kind->login_answer(manager, &answer, &more, &why);
		if (why.status != AID_OK)
			tell_offset(response, &why);
	} else {
		why = *err;
	}
	if (why.status == AID_OK && more) {
		login_step(manager);
		return;
	}
	if (why.status != AID_OK) {
		manager->active[0] = '\0';
		(void)aid_prefix(&why, "login");
	}
	logged_in(manager, why.status == AID_OK ? NULL : &why);
}

/* NOLINTNEXTLINE(misc-no-recursion): a login that fails at once ends those who wait, and begins nothing. */
static void login_step(struct manager *manager)
{
	struct aid_exchange_call call = {.body = NULL};
	struct aid_error err = AID_ERROR_INIT;
	char host[256];
	int r = manager->kind->login_call(manager, &call, &err);

	manager->asked_wall_ms = aid_clock_wall_ms();
	if (r == AID_OK)
		r = send_call(manager, &call, host, sizeof(host), on_login, manager, &manager->transfer, &err);
	aid_exchange_call_done(&call);
	aid_secret_free(aid_steal(&manager->assertion));
	if (r == AID_OK)
		return;
	(void)aid_prefix(&err, "login");
	logged_in(manager, &err);
}

/* ---- the secret ---- */

static void fail(struct managed *m, const struct aid_error *err)
{
	aid_secret_free(aid_steal(&m->current));
	m->manager->active[0] = '\0';
	managed_failed(m, err);
}

static void on_answer(void *data, struct aid_http_response *response, const struct aid_error *err)
{
	struct managed *m = data;
	struct aid_error why = AID_ERROR_INIT;
	struct aid_secret *value = NULL;
	struct aid_exchange_answer answer;
	bool more = false;

	m->transfer = NULL;
	if (response == NULL) {
		fail(m, err);
		return;
	}
	answer = answer_of(response, m->asked_wall_ms);
	tell_notice(m->manager, response);
	if (m->manager->kind->answer(m, &answer, &value, &more, &why) != AID_OK) {
		tell_offset(response, &why);
		fail(m, &why);
	} else if (more) {
		step(m);
	} else {
		aid_secret_free(aid_steal(&m->current));
		managed_done(m, value);
	}
}

/* NOLINTNEXTLINE(misc-no-recursion): a login that fails at once ends those who wait, and begins nothing. */
static void step(struct managed *m)
{
	struct manager *manager = m->manager;
	struct aid_exchange_call call = {.body = NULL};
	struct aid_error err = AID_ERROR_INIT;
	int r;

	if (!manager->kind->is_ready(manager, aid_clock_boot_ms())) {
		LIST_INSERT_HEAD(&manager->waiting, m, of_waiting);
		m->is_waiting = true;
		if (manager->transfer == NULL) {
			manager->step = 0;
			login_step(manager);
		}
		return;
	}
	r = manager->kind->call(m, &call, &err);
	m->asked_wall_ms = aid_clock_wall_ms();
	(void)snprintf(m->url, sizeof(m->url), "%s", call.url);
	if (r == AID_OK)
		r = send_call(manager, &call, m->host, sizeof(m->host), on_answer, m, &m->transfer, &err);
	aid_exchange_call_done(&call);
	if (r != AID_OK)
		fail(m, &err);
}

void managed_read(struct managed *managed)
{
	step(managed);
}

void managed_cancel(struct managed *managed)
{
	stop_waiting(managed);
	aid_http_cancel(managed->transfer);
	managed->transfer = NULL;
}

void manager_cancel(struct manager *manager)
{
	aid_http_cancel(manager->transfer);
	manager->transfer = NULL;
}
