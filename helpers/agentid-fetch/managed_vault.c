/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Vault and OpenBao as the place of a client secret. */
#include "managed_private.h"

#include "clock.h"
#include "key_cache.h"
#include "str.h"

#include <stdio.h>
#include <string.h>

#define SECRET_ID_MAX 1024U
/* A lease that a renewal makes shorter is at the end of the token's longest life. */
#define RENEWAL_MIN_S 30

static bool is_jwt(const struct manager *manager)
{
	return aid_streq(aid_target_get(&manager->options, "auth"), "jwt");
}

static struct aid_vault server(const struct manager *manager)
{
	return (struct aid_vault){
		.address = manager->active[0] != '\0' ? manager->active
						      : aid_target_get(&manager->options, "address"),
		.namespace_path = aid_target_get(&manager->options, "namespace"),
		.token = manager->token,
	};
}

static bool is_ready(const struct manager *manager, int64_t now_boot_ms)
{
	return manager->token != NULL &&
		(manager->until_boot_ms == 0 || now_boot_ms < manager->renew_boot_ms);
}

static void forget(struct manager *manager)
{
	aid_secret_free(aid_steal(&manager->token));
}

static bool renews(const struct manager *manager)
{
	return manager->token != NULL && manager->renewable &&
		aid_clock_boot_ms() < manager->until_boot_ms;
}

/* Editors end a file with a newline. */
static int read_secret_id(const struct manager *manager, struct aid_secret **ret_id, struct aid_error *err)
{
	size_t length;
	int r;

	if (manager->proof_fd < 0)
		return aid_fail(err, AID_E_PROTOCOL, "frame: the secret id of [secrets vault] is missing");
	r = secret_read(manager->proof_fd, "[secrets vault] secret_id", SECRET_ID_MAX, ret_id, err);
	if (r != AID_OK)
		return r;
	length = aid_secret_length(*ret_id);
	if (length > 0 && aid_secret_peek(*ret_id)[length - 1] == '\n')
		aid_secret_truncate(*ret_id, length - 1);
	if (aid_secret_length(*ret_id) == 0)
		return aid_fail(err, AID_E_CONFIG, "[secrets vault] secret_id is empty");
	return AID_OK;
}

static int login_call(struct manager *manager, struct aid_exchange_call *ret_call, struct aid_error *err)
{
	const struct aid_target_values *options = &manager->options;
	const char *audience = aid_target_get(options, "audience");
	const char *mount = aid_target_get(options, "mount");
	const struct aid_vault vault = server(manager);
	AID_AUTO(aid_secret) *id = NULL;
	int r;

	if (renews(manager))
		return aid_vault_renew(&vault, ret_call, err);
	forget(manager);
	if (mount == NULL)
		mount = aid_target_get(options, "auth");
	if (!is_jwt(manager)) {
		r = read_secret_id(manager, &id, err);
		return r == AID_OK ? aid_vault_login_approle(&vault, mount,
			aid_target_get(options, "role_id"), id, ret_call, err) : r;
	}
	r = manager_sign(manager, audience != NULL ? audience : aid_target_get(options, "address"), err);
	return r == AID_OK ? aid_vault_login_jwt(&vault, mount, aid_target_get(options, "role"),
		manager->assertion, ret_call, err) : r;
}

static int redirect(struct manager *manager, const char *url, const struct aid_exchange_answer *answer,
	struct aid_error *err)
{
	if (manager->active[0] != '\0')
		return aid_fail(err, AID_E_UNTRUSTED, "host '%.64s': a second redirect", answer->host);
	return aid_vault_redirect(url, answer, aid_target_get(&manager->options, "allowed_hosts"),
		"secrets vault", manager->active, sizeof(manager->active), err);
}

static int redirect_login(struct manager *manager, const struct aid_exchange_answer *answer,
	struct aid_error *err)
{
	struct aid_exchange_call call = {.body = NULL};
	int r = login_call(manager, &call, err);

	if (r == AID_OK)
		r = redirect(manager, call.url, answer, err);
	aid_exchange_call_done(&call);
	return r;
}

