/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "retire.h"

#include "chance.h"
#include "clock.h"
#include "credential.h"
#include "daemon.h"
#include "fetchrequest.h"
#include "schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_MS 10000
#define MARGIN_MS INT64_C(250) /* fetch's own sentence comes before our deadline */
#define BREAKER_MS 1000 /* how soon an issuer whose breaker is open is looked at again, at least */
#define SENDS_MAX 2     /* of one token to a fetch that ends under it */

/* One token or credential. It waits in its issuer's queue or flies; the timer is its expiry or the deadline. */
struct retirement {
	struct kd_list node;
	struct kd_issuer *issuer;
	struct kd_timer timer;
	struct kd_kept token;
	int64_t ended_boot_ms;
	int64_t expires_boot_ms;
	uint32_t id;
	unsigned int version; /* that the request was sent in */
	uint8_t sends;
	bool flying;
	bool reopened; /* the secret was opened again after AID_E_CREDENTIAL */
	char agent[KD_AGENT_ID_SIZE];
	char token_id[KD_TOKEN_ID_SIZE];
	char credential[AID_CREDENTIAL_NAME_MAX + 1]; /* "": the session's token */
};

static struct retirement *first_of(const struct kd_list *list)
{
	return KD_CONTAINER(list->next, struct retirement, node);
}

static void take_off(struct kd_daemon *daemon, struct retirement *item)
{
	kd_list_remove(&item->node);
	if (!item->flying)
		return;
	item->flying = false;
	item->issuer->retire.flying--;
	daemon->retire.n_flying--;
	/* Another one may fly now. */
	daemon->fetch.send_due = true;
}

static void forget(struct kd_daemon *daemon, struct retirement *item)
{
	take_off(daemon, item);
	kd_loop_clear(&daemon->loop, &item->timer);
	kd_retire_store_drop(&daemon->retire.store, &item->token);
	daemon->retire.count--;
	free(item);
}

static void give_up(struct kd_daemon *daemon, struct retirement *item, int status, const char *why)
{
	kd_log_line(&daemon->log, LOG_NOTICE, "op=retire agent='%s' token='%s' status=%s detail='%s'",
		item->agent, item->token_id, aid_status_name(status), why);
	forget(daemon, item);
}

static void wait_again(struct kd_daemon *daemon, struct retirement *item, bool first)
{
	take_off(daemon, item);
	if (first)
		kd_list_prepend(&item->issuer->retire.waiting, &item->node);
	else
		kd_list_append(&item->issuer->retire.waiting, &item->node);
	kd_loop_set(&daemon->loop, &item->timer, item->expires_boot_ms);
}

/* ---- the issuer's queue ---- */

static void on_pause_over(struct kd_daemon *daemon, struct kd_timer *timer)
{
	KD_CONTAINER(timer, struct kd_issuer, retire.timer)->retire.paused = false;
	daemon->fetch.send_due = true;
}

static void pause_issuer(struct kd_daemon *daemon, struct kd_issuer *issuer, int64_t until_boot_ms)
{
	issuer->retire.paused = true;
	issuer->retire.timer.fire = on_pause_over;
	kd_loop_set(&daemon->loop, &issuer->retire.timer, until_boot_ms);
}

static unsigned int flying_most(const struct kd_retire_queue *queue, int64_t now)
{
	if (queue->failures > 0)
		return 1;
	return now < queue->login_boot_ms + KD_RETIRE_QUIET_MS ? KD_RETIRE_FLYING_BUSY
							      : KD_RETIRE_FLYING_ISSUER;
}

static bool may_fly(struct kd_daemon *daemon, struct kd_issuer *issuer)
{
	const struct kd_retire_queue *queue = &issuer->retire;
	int64_t now = aid_clock_boot_ms();
	int64_t from;

	if (kd_list_is_empty(&queue->waiting) || queue->paused || queue->flying >= flying_most(queue, now) ||
		daemon->retire.n_flying >= KD_RETIRE_FLYING_MAX)
		return false;
	if (issuer->breaker.state == KD_BREAKER_CLOSED) {
		from = kd_schedule_retire(first_of(&queue->waiting)->ended_boot_ms, queue->login_boot_ms);
		if (from <= now)
			return true;
	} else {
		from = now + BREAKER_MS;
		if (from < issuer->breaker.retry_at_ms)
			from = issuer->breaker.retry_at_ms;
	}
	pause_issuer(daemon, issuer, from);
	return false;
}

