/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "refresh.h"

#include "chance.h"
#include "clock.h"
#include "credential.h"
#include "ending.h"
#include "issued.h"
#include "opening.h"
#include "requests.h"
#include "rotation.h"
#include "schedule.h"
#include "store.h"
#include "str.h"

#include <stdlib.h>
#include <string.h>

#define REQUEST_MS 10000        /* how long one request may take */
#define REQUEST_MIN_MS 2000
#define OPEN_AGAIN_MS 200      /* time that another try needs at least */
#define OPEN_TRIES 3U
#define SPREAD_MS 1000
#define RENEW_WAITING_MS (INT64_C(3600) * 1000)
#define RENEW_EVERY 64U         /* failures: at 15 s each that is often enough for the grace */

static void id_text(const struct kd_session *session, char out[AID_SESSION_ID_SIZE])
{
	aid_str_hex(session->id, sizeof(session->id), out);
}

static void log_failure(struct kd_daemon *daemon, const struct kd_session *session,
	const struct aid_error *err)
{
	char id[AID_SESSION_ID_SIZE];

	id_text(session, id);
	kd_log_line(&daemon->log, LOG_WARNING,
		"op=%s agent='%s' session='%s' status=%s failures=%u detail='%s'",
		session->state == KD_OPENING ? "open" : "refresh", session->agent->id, id,
		aid_status_name(err->status), session->failures, err->text);
}

/* ---- the issuer's breaker ---- */

static void release_waiting(struct kd_daemon *daemon, struct kd_issuer *issuer)
{
	int64_t window = SPREAD_MS;

	while (!kd_list_is_empty(&issuer->waiting)) {
		struct kd_session *session =
			KD_CONTAINER(issuer->waiting.next, struct kd_session, waiting);

		kd_list_remove(&session->waiting);
		kd_refresh_soon(daemon, session, window++);
	}
	kd_loop_clear(&daemon->loop, &issuer->timer);
}

/* Sessions that wait behind the breaker do not fail, so nothing else renews their rings. */
static void renew_waiting(struct kd_issuer *issuer)
{
	int64_t now = aid_clock_boot_ms();

	if (now - issuer->renewed_boot_ms < RENEW_WAITING_MS)
		return;
	issuer->renewed_boot_ms = now;
	for (struct kd_list *n = issuer->waiting.next; n != &issuer->waiting; n = n->next)
		kd_store_renew_ring(KD_CONTAINER(n, struct kd_session, waiting));
}

static void on_probe_due(struct kd_daemon *daemon, struct kd_timer *timer)
{
	struct kd_issuer *issuer = KD_CONTAINER(timer, struct kd_issuer, timer);
	struct kd_session *session;

	if (kd_list_is_empty(&issuer->waiting))
		return;
	renew_waiting(issuer);
	session = KD_CONTAINER(issuer->waiting.next, struct kd_session, waiting);
	kd_list_remove(&session->waiting);
	if (kd_refresh_start(daemon, session, NULL) != AID_OK)
		kd_refresh_soon(daemon, session, KD_BACKOFF_CAP_MS);
}

static void plan_probe(struct kd_daemon *daemon, struct kd_issuer *issuer)
{
	issuer->timer.fire = on_probe_due;
	kd_loop_set(&daemon->loop, &issuer->timer, issuer->breaker.retry_at_ms);
}

static void note_success(struct kd_daemon *daemon, struct kd_issuer *issuer)
{
	if (kd_breaker_success(&issuer->breaker)) {
		kd_log_line(&daemon->log, LOG_NOTICE, "op=breaker issuer='%s' status=ok detail='closed'",
			issuer->name);
		release_waiting(daemon, issuer);
	}
}

static void note_failure(struct kd_daemon *daemon, struct kd_issuer *issuer, const struct kd_job *job,
	const struct aid_error *err)
{
	int64_t now = aid_clock_boot_ms();

	memcpy(issuer->last_error, err->text, sizeof(issuer->last_error) - 1);
	if (kd_breaker_failure(&issuer->breaker, job->probe, now)) {
		kd_log_line(&daemon->log, LOG_ERR,
			"op=breaker issuer='%s' status=%s detail='opened after %u failures in a row: %s'",
			issuer->name, aid_status_name(err->status), issuer->breaker.failures,
			issuer->last_error);
		plan_probe(daemon, issuer);
	} else if (job->probe) {
		plan_probe(daemon, issuer);
	}
}

