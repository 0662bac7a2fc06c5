/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "store.h"

#include "clock.h"
#include "credential.h"

#include <string.h>

/* Of what ends by both clocks, as wall clock. */
static int64_t earlier(int64_t expires_wall_ms, int64_t expires_boot_ms)
{
	int64_t by_boot = aid_clock_wall_ms() + expires_boot_ms - aid_clock_boot_ms();

	return by_boot < expires_wall_ms ? by_boot : expires_wall_ms;
}

int64_t kd_store_expiry(const struct kd_session *session)
{
	return earlier(session->expires_wall_ms, session->expires_boot_ms);
}

int64_t kd_store_credential_expiry(const struct kd_credential *credential)
{
	return earlier(credential->expires_wall_ms, credential->expires_boot_ms);
}

int64_t kd_store_ring_expiry(void)
{
	return aid_clock_wall_ms() + KD_RING_GRACE_MS;
}

struct info {
	char text[AID_INFO_MAX];
	size_t length;
	int64_t expiry; /* of the last one */
};

static int add_info(struct info *info, const char *name, int64_t expiry, int64_t lifetime_ms,
	struct aid_error *err)
{
	if (aid_info_add_both(info->text, sizeof(info->text), &info->length, name, expiry, lifetime_ms) !=
		AID_OK)
		return aid_fail(err, AID_E_TOOBIG, "the info of the credentials is over %u bytes",
			AID_INFO_MAX);
	if (expiry > info->expiry)
		info->expiry = expiry;
	return AID_OK;
}

/* The key of info lives as long as what it tells of. */
static int write_info(const struct kd_session *session, struct info *info, struct aid_error *err)
{
	int r;

	info->length = 0;
	info->expiry = 0;
	r = add_info(info, "token", kd_store_expiry(session), 0, err);
	for (struct kd_list *n = session->credentials.next; n != &session->credentials && r == AID_OK;
		n = n->next) {
		const struct kd_credential *c = KD_CONTAINER(n, struct kd_credential, node);

		if (c->key != 0 && c->expires_boot_ms > aid_clock_boot_ms())
			r = add_info(info, c->name, kd_store_credential_expiry(c), c->lifetime_ms, err);
	}
	return r;
}

int kd_store_info(const struct kd_session *session, struct aid_error *err)
{
	struct info info;
	aid_serial key = 0;
	int r = write_info(session, &info, err);

	if (r != AID_OK)
		return r;
	return aid_ring_put(session->ring, AID_KEY_INFO, AID_PERM_KEY, info.text, info.length, info.expiry,
		&key, NULL, err);
}

static int put_token(struct kd_session *session, const void *token, size_t length,
	bool *ret_recreated, struct aid_error *err)
{
	int r = aid_ring_put(session->ring, AID_KEY_TOKEN, AID_PERM_KEY, token, length,
		kd_store_expiry(session), &session->token, ret_recreated, err);

	return r == AID_OK ? kd_store_info(session, err) : r;
}

static int add_token(struct kd_session *session, const void *token, size_t length,
	struct aid_error *err)
{
	struct info info;
	aid_serial key;
	int64_t expiry = kd_store_expiry(session);
	int r = aid_ring_add(session->ring, AID_KEY_TOKEN, AID_PERM_KEY, token, length, expiry,
		&session->token, err);

	if (r == AID_OK)
		r = write_info(session, &info, err);
	if (r != AID_OK)
		return r;
	return aid_ring_add(session->ring, AID_KEY_INFO, AID_PERM_KEY, info.text, info.length, info.expiry,
		&key, err);
}

struct record {
	uint8_t bytes[AID_RECORD_MAX];
	size_t length;
};

static int write_record(const struct kd_session *session, struct record *out, struct aid_error *err)
{
	struct aid_record record;

	kd_session_record(session, &record);
	return aid_record_encode(&record, out->bytes, sizeof(out->bytes), &out->length, err);
}

static int put_record(struct kd_session *session, struct aid_error *err)
{
	struct record record;
	int r = write_record(session, &record, err);

	if (r != AID_OK)
		return r;
	return aid_ring_put(session->ring, AID_KEY_META, AID_PERM_META, record.bytes, record.length,
		kd_store_ring_expiry(), &session->meta, NULL, err);
}

static int put_cookie(struct kd_session *session, struct aid_error *err)
{
	return aid_ring_put(session->ring, AID_KEY_COOKIE, AID_PERM_KEY, session->cookie,
		sizeof(session->cookie), kd_store_ring_expiry(), &session->cookie_key, NULL, err);
}

int kd_store_prepare(struct kd_daemon *daemon, struct kd_session *session, struct aid_error *err)
{
	int r = aid_ring_expire(session->ring, kd_store_ring_expiry(), err);

	if (r != AID_OK)
		return r;
	r = aid_anchor_add(daemon->anchor, session->ring, &session->holder, err);
	if (r != AID_OK)
		return r;
	return aid_ring_add(session->ring, AID_KEY_COOKIE, AID_PERM_KEY, session->cookie,
		sizeof(session->cookie), kd_store_ring_expiry(), &session->cookie_key, err);
}

int kd_store_open(struct kd_session *session, const void *token, size_t length, struct aid_error *err)
{
	return add_token(session, token, length, err);
}

int kd_store_finish(struct kd_session *session, struct aid_error *err)
{
	struct record record;
	int r = write_record(session, &record, err);

	if (r != AID_OK)
		return r;
	return aid_ring_add(session->ring, AID_KEY_META, AID_PERM_META, record.bytes, record.length,
		kd_store_ring_expiry(), &session->meta, err);
}

int kd_store_refresh(struct kd_daemon *daemon, struct kd_session *session, const void *token,
	size_t length, bool *ret_recreated, struct aid_error *err)
{
	int r = put_token(session, token, length, ret_recreated, err);

	(void)daemon;
	if (r != AID_OK)
		return r;
	r = put_record(session, err);
	if (r != AID_OK)
		return r;
	kd_store_renew_ring(session);
	return AID_OK;
}

void kd_store_renew_ring(struct kd_session *session)
{
	/* What cannot be renewed is gone or about to go; the next refresh sees it. */
	(void)!aid_ring_expire(session->ring, kd_store_ring_expiry(), NULL);
	if (session->meta != 0)
		(void)!aid_key_expire(session->meta, kd_store_ring_expiry(), NULL);
	if (aid_key_expire(session->cookie_key, kd_store_ring_expiry(), NULL) != AID_OK)
		(void)!put_cookie(session, NULL);
}

static int64_t info_expiry(const struct kd_session *session)
{
	struct info info;

	(void)!write_info(session, &info, NULL);
	return info.expiry;
}

void kd_store_set_timeouts(struct kd_session *session)
{
	aid_serial info;

	if (session->token != 0)
		(void)!aid_key_expire(session->token, kd_store_expiry(session), NULL);
	if (aid_ring_key(session->ring, AID_KEY_INFO, &info, NULL) == AID_OK)
		(void)!aid_key_expire(info, info_expiry(session), NULL);
	kd_store_renew_ring(session);
}
