/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "credential.h"

#include "chance.h"
#include "clock.h"
#include "credentialstore.h"
#include "daemon.h"
#include "issued.h"
#include "opening.h"
#include "refresh.h"
#include "schedule.h"
#include "str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_MS 10000
#define REQUEST_MIN_MS 2000
#define SPREAD_MS 1000
/* How long one that cannot be got is asked for while nobody asks any more. */
#define KEEP_TRYING_MS (INT64_C(600) * 1000)
/* A session that ends its own key gets the next one no sooner. */
#define REMADE_MS 5000

static void on_due(struct kd_daemon *daemon, struct kd_timer *timer);

static void log_line(struct kd_daemon *daemon, const struct kd_credential *c, int priority,
	const struct aid_error *err)
{
	char id[AID_SESSION_ID_SIZE];

	aid_str_hex(c->session->id, sizeof(c->session->id), id);
	if (err != NULL)
		kd_log_line(&daemon->log, priority,
			"op=exchange agent='%s' session='%s' credential='%s' status=%s failures=%u detail='%s'",
			c->session->agent->id, id, c->name, aid_status_name(err->status), c->failures,
			err->text);
	else
		kd_log_line(&daemon->log, priority,
			"op=exchange agent='%s' session='%s' credential='%s' status=ok id='%s' lifetime=%llds",
			c->session->agent->id, id, c->name, c->id, (long long)c->lifetime_ms / 1000);
}

static void set_timer(struct kd_daemon *daemon, struct kd_credential *c, int64_t due_boot_ms)
{
	c->timer.fire = on_due;
	kd_loop_set(&daemon->loop, &c->timer, due_boot_ms);
}

static bool says(const struct aid_credential *config, const char *option, const char *value)
{
	return aid_streq(aid_target_get(&config->options, option), value);
}

/* Whether the next one shall be got although nobody waits for it. */
static bool is_wanted(const struct kd_credential *c)
{
	const struct aid_credential *config = kd_credential_config(c);

	if (config == NULL || c->session->state == KD_TAMPERED)
		return false;
	if (says(config, "refresh", "always") || (c->refreshes == 0 && says(config, "at_open", "yes")))
		return true;
	return c->used && (kd_credential_is_there(c) ||
		aid_clock_boot_ms() - c->asked_boot_ms < KEEP_TRYING_MS);
}

/* ---- asking ---- */

struct kd_issuer *kd_credential_target(struct kd_daemon *daemon, const struct kd_agent *agent,
	const struct aid_credential *config)
{
	const struct aid_token_config *token = &agent->config->token;
	bool provider = daemon->config != NULL &&
		aid_credential_source(daemon->config, config) == AID_SOURCE_OIDC;
	char host[256], name[KD_TARGET_NAME_SIZE];

	aid_target_host(&config->options, token->issuer, host, sizeof(host));
	(void)snprintf(name, sizeof(name), "target %s%s%s", host, provider ? " with " : "",
		provider ? token->issuer : "");
	return kd_issuers_get(&daemon->agents, name);
}

static int refuse_open(const struct kd_issuer *target, struct aid_error *err)
{
	int64_t left = target->breaker.retry_at_ms - aid_clock_boot_ms();

	(void)aid_fail(err, AID_E_BUSY, "%.64s failed %u times in a row and is asked again in %lld s; last: "
		"%.100s", target->name, target->breaker.failures,
		(long long)(left > 0 ? left + 999 : 0) / 1000, target->last_error);
	return AID_E_BUSY;
}

static int64_t deadline_of(const struct kd_credential *c)
{
	int64_t now = aid_clock_boot_ms();
	int64_t limit = c->lifetime_ms > 0 ? c->lifetime_ms / 2 : REQUEST_MS;

	if (limit > REQUEST_MS)
		limit = REQUEST_MS;
	if (limit < REQUEST_MIN_MS)
		limit = REQUEST_MIN_MS;
	if (c->session->state == KD_OPENING && c->session->open_until_ms < now + limit)
		return c->session->open_until_ms;
	return now + limit;
}