static int login_answer(struct manager *manager, const struct aid_exchange_answer *answer, bool *ret_more,
	struct aid_error *err)
{
	struct aid_vault_token made = {.token = NULL};
	bool renewed = renews(manager);
	int64_t now = aid_clock_boot_ms();
	int r;

	if (answer->location != NULL) {
		*ret_more = true;
		return redirect_login(manager, answer, err);
	}
	r = aid_vault_token_answer(answer, manager->token, &made, err);
	if (r != AID_OK && renewed && (answer->status == 400 || answer->status == 403)) {
		forget(manager);
		*err = AID_ERROR_INIT;
		*ret_more = true;
		return AID_OK;
	}
	if (r != AID_OK)
		return r;
	forget(manager);
	manager->token = made.token;
	manager->renewable = made.renewable && made.lease_s >= RENEWAL_MIN_S;
	manager->until_boot_ms = made.lease_s == 0 ? 0 : now + made.lease_s * 1000;
	manager->renew_boot_ms = now + made.lease_s * 1000 * 2 / 3;
	return AID_OK;
}

static int call(struct managed *m, struct aid_exchange_call *ret_call, struct aid_error *err)
{
	const struct aid_vault vault = server(m->manager);

	if (m->kv.version == 0)
		return aid_kv_detect(&vault, m->place.path, ret_call, err);
	return aid_kv_read(&vault, &m->kv, 0, ret_call, err);
}

/* The current one again, that the provider has refused: a host may be changing it just now, and have put
 * the new one beside it (lib/rotation_kv.h). */
static void prefer_pending(struct managed *m, const struct aid_kv_secret *secret, const char *host,
	struct aid_secret **value)
{
	char name[AID_SECRET_FIELD_MAX + sizeof("_pending")];
	bool refused = m->refused != NULL && aid_secret_equal(m->refused, *value);
	struct aid_secret *pending = NULL;

	if (!refused)
		aid_secret_free(aid_steal(&m->refused));
	(void)snprintf(name, sizeof(name), "%s_pending", m->place.field);
	m->wants_pending = refused && (m->again || m->wants_pending) &&
		aid_kv_field(secret, name, host, &pending, NULL) == AID_OK;
	if (!m->wants_pending)
		return;
	aid_secret_free(*value);
	*value = pending;
}

static int take_value(struct managed *m, const struct aid_vault *vault,
	const struct aid_exchange_answer *answer, struct aid_secret **ret_value, struct aid_error *err)
{
	struct aid_kv_secret secret = {.document = NULL};
	int r = aid_kv_read_answer(vault, &m->kv, answer, &secret, err);

	if (r != AID_OK)
		return r;
	if (secret.version > 0)
		(void)snprintf(m->version, sizeof(m->version), "version %lld of KV 2 at %.48s",
			(long long)secret.version, m->host);
	else
		(void)snprintf(m->version, sizeof(m->version), "KV 1, which has no versions, at %.48s", m->host);
	r = aid_kv_field(&secret, m->place.field, answer->host, ret_value, err);
	if (r == AID_OK)
		prefer_pending(m, &secret, answer->host, ret_value);
	aid_kv_secret_done(&secret);
	return r;
}

static int answer(struct managed *m, const struct aid_exchange_answer *seen, struct aid_secret **ret_value,
	bool *ret_more, struct aid_error *err)
{
	const struct aid_vault vault = server(m->manager);
	bool detects = m->kv.version == 0;
	int r;

	if (seen->location != NULL) {
		*ret_more = true;
		return redirect(m->manager, m->url, seen, err);
	}
	r = detects ? aid_kv_detect_answer(&vault, seen, m->place.path, &m->kv, err)
		    : take_value(m, &vault, seen, ret_value, err);
	/* The token may have been revoked: one more, once. */
	if (r == AID_E_DENIED && !m->logged_in_anew) {
		m->logged_in_anew = true;
		forget(m->manager);
		*err = AID_ERROR_INIT;
		*ret_more = true;
		return AID_OK;
	}
	if (r != AID_OK)
		m->kv.version = 0; /* what is mounted there may be another engine by now */
	*ret_more = r == AID_OK && detects;
	return r;
}

const struct manager_kind manager_vault = {is_ready, forget, login_call, login_answer, call, answer};
