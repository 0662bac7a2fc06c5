/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "clock.h"

#include <time.h>

static int64_t read_ms(clockid_t id)
{
	struct timespec now = {0};

	(void)clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t aid_clock_wall_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}

int64_t aid_clock_boot_ms(void)
{
	return read_ms(CLOCK_BOOTTIME);
}
