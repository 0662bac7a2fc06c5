/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Which one-time names were used in the last while: DPoP proofs (RFC 9449 section 11.1). Bounded: when
 * it is full it says so, because forgetting one early would let it be used twice. Times are passed in,
 * boot clock, milliseconds. */
#ifndef AID_REPLAY_H
#define AID_REPLAY_H

#include "cleanup.h"
#include "error.h"

#include <stddef.h>
#include <stdint.h>

#define AID_REPLAY_MAX 65536U

struct aid_replay;

/* keep_ms: how long each name is remembered. NULL when memory is short. */
struct aid_replay *aid_replay_new(size_t max, int64_t keep_ms);
void aid_replay_free(struct aid_replay *replay);
AID_DEFINE_AUTO(aid_replay)

/* Notes the pair of texts. AID_E_DENIED when it was noted before; AID_E_BUSY when there is no room;
 * AID_E_NOMEM. */
int aid_replay_note(struct aid_replay *replay, const char *owner, const char *name, int64_t now_ms,
	struct aid_error *err) AID_WUR;

#endif