static void note_answer(struct kd_daemon *daemon, const struct kd_job *job,
	const struct kd_answer *answer)
{
	struct kd_issuer *issuer = job->issuer;

	if (issuer == NULL)
		return;
	if (!answer->from_provider) {
		if (job->probe) {
			kd_breaker_abandon(&issuer->breaker, aid_clock_boot_ms());
			plan_probe(daemon, issuer);
		}
		return;
	}
	if (answer->err != NULL && aid_status_is_transient(answer->err->status))
		note_failure(daemon, issuer, job, answer->err);
	else
		note_success(daemon, issuer);
}

/* ---- asking ---- */

static int refuse_open(const struct kd_issuer *issuer, struct aid_error *err)
{
	int64_t left = issuer->breaker.retry_at_ms - aid_clock_boot_ms();

	(void)aid_fail(err, AID_E_BUSY,
		"issuer '%.64s' failed %u times in a row and is asked again in %lld s; last: %.100s",
		issuer->name, issuer->breaker.failures, (long long)(left > 0 ? left + 999 : 0) / 1000,
		issuer->last_error);
	return AID_E_BUSY;
}

static int64_t request_deadline(const struct kd_session *session)
{
	int64_t now = aid_clock_boot_ms();
	int64_t limit = session->lifetime_ms / 2;

	if (session->state == KD_OPENING)
		return session->open_until_ms;
	if (limit > REQUEST_MS)
		limit = REQUEST_MS;
	return now + (limit < REQUEST_MIN_MS ? REQUEST_MIN_MS : limit);
}

int kd_refresh_start(struct kd_daemon *daemon, struct kd_session *session, struct aid_error *err)
{
	struct kd_issuer *issuer = session->agent->issuer;
	enum kd_breaker_answer go = KD_BREAKER_GO;

	if (session->job != NULL || session->state == KD_TAMPERED ||
		!kd_list_is_empty(&session->waiting))
		return AID_OK;
	if (issuer != NULL && session->agent->config != NULL)
		go = kd_breaker_ask(&issuer->breaker, aid_clock_boot_ms());
	if (go == KD_BREAKER_WAIT && session->state == KD_OPENING)
		return refuse_open(issuer, err);
	if (go == KD_BREAKER_WAIT) {
		kd_loop_clear(&daemon->loop, &session->timer);
		kd_list_append(&issuer->waiting, &session->waiting);
		return AID_OK;
	}
	session->job = kd_fetch_submit(daemon, session, request_deadline(session));
	if (session->job == NULL) {
		if (go == KD_BREAKER_PROBE)
			kd_breaker_abandon(&issuer->breaker, aid_clock_boot_ms());
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	}
	session->job->issuer = issuer;
	session->job->probe = go == KD_BREAKER_PROBE;
	kd_loop_clear(&daemon->loop, &session->timer);
	return AID_OK;
}

void kd_refresh_due(struct kd_daemon *daemon, struct kd_timer *timer)
{
	struct kd_session *session = KD_CONTAINER(timer, struct kd_session, timer);
	struct aid_error err = AID_ERROR_INIT;

	if (kd_refresh_start(daemon, session, &err) == AID_OK)
		return;
	if (session->state == KD_OPENING)
		kd_opening_failed(daemon, session, &err);
	else
		kd_refresh_soon(daemon, session, KD_BACKOFF_CAP_MS);
}

void kd_refresh_soon(struct kd_daemon *daemon, struct kd_session *session, int64_t window_ms)
{
	if (session->job != NULL || session->state == KD_TAMPERED)
		return;
	kd_list_remove(&session->waiting);
	kd_loop_set(&daemon->loop, &session->timer,
		aid_clock_boot_ms() + kd_schedule_spread(window_ms, kd_random32()));
}

