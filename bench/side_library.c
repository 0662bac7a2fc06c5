/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* "library": the session's token through libagentid, as an agent in C reads it before each use. */
#include "bench.h"
#include "side.h"

#include "agentid.h"

/* As many as in side_raw.c. */
#define READS 100

static void once(void *state, double *us)
{
	char token[16384];
	size_t length;
	int64_t begin = bench_now_ns();

	for (int i = 0; i < READS; i++) {
		int r = agentid_read(state, AGENTID_TOKEN, token, sizeof(token), &length);

		if (r != AGENTID_OK)
			bench_die("agentid_read: %s", agentid_strerror(r));
	}
	us[0] = (double)(bench_now_ns() - begin) / 1000.0 / READS;
}

void side_library_init(struct side *side, const char *words, const struct side_options *options)
{
	struct agentid *handle = NULL;

	(void)words;
	(void)options;
	if (agentid_new(&handle) != AGENTID_OK)
		bench_die("no agent session");
	*side = (struct side){.phases = {"read"}, .state = handle, .once = once};
}
