/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "sessions.h"

#include "agent.h"
#include "str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kd_session *kd_session_new(const char *const texts[KD_N_TEXTS])
{
	struct kd_session *session = calloc(1, sizeof(*session));
	size_t total = 0;
	char *out;

	if (session == NULL)
		return NULL;
	for (int i = 0; i < KD_N_TEXTS; i++)
		total += (texts[i] == NULL ? 0 : strlen(texts[i])) + 1;
	session->texts = out = malloc(total);
	if (out == NULL) {
		free(session);
		return NULL;
	}
	for (int i = 0; i < KD_N_TEXTS; i++) {
		size_t length = texts[i] == NULL ? 0 : strlen(texts[i]);

		if (length > 0)
			memcpy(out, texts[i], length);
		out[length] = '\0';
		out += length + 1;
	}
	session->leader.fd = -1;
	kd_list_init(&session->of_agent);
	kd_list_init(&session->waiting);
	kd_list_init(&session->clients);
	kd_list_init(&session->credentials);
	return session;
}

void kd_session_free(struct kd_session *session)
{
	if (session == NULL)
		return;
	free(session->texts);
	free(session->last_error);
	explicit_bzero(session, sizeof(*session));
	free(session);
}

const char *kd_session_text(const struct kd_session *session, enum kd_text which)
{
	const char *text = session->texts;

	for (int i = 0; i < (int)which; i++)
		text += strlen(text) + 1;
	return text;
}

void kd_session_set_error(struct kd_session *session, const char *text)
{
	free(session->last_error);
	session->last_error = text == NULL ? NULL : strdup(text);
}

const char *kd_session_state_name(const struct kd_session *session, int64_t now_boot_ms)
{
	switch (session->state) {
	case KD_OPENING:
		return "opening";
	case KD_TAMPERED:
		return "tampered";
	case KD_LIVE:
		break;
	}
	if (session->expires_boot_ms <= now_boot_ms)
		return "expired";
	return session->failures > 0 ? "retrying" : "fresh";
}

static void copy(char *out, size_t size, const char *text)
{
	(void)snprintf(out, size, "%s", text);
}

void kd_session_record(const struct kd_session *session, struct aid_record *ret_record)
{
	struct aid_record *r = ret_record;

	*r = (struct aid_record){.uid = session->uid, .leader = session->leader_pid,
		.leader_start = session->leader_start, .opened_wall_ms = session->opened_wall_ms,
		.expires_wall_ms = session->expires_wall_ms,
		.expires_boot_ms = session->expires_boot_ms, .lifetime_ms = session->lifetime_ms,
		.received_boot_ms = session->received_boot_ms, .refreshes = session->refreshes};
	aid_str_hex(session->id, sizeof(session->id), r->session);
	copy(r->agent, sizeof(r->agent), session->agent->id);
	copy(r->account, sizeof(r->account), session->agent->account);
	copy(r->service, sizeof(r->service), kd_session_text(session, KD_SERVICE));
	copy(r->rhost, sizeof(r->rhost), kd_session_text(session, KD_RHOST));
	copy(r->tty, sizeof(r->tty), kd_session_text(session, KD_TTY));
	copy(r->invocation, sizeof(r->invocation), kd_session_text(session, KD_INVOCATION));
	copy(r->token_id, sizeof(r->token_id), session->token_id);
}

/* ---- the table ---- */