static void failed(struct kd_daemon *daemon, struct retirement *item, const struct aid_error *err)
{
	struct kd_issuer *issuer = item->issuer;
	int64_t now = aid_clock_boot_ms();

	if (item->expires_boot_ms <= now) {
		daemon->retire.expired++;
		forget(daemon, item);
		return;
	}
	if (err->status == AID_E_CREDENTIAL && !item->reopened) {
		item->reopened = true;
		wait_again(daemon, item, true);
		return;
	}
	if (!aid_status_is_transient(err->status)) {
		give_up(daemon, item, err->status, err->text);
		return;
	}
	issuer->retire.failures++;
	pause_issuer(daemon, issuer,
		now + kd_schedule_retry(err->status, issuer->retire.failures, err->retry_after_s,
			kd_random32()));
	wait_again(daemon, item, false);
}

static void on_item_timer(struct kd_daemon *daemon, struct kd_timer *timer)
{
	struct retirement *item = KD_CONTAINER(timer, struct retirement, timer);
	struct aid_error err = AID_ERROR_INIT;

	(void)aid_fail(&err, AID_E_TIMEOUT, "agentid-fetch gave no answer in time");
	failed(daemon, item, &err);
}

/* ---- sending ---- */

static bool is_same_target(struct kd_daemon *daemon, const struct kd_agent *agent,
	const struct retirement *item)
{
	const struct aid_credential *config = aid_agent_credential(agent->config, item->credential);

	return config != NULL && kd_credential_target(daemon, agent, config) == item->issuer;
}

/* A reload may have given the agent another issuer since: no provider sees another one's token. */
static const struct kd_agent *asker(struct kd_daemon *daemon, const struct retirement *item)
{
	const struct kd_agent *agent = kd_agents_find(&daemon->agents, item->agent);

	if (agent == NULL || agent->config == NULL)
		return NULL;
	if (item->credential[0] != '\0')
		return is_same_target(daemon, agent, item) ? agent : NULL;
	return agent->issuer == item->issuer && agent->config->token.source == AID_SOURCE_OIDC ? agent
											: NULL;
}

static int send_item(struct kd_daemon *daemon, const struct kd_agent *agent,
	struct retirement *item, struct aid_error *err)
{
	int64_t now = aid_clock_boot_ms();
	int64_t left = item->expires_boot_ms - now;
	struct kd_request request;
	struct kd_ask ask = {.retire = item->token.bytes, .retire_length = item->token.length,
		.retire_name = item->credential[0] != '\0' ? item->credential : NULL};
	int r;

	if (left > REQUEST_MS)
		left = REQUEST_MS;
	item->id = KD_RETIRE_SLOT | (daemon->retire.number++ << KD_FETCH_SLOT_BITS);
	item->version = daemon->fetch.version;
	ask.id = item->id;
	ask.timeout_ms = left > 2 * MARGIN_MS ? left - MARGIN_MS : MARGIN_MS;
	r = kd_request_build(daemon, agent, &ask, &request, err);
	if (r == AID_OK)
		r = aid_ipc_send(daemon->fetch.watch.fd, request.frame, request.length, request.fds,
			request.n_fds, err);
	else if (r == AID_E_BUSY || r == AID_E_UNREACHABLE)
		r = AID_E_IO;
	kd_request_done(&request);
	if (r == AID_OK)
		kd_loop_set(&daemon->loop, &item->timer, now + left);
	return r;
}

static int send_first(struct kd_daemon *daemon, struct kd_issuer *issuer)
{
	struct retirement *item = first_of(&issuer->retire.waiting);
	const struct kd_agent *agent = asker(daemon, item);
	struct aid_error err = AID_ERROR_INIT;
	int r;

	if (agent == NULL) {
		give_up(daemon, item, AID_E_CONFIG, "the agent is not configured for this issuer any more");
		return AID_OK;
	}
	r = send_item(daemon, agent, item, &err);
	if (r == AID_E_BUSY || r == AID_E_UNREACHABLE)
		return r;
	if (r != AID_OK) {
		give_up(daemon, item, err.status, err.text);
		return AID_OK;
	}
	kd_list_remove(&item->node);
	kd_list_append(&daemon->retire.flying, &item->node);
	item->flying = true;
	item->sends++;
	issuer->retire.flying++;
	daemon->retire.n_flying++;
	return AID_OK;
}

