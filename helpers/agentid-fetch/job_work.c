/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "job_private.h"

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
