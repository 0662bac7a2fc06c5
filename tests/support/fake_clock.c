/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "fake_clock.h"

#include "clock.h"

static int64_t wall, boot;

void fake_clock_set(int64_t wall_ms, int64_t boot_ms)
{
	wall = wall_ms;
	boot = boot_ms;
}

void fake_clock_pass(int64_t ms)
{
	wall += ms;
	boot += ms;
}

void fake_clock_step(int64_t ms)
{
	wall += ms;
}

int64_t aid_clock_wall_ms(void)
{
	return wall;
}

int64_t aid_clock_boot_ms(void)
{
	return boot;
}
