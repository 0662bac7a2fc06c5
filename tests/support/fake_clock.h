/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Linked in place of lib/clock.c: a clock that stands where the test puts it. */
#ifndef FAKE_CLOCK_H
#define FAKE_CLOCK_H

#include <stdint.h>

void fake_clock_set(int64_t wall_ms, int64_t boot_ms);
/* Time passes: both clocks go on. */
void fake_clock_pass(int64_t ms);
/* Somebody sets the wall clock; the boot clock does not notice. */
void fake_clock_step(int64_t ms);

#endif
