/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "retire_store.h"

#include <stdlib.h>
#include <string.h>

#define ROOM (KD_RETIRE_BLOCK_BYTES - 64U) /* beside the header of an aid_secret */

struct kd_block {
	struct aid_secret *bytes;
	unsigned int users;
};

static void free_block(struct kd_retire_store *store, struct kd_block *block)
{
	if (store->open == block)
		store->open = NULL;
	store->blocks--;
	aid_secret_free(block->bytes);
	free(block);
}

static int open_block(struct kd_retire_store *store)
{
	struct kd_block *block;

	if (store->blocks == KD_RETIRE_BLOCKS_MAX)
		return AID_E_TOOBIG;
	block = calloc(1, sizeof(*block));
	if (block == NULL)
		return AID_E_NOMEM;
	block->bytes = aid_secret_new(ROOM);
	if (block->bytes == NULL) {
		free(block);
		return AID_E_NOMEM;
	}
	store->blocks++;
	store->open = block;
	return AID_OK;
}

int kd_retire_store_read(struct kd_retire_store *store, aid_serial key, struct kd_kept *ret_kept)
{
	struct kd_block *block = store->open;
	size_t room = 0, length;
	char *out = NULL;
	int r = AID_OK;

	if (block != NULL)
		out = aid_secret_tail(block->bytes, &room);
	if (room < AID_TOKEN_MAX) {
		r = open_block(store);
		if (r != AID_OK)
			return r;
		block = store->open;
		out = aid_secret_tail(block->bytes, &room);
	}
	r = aid_key_read(key, out, AID_TOKEN_MAX, &length, NULL);
	if (r == AID_OK && length == 0)
		r = AID_E_NOTFOUND;
	if (r != AID_OK) {
		if (block->users == 0)
			free_block(store, block);
		return r == AID_E_TOOBIG ? AID_E_INVALID : r;
	}
	aid_secret_grown(block->bytes, length);
	block->users++;
	*ret_kept = (struct kd_kept){block, out, length};
	return AID_OK;
}

void kd_retire_store_drop(struct kd_retire_store *store, struct kd_kept *kept)
{
	explicit_bzero(kept->bytes, kept->length);
	if (--kept->block->users == 0)
		free_block(store, kept->block);
	*kept = (struct kd_kept){0};
}
