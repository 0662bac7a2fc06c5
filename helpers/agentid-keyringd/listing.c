/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "listing.h"

#include "clock.h"
#include "credential.h"
#include "daemon.h"
#include "str.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#define ITEM_BYTES 2048U
#define STALLED_MS 10000
#define AGENT_ERROR_SIZE 256
#define FRAMES_PER_ROUND 64

static int64_t to_wall(int64_t boot_ms)
{
	return boot_ms - aid_clock_boot_ms() + aid_clock_wall_ms();
}

static const char *text_or_null(const char *text)
{
	return text[0] == '\0' ? NULL : text;
}

static const char *source_of(const struct kd_agent *agent)
{
	return agent->config == NULL ? NULL : aid_source_name(agent->config->token.source);
}

static bool may_see(const struct kd_client *client, const struct kd_session *session)
{
	if (client->peer.uid != 0 && client->peer.uid != session->uid)
		return false;
	return client->filter[0] == '\0' || aid_streq(client->filter, session->agent->id);
}

static void write_session(const struct kd_session *s, struct aid_writer *w)
{
	char id[AID_SESSION_ID_SIZE];

	aid_str_hex(s->id, sizeof(s->id), id);
	aid_writer_text(w, AID_TAG_SESSION, id);
	aid_writer_text(w, AID_TAG_AGENT, s->agent->id);
	aid_writer_text(w, AID_TAG_ACCOUNT, s->agent->account);
	aid_writer_int(w, AID_TAG_UID, s->uid);
	aid_writer_text(w, AID_TAG_SERVICE, kd_session_text(s, KD_SERVICE));
	aid_writer_text(w, AID_TAG_RHOST, text_or_null(kd_session_text(s, KD_RHOST)));
	aid_writer_text(w, AID_TAG_TTY, text_or_null(kd_session_text(s, KD_TTY)));
	aid_writer_text(w, AID_TAG_INVOCATION, text_or_null(kd_session_text(s, KD_INVOCATION)));
	aid_writer_int(w, AID_TAG_PID, s->leader_pid);
	aid_writer_int(w, AID_TAG_RING, s->ring);
	aid_writer_text(w, AID_TAG_STATE, kd_session_state_name(s, aid_clock_boot_ms()));
	aid_writer_text(w, AID_TAG_SOURCE, source_of(s->agent));
	aid_writer_int(w, AID_TAG_OPENED_MS, s->opened_wall_ms);
	aid_writer_int(w, AID_TAG_EXPIRES_MS, s->expires_wall_ms);
	aid_writer_int(w, AID_TAG_LIFETIME_MS, s->lifetime_ms);
	if (s->timer.place != 0)
		aid_writer_int(w, AID_TAG_REFRESH_MS, to_wall(s->timer.due_ms));
	aid_writer_int(w, AID_TAG_REFRESHES, s->refreshes);
	aid_writer_int(w, AID_TAG_FAILURES, s->failures);
	aid_writer_text(w, AID_TAG_TOKEN_ID, text_or_null(s->token_id));
	aid_writer_text(w, AID_TAG_LAST_ERROR, s->last_error);
}

/* What is wrong with its file comes before what is wrong with its tokens. A field is ASCII. */
static const char *last_error(const struct kd_agent *agent, char out[AGENT_ERROR_SIZE])
{
	if (agent->problem == NULL)
		return agent->last_error;
	(void)snprintf(out, AGENT_ERROR_SIZE, "%s%.200s",
		agent->config != NULL ? "the last good configuration is in force; " : "", agent->problem);
	return out;
}

