/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Where tokens of ended sessions are kept until the provider has revoked them: several in one locked
 * block, because a mapping for each would cost more than ending the session. A block is wiped and
 * given back with its last token; a token is wiped when it is dropped. */
#ifndef KD_RETIRE_STORE_H
#define KD_RETIRE_STORE_H

#include "keyring.h"

#define KD_RETIRE_BLOCKS_MAX 128U
#define KD_RETIRE_BLOCK_BYTES 65536U /* as mapped */

struct kd_block;

struct kd_retire_store {
	struct kd_block *open; /* the one with room; NULL: none */
	unsigned int blocks;
};

struct kd_kept {
	struct kd_block *block;
	char *bytes;
	size_t length;
};

/* Copies the payload of a key. AID_E_TOOBIG when all blocks are in use, AID_E_INVALID over AID_TOKEN_MAX
 * bytes, which fetch takes none of, AID_E_NOMEM, else what reading the key says. */
int kd_retire_store_read(struct kd_retire_store *store, aid_serial key, struct kd_kept *ret_kept)
	AID_WUR;
void kd_retire_store_drop(struct kd_retire_store *store, struct kd_kept *kept);

#endif