int kd_retire_flush(struct kd_daemon *daemon)
{
	struct kd_list *issuers = &daemon->agents.issuers;

	if (daemon->retire.count == daemon->retire.n_flying)
		return AID_OK;
	for (struct kd_list *n = issuers->next; n != issuers; n = n->next) {
		struct kd_issuer *issuer = KD_CONTAINER(n, struct kd_issuer, node);

		while (may_fly(daemon, issuer)) {
			int r = send_first(daemon, issuer);

			if (r != AID_OK)
				return r;
		}
	}
	return AID_OK;
}

void kd_retire_disconnected(struct kd_daemon *daemon)
{
	struct kd_list *flying = &daemon->retire.flying;

	while (!kd_list_is_empty(flying)) {
		struct retirement *item = KD_CONTAINER(flying->prev, struct retirement, node);

		if (item->sends < SENDS_MAX)
			wait_again(daemon, item, true);
		else
			give_up(daemon, item, AID_E_UNREACHABLE, "agentid-fetch ended twice under it");
	}
}

/* ---- answers ---- */

static void succeeded(struct kd_daemon *daemon, struct retirement *item,
	const struct aid_frame *frame)
{
	struct kd_issuer *issuer = item->issuer;
	char remark[sizeof(((struct aid_error *)NULL)->text)];
	int64_t count;

	issuer->retire.failures = 0;
	if (aid_frame_int(frame, AID_TAG_COUNT_OF, 0, 1, &count, NULL) == AID_OK && count == 0 &&
		!issuer->retire.told &&
		aid_frame_text(frame, AID_TAG_TEXT, remark, sizeof(remark), NULL) == AID_OK) {
		issuer->retire.told = true;
		kd_log_line(&daemon->log, LOG_NOTICE, "op=retire issuer='%s' status=unsupported detail='%s'",
			issuer->name, remark);
	}
	forget(daemon, item);
}

void kd_retire_answered(struct kd_daemon *daemon, const struct aid_frame *frame)
{
	struct kd_list *flying = &daemon->retire.flying;
	struct aid_error err = AID_ERROR_INIT;
	struct retirement *item;
	struct kd_list *n = flying->next;

	while (n != flying && KD_CONTAINER(n, struct retirement, node)->id != frame->id)
		n = n->next;
	if (n == flying)
		return;
	item = KD_CONTAINER(n, struct retirement, node);
	if (frame->type == AID_MSG_DONE) {
		succeeded(daemon, item, frame);
		return;
	}
	if (frame->type == AID_MSG_ERROR && kd_fetch_refused(daemon, frame, item->version, &err)) {
		wait_again(daemon, item, true);
		return;
	}
	if (frame->type != AID_MSG_ERROR)
		(void)aid_fail(&err, AID_E_PROTOCOL, "agentid-fetch answered with message %d",
			(int)frame->type);
	failed(daemon, item, &err);
}

/* ---- in and out ---- */

/* What there is to revoke. */
struct offer {
	const struct kd_agent *agent;
	struct kd_issuer *issuer;
	aid_serial key;
	int64_t expires_boot_ms;
	const char *token_id;
	const char *credential;
};

static bool is_wanted(const struct kd_session *session, int64_t now_boot_ms)
{
	const struct aid_agent *config = session->agent->config;

	return session->token != 0 && config != NULL && config->token.source == AID_SOURCE_OIDC &&
		config->token.revoke_at_end &&
		session->token_issuer != NULL && session->token_issuer == session->agent->issuer &&
		session->expires_boot_ms > now_boot_ms;
}

/* Clouds take nothing back; a token server is asked as for the session's token. */
static bool is_revocable(const struct kd_credential *c, int64_t now_boot_ms)
{
	if (c->key == 0 || c->from == NULL || c->expires_boot_ms <= now_boot_ms ||
		kd_credential_config(c) == NULL)
		return false;
	switch (c->kind) {
	case AID_TARGET_VAULT:
		return true;
	case AID_TARGET_RFC8693:
	case AID_TARGET_OIDC:
		return c->session->agent->config->token.revoke_at_end;
	case AID_TARGET_AWS_STS:
	case AID_TARGET_AZURE_WIF:
	case AID_TARGET_GCP_WIF:
		break;
	}
	return false;
}

