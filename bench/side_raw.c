/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* "raw": the two bare system calls a reader cannot do without, search and read. */
#include "bench.h"
#include "side.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* One clock reading costs a hundredth of this many reads, so the clock is not what is measured. */
#define READS 100

static void once(void *state, double *us)
{
	char token[16384];
	int64_t begin = bench_now_ns();

	(void)state;
	for (int i = 0; i < READS; i++) {
		long key = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user",
			"agentid:token", 0);
		long n = key < 0 ? key : syscall(SYS_keyctl, KEYCTL_READ, key, token, sizeof(token));

		if (n <= 0)
			bench_die("search and read: %s", strerror(errno));
	}
	us[0] = (double)(bench_now_ns() - begin) / 1000.0 / READS;
}

void side_raw_init(struct side *side, const char *words, const struct side_options *options)
{
	(void)words;
	(void)options;
	*side = (struct side){.phases = {"read"}, .once = once};
}