static uint64_t first_bytes(const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* Ids and cookies are random already; serials are made so by a multiplication. */
static uint32_t bucket_of_ring(const struct kd_sessions *table, aid_serial ring)
{
	return (uint32_t)(((uint64_t)(uint32_t)ring * UINT64_C(0x9e3779b97f4a7c15)) >> 32) &
		(table->n_buckets - 1);
}

static uint32_t bucket_of_bytes(const struct kd_sessions *table, const uint8_t *bytes)
{
	return (uint32_t)first_bytes(bytes) & (table->n_buckets - 1);
}

static uint32_t bucket_of(const struct kd_sessions *table, const struct kd_session *session,
	enum kd_index index)
{
	switch (index) {
	case KD_BY_ID:
		return bucket_of_bytes(table, session->id);
	case KD_BY_COOKIE:
		return bucket_of_bytes(table, session->cookie);
	case KD_BY_RING:
	case KD_N_INDEXES:
		break;
	}
	return bucket_of_ring(table, session->ring);
}

static void hang_in(struct kd_sessions *table, struct kd_session *session)
{
	for (int i = 0; i < KD_N_INDEXES; i++) {
		struct kd_session **head =
			&table->buckets[i][bucket_of(table, session, (enum kd_index)i)];

		session->chain[i] = *head;
		*head = session;
	}
}

static int grow_buckets(struct kd_sessions *table)
{
	uint32_t n = table->n_buckets > 0 ? table->n_buckets * 2 : 64;
	struct kd_session **fresh[KD_N_INDEXES];

	for (int i = 0; i < KD_N_INDEXES; i++) {
		fresh[i] = calloc(n, sizeof(struct kd_session *));
		if (fresh[i] != NULL)
			continue;
		while (i > 0)
			free(fresh[--i]);
		return AID_E_NOMEM;
	}
	for (int i = 0; i < KD_N_INDEXES; i++) {
		free(table->buckets[i]);
		table->buckets[i] = fresh[i];
	}
	table->n_buckets = n;
	for (uint32_t slot = 0; slot < table->n_slots; slot++) {
		if (table->slots[slot] != NULL)
			hang_in(table, table->slots[slot]);
	}
	return AID_OK;
}

static int grow_slots(struct kd_sessions *table)
{
	uint32_t n = table->n_slots > 0 ? table->n_slots * 2 : 64;
	struct kd_session **slots;

	if (n > KD_SESSIONS_MAX)
		return AID_E_TOOBIG;
	slots = reallocarray(table->slots, n, sizeof(struct kd_session *));
	if (slots == NULL)
		return AID_E_NOMEM;
	memset(slots + table->n_slots, 0, (n - table->n_slots) * sizeof(struct kd_session *));
	table->slots = slots;
	table->n_slots = n;
	return AID_OK;
}

int kd_sessions_add(struct kd_sessions *table, struct kd_session *session)
{
	/* The last two numbers are no slots: requests of no session have them. */
	if (table->count == KD_SESSIONS_MAX - 2)
		return AID_E_TOOBIG;
	if (table->count == table->n_slots) {
		int r = grow_slots(table);

		if (r != AID_OK)
			return r;
	}
	if (table->count >= table->n_buckets) {
		int r = grow_buckets(table);

		if (r != AID_OK)
			return r;
	}
	while (table->slots[table->first_free] != NULL)
		table->first_free++;
	session->slot = table->first_free;
	table->slots[session->slot] = session;
	table->count++;
	hang_in(table, session);
	return AID_OK;
}

void kd_sessions_remove(struct kd_sessions *table, struct kd_session *session)
{
	for (int i = 0; i < KD_N_INDEXES; i++) {
		struct kd_session **at = &table->buckets[i][bucket_of(table, session, (enum kd_index)i)];

		while (*at != session)
			at = &(*at)->chain[i];
		*at = session->chain[i];
	}
	table->slots[session->slot] = NULL;
	table->count--;
	if (session->slot < table->first_free)
		table->first_free = session->slot;
}

struct kd_session *kd_sessions_by_id(const struct kd_sessions *table,
	const uint8_t id[AID_SESSION_ID_BYTES])
{
	struct kd_session *s;

	if (table->n_buckets == 0)
		return NULL;
	s = table->buckets[KD_BY_ID][bucket_of_bytes(table, id)];
	while (s != NULL && first_bytes(s->id) != first_bytes(id))
		s = s->chain[KD_BY_ID];
	return s;
}

static bool same_cookie(const uint8_t *a, const uint8_t *b)
{
	volatile uint8_t difference = 0;

	for (size_t i = 0; i < AID_COOKIE_BYTES; i++)
		difference = (uint8_t)(difference | (a[i] ^ b[i]));
	return difference == 0;
}

/* The bucket can be guessed by the time it takes; that is a few bits of 256. */
struct kd_session *kd_sessions_by_cookie(const struct kd_sessions *table,
	const uint8_t cookie[AID_COOKIE_BYTES])
{
	struct kd_session *s;

	if (table->n_buckets == 0)
		return NULL;
	s = table->buckets[KD_BY_COOKIE][bucket_of_bytes(table, cookie)];
	while (s != NULL && !same_cookie(s->cookie, cookie))
		s = s->chain[KD_BY_COOKIE];
	return s;
}

struct kd_session *kd_sessions_by_ring(const struct kd_sessions *table, aid_serial ring)
{
	struct kd_session *s;

	if (table->n_buckets == 0)
		return NULL;
	s = table->buckets[KD_BY_RING][bucket_of_ring(table, ring)];
	while (s != NULL && s->ring != ring)
		s = s->chain[KD_BY_RING];
	return s;
}

struct kd_session *kd_sessions_by_slot(const struct kd_sessions *table, uint32_t slot)
{
	return slot < table->n_slots ? table->slots[slot] : NULL;
}

void kd_sessions_done(struct kd_sessions *table)
{
	for (uint32_t slot = 0; slot < table->n_slots; slot++)
		kd_session_free(table->slots[slot]);
	free(table->slots);
	for (int i = 0; i < KD_N_INDEXES; i++)
		free(table->buckets[i]);
	*table = (struct kd_sessions){0};
}
