/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "credentialstore.h"

#include "agent.h"
#include "clock.h"
#include "credentialrecord.h"
#include "daemon.h"
#include "store.h"
#include "str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOON_MS 1000

struct key_name {
	char text[sizeof(AID_KEY_PREFIX) + AID_CREDENTIAL_NAME_MAX];
};

static const char *name_of(const struct kd_credential *credential, struct key_name *out)
{
	(void)snprintf(out->text, sizeof(out->text), AID_KEY_PREFIX "%s", credential->name);
	return out->text;
}

/* Of no credential there is none. */
static void revoke_record(const struct kd_session *session)
{
	aid_serial key;

	if (aid_ring_key(session->ring, AID_KEY_CREDENTIALS, &key, NULL) == AID_OK)
		aid_key_revoke(key);
}

static int put_record(const struct kd_session *session, struct aid_error *err)
{
	uint8_t bytes[KD_CREDENTIAL_RECORDS_MAX];
	size_t length = 0;
	aid_serial key = 0;

	for (struct kd_list *n = session->credentials.next; n != &session->credentials; n = n->next) {
		const struct kd_credential *credential = KD_CONTAINER(n, struct kd_credential, node);

		if (credential->key != 0 &&
			kd_credential_record_add(credential, bytes, sizeof(bytes), &length) != AID_OK)
			return aid_fail(err, AID_E_TOOBIG, "the records of the credentials are over %u bytes",
				KD_CREDENTIAL_RECORDS_MAX);
	}
	if (length == 0) {
		revoke_record(session);
		return AID_OK;
	}
	return aid_ring_put(session->ring, AID_KEY_CREDENTIALS, AID_PERM_META, bytes, length,
		kd_store_ring_expiry(), &key, NULL, err);
}

void kd_credential_note(const struct kd_session *session)
{
	(void)!put_record(session, NULL);
}

void kd_credentials_note(const struct kd_session *session)
{
	(void)!kd_store_info(session, NULL);
	kd_credential_note(session);
}

int kd_credential_store(struct kd_credential *credential, const void *payload, size_t length,
	bool *ret_recreated, struct aid_error *err)
{
	struct kd_session *session = credential->session;
	struct key_name name;
	int r = aid_ring_put(session->ring, name_of(credential, &name), AID_PERM_KEY, payload, length,
		kd_store_credential_expiry(credential), &credential->key, ret_recreated, err);

	if (r == AID_OK)
		r = kd_store_info(session, err);
	return r == AID_OK ? put_record(session, err) : r;
}

bool kd_credential_key_lives(const struct kd_credential *credential)
{
	struct key_name name;
	aid_serial key;

	return aid_ring_key(credential->session->ring, name_of(credential, &name), &key, NULL) == AID_OK &&
		key == credential->key;
}

void kd_credential_revoke(struct kd_credential *credential)
{
	if (credential->key != 0)
		aid_key_revoke(credential->key);
	credential->key = 0;
	credential->from = NULL;
}

void kd_credentials_set_timeouts(const struct kd_session *session)
{
	aid_serial record;

	for (struct kd_list *n = session->credentials.next; n != &session->credentials; n = n->next) {
		const struct kd_credential *credential = KD_CONTAINER(n, struct kd_credential, node);

		if (credential->key != 0)
			(void)!aid_key_expire(credential->key, kd_store_credential_expiry(credential), NULL);
	}
	if (aid_ring_key(session->ring, AID_KEY_CREDENTIALS, &record, NULL) == AID_OK)
		(void)!aid_key_expire(record, kd_store_ring_expiry(), NULL);
}

/* ---- after a restart ---- */

static void find_key(struct kd_credential *credential)
{
	struct key_name name;

	if (aid_ring_key(credential->session->ring, name_of(credential, &name), &credential->key, NULL) !=
		AID_OK)
		credential->key = 0;
}

static bool is_wanted(const struct kd_session *session, const struct kd_credential *known)
{
	const struct aid_agent *agent = session->agent->config;
	const struct aid_credential *config;

	/* Without a configuration nothing says that it is not. */
	if (agent == NULL)
		return true;
	config = aid_agent_credential(agent, known->name);
	return config != NULL && config->options.target->kind == known->kind;
}

static int take(struct kd_daemon *daemon, struct kd_session *session, const struct kd_credential *known,
	const char *from)
{
	struct kd_credential *credential;

	if (!is_wanted(session, known))
		return AID_OK;
	credential = kd_credential_make(session, known->name, known->kind);
	if (credential == NULL)
		return AID_E_NOMEM;
	credential->from = from[0] == '\0' ? NULL : kd_issuers_get(&daemon->agents, from);
	credential->used = known->used;
	credential->renewable = known->renewable;
	credential->expires_wall_ms = known->expires_wall_ms;
	credential->expires_boot_ms = known->expires_boot_ms;
	credential->lifetime_ms = known->lifetime_ms;
	credential->received_boot_ms = known->received_boot_ms;
	credential->refreshes = known->refreshes;
	memcpy(credential->id, known->id, sizeof(credential->id));
	find_key(credential);
	return AID_OK;
}

static void read_record(struct kd_daemon *daemon, struct kd_session *session)
{
	uint8_t bytes[KD_CREDENTIAL_RECORDS_MAX];
	char from[KD_TARGET_NAME_SIZE];
	struct aid_error err = AID_ERROR_INIT;
	struct kd_credential known;
	size_t length = 0, at = 0;
	aid_serial key;
	int r;

	if (aid_ring_key(session->ring, AID_KEY_CREDENTIALS, &key, NULL) != AID_OK)
		return;
	r = aid_key_read(key, bytes, sizeof(bytes), &length, &err);
	while (r == AID_OK) {
		r = kd_credential_record_next(bytes, length, &at, &known, from, &err);
		if (r == AID_OK)
			r = take(daemon, session, &known, from);
	}
	if (r != AID_E_NOTFOUND)
		kd_log_line(&daemon->log, LOG_WARNING,
			"op=recover agent='%s' ring=%d status=%s detail='credentials: %s'",
			session->agent->id, session->ring, aid_status_name(r), err.text);
}

/* Stored, and then the daemon died before it was recorded; or no longer configured. */
static void revoke_unknown(void *context, aid_serial key, const char *name)
{
	const struct kd_session *session = context;
	const char *credential = name + strlen(AID_KEY_PREFIX);

	if (aid_credential_name_check(credential, NULL) == AID_OK &&
		kd_credential_find(session, credential) == NULL)
		aid_key_revoke(key);
}

void kd_credentials_recover(struct kd_daemon *daemon, struct kd_session *session, bool stepped)
{
	read_record(daemon, session);
	(void)!aid_ring_visit(session->ring, revoke_unknown, session, NULL);
	if (kd_list_is_empty(&session->credentials))
		return;
	kd_credentials_set_timeouts(session);
	(void)!kd_store_info(session, NULL);
	for (struct kd_list *n = session->credentials.next; n != &session->credentials; n = n->next)
		kd_credential_plan(daemon, KD_CONTAINER(n, struct kd_credential, node));
	if (stepped)
		kd_credentials_soon(daemon, session, SOON_MS, false);
}
