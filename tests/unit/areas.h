/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What the kernel says of the memory of this process: /proc/self/smaps. */
#ifndef AREAS_H
#define AREAS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct area {
	uintptr_t start, end;
	char permissions[5];
	unsigned long locked_kib;
	char flags[512]; /* each with a space before it */
};

/* The next area; false at the end. */
static inline bool next_area(FILE *smaps, struct area *area)
{
	uintptr_t start, end;
	char line[512];

	while (fgets(line, sizeof(line), smaps) != NULL) {
		/* "Anonymous" begins with a hexadecimal digit, too. */
		if (sscanf(line, "%lx-%lx %4s", &start, &end, area->permissions) == 3) {
			area->start = start;
			area->end = end;
		}
		(void)sscanf(line, "Locked: %lu", &area->locked_kib);
		if (strncmp(line, "VmFlags:", 8) != 0)
			continue;
		memcpy(area->flags, line + 8, strlen(line + 8) + 1);
		return true;
	}
	return false;
}

/* False when nothing is mapped there. */
static inline bool find_area(const void *address, struct area *ret_area)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	bool found = false;

	if (smaps == NULL)
		abort();
	while (!found && next_area(smaps, ret_area))
		found = ret_area->start <= (uintptr_t)address && (uintptr_t)address < ret_area->end;
	(void)fclose(smaps);
	return found;
}

#endif