void kd_refresh_plan(struct kd_daemon *daemon, struct kd_session *session)
{
	const struct aid_agent *config = session->agent->config;
	int64_t due = kd_schedule_due(session->received_boot_ms, session->lifetime_ms,
		config != NULL ? config->token.refresh_at : 80, kd_random32());

	kd_loop_set(&daemon->loop, &session->timer, due);
}

void kd_refresh_cancel(struct kd_daemon *daemon, struct kd_session *session)
{
	kd_loop_clear(&daemon->loop, &session->timer);
	kd_list_remove(&session->waiting);
	if (session->job == NULL)
		return;
	if (session->job->probe) {
		kd_breaker_abandon(&session->job->issuer->breaker, aid_clock_boot_ms());
		plan_probe(daemon, session->job->issuer);
	}
	kd_fetch_drop(daemon, session->job);
	session->job = NULL;
}

/* ---- answers ---- */

static void adopt(struct kd_session *session, struct kd_issuer *issuer, const struct kd_issued *issued)
{
	session->received_boot_ms = aid_clock_boot_ms();
	session->lifetime_ms = issued->lifetime_ms;
	session->expires_wall_ms = issued->expires_wall_ms;
	session->expires_boot_ms = session->received_boot_ms + session->lifetime_ms;
	memcpy(session->token_id, issued->token_id, sizeof(session->token_id));
	session->token_issuer = issuer;
	if (issued->length > session->agent->token_size)
		session->agent->token_size = issued->length;
}

static void give_up_on_ring(struct kd_daemon *daemon, struct kd_session *session,
	struct aid_error *err)
{
	char id[AID_SESSION_ID_SIZE];

	id_text(session, id);
	session->state = KD_TAMPERED;
	kd_session_set_error(session, "the ring is gone although the session's leader lives");
	kd_log_line(&daemon->log, LOG_ALERT,
		"op=refresh event=ring_tampered agent='%s' session='%s' status=%s detail='%s'",
		session->agent->id, id, aid_status_name(err->status), err->text);
	kd_loop_clear(&daemon->loop, &session->timer);
	kd_clients_answer_error(daemon, &session->clients, err);
}

static void refresh_failed(struct kd_daemon *daemon, struct kd_session *session,
	const struct aid_error *err)
{
	int64_t wait;

	session->failures++;
	kd_session_set_error(session, err->text);
	kd_agent_set_error(session->agent, err->text);
	log_failure(daemon, session, err);
	wait = kd_schedule_retry(err->status, session->failures, err->retry_after_s, kd_random32());
	kd_loop_set(&daemon->loop, &session->timer, aid_clock_boot_ms() + wait);
	if (session->failures % RENEW_EVERY == 0)
		kd_store_renew_ring(session);
	kd_clients_answer_error(daemon, &session->clients, err);
}

static void log_refreshed(struct kd_daemon *daemon, const struct kd_session *session,
	bool tampered)
{
	char id[AID_SESSION_ID_SIZE];

	id_text(session, id);
	if (tampered)
		kd_log_line(&daemon->log, LOG_ALERT,
			"op=refresh event=key_tampered agent='%s' session='%s' status=ok "
			"detail='agentid:token was ended before its time and is made anew'",
			session->agent->id, id);
	else if (session->failures > 0)
		kd_log_line(&daemon->log, LOG_NOTICE,
			"op=refresh agent='%s' session='%s' status=ok token='%s' detail='after %u failures'",
			session->agent->id, id, session->token_id, session->failures);
}

/* By both clocks: a step of the wall clock ends keys, and nobody tampered. */
static bool has_time_left(const struct kd_session *session)
{
	return session->expires_boot_ms > aid_clock_boot_ms() + 1000 &&
		session->expires_wall_ms > aid_clock_wall_ms() + 1000;
}

static void refresh_succeeded(struct kd_daemon *daemon, struct kd_session *session,
	struct kd_issuer *issuer, const struct kd_issued *issued)
{
	const struct kd_session before = *session;
	struct aid_error err = AID_ERROR_INIT;
	bool recreated = false, had_live_token;
	int r;

