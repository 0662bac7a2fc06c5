/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What every fuzz target is. A target calls one parser and checks what must hold for whatever it
 * accepted: fuzz_assert() aborts, which libFuzzer and replay.c report as a crash. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* libFuzzer's entry point; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static inline void fuzz_assert(_Bool holds)
{
	if (!holds)
		abort();
}

#endif