static void write_credential(const struct kd_session *s, const struct kd_credential *c,
	const struct aid_credential *config, struct aid_writer *w)
{
	char id[AID_SESSION_ID_SIZE];

	aid_str_hex(s->id, sizeof(s->id), id);
	aid_writer_text(w, AID_TAG_SESSION, id);
	aid_writer_text(w, AID_TAG_NAME, c != NULL ? c->name : config->name);
	aid_writer_int(w, AID_TAG_CREDENTIAL_TYPE, c != NULL ? c->kind : config->options.target->kind);
	aid_writer_text(w, AID_TAG_STATE, kd_credential_state(c));
	if (c == NULL)
		return;
	if (kd_credential_is_there(c)) {
		aid_writer_int(w, AID_TAG_EXPIRES_MS, c->expires_wall_ms);
		aid_writer_int(w, AID_TAG_LIFETIME_MS, c->lifetime_ms);
		aid_writer_text(w, AID_TAG_TOKEN_ID, text_or_null(c->id));
	}
	if (c->timer.place != 0)
		aid_writer_int(w, AID_TAG_REFRESH_MS, to_wall(c->timer.due_ms));
	aid_writer_int(w, AID_TAG_REFRESHES, c->refreshes);
	aid_writer_int(w, AID_TAG_FAILURES, c->failures);
	aid_writer_text(w, AID_TAG_LAST_ERROR, c->last_error);
}

static void write_agent(const struct kd_agent *agent, const struct kd_rotation *rotation,
	struct aid_writer *w)
{
	char text[AGENT_ERROR_SIZE];
	const char *state = agent->revoked ? "revoked"
		: agent->problem != NULL   ? "misconfigured"
		: agent->config == NULL    ? "unconfigured"
		: agent->last_error != NULL ? "failing"
					    : "ok";

	aid_writer_text(w, AID_TAG_AGENT, agent->id);
	aid_writer_text(w, AID_TAG_ACCOUNT, text_or_null(agent->account));
	aid_writer_text(w, AID_TAG_SOURCE, source_of(agent));
	aid_writer_int(w, AID_TAG_SESSIONS, agent->n_sessions);
	aid_writer_text(w, AID_TAG_STATE, state);
	aid_writer_text(w, AID_TAG_LAST_ERROR, last_error(agent, text));
	if (agent->config != NULL)
		aid_writer_text(w, AID_TAG_ISSUER, agent->config->token.issuer);
	if (rotation == NULL)
		return;
	if (rotation->rotated_wall_ms != 0)
		aid_writer_int(w, AID_TAG_ROTATED_MS, rotation->rotated_wall_ms);
	if (rotation->timer.place != 0)
		aid_writer_int(w, AID_TAG_NEXT_MS, to_wall(rotation->timer.due_ms));
	aid_writer_text(w, AID_TAG_ROTATE_ERROR, text_or_null(rotation->last_error));
}

static void write_daemon(const struct kd_daemon *daemon, struct aid_writer *w)
{
	struct aid_quota quota;

	aid_writer_text(w, AID_TAG_VERSION, PACKAGE_VERSION);
	aid_writer_int(w, AID_TAG_STARTED_MS, daemon->started_wall_ms);
	aid_writer_int(w, AID_TAG_SESSIONS, daemon->sessions.count);
	aid_writer_int(w, AID_TAG_FETCH_UP, kd_fetch_is_up(&daemon->fetch) ? 1 : 0);
	aid_writer_int(w, AID_TAG_COUNT_OF, daemon->retire.count);
	if (aid_quota_read(0, &quota, NULL) == AID_OK) {
		aid_writer_int(w, AID_TAG_QUOTA_USED, quota.bytes);
		aid_writer_int(w, AID_TAG_QUOTA_MAX, quota.bytes_max);
	}
	aid_writer_text(w, AID_TAG_CONFIG_ERROR, text_or_null(daemon->config_error));
}

/* The agent at the cursor that this client may see, or NULL at the end. */
static const struct kd_agent *agent_at(const struct kd_daemon *daemon, struct kd_client *client)
{
	const struct kd_list *list = &daemon->agents.list;
	uint32_t index = 0;

	if (client->peer.uid != 0)
		return NULL;
	for (struct kd_list *n = list->next; n != list; n = n->next, index++) {
		const struct kd_agent *agent = KD_CONTAINER(n, struct kd_agent, node);

		if (index < client->cursor ||
			(client->filter[0] != '\0' && !aid_streq(client->filter, agent->id)))
			continue;
		client->cursor = index;
		return agent;
	}
	return NULL;
}

