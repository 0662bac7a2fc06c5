/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* AWS Secrets Manager as the place of a client secret, and the AWS keys of this host to ask it with: by the
 * host's own assertion where role_arn is set, else of the container where container_url is, else of the
 * instance. */
#include "managed_private.h"

#include "clock.h"
#include "key_cache.h"
#include "secretsmanager.h"
#include "str.h"

#include <stdio.h>
#include <string.h>

#define SESSION_NAME "agentid-fetch"
#define TOKEN_MAX 16384U
#define KEYS_MARGIN_MS 300000 /* new ones are got so long before the end */

enum step { IMDS_TOKEN, IMDS_ROLE, IMDS_KEYS };

static const char *option(const struct manager *manager, const char *name)
{
	return aid_target_get(&manager->options, name);
}

static bool is_ready(const struct manager *manager, int64_t now_boot_ms)
{
	return manager->keys.secret != NULL && now_boot_ms < manager->renew_boot_ms;
}

/* Five minutes before the end, or a fifth of the life of short ones. */
static void note_end(struct manager *manager)
{
	int64_t life = manager->keys.expires_wall_ms - aid_clock_wall_ms();
	int64_t margin = life / 5 < KEYS_MARGIN_MS ? life / 5 : KEYS_MARGIN_MS;

	manager->renew_boot_ms = aid_clock_boot_ms() + life - margin;
}

static void forget(struct manager *manager)
{
	aid_aws_keys_done(&manager->keys);
	aid_secret_free(aid_steal(&manager->token));
	aid_exchange_done(&manager->exchange);
	aid_target_values_done(&manager->sts);
}

static int set_sts(struct manager *manager, const char *name, const char *value, struct aid_error *err)
{
	return value == NULL ? AID_OK : aid_target_set(&manager->sts, name, value, err);
}

static int web_identity_call(struct manager *manager, struct aid_exchange_call *ret_call,
	struct aid_error *err)
{
	int r = manager_sign(manager, option(manager, "audience"), err);

	if (r != AID_OK)
		return r;
	forget(manager);
	aid_target_values_init(&manager->sts, aid_target_by_name("aws-sts"));
	r = set_sts(manager, "role_arn", option(manager, "role_arn"), err);
	if (r == AID_OK)
		r = set_sts(manager, "region", option(manager, "region"), err);
	if (r == AID_OK)
		r = set_sts(manager, "endpoint", option(manager, "sts_endpoint"), err);
	if (r != AID_OK)
		return r;
	manager->exchange = (struct aid_exchange){.options = &manager->sts, .name = "secrets aws-sm",
		.session_name = SESSION_NAME, .assertion = manager->assertion};
	return aid_exchange_call(&manager->exchange, ret_call, err);
}

static int web_identity_answer(struct manager *manager, const struct aid_exchange_answer *answer,
	bool *ret_more, struct aid_error *err)
{
	struct aid_exchange_result result = {.payload = NULL};
	int r;

	manager->exchange.assertion = NULL;
	r = aid_exchange_answer(&manager->exchange, answer, &result, ret_more, err);
	if (r == AID_OK)
		r = aid_aws_keys_of_process(result.payload, &manager->keys, err);
	if (r == AID_OK)
		note_end(manager);
	aid_secret_free(result.payload);
	return r;
}

static int container_call(struct manager *manager, struct aid_exchange_call *ret_call,
	struct aid_error *err)
{
	AID_AUTO(aid_secret) *token = NULL;
	size_t length;
	int r = AID_OK;

	if (manager->proof_fd >= 0)
		r = secret_read(manager->proof_fd, "[secrets aws-sm] container_token", TOKEN_MAX, &token, err);
	if (r != AID_OK)
		return r;
	length = token != NULL ? aid_secret_length(token) : 0;
	if (length > 0 && aid_secret_peek(token)[length - 1] == '\n')
		aid_secret_truncate(token, length - 1);
	/* It goes into a header line. */
	if (token != NULL && !aid_str_is_printable(aid_secret_peek(token)))
		return aid_fail(err, AID_E_CONFIG, "[secrets aws-sm] container_token is empty or no printable text");
	return aid_container_keys(option(manager, "container_url"), token, ret_call, err);
}

static int login_call(struct manager *manager, struct aid_exchange_call *ret_call, struct aid_error *err)
{
	if (option(manager, "role_arn") != NULL)
		return web_identity_call(manager, ret_call, err);
	if (option(manager, "container_url") != NULL)
		return container_call(manager, ret_call, err);
	switch (manager->step) {
	case IMDS_TOKEN:
		return aid_imds_token(AID_IMDS_ADDRESS, ret_call, err);
	case IMDS_ROLE:
		return aid_imds_role(AID_IMDS_ADDRESS, manager->token, ret_call, err);
	default:
		return aid_imds_keys(AID_IMDS_ADDRESS, manager->token, manager->role, ret_call, err);
	}
}

