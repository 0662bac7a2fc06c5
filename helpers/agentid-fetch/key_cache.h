/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Parsed private keys, by the identity of the file they were read from: reading and parsing one costs
 * more than signing with it. */
#ifndef KEY_CACHE_H
#define KEY_CACHE_H

#include "cleanup.h"
#include "error.h"
#include "signing_key.h"

struct key_cache;

struct key_cache *key_cache_new(void);
void key_cache_free(struct key_cache *cache);

/* The key in the file that fd is open on: the one parsed before while device, inode, size and
 * modification time are the same. Borrowed until the next call. AID_E_CREDENTIAL. */
int key_cache_get(struct key_cache *cache, int fd, const struct aid_signing_key **ret_key,
	struct aid_error *err) AID_WUR;

/* Reads a secret that a request brought: only a regular file can neither block nor never end.
 * AID_E_CREDENTIAL, AID_E_TOOBIG. */
int secret_read(int fd, const char *what, size_t max, struct aid_secret **ret_bytes,
	struct aid_error *err) AID_WUR;

#endif
