/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "job_private.h"

#include "clock.h"
#include "managed.h"
#include "provider.h"

#include <stdlib.h>

static int prepare_work(struct fetch *fetch, const struct provider_name *name, struct job *job,
	struct aid_error *err)
{
	int r;

	if (fetch->n_jobs == JOBS_MAX)
		return aid_fail(err, AID_E_BUSY, "over %u requests under way", JOBS_MAX);
	r = provider_get(fetch, name, &job->provider, err);
	if (r == AID_OK)
		provider_hold(job->provider);
	return r;
}

struct job *job_start_work(struct fetch *fetch, struct client *client, uint32_t id, int64_t timeout_ms,
	const struct provider_name *name, const struct job_work *work, void *data)
{
	struct aid_error err = AID_ERROR_INIT;
	struct job *job = calloc(1, sizeof(*job));
	int r;

	if (job == NULL) {
		work->free(data);
		r = aid_fail(&err, AID_E_NOMEM, "out of memory");
	} else {
		job->fetch = fetch;
		job->client = client;
		job->id = id;
		job->timeout_ms = timeout_ms;
		job->work = work;
		job->data = data;
		r = prepare_work(fetch, name, job, &err);
	}
	if (r != AID_OK) {
		client_send_error(fetch, client, id, &err);
		job_free(job);
		return NULL;
	}
	job_enlist(job);
	return job;
}

void job_fail_by_provider(struct job *job, const struct aid_error *err)
{
	struct aid_error why = *err;

	if (job->work != NULL && (why.status == AID_E_PROTOCOL || why.status == AID_E_TOOBIG))
		why.status = AID_E_UNREACHABLE;
	job_fail(job, &why);
}

static void time_out(struct job *job)
{
	static const char *const waits[] = {
		[STEP_SECRET] = "the client secret", [STEP_METADATA] = "discovery", [STEP_TOKEN] = "the token", [STEP_VERIFY] = "the key set",
		[STEP_REVOCATION] = "the revocation", [STEP_EXCHANGE] = "the exchange"};
	const char *host = job->step == STEP_EXCHANGE ? job->host
		: job->step == STEP_SECRET	      ? managed_host(job->request->managed)
						      : provider_host(job->provider);
	struct aid_error err;

	(void)aid_fail(&err, AID_E_TIMEOUT, "host '%.64s': no answer within %lld ms (waited for %s)",
		host, (long long)job->timeout_ms,
		job->work != NULL ? job->work->waits_for : waits[job->step]);
	job_fail(job, &err);
}

void job_expire(struct fetch *fetch, int64_t now_boot_ms)
{
	struct job *job, *next;

	if (now_boot_ms < fetch->next_deadline_boot_ms)
		return;
	fetch->next_deadline_boot_ms = INT64_MAX;
	for (job = LIST_FIRST(&fetch->jobs); job != NULL; job = next) {
		next = LIST_NEXT(job, of_fetch);
		if (job->deadline_boot_ms <= now_boot_ms)
			time_out(job);
		else if (job->deadline_boot_ms < fetch->next_deadline_boot_ms)
			fetch->next_deadline_boot_ms = job->deadline_boot_ms;
	}
}
