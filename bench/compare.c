/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* bench-compare: runs batches of two or more sides in turn and compares the first with each other.
 * The comparison is made batch by batch and its median is what counts: a slow moment of the machine
 * spoils a few batches of both sides, not the figure. */
#include "bench.h"
#include "secret.h"
#include "side_pam.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SIDES_MAX 4U

static const struct {
	const char *kind;
	void (*init)(struct side *side, const char *words, const struct side_options *options);
} kinds[] = {
	{"pam", side_pam_init},
	{"curl", side_curl_init},
	{"spawn", side_spawn_init},
	{"library", side_library_init},
	{"raw", side_raw_init},
	{"sign", side_sign_init},
	{"exchange", side_exchange_init},
	{"request", side_request_init},
};

struct contest {
	struct side sides[SIDES_MAX];
	size_t n_sides;
	size_t phase[SIDES_MAX]; /* which phase of each is compared */
	struct bench_samples samples[SIDES_MAX][SIDE_PHASES_MAX];
	struct bench_samples ratios[SIDES_MAX], differences[SIDES_MAX];
	int64_t batches, batch;
};

static void add_side(struct contest *contest, const char *spec, const char *phase,
	const struct side_options *options)
{
	const char *words = strchr(spec, ':');
	size_t length = words != NULL ? (size_t)(words - spec) : strlen(spec);
	size_t i = contest->n_sides++;
	struct side *side = &contest->sides[i];

	for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
		if (strlen(kinds[k].kind) == length && strncmp(kinds[k].kind, spec, length) == 0)
			kinds[k].init(side, words != NULL ? words + 1 : "", options);
	if (side->once == NULL)
		bench_die("unknown side '%s'", spec);
	side->label = spec;
	for (size_t p = 0; phase != NULL && p < SIDE_PHASES_MAX; p++)
		if (side->phases[p] != NULL && strcmp(side->phases[p], phase) == 0)
			contest->phase[i] = p;
}

static void run_once(struct contest *contest, size_t i, bool keep)
{
	double us[SIDE_PHASES_MAX] = {0};
	struct side *side = &contest->sides[i];

	side->once(side->state, us);
	for (size_t p = 0; keep && p < SIDE_PHASES_MAX && side->phases[p] != NULL; p++)
		bench_samples_add(&contest->samples[i][p], us[p]);
}

static void run_batch(struct contest *contest)
{
	double median[SIDES_MAX] = {0};

	for (size_t i = 0; i < contest->n_sides; i++) {
		struct bench_samples *samples = &contest->samples[i][contest->phase[i]];
		size_t from = samples->count;

		for (int64_t n = 0; n < contest->batch; n++)
			run_once(contest, i, true);
		median[i] = bench_quantile_from(samples, from, 0.5);
	}
	for (size_t i = 1; i < contest->n_sides; i++) {
		bench_samples_add(&contest->ratios[i], median[0] / median[i]);
		bench_samples_add(&contest->differences[i], median[0] - median[i]);
	}
}

static void print_table(const struct contest *contest)
{
	(void)printf("%-44s %-12s %10s %10s %10s %8s\n", "side", "phase", "best us", "p50 us", "p99 us",
		"count");
	for (size_t i = 0; i < contest->n_sides; i++) {
		const struct side *side = &contest->sides[i];

		for (size_t p = 0; p < SIDE_PHASES_MAX && side->phases[p] != NULL; p++) {
			const struct bench_samples *samples = &contest->samples[i][p];

			(void)printf("%-44.44s %-12s %10.1f %10.1f %10.1f %8zu\n",
				p == 0 ? side->label : "", side->phases[p],
				bench_quantile(samples, 0), bench_quantile(samples, 0.5),
				bench_quantile(samples, 0.99), samples->count);
		}
	}
}

/* Lines of three words for the script: what it is, number of the other side, value. */
static void print_figures(const struct contest *contest)
{
	double best = bench_quantile(&contest->samples[0][contest->phase[0]], 0);

	for (size_t i = 1; i < contest->n_sides; i++) {
		(void)printf("best %zu %.3f\n", i,
			best / bench_quantile(&contest->samples[i][contest->phase[i]], 0));
		(void)printf("ratio %zu %.3f\n", i, bench_quantile(&contest->ratios[i], 0.5));
		(void)printf("difference %zu %.1f\n", i,
			bench_quantile(&contest->differences[i], 0.5));
	}
}

static void hold_session(const char *words, const struct side_options *options)
{
	char service[64] = "";
	const char *colon = strchr(words, ':');
	pam_handle_t *handle;

	if (colon == NULL || (size_t)(colon - words) >= sizeof(service))
		bench_die("--session takes SERVICE:USER, not '%s'", words);
	memcpy(service, words, (size_t)(colon - words));
	handle = bench_pam_start(service, colon + 1, options->confdir);
	if (pam_open_session(handle, PAM_SILENT) != PAM_SUCCESS)
		bench_die("%s: no session for %s", service, colon + 1);
	/* keyringd ends it when this process does. */
}

/* Returns the index of the first side in argv. */
static int read_options(int argc, char **argv, struct contest *contest,
	struct side_options *options, const char **phase, const char **session)
{
	static const struct option longs[] = {
		{"confdir", required_argument, NULL, 'c'},
		{"ca", required_argument, NULL, 'a'},
		{"user", required_argument, NULL, 'u'},
		{"body", required_argument, NULL, 'd'},
		{"session", required_argument, NULL, 's'},
		{"phase", required_argument, NULL, 'p'},
		{"program", required_argument, NULL, 'f'},
		{"issuer", required_argument, NULL, 'i'},
		{"key", required_argument, NULL, 'k'},
		{"secret", required_argument, NULL, 'x'},
		{"batches", required_argument, NULL, 'n'},
		{"batch", required_argument, NULL, 'm'},
		{0},
	};

	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;)
		switch (c) {
		case 'c':
			options->confdir = optarg;
			break;
		case 'a':
			options->ca_file = optarg;
			break;
		case 'u':
			options->user_password = optarg;
			break;
		case 'd':
			options->body = optarg;
			break;
		case 's':
			*session = optarg;
			break;
		case 'p':
			*phase = optarg;
			break;
		case 'f':
			options->program = optarg;
			break;
		case 'i':
			options->issuer = optarg;
			break;
		case 'k':
			options->key_file = optarg;
			break;
		case 'x':
			options->secret_file = optarg;
			break;
		case 'n':
			contest->batches = bench_number(optarg, 1);
			break;
		case 'm':
			contest->batch = bench_number(optarg, 1);
			break;
		default:
			bench_die("usage: bench-compare OPTIONS SIDE SIDE ...");
		}
	return optind;
}

int main(int argc, char **argv)
{
	static struct contest contest = {.batches = 50, .batch = 20};
	struct side_options options = {0};
	const char *phase = NULL, *session = NULL;
	int first;

	/* As agentid-fetch: an assertion that is made here must not cost more. */
	aid_secret_keep(8);
	first = read_options(argc, argv, &contest, &options, &phase, &session);

	if (first == argc || argc - first > (int)SIDES_MAX)
		bench_die("one to %u sides", SIDES_MAX);
	if (session != NULL)
		hold_session(session, &options);
	for (int i = first; i < argc; i++)
		add_side(&contest, argv[i], phase, &options);
	for (size_t i = 0; i < contest.n_sides; i++)
		for (int64_t n = 0; n < contest.batch; n++)
			run_once(&contest, i, false); /* warms caches and connections */
	for (int64_t n = 0; n < contest.batches; n++)
		run_batch(&contest);
	print_table(&contest);
	print_figures(&contest);
	return 0;
}
