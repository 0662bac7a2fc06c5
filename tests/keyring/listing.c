/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "listing.h"

#include "clock.h"
#include "str.h"

#include <keyutils.h>
#include <poll.h>
#include <stdio.h>

/* The listing is not one moment's: while others make keys, it can leave one out. */
#define LISTING_TRIES 10

/* Seconds until a key expires as /proc/keys shows it, -1 for "perm", -2 when it is not there. */
static long listed_timeout(aid_serial key)
{
	FILE *file = fopen("/proc/keys", "re");
	char line[512];
	unsigned int serial;
	long seconds = -2;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		char timeout[16], unit = 's';

		if (sscanf(line, "%x %*s %*s %15s", &serial, timeout) != 2 || serial != (unsigned int)key)
			continue;
		seconds = aid_streq(timeout, "perm") ? -1 : 0;
		if (seconds == 0)
			(void)sscanf(timeout, "%ld%c", &seconds, &unit);
		if (unit == 'm')
			seconds *= 60;
	}
	if (file != NULL)
		(void)fclose(file);
	return seconds;
}

long shown_timeout(aid_serial key)
{
	long seconds = -2;

	for (int i = 0; i < LISTING_TRIES && seconds == -2; i++)
		seconds = listed_timeout(key);
	return seconds;
}

uint32_t shown_permissions(aid_serial key)
{
	uint32_t permissions = 0;
	char text[256];

	if (keyctl_describe(key, text, sizeof(text)) > 0)
		(void)sscanf(text, "%*[^;];%*u;%*u;%x;", &permissions);
	return permissions;
}

void wait_until(int64_t wall_ms)
{
	while (aid_clock_wall_ms() < wall_ms)
		(void)poll(NULL, 0, (int)(wall_ms - aid_clock_wall_ms()) + 1);
}
