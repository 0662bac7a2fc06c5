/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* A byte buffer for tokens, keys, client secrets, assertions and HTTP bodies. Fixed capacity (never
 * grown in place), kept out of core dumps, locked where RLIMIT_MEMLOCK allows, wiped when freed.
 * There is no printf conversion for it: every reading is an aid_secret_peek() and can be grepped. */
#ifndef AID_SECRET_H
#define AID_SECRET_H

#include "cleanup.h"
#include "error.h"

#include <stddef.h>

struct aid_secret;

/* For main() of a program with one thread that handles many secrets, because mapping one costs more than
 * a signature: from now on small ones share regions of 64 KiB, and up to so many empty regions, wiped
 * but still locked, are kept for reuse. Without it, as in the PAM module and in libagentid, each secret
 * has a mapping of its own and nothing is kept. */
void aid_secret_keep(unsigned int regions);

/* NULL when memory is short. capacity 1 to 16 MiB; one more byte is kept for a final NUL. */
struct aid_secret *aid_secret_new(size_t capacity);
/* A copy of bytes; NULL when memory is short. */
struct aid_secret *aid_secret_from(const void *bytes, size_t length);
/* Wipes and frees; NULL is allowed. */
void aid_secret_free(struct aid_secret *secret);
AID_DEFINE_AUTO(aid_secret)

/* The bytes, always followed by a NUL that the length does not count. Valid until _free. */
const char *aid_secret_peek(const struct aid_secret *secret);
size_t aid_secret_length(const struct aid_secret *secret);
size_t aid_secret_capacity(const struct aid_secret *secret);
/* AID_E_TOOBIG, and nothing changed, when it does not fit. */
int aid_secret_append(struct aid_secret *secret, const void *bytes, size_t length) AID_WUR;
/* For read(2): where to write and how much; then tell how much was written. */
char *aid_secret_tail(struct aid_secret *secret, size_t *ret_room);
void aid_secret_grown(struct aid_secret *secret, size_t length);
/* Wipes the contents; the capacity stays. */
void aid_secret_clear(struct aid_secret *secret);
/* Cuts to length (no-op when shorter), wiping what is cut. */
void aid_secret_truncate(struct aid_secret *secret, size_t length);
/* Constant time in the contents, not in the length. */
bool aid_secret_equal(const struct aid_secret *a, const struct aid_secret *b);
/* True when text from outside has 12 bytes in a row of the secret (as many are no chance), or all of a
 * shorter one. NULL: no secret. */
bool aid_secret_repeats(const struct aid_secret *secret, const char *text);

#endif
