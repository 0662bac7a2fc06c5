/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Random numbers from the kernel: identifiers and jitter. */
#ifndef KD_CHANCE_H
#define KD_CHANCE_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

/* At most 256 bytes, which getrandom(2) gives whole or, early in a boot, waits for. */
static inline void kd_random_bytes(void *out, size_t length)
{
	if (getrandom(out, length, 0) != (ssize_t)length)
		abort();
}

static inline uint32_t kd_random32(void)
{
	uint32_t value;

	kd_random_bytes(&value, sizeof(value));
	return value;
}

#endif
