/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Preloaded: a stream into memory has no room for what is written to it. */
#include <stdio.h>

FILE *open_memstream(char **text, size_t *length)
{
	*text = NULL;
	*length = 0;
	return fopen("/dev/full", "w");
}