static const struct kd_session *session_at(const struct kd_daemon *daemon, struct kd_client *client)
{
	for (; client->cursor < daemon->sessions.n_slots; client->cursor++, client->part = 0) {
		const struct kd_session *session =
			kd_sessions_by_slot(&daemon->sessions, client->cursor);

		if (session != NULL && may_see(client, session))
			return session;
	}
	return NULL;
}

/* The session at the cursor, or a credential of it; false at the end of the list. */
static bool write_of_session(const struct kd_daemon *daemon, struct kd_client *client, uint8_t *buffer,
	struct aid_writer *writer)
{
	const struct aid_credential *config;
	const struct kd_credential *credential;
	const struct kd_session *session = session_at(daemon, client);

	if (session != NULL && client->part > 0 &&
		!kd_credential_at(session, client->part - 1, &credential, &config)) {
		client->part = 0;
		client->cursor++;
		session = session_at(daemon, client);
	}
	if (session == NULL)
		return false;
	if (client->part == 0) {
		kd_client_begin(client, writer, buffer, ITEM_BYTES, AID_MSG_SESSION_INFO);
		write_session(session, writer);
		return true;
	}
	kd_client_begin(client, writer, buffer, ITEM_BYTES, AID_MSG_CREDENTIAL_INFO);
	write_credential(session, credential, config, writer);
	return true;
}

/* Writes the frame at the cursor; false at the end of the list. */
static bool write_next(const struct kd_daemon *daemon, struct kd_client *client, uint8_t *buffer,
	struct aid_writer *writer)
{
	const struct kd_agent *agent;

	if (client->request == AID_MSG_LIST)
		return write_of_session(daemon, client, buffer, writer);
	if (!client->head_sent) {
		kd_client_begin(client, writer, buffer, ITEM_BYTES, AID_MSG_DAEMON_INFO);
		write_daemon(daemon, writer);
		return true;
	}
	agent = agent_at(daemon, client);
	if (agent == NULL)
		return false;
	kd_client_begin(client, writer, buffer, ITEM_BYTES, AID_MSG_AGENT_INFO);
	write_agent(agent, kd_rotation_find(daemon, agent->id), writer);
	return true;
}

static void advance(struct kd_client *client)
{
	if (client->request == AID_MSG_STATUS && !client->head_sent)
		client->head_sent = true;
	else if (client->request == AID_MSG_LIST)
		client->part++;
	else
		client->cursor++;
}

void kd_listing_continue(struct kd_daemon *daemon, struct kd_client *client)
{
	uint8_t buffer[ITEM_BYTES];
	struct aid_writer writer;

	for (int i = 0; i < FRAMES_PER_ROUND; i++) {
		bool more = write_next(daemon, client, buffer, &writer);
		int r;

		if (!more)
			kd_client_begin(client, &writer, buffer, sizeof(buffer), AID_MSG_DONE);
		r = aid_writer_end(&writer);
		if (r == AID_OK)
			r = kd_client_send(client, &writer);
		if (r == AID_E_BUSY)
			break;
		if (r != AID_OK) {
			kd_client_drop(daemon, client);
			return;
		}
		if (!more) {
			kd_client_becomes_idle(daemon, client);
			return;
		}
		advance(client);
	}
	kd_loop_change(&daemon->loop, &client->watch, EPOLLOUT | EPOLLRDHUP);
	kd_loop_set(&daemon->loop, &client->timer, aid_clock_boot_ms() + STALLED_MS);
}

void kd_listing_begin(struct kd_daemon *daemon, struct kd_client *client,
	const struct aid_frame *frame)
{
	struct aid_error err = AID_ERROR_INIT;

	if (aid_frame_text(frame, AID_TAG_AGENT, client->filter, sizeof(client->filter), &err) !=
		AID_OK) {
		kd_client_answer_error(daemon, client, &err);
		return;
	}
	client->state = KD_CLIENT_STREAMING;
	client->request = frame->type;
	client->head_sent = false;
	client->cursor = 0;
	client->part = 0;
	kd_listing_continue(daemon, client);
}
