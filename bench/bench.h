/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What the benchmark programs share: time, samples and their order statistics. They are tools for
 * one run on one machine: any failure ends the program with a sentence. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

#define BENCH_NORETURN __attribute__((noreturn))

BENCH_NORETURN void bench_die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Monotonic, nanoseconds. */
int64_t bench_now_ns(void);
/* Time on a processor of this process. */
int64_t bench_cpu_ns(void);
void bench_sleep_us(int64_t us);
/* A whole number from text, at least min. */
int64_t bench_number(const char *text, int64_t min);

struct bench_samples {
	double *values;
	size_t count, capacity;
};

void bench_samples_add(struct bench_samples *samples, double value);
/* The value below which the fraction q of samples [from, count) lies; 0 for none. Sorts a copy. */
double bench_quantile_from(const struct bench_samples *samples, size_t from, double q);
double bench_quantile(const struct bench_samples *samples, double q);

#endif