static int take_keys(struct manager *manager, const struct aid_exchange_answer *answer, struct aid_error *err)
{
	struct aid_aws_keys keys = {.secret = NULL};
	int r = aid_aws_keys_answer(answer, &keys, err);

	if (r != AID_OK)
		return r;
	forget(manager);
	manager->keys = keys;
	note_end(manager);
	return AID_OK;
}

static int login_answer(struct manager *manager, const struct aid_exchange_answer *answer, bool *ret_more,
	struct aid_error *err)
{
	int r;

	if (option(manager, "role_arn") != NULL)
		return web_identity_answer(manager, answer, ret_more, err);
	if (option(manager, "container_url") != NULL || manager->step == IMDS_KEYS)
		return take_keys(manager, answer, err);
	if (manager->step == IMDS_TOKEN) {
		aid_secret_free(aid_steal(&manager->token));
		r = aid_imds_token_answer(answer, &manager->token, err);
	} else {
		r = aid_imds_role_answer(answer, manager->role, err);
	}
	manager->step++;
	*ret_more = r == AID_OK;
	return r;
}

static void use_keys(const struct manager *manager, struct aid_sigv4_keys *keys, struct aid_sm *sm)
{
	*keys = (struct aid_sigv4_keys){manager->keys.id, manager->keys.secret, manager->keys.token};
	*sm = (struct aid_sm){option(manager, "region"), option(manager, "endpoint"), keys,
		aid_clock_wall_ms()};
}

static int call(struct managed *m, struct aid_exchange_call *ret_call, struct aid_error *err)
{
	struct aid_sigv4_keys keys;
	struct aid_sm sm;

	use_keys(m->manager, &keys, &sm);
	return aid_sm_get(&sm, m->place.path, m->current != NULL ? AID_SM_PENDING : AID_SM_CURRENT, ret_call,
		err);
}

static int take_value(struct managed *m, const struct aid_exchange_answer *answer,
	struct aid_secret **ret_value, struct aid_error *err)
{
	const char *field = m->place.field[0] != '\0' ? m->place.field : NULL;
	struct aid_sm_secret secret = {.value = NULL};
	struct aid_sigv4_keys keys;
	struct aid_sm sm;
	int r;

	use_keys(m->manager, &keys, &sm);
	r = aid_sm_get_answer(&sm, answer, &secret, err);
	if (r != AID_OK)
		return r;
	r = aid_sm_field(&secret, field, answer->host, ret_value, err);
	if (r == AID_OK)
		(void)snprintf(m->version, sizeof(m->version), "%s, version %s",
			m->current != NULL ? AID_SM_PENDING : AID_SM_CURRENT, secret.version_id);
	aid_secret_free(secret.value);
	return r;
}

/* The current one again, that the provider has refused: another host may be changing it just now, and have
 * put the new one beside it. */
static bool try_pending(struct managed *m, struct aid_secret **value)
{
	if (m->refused == NULL || !aid_secret_equal(m->refused, *value)) {
		aid_secret_free(aid_steal(&m->refused));
		m->wants_pending = false;
		return false;
	}
	if (!m->again && !m->wants_pending)
		return false;
	m->current = *value;
	*value = NULL;
	return true;
}

static int answer(struct managed *m, const struct aid_exchange_answer *seen, struct aid_secret **ret_value,
	bool *ret_more, struct aid_error *err)
{
	bool pending = m->current != NULL;
	int r = take_value(m, seen, ret_value, err);

	if (r == AID_E_CREDENTIAL && aid_sm_keys_refused(err) && !m->logged_in_anew) {
		m->logged_in_anew = true;
		forget(m->manager);
		*err = AID_ERROR_INIT;
		*ret_more = true;
		return AID_OK;
	}
	if (pending) {
		m->wants_pending = r == AID_OK;
		/* None is pending, or it is not for us: the current one it is. */
		if (r != AID_OK)
			*ret_value = aid_steal(&m->current);
		if (err != NULL)
			*err = AID_ERROR_INIT;
		return AID_OK;
	}
	if (r == AID_OK)
		*ret_more = try_pending(m, ret_value);
	return r;
}

const struct manager_kind manager_aws = {is_ready, forget, login_call, login_answer, call, answer};
