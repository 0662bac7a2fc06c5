/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Admission by the kernel's key quota: no session is let in that would leave the running ones
 * without room to refresh. */
#ifndef KD_QUOTA_H
#define KD_QUOTA_H

#include "error.h"
#include "keyring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room kept for each session: a token may grow when a role is added at the provider. */
#define KD_QUOTA_RESERVE_BYTES 256
/* A key that an agent ended is made anew while the kernel still counts the old one. */
#define KD_QUOTA_RESERVE_KEYS 16
#define KD_QUOTA_TOKEN_GUESS 1536U /* bytes of an agent's token while none was seen */
#define KD_QUOTA_RECORD_GUESS 256U /* bytes that keyringd notes of one credential */
#define KD_QUOTA_FRESH_MS 200      /* how long one reading of /proc/key-users serves */

struct kd_admission {
	struct aid_quota quota;  /* as read last, plus what was admitted since */
	int64_t read_at_ms;      /* boot clock; 0: never */
};

struct kd_quota_need {
	int64_t keys;
	int64_t bytes;
};

/* What a session costs beyond its ring. */
struct kd_quota_need kd_quota_session(size_t token_size);
/* One more key, of a credential; and with the first of a session the key of what is noted of them. */
void kd_quota_add_credential(struct kd_quota_need *need, size_t name_length, size_t size, bool first);
/* Pure: AID_OK, or AID_E_QUOTA with the figures and the sysctl to raise. */
int kd_quota_admit(const struct aid_quota *quota, uint32_t sessions, const struct kd_quota_need *need,
	struct aid_error *err) AID_WUR;
/* The same with the kernel's figures. When these cannot be read nobody is refused: then the
 * kernel itself says no, later. */
int kd_admission_ask(struct kd_admission *admission, uint32_t sessions,
	const struct kd_quota_need *need, int64_t now_ms, struct aid_error *err) AID_WUR;

#endif
