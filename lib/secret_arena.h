/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Only for secret.c. Small secrets of a program with one thread, cut from regions that are mapped,
 * locked and kept out of core dumps as a whole. What is free is zero. Until aid_arena_keep() there is no
 * arena and nothing is kept in the process. */
#ifndef AID_SECRET_ARENA_H
#define AID_SECRET_ARENA_H

#include <stddef.h>

/* Up to so many empty regions are kept; 0 gives the kept ones back and ends the arena for what is
 * taken from then on. */
void aid_arena_keep(unsigned int regions);
/* Zeroed and aligned; NULL when there is no arena, when it is too much for one, or when no region
 * can be mapped and locked. */
void *aid_arena_take(size_t bytes);
/* Wipes what aid_arena_take() gave for so many bytes. Ends the process when something was written
 * before or behind it, or when it was given before. */
void aid_arena_give(void *taken, size_t bytes);

#endif