static struct retirement *keep(struct kd_daemon *daemon, const struct offer *offer)
{
	struct kd_retire *retire = &daemon->retire;
	struct retirement *item;
	int r;

	if (retire->count >= KD_RETIRE_MAX) {
		retire->refused++;
		return NULL;
	}
	item = calloc(1, sizeof(*item));
	r = item == NULL ? AID_E_NOMEM : kd_retire_store_read(&retire->store, offer->key, &item->token);
	if (r == AID_OK)
		return item;
	/* Else the key is gone already: somebody ended it, or it expired. */
	if (r == AID_E_TOOBIG || r == AID_E_NOMEM)
		retire->refused++;
	if (r == AID_E_INVALID)
		kd_log_line(&daemon->log, LOG_NOTICE,
			"op=retire agent='%s' token='%s' status=%s detail='over %d bytes: where it is from it is "
			"valid until it expires'", offer->agent->id, offer->token_id,
			aid_status_name(AID_E_TOOBIG), AID_TOKEN_MAX);
	free(item);
	return NULL;
}

static void take(struct kd_daemon *daemon, const struct offer *offer)
{
	struct retirement *item = keep(daemon, offer);

	if (item == NULL)
		return;
	item->issuer = offer->issuer;
	item->ended_boot_ms = aid_clock_boot_ms();
	item->expires_boot_ms = offer->expires_boot_ms;
	item->timer.fire = on_item_timer;
	memcpy(item->agent, offer->agent->id, sizeof(item->agent));
	(void)snprintf(item->token_id, sizeof(item->token_id), "%s", offer->token_id);
	(void)snprintf(item->credential, sizeof(item->credential), "%s", offer->credential);
	daemon->retire.count++;
	kd_list_append(&item->issuer->retire.waiting, &item->node);
	kd_loop_set(&daemon->loop, &item->timer, item->expires_boot_ms);
	daemon->fetch.send_due = true;
}

void kd_retire_make_way(const struct kd_session *session)
{
	if (session->agent->issuer != NULL)
		session->agent->issuer->retire.login_boot_ms = aid_clock_boot_ms();
}

static void take_credential(struct kd_daemon *daemon, const struct kd_credential *c)
{
	if (is_revocable(c, aid_clock_boot_ms()))
		take(daemon, &(struct offer){c->session->agent, c->from, c->key, c->expires_boot_ms, c->id,
				     c->name});
}

void kd_retire_take(struct kd_daemon *daemon, const struct kd_session *session)
{
	const struct kd_list *list = &session->credentials;

	if (is_wanted(session, aid_clock_boot_ms()))
		take(daemon, &(struct offer){session->agent, session->token_issuer, session->token,
				     session->expires_boot_ms, session->token_id, ""});
	for (struct kd_list *n = list->next; n != list; n = n->next)
		take_credential(daemon, KD_CONTAINER(n, struct kd_credential, node));
}

void kd_retire_report(struct kd_daemon *daemon)
{
	struct kd_retire *retire = &daemon->retire;

	if (retire->refused > 0)
		kd_log_line(&daemon->log, LOG_NOTICE,
			"op=retire status=busy tokens=%u detail='no room to revoke them at the provider, too; "
			"there they are valid until they expire'", retire->refused);
	if (retire->expired > 0)
		kd_log_line(&daemon->log, LOG_NOTICE,
			"op=retire status=expired tokens=%u detail='the provider did not revoke them in time'",
			retire->expired);
	retire->refused = retire->expired = 0;
}

void kd_retire_init(struct kd_retire *retire)
{
	kd_list_init(&retire->flying);
}

void kd_retire_done(struct kd_daemon *daemon)
{
	struct kd_list *issuers = &daemon->agents.issuers;

	while (!kd_list_is_empty(&daemon->retire.flying))
		forget(daemon, first_of(&daemon->retire.flying));
	for (struct kd_list *n = issuers->next; n != issuers; n = n->next) {
		struct kd_issuer *issuer = KD_CONTAINER(n, struct kd_issuer, node);

		while (!kd_list_is_empty(&issuer->retire.waiting))
			forget(daemon, first_of(&issuer->retire.waiting));
	}
}
