/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What a rotation asks of Vault and OpenBao: it logs in once, finds the engine, and then reads and writes
 * the one entry. Every write is by compare-and-set on the version before it. */
#include "rotate.h"

#include "clock.h"
#include "kv_vault.h"
#include "rotate_access.h"

static const char *option(const struct rotate *rotate, const char *name)
{
	return aid_target_get(&rotate->manager_options, name);
}

static struct aid_vault vault_of(const struct rotate *rotate)
{
	return (struct aid_vault){option(rotate, "address"), option(rotate, "namespace"),
		rotate->access->token};
}

static struct aid_rotation_kv kv_of(const struct rotate *rotate)
{
	return (struct aid_rotation_kv){rotate->place.field, rotate->host,
		aid_clock_wall_ms() + rotate->manager_ahead_ms};
}

static void call(struct rotate *rotate, struct aid_exchange_call *call, int r, struct aid_error *err,
	rotate_next *next)
{
	if (r == AID_OK)
		rotate_call(rotate, call, "vault", option(rotate, "ca_file"), next);
	else
		rotate_failed(rotate, err);
	aid_exchange_call_done(call);
}

/* ---- reading ---- */

static void tell_read(struct rotate *rotate, const struct aid_rotation_entry *entry)
{
	const struct aid_rotation_view *view = &entry->view;
	int64_t age_s = (view->now_ms - view->rotated_ms) / 1000;

	if (!view->pending)
		rotate_remark(rotate, "version %lld; the secret is %lld s old", (long long)rotate->kv.version,
			(long long)age_s);
	else
		rotate_remark(rotate, "version %lld; one is staged by %s since %lld s",
			(long long)rotate->kv.version, view->pending_is_ours ? "this host" : "another host",
			(long long)(view->staged_ms > 0 ? (view->now_ms - view->staged_ms) / 1000 : 0));
}

static void take_entry(struct rotate *rotate, struct aid_rotation_entry *entry)
{
	aid_secret_free(rotate->current);
	aid_secret_free(rotate->pending);
	rotate->current = aid_steal(&entry->current);
	rotate->pending = aid_steal(&entry->pending);
}

static void was_read(struct rotate *rotate, const struct aid_exchange_answer *answer)
{
	const struct aid_vault vault = vault_of(rotate);
	struct aid_rotation_entry entry;
	struct aid_rotation_kv kv;
	struct aid_error err = AID_ERROR_INIT;
	int r;

	rotate->manager_ahead_ms = rotate_their_ms(rotate) - aid_clock_wall_ms();
	kv = kv_of(rotate);
	aid_kv_secret_done(&rotate->kv);
	r = aid_kv_read_answer(&vault, &rotate->kv_place, answer, &rotate->kv, &err);
	if (r == AID_OK)
		r = aid_rotation_kv_read(&kv, &rotate->kv, answer->host, &entry, &err);
	if (r != AID_OK) {
		rotate_failed(rotate, &err);
		return;
	}
	tell_read(rotate, &entry);
	take_entry(rotate, &entry);
	rotate_read(rotate, &entry.view);
}

static void read_entry(struct rotate *rotate)
{
	const struct aid_vault vault = vault_of(rotate);
	struct aid_exchange_call request;
	struct aid_error err = AID_ERROR_INIT;
	int r = aid_kv_read(&vault, &rotate->kv_place, 0, &request, &err);

	call(rotate, &request, r, &err, was_read);
}

/* Without compare-and-set two hosts could both believe that they have staged theirs. */
static void was_detected(struct rotate *rotate, const struct aid_exchange_answer *answer)
{
	const struct aid_vault vault = vault_of(rotate);
	struct aid_error err = AID_ERROR_INIT;
	int r = aid_kv_detect_answer(&vault, answer, rotate->place.path, &rotate->kv_place, &err);

	if (r == AID_OK && rotate->kv_place.version != 2)
		r = aid_fail(&err, AID_E_CONFIG, "host '%.64s': the KV engine at '%.64s' is of version %u, which has "
			"no check-and-set; a secret that is rotated needs version 2", answer->host,
			rotate->kv_place.mount, rotate->kv_place.version);
	if (r != AID_OK)
		rotate_failed(rotate, &err);
	else
		read_entry(rotate);
}

static void detect(struct rotate *rotate)
{
	const struct aid_vault vault = vault_of(rotate);
	struct aid_exchange_call request;
	struct aid_error err = AID_ERROR_INIT;
	int r = aid_kv_detect(&vault, rotate->place.path, &request, &err);

	call(rotate, &request, r, &err, was_detected);
}

static void read_first(struct rotate *rotate)
{
	if (rotate->access->token == NULL)
		rotate_log_in(rotate, detect);
	else
		read_entry(rotate);
}

/* ---- writing ---- */

static void was_written(struct rotate *rotate, const struct aid_exchange_answer *answer)
{
	const struct aid_vault vault = vault_of(rotate);
	struct aid_kv_written written;
	struct aid_error err = AID_ERROR_INIT;

	if (aid_kv_write_answer(&vault, &rotate->kv_place, answer, &written, &err) != AID_OK) {
		rotate_failed(rotate, &err);
	} else if (written.conflict) {
		rotate_ended(rotate, AID_ROTATION_WAS_LOST);
	} else {
		rotate->kv.version = written.version;
		rotate_remark(rotate, "version %lld", (long long)written.version);
		rotate_ended(rotate, AID_ROTATION_WAS_OK);
	}
}

/* data is what the entry has afterwards, and what the next write begins with. */
static void write_entry(struct rotate *rotate, struct aid_json *data, int r, struct aid_error *err)
{
	const struct aid_vault vault = vault_of(rotate);
	struct aid_exchange_call request = {.accept = NULL};

	if (r == AID_OK) {
		r = aid_kv_write(&vault, &rotate->kv_place, data, rotate->kv.version, &request, err);
		aid_json_free(rotate->kv.document);
		rotate->kv.document = data;
		rotate->kv.data = data;
	}
	call(rotate, &request, r, err, was_written);
}

static void stage(struct rotate *rotate)
{
	const struct aid_rotation_kv kv = kv_of(rotate);
	struct aid_json *data = NULL;
	struct aid_error err = AID_ERROR_INIT;
	int r = aid_rotation_kv_stage(&kv, &rotate->kv, rotate->pending, &data, &err);

	write_entry(rotate, data, r, &err);
}

static void promote(struct rotate *rotate)
{
	const struct aid_rotation_kv kv = kv_of(rotate);
	struct aid_json *data = NULL;
	struct aid_error err = AID_ERROR_INIT;
	int r = aid_rotation_kv_promote(&kv, &rotate->kv, rotate->pending, rotate->current, &data, &err);

	write_entry(rotate, data, r, &err);
}

/* The same write has done it. */
static void forget(struct rotate *rotate)
{
	rotate_ended(rotate, AID_ROTATION_WAS_OK);
}

const struct rotate_manager rotate_kv = {read_first, stage, stage, promote, forget};
