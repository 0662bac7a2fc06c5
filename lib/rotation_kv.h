/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* How a rotation stands in an entry of a KV engine, beside whatever else is in it. Of FIELD, the client
 * secret:
 *   FIELD           the current one
 *   FIELD_pending   the one that is staged, if any
 *   FIELD_previous  the one before the last rotation
 *   FIELD_rotation  a line for machines and people: "rotated=TIME staged=TIME by=HOST"
 * Each change is one write by compare-and-set on the version that was read. Pure. */
#ifndef AID_ROTATION_KV_H
#define AID_ROTATION_KV_H

#include "kv_vault.h"
#include "rotation.h"

#define AID_ROTATION_HOST_SIZE 17U /* hexadecimal digits and a NUL */
#define AID_ROTATION_FIELD_MAX 128U

struct aid_rotation_kv {
	const char *field;
	const char *host; /* ours */
	int64_t now_ms;   /* by the manager's clock */
};

struct aid_rotation_entry {
	struct aid_secret *current;      /* owned */
	struct aid_secret *pending;      /* owned; NULL: none */
	struct aid_rotation_view view;
	char by[AID_ROTATION_HOST_SIZE]; /* who staged it; "": not said */
};

/* AID_E_NOTFOUND, AID_E_CREDENTIAL, AID_E_PROTOCOL, AID_E_TOOBIG of the fields. Where the entry does not
 * say when it was rotated, that is when its version was made. host is for sentences. */
int aid_rotation_kv_read(const struct aid_rotation_kv *kv, const struct aid_kv_secret *secret,
	const char *host, struct aid_rotation_entry *ret_entry, struct aid_error *err) AID_WUR;
void aid_rotation_entry_done(struct aid_rotation_entry *entry);

/* The fields of the entry, with pending staged by us now. The caller frees them. AID_E_INVALID for a
 * secret that is no UTF-8, AID_E_NOMEM. */
int aid_rotation_kv_stage(const struct aid_rotation_kv *kv, const struct aid_kv_secret *secret,
	const struct aid_secret *pending, struct aid_json **ret_data, struct aid_error *err) AID_WUR;
/* The same with pending as the current one, and old as the previous one. */
int aid_rotation_kv_promote(const struct aid_rotation_kv *kv, const struct aid_kv_secret *secret,
	const struct aid_secret *pending, const struct aid_secret *old, struct aid_json **ret_data,
	struct aid_error *err) AID_WUR;

#endif
