/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* How much of agentid-fetch's time one uid may take. */
#include "verify.h"

#define FULL (KD_VERIFY_RATE * INT64_C(1000))

static void refill(struct kd_verifier *verifier, int64_t now_ms)
{
	int64_t allowance = verifier->allowance + (now_ms - verifier->refilled_ms) * KD_VERIFY_RATE;

	verifier->allowance = allowance > FULL ? FULL : allowance;
	verifier->refilled_ms = now_ms;
}

/* The uid's own entry, or one that nobody needs any more: its allowance is full and nothing flies. */
static struct kd_verifier *entry_of(struct kd_verify *verify, uid_t uid, int64_t now_ms)
{
	struct kd_verifier *idle = NULL;

	for (size_t i = 0; i < KD_VERIFY_UIDS; i++) {
		struct kd_verifier *v = &verify->verifiers[i];

		if (v->used && v->uid == uid)
			return v;
		if (v->used && v->flying == 0)
			refill(v, now_ms);
		if (!v->used || (v->flying == 0 && v->allowance == FULL))
			idle = v;
	}
	if (idle != NULL)
		*idle = (struct kd_verifier){.uid = uid, .used = true, .allowance = FULL,
			.refilled_ms = now_ms};
	return idle;
}

int kd_verify_admit(struct kd_verify *verify, uid_t uid, int64_t now_ms,
	struct kd_verifier **ret_verifier, struct aid_error *err)
{
	struct kd_verifier *verifier;

	if (verify->count >= KD_VERIFY_MAX)
		return aid_fail(err, AID_E_BUSY, "%u verifications are under way, which is the limit",
			KD_VERIFY_MAX);
	verifier = entry_of(verify, uid, now_ms);
	if (verifier == NULL)
		return aid_fail(err, AID_E_BUSY, "%u users verify tokens within a second, which is the limit",
			KD_VERIFY_UIDS);
	refill(verifier, now_ms);
	if (uid != 0 && verifier->flying >= KD_VERIFY_PER_UID)
		return aid_fail(err, AID_E_BUSY, "%u verifications of uid %u are under way, which is the limit",
			KD_VERIFY_PER_UID, uid);
	if (uid != 0 && verifier->allowance < 1000)
		return aid_fail(err, AID_E_BUSY, "over %u verifications of uid %u in a second", KD_VERIFY_RATE,
			uid);
	verifier->allowance -= uid != 0 ? 1000 : 0;
	verifier->flying++;
	*ret_verifier = verifier;
	return AID_OK;
}