/* Asks now; there must be no job. AID_E_BUSY: the breaker is open. */
static int start(struct kd_daemon *daemon, struct kd_credential *c, struct aid_error *err)
{
	const struct aid_credential *config = kd_credential_config(c);
	enum kd_breaker_answer go;

	if (config == NULL)
		return aid_fail(err, AID_E_CONFIG, "credential '%s' is in no valid configuration", c->name);
	if (c->session->state == KD_TAMPERED)
		return aid_fail(err, AID_E_NOTFOUND, "the ring of this session is gone");
	c->target = kd_credential_target(daemon, c->session->agent, config);
	if (c->target == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	go = kd_breaker_ask(&c->target->breaker, aid_clock_boot_ms());
	if (go == KD_BREAKER_WAIT)
		return refuse_open(c->target, err);
	c->job = kd_fetch_submit(daemon, c->session, deadline_of(c));
	if (c->job == NULL) {
		if (go == KD_BREAKER_PROBE)
			kd_breaker_abandon(&c->target->breaker, aid_clock_boot_ms());
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	}
	c->job->credential = c;
	c->job->issuer = c->target;
	c->job->probe = go == KD_BREAKER_PROBE;
	kd_loop_clear(&daemon->loop, &c->timer);
	return AID_OK;
}

/* It did not work, or there was no use in asking now. */
static void failed(struct kd_daemon *daemon, struct kd_credential *c, const struct aid_error *err,
	bool asked)
{
	int64_t now = aid_clock_boot_ms();
	int64_t wait;

	if (asked) {
		c->failures++;
		log_line(daemon, c, LOG_WARNING, err);
		wait = kd_schedule_retry(err->status, c->failures, err->retry_after_s, kd_random32());
	} else {
		wait = c->target != NULL && c->target->breaker.retry_at_ms > now
			? c->target->breaker.retry_at_ms - now : SPREAD_MS;
		wait += kd_schedule_spread(SPREAD_MS, kd_random32());
	}
	kd_credential_set_error(c, err);
	set_timer(daemon, c, now + wait);
	kd_clients_answer_error(daemon, &c->clients, err);
}

static int begin(struct kd_daemon *daemon, struct kd_credential *c, struct aid_error *err)
{
	int r;

	if (c->job != NULL)
		return AID_OK;
	r = start(daemon, c, err);
	if (r != AID_OK)
		failed(daemon, c, err, r != AID_E_BUSY);
	return r;
}

static void on_due(struct kd_daemon *daemon, struct kd_timer *timer)
{
	struct kd_credential *c = KD_CONTAINER(timer, struct kd_credential, timer);
	struct aid_error err = AID_ERROR_INIT;

	/* One that nobody uses is left to its end. */
	if (c->job == NULL && is_wanted(c))
		(void)!begin(daemon, c, &err);
}

void kd_credential_plan(struct kd_daemon *daemon, struct kd_credential *c)
{
	const struct aid_credential *config = kd_credential_config(c);
	int64_t percent = config == NULL ? 80 : aid_target_number(&config->options, "refresh_at");
	int64_t due = kd_schedule_due(c->received_boot_ms, c->lifetime_ms, (unsigned int)percent,
		kd_random32());
	int64_t now = aid_clock_boot_ms();

	/* After a restart, of all at once. */
	if (due < now || c->key == 0)
		due = now + kd_schedule_spread(SPREAD_MS, kd_random32());
	set_timer(daemon, c, due);
}

void kd_credentials_soon(struct kd_daemon *daemon, struct kd_session *session, int64_t window_ms,
	bool failing_only)
{
	for (struct kd_list *n = session->credentials.next; n != &session->credentials; n = n->next) {
		struct kd_credential *c = KD_CONTAINER(n, struct kd_credential, node);

		if (c->job == NULL && (!failing_only || c->last_error != NULL))
			set_timer(daemon, c,
				aid_clock_boot_ms() + kd_schedule_spread(window_ms, kd_random32()));
	}
}

/* ---- a session asks ---- */

static int find(struct kd_session *session, const char *name, struct kd_credential **ret_credential,
	struct aid_error *err)
{
	const struct aid_agent *agent = session->agent->config;
	const struct aid_credential *config;
	char names[160];

	if (session->state == KD_TAMPERED)
		return aid_fail(err, AID_E_NOTFOUND, "the ring of this session is gone");
	if (agent == NULL)
		return aid_fail(err, AID_E_CONFIG, "agent '%s' is in no valid configuration",
			session->agent->id);
	config = aid_agent_credential(agent, name);
	if (config == NULL && agent->n_credentials == 0)
		return aid_fail(err, AID_E_NOTFOUND, "agent '%s' has no credential '%.40s', nor any other",
			agent->id, name);
	if (config == NULL)
		return aid_fail(err, AID_E_NOTFOUND, "agent '%s' has no credential '%.40s'; it has %s",
			agent->id, name, aid_agent_credential_names(agent, names, sizeof(names)));
	*ret_credential = kd_credential_make(session, name, config->options.target->kind);
	return *ret_credential != NULL ? AID_OK : aid_fail(err, AID_E_NOMEM, "out of memory");
}

static void note_use(struct kd_credential *c)
{
	bool known = c->used;

	c->asked_boot_ms = aid_clock_boot_ms();
	c->used = true;
	if (!known && c->key != 0)
		kd_credential_note(c->session);
}

static bool is_first(const struct kd_session *session)
{
	for (struct kd_list *n = session->credentials.next; n != &session->credentials; n = n->next) {
		if (KD_CONTAINER(n, struct kd_credential, node)->key != 0)
			return false;
	}
	return true;
}

/* Whether somebody who waits has it asked for at once. */
static int may_ask(struct kd_daemon *daemon, const struct kd_credential *c, struct aid_error *err)
{
	const struct kd_session *session = c->session;
	struct kd_quota_need need = {0};
	int64_t now = aid_clock_boot_ms();
	int64_t left = c->timer.due_ms - now;

	if (c->last_error != NULL && c->timer.place != 0 && left > 0) {
		(void)aid_fail(err, c->last_status, "%.200s (asked again in %lld s)", c->last_error,
			(long long)(left + 999) / 1000);
		err->retry_after_s = (int)((left + 999) / 1000);
		return err->status;
	}
	if (c->key != 0 && c->last_error == NULL && kd_credential_is_there(c) &&
		now - c->received_boot_ms < REMADE_MS)
		return aid_fail(err, AID_E_BUSY,
			"the session ended its own key agentid:%s; another one is made after %d s", c->name,
			REMADE_MS / 1000);
	/* One that is there has its room already; that of one that ended the kernel gives to others. */
	if (c->key != 0 && kd_credential_key_lives(c))
		return AID_OK;
	kd_quota_add_credential(&need, strlen(c->name), kd_agent_credential_size(session->agent, c->kind),
		is_first(session));
	return kd_admission_ask(&daemon->admission, daemon->sessions.count, &need, now, err);
}

void kd_credential_get(struct kd_daemon *daemon, struct kd_client *client, struct kd_session *session,
	const char *name)
{
	struct aid_error err = AID_ERROR_INIT;
	struct kd_credential *c;
	int r = find(session, name, &c, &err);

	if (r == AID_OK)
		note_use(c);
	if (r == AID_OK && kd_credential_is_there(c) && kd_credential_key_lives(c)) {
		/* One that was let lapse is used again. */
		if (c->timer.place == 0 && c->job == NULL)
			(void)!begin(daemon, c, &err);
		kd_client_answer_done(daemon, client, 1, NULL);
		return;
	}
	if (r == AID_OK && c->job == NULL)
		r = may_ask(daemon, c, &err);
	if (r == AID_OK)
		r = begin(daemon, c, &err);
	if (r != AID_OK)
		kd_client_answer_error(daemon, client, &err);
	else
		kd_client_wait_in(daemon, client, &c->clients);
}

/* ---- at open ---- */

void kd_credentials_open(struct kd_daemon *daemon, struct kd_session *session)
{
	const struct aid_agent *agent = session->agent->config;

	for (size_t i = 0; agent != NULL && i < agent->n_credentials; i++) {
		const struct aid_credential *config = &agent->credentials[i];
		struct aid_error err = AID_ERROR_INIT;
		struct kd_credential *c;

		if (!says(config, "at_open", "yes"))
			continue;
		c = kd_credential_make(session, config->name, config->options.target->kind);
		if (c == NULL || begin(daemon, c, &err) != AID_OK)
			continue;
		c->opens = true;
		session->opens++;
	}
}

static void opened(struct kd_daemon *daemon, struct kd_credential *c)
{
	if (!c->opens)
		return;
	c->opens = false;
	if (--c->session->opens == 0)
		kd_opening_finish(daemon, c->session);
}

/* ---- answers ---- */

static void adopt(struct kd_credential *c, struct kd_issuer *from, const struct kd_issued *issued)
{
	c->from = from;
	c->received_boot_ms = aid_clock_boot_ms();
	c->lifetime_ms = issued->lifetime_ms;
	c->expires_wall_ms = issued->expires_wall_ms;
	c->expires_boot_ms = c->received_boot_ms + c->lifetime_ms;
	c->renewable = issued->renewable;
	memcpy(c->id, issued->token_id, sizeof(c->id));
}

/* Key and record are not written at once: what comes from another one than before has no known maker
 * in between. */
static void forget_maker(struct kd_credential *c)
{
	c->from = NULL;
	kd_credential_note(c->session);
}

static int store(struct kd_credential *c, struct kd_issuer *from, const struct kd_issued *issued,
	bool *ret_recreated, struct aid_error *err)
{
	struct kd_credential before;
	int r;

	if (c->from != NULL && c->from != from)
		forget_maker(c);
	before = *c;
	adopt(c, from, issued);
	c->refreshes++;
	c->used = false;
	r = kd_credential_store(c, issued->bytes, issued->length, ret_recreated, err);
	if (r == AID_OK) {
		kd_agent_saw_credential(c->session->agent, c->kind, issued->length);
		return r;
	}
	/* What is in the ring is the one before, or its end is noted too early. */
	c->expires_wall_ms = before.expires_wall_ms;
	c->expires_boot_ms = before.expires_boot_ms;
	c->lifetime_ms = before.lifetime_ms;
	c->received_boot_ms = before.received_boot_ms;
	c->renewable = before.renewable;
	c->refreshes = before.refreshes;
	c->used = before.used;
	c->from = before.from;
	memcpy(c->id, before.id, sizeof(c->id));
	/* Or there was none: then nobody may use what could not be noted. */
	if (!kd_credential_is_there(&before)) {
		kd_credential_revoke(c);
		kd_credentials_note(c->session);
	}
	return r;
}

static void succeeded(struct kd_daemon *daemon, struct kd_credential *c, struct kd_issuer *from,
	const struct kd_issued *issued)
{
	bool told = c->refreshes > 0 && c->last_error == NULL, recreated = false;
	bool was_there = kd_credential_is_there(c);
	struct aid_error err = AID_ERROR_INIT;

	if (store(c, from, issued, &recreated, &err) != AID_OK) {
		failed(daemon, c, &err, true);
		return;
	}
	if (recreated && was_there)
		kd_log_line(&daemon->log, LOG_ALERT,
			"op=exchange event=key_tampered agent='%s' credential='%s' status=ok "
			"detail='agentid:%s was ended before its time and is made anew'",
			c->session->agent->id, c->name, c->name);
	c->failures = 0;
	kd_credential_set_error(c, NULL);
	if (!told)
		log_line(daemon, c, LOG_INFO, NULL);
	kd_credential_plan(daemon, c);
	kd_clients_answer_done(daemon, &c->clients);
}

void kd_credential_answered(struct kd_daemon *daemon, struct kd_job *job, const struct kd_answer *answer)
{
	struct kd_credential *c = job->credential;
	struct kd_issuer *from = job->asked;
	struct aid_error err = AID_ERROR_INIT;
	struct kd_issued issued;

	c->job = NULL;
	free(job);
	if (answer->err != NULL)
		failed(daemon, c, answer->err, true);
	else if (kd_issued_read(answer->frame, AID_KEY_PAYLOAD_MAX, &issued, &err) != AID_OK)
		failed(daemon, c, &err, true);
	else
		succeeded(daemon, c, from, &issued);
	opened(daemon, c);
}

/* ---- ends ---- */

static void drop(struct kd_daemon *daemon, struct kd_credential *c, const struct aid_error *err)
{
	kd_loop_clear(&daemon->loop, &c->timer);
	if (c->job != NULL) {
		if (c->job->probe)
			kd_breaker_abandon(&c->target->breaker, aid_clock_boot_ms());
		kd_fetch_drop(daemon, c->job);
	}
	kd_clients_answer_error(daemon, &c->clients, err);
	kd_credential_free(c);
}

void kd_credentials_drop(struct kd_daemon *daemon, struct kd_session *session, const struct aid_error *err)
{
	while (!kd_list_is_empty(&session->credentials))
		drop(daemon, KD_CONTAINER(session->credentials.next, struct kd_credential, node), err);
}

static void end_unconfigured(struct kd_daemon *daemon, struct kd_session *session)
{
	struct kd_list *next;
	struct aid_error err = AID_ERROR_INIT;
	bool ended = false;

	for (struct kd_list *n = session->credentials.next; n != &session->credentials; n = next) {
		struct kd_credential *c = KD_CONTAINER(n, struct kd_credential, node);

		next = n->next;
		if (kd_credential_config(c) != NULL)
			continue;
		(void)aid_fail(&err, AID_E_NOTFOUND, "credential '%s' is no longer configured", c->name);
		log_line(daemon, c, LOG_NOTICE, &err);
		kd_credential_revoke(c);
		/* An opening goes on without it. */
		if (c->opens)
			session->opens--;
		drop(daemon, c, &err);
		ended = true;
	}
	if (ended)
		kd_credentials_note(session);
}

/* Those whose time came while there was no configuration for them. */
static void plan_wanted(struct kd_daemon *daemon, struct kd_session *session)
{
	for (struct kd_list *n = session->credentials.next; n != &session->credentials; n = n->next) {
		struct kd_credential *c = KD_CONTAINER(n, struct kd_credential, node);

		if (c->job == NULL && c->timer.place == 0 && is_wanted(c))
			kd_credential_plan(daemon, c);
	}
}

void kd_credentials_reload(struct kd_daemon *daemon, struct kd_session *session)
{
	bool opening = session->opens > 0;

	if (session->agent->config == NULL)
		return;
	end_unconfigured(daemon, session);
	kd_credentials_soon(daemon, session, SPREAD_MS, true);
	plan_wanted(daemon, session);
	if (opening && session->opens == 0)
		kd_opening_finish(daemon, session);
}
