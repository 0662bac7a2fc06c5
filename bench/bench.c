/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "bench.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void bench_die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)fputs("bench: ", stderr);
	(void)vfprintf(stderr, fmt, args);
	(void)fputc('\n', stderr);
	va_end(args);
	exit(2);
}

static int64_t read_clock_ns(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now) != 0)
		bench_die("clock_gettime: %s", strerror(errno));
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t bench_now_ns(void)
{
	return read_clock_ns(CLOCK_MONOTONIC);
}

int64_t bench_cpu_ns(void)
{
	return read_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

void bench_sleep_us(int64_t us)
{
	const struct timespec pause = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

	(void)nanosleep(&pause, NULL);
}

int64_t bench_number(const char *text, int64_t min)
{
	char *end = NULL;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || value < min)
		bench_die("'%s' is no number of at least %lld", text, (long long)min);
	return value;
}

void bench_samples_add(struct bench_samples *samples, double value)
{
	if (samples->count == samples->capacity) {
		size_t capacity = samples->capacity > 0 ? 2 * samples->capacity : 1024;
		double *values = reallocarray(samples->values, capacity, sizeof(*values));

		if (values == NULL)
			bench_die("out of memory");
		samples->values = values;
		samples->capacity = capacity;
	}
	samples->values[samples->count++] = value;
}

static int by_value(const void *a, const void *b)
{
	const double left = *(const double *)a;
	const double right = *(const double *)b;

	return (left > right) - (left < right);
}

double bench_quantile_from(const struct bench_samples *samples, size_t from, double q)
{
	size_t n = samples->count - from;
	double *sorted, value;

	if (n == 0)
		return 0;
	sorted = reallocarray(NULL, n, sizeof(*sorted));
	if (sorted == NULL)
		bench_die("out of memory");
	memcpy(sorted, samples->values + from, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_value);
	value = sorted[(size_t)((double)(n - 1) * q + 0.5)];
	free(sorted);
	return value;
}

double bench_quantile(const struct bench_samples *samples, double q)
{
	return bench_quantile_from(samples, 0, q);
}
