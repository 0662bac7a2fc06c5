/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* "pam:SERVICE:USER": one PAM transaction of a session, as sshd or su drive it. */
#include "bench.h"
#include "side_pam.h"

#include <stdlib.h>
#include <string.h>

static int converse(int n, const struct pam_message **messages, struct pam_response **replies,
	void *context)
{
	(void)n;
	(void)messages;
	(void)context;
	*replies = NULL;
	return PAM_CONV_ERR;
}

pam_handle_t *bench_pam_start(const char *service, const char *user, const char *confdir)
{
	static const struct pam_conv conversation = {.conv = converse};
	pam_handle_t *handle = NULL;
	int rc = pam_start_confdir(service, user, &conversation, confdir, &handle);

	if (rc != PAM_SUCCESS)
		bench_die("pam_start %s: %s", service, pam_strerror(NULL, rc));
	return handle;
}

struct transaction {
	char *service, *user;
	const char *confdir;
};

static double us_between(int64_t from, int64_t to)
{
	return (double)(to - from) / 1000.0;
}

static void once(void *state, double *us)
{
	const struct transaction *t = state;
	int64_t at[5];
	pam_handle_t *handle;
	int rc;

	at[0] = bench_now_ns();
	handle = bench_pam_start(t->service, t->user, t->confdir);
	at[1] = bench_now_ns();
	rc = pam_open_session(handle, PAM_SILENT);
	at[2] = bench_now_ns();
	if (rc != PAM_SUCCESS)
		bench_die("%s: open for %s: %s", t->service, t->user, pam_strerror(handle, rc));
	rc = pam_close_session(handle, PAM_SILENT);
	at[3] = bench_now_ns();
	if (rc != PAM_SUCCESS)
		bench_die("%s: close for %s: %s", t->service, t->user, pam_strerror(handle, rc));
	(void)pam_end(handle, PAM_SUCCESS);
	at[4] = bench_now_ns();
	us[0] = us_between(at[1], at[3]);
	us[1] = us_between(at[1], at[2]);
	us[2] = us_between(at[2], at[3]);
	us[3] = us_between(at[0], at[4]);
}

void side_pam_init(struct side *side, const char *words, const struct side_options *options)
{
	struct transaction *t = calloc(1, sizeof(*t));
	const char *colon = strchr(words, ':');

	if (t == NULL || colon == NULL || options->confdir == NULL)
		bench_die("pam:SERVICE:USER and --confdir are needed, not '%s'", words);
	t->service = strndup(words, (size_t)(colon - words));
	t->user = strdup(colon + 1);
	t->confdir = options->confdir;
	*side = (struct side){.phases = {"open+close", "open", "close", "transaction"},
		.state = t,
		.once = once};
}
