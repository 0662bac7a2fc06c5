/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The two or more sides of a comparison. A side does one thing once and says how long it took, in
 * one or more phases; bench-compare runs batches of each in turn, so that whatever else the machine
 * does falls on all of them alike. */
#ifndef BENCH_SIDE_H
#define BENCH_SIDE_H

#include <stddef.h>

#define SIDE_PHASES_MAX 5U

/* What the sides need beside their own words; NULL where not given. */
struct side_options {
	const char *confdir; /* of PAM */
	const char *ca_file;
	const char *user_password; /* "client:secret" for Basic */
	const char *body;
	/* of an exchange */
	const char *program; /* agentid-fetch */
	const char *issuer;  /* this host */
	const char *key_file, *secret_file;
};

struct side {
	const char *label;
	const char *phases[SIDE_PHASES_MAX]; /* names; the first is what is compared unless told */
	void *state;
	/* Fills us[] in the order of phases. */
	void (*once)(void *state, double *us);
};

/* Each takes its own words: "SERVICE:USER", a URL, "PROGRAM ARGUMENT ...", an algorithm, "KIND URL" of an
 * exchange, none. */
void side_pam_init(struct side *side, const char *words, const struct side_options *options);
void side_curl_init(struct side *side, const char *words, const struct side_options *options);
void side_spawn_init(struct side *side, const char *words, const struct side_options *options);
void side_exchange_init(struct side *side, const char *words, const struct side_options *options);
void side_request_init(struct side *side, const char *words, const struct side_options *options);
void side_sign_init(struct side *side, const char *words, const struct side_options *options);
void side_library_init(struct side *side, const char *words, const struct side_options *options);
void side_raw_init(struct side *side, const char *words, const struct side_options *options);

#endif
