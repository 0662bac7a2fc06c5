/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The first byte chooses what is answered: 0 Keycloak's list of clients, 1 a client's secret, 2 a refusal,
 * else an entry of a KV engine that is staged and promoted, and read again. */
#include "fuzz.h"

#include "keycloak_admin.h"
#include "rotation_kv.h"
#include "str.h"

#include <string.h>

#define NOW INT64_C(1798761600000)

static const struct aid_rotation_kv kv = {"s", "0123456789abcdef", NOW};
static struct aid_secret *token;

static void ask_keycloak(uint8_t step, const struct aid_exchange_answer *answer, struct aid_error *err)
{
	const struct aid_keycloak kc = {"https://kc/admin/realms/r", "c", token};
	const struct aid_keycloak_change change = {token, NULL, 300, NOW / 1000};
	struct aid_keycloak_client client;
	struct aid_secret *secret = NULL;

	if (step == 2) {
		fuzz_assert(aid_keycloak_set_answer(&kc, &change, answer, err) != AID_OK);
	} else if (step == 1) {
		(void)!aid_keycloak_read_answer(&kc, answer, &secret, err);
	} else if (aid_keycloak_find_answer(&kc, answer, &client, err) == AID_OK) {
		fuzz_assert(client.id[0] != '\0' && strchr(client.id, '/') == NULL);
		fuzz_assert(client.created_s >= 0 && client.expires_s >= 0);
	}
	aid_secret_free(secret);
}

static void rotate(const struct aid_kv_secret *secret, struct aid_error *err)
{
	struct aid_kv_secret next = {.version = 1};
	struct aid_rotation_entry entry;

	if (aid_rotation_kv_read(&kv, secret, "h", &entry, err) != AID_OK)
		return;
	fuzz_assert(strlen(entry.by) < AID_ROTATION_HOST_SIZE);
	fuzz_assert(aid_rotation_kv_stage(&kv, secret, token, &next.document, err) == AID_OK);
	next.data = next.document;
	aid_rotation_entry_done(&entry);
	fuzz_assert(aid_rotation_kv_read(&kv, &next, "h", &entry, err) == AID_OK);
	fuzz_assert(entry.view.pending_is_ours && entry.view.staged_ms == NOW);
	fuzz_assert(aid_secret_equal(entry.pending, token));
	aid_rotation_entry_done(&entry);
	aid_kv_secret_done(&next);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct aid_vault vault = {"https://v", NULL, NULL};
	const struct aid_kv_place place = {2, "kv", "a"};
	struct aid_exchange_answer answer = {.status = 200, .host = "h", .retry_after_s = -1};
	struct aid_kv_secret secret = {.document = NULL};
	struct aid_error err = AID_ERROR_INIT;
	struct aid_secret *body;

	if (token == NULL)
		token = aid_secret_from("hunter2-hunter2-hunter2", 23);
	if (size < 2 || size > 65536)
		return 0;
	body = aid_secret_from(data + 1, size - 1);
	answer.body = body;
	answer.status = data[0] == 2 ? 400 : 200;
	if (data[0] <= 2)
		ask_keycloak(data[0], &answer, &err);
	else if (aid_kv_read_answer(&vault, &place, &answer, &secret, &err) == AID_OK)
		rotate(&secret, &err);
	fuzz_assert(strstr(err.text, "hunter2-hunter2") == NULL);
	aid_kv_secret_done(&secret);
	aid_secret_free(body);
	return 0;
}
