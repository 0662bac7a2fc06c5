/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The only callers of clock_gettime: tests link another clock.c in its place. */
#ifndef AID_CLOCK_H
#define AID_CLOCK_H

#include <stdint.h>

/* Wall clock, milliseconds since 1970-01-01 UTC: what tokens and key timeouts count in. */
int64_t aid_clock_wall_ms(void);
/* Boot clock, milliseconds: goes on through suspend, never jumps. Deadlines are kept in it. */
int64_t aid_clock_boot_ms(void);

#endif