	had_live_token = session->token != 0 && has_time_left(session);
	adopt(session, issuer, issued);
	session->refreshes++;
	r = kd_store_refresh(daemon, session, issued->bytes, issued->length, &recreated, &err);
	if (r == AID_OK) {
		log_refreshed(daemon, session, recreated && had_live_token);
		session->failures = 0;
		kd_session_set_error(session, NULL);
		kd_agent_set_error(session->agent, NULL);
		kd_refresh_plan(daemon, session);
		kd_clients_answer_done(daemon, &session->clients);
		return;
	}
	/* What is in the ring is still the old token, or nothing. */
	session->expires_wall_ms = before.expires_wall_ms;
	session->expires_boot_ms = before.expires_boot_ms;
	session->lifetime_ms = before.lifetime_ms;
	session->received_boot_ms = before.received_boot_ms;
	session->refreshes = before.refreshes;
	memcpy(session->token_id, before.token_id, sizeof(session->token_id));
	session->token_issuer = before.token_issuer;
	if (aid_ring_check(session->ring, NULL) != AID_OK)
		give_up_on_ring(daemon, session, &err);
	else
		refresh_failed(daemon, session, &err);
}

static void opening_answered_badly(struct kd_daemon *daemon, struct kd_session *session,
	const struct aid_error *err)
{
	int64_t now = aid_clock_boot_ms();
	int64_t wait;

	session->failures++;
	wait = kd_schedule_retry(err->status, session->failures, err->retry_after_s, kd_random32());
	if (!aid_status_is_transient(err->status) || session->failures >= OPEN_TRIES ||
		now + wait + OPEN_AGAIN_MS > session->open_until_ms) {
		kd_agent_set_error(session->agent, err->text);
		kd_opening_failed(daemon, session, err);
		return;
	}
	log_failure(daemon, session, err);
	kd_loop_set(&daemon->loop, &session->timer, now + wait);
}

static void opening_succeeded(struct kd_daemon *daemon, struct kd_session *session,
	struct kd_issuer *issuer, const struct kd_issued *issued)
{
	struct aid_error err = AID_ERROR_INIT;

	adopt(session, issuer, issued);
	if (kd_store_open(session, issued->bytes, issued->length, &err) != AID_OK) {
		kd_opening_failed(daemon, session, &err);
		return;
	}
	session->failures = 0;
	kd_agent_set_error(session->agent, NULL);
	kd_credentials_open(daemon, session);
	if (session->opens == 0)
		kd_opening_finish(daemon, session);
}

static void answered_badly(struct kd_daemon *daemon, struct kd_session *session,
	const struct aid_error *err)
{
	if (session->state == KD_OPENING)
		opening_answered_badly(daemon, session, err);
	else
		refresh_failed(daemon, session, err);
}

/* fetch has read the secret again already: this one is not what the provider has. */
static bool refuses_client(const struct aid_error *err)
{
	return err != NULL &&
		(err->status == AID_E_CREDENTIAL || (err->status == AID_E_DENIED && err->http_status == 401));
}

void kd_refresh_answered(struct kd_daemon *daemon, struct kd_job *job,
	const struct kd_answer *answer)
{
	struct kd_session *session = job->session;
	struct aid_error err = AID_ERROR_INIT;
	struct kd_issuer *issuer = job->asked;
	struct kd_issued issued;

	/* A secret may have been replaced while the request was under way. */
	if (answer->err != NULL && answer->err->status == AID_E_CREDENTIAL && !job->reopened) {
		job->reopened = true;
		kd_fetch_again(daemon, job);
		return;
	}
	note_answer(daemon, job, answer);
	if (job->credential == NULL && refuses_client(answer->err))
		kd_rotation_suspect(daemon, session->agent->id);
	if (job->credential != NULL) {
		kd_credential_answered(daemon, job, answer);
		return;
	}
	session->job = NULL;
	free(job);
	if (answer->err != NULL) {
		answered_badly(daemon, session, answer->err);
		return;
	}
	if (kd_issued_read(answer->frame, AID_TOKEN_MAX, &issued, &err) != AID_OK)
		answered_badly(daemon, session, &err);
	else if (session->state == KD_OPENING)
		opening_succeeded(daemon, session, issuer, &issued);
	else
		refresh_succeeded(daemon, session, issuer, &issued);
}
