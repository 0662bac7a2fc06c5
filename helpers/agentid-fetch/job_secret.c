/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* A job whose client secret a secrets manager has: the secret comes first, and once more where the provider
 * refuses it, because it may have been changed meanwhile. */
#include "job_private.h"

#include "managed.h"

#include <stdio.h>
#include <string.h>

int job_find_secret(struct job *job, const struct aid_frame *frame, const int *fds,
	struct request *request, struct aid_error *err)
{
	if (request == NULL || request->secret_ref == NULL)
		return AID_OK;
	return managed_get(job->fetch, frame, fds, request->secret_ref, &request->managed, err);
}

/* What the provider said, and why there is nothing else to try. */
static void fail_refused(struct job *job)
{
	const struct aid_error *failure = managed_failure(job->request->managed);
	struct aid_error err = *job->request->refusal;
	size_t used = strlen(err.text);

	err.status = AID_E_DENIED;
	if (failure != NULL)
		(void)snprintf(err.text + used, sizeof(err.text) - used,
			"; the client secret could not be read again: %.140s", failure->text);
	else
		(void)snprintf(err.text + used, sizeof(err.text) - used,
			"; the client secret was read again and is the same");
	job_fail(job, &err);
}

void job_use_secret(struct job *job)
{
	struct request *request = job->request;
	struct aid_error err = AID_ERROR_INIT;
	struct aid_secret *secret = NULL;
	uint64_t before = request->secret_serial;
	int r = managed_secret(request->managed, job, &secret, &request->secret_serial, &err);

	if (r == AID_E_BUSY && job->is_waiting)
		return;
	if (request->refusal != NULL && (r != AID_OK || request->secret_serial == before)) {
		aid_secret_free(secret);
		fail_refused(job);
		return;
	}
	if (r != AID_OK) {
		job_fail(job, &err);
		return;
	}
	aid_secret_free(request->secret);
	request->secret = secret;
	job->step = STEP_METADATA;
	job_advance(job);
}

bool job_read_again(struct job *job, struct aid_error *why)
{
	struct request *request = job->request;

	if (request->managed == NULL)
		return false;
	/* keyringd would ask again for a secret of a file. */
	why->status = AID_E_DENIED;
	if (request->refusal != NULL ||
		!managed_again(request->managed, job, request->secret_serial, why))
		return false;
	request->refusal = malloc(sizeof(*request->refusal));
	if (request->refusal == NULL) {
		job_stop_waiting(job);
		return false;
	}
	*request->refusal = *why;
	job->step = STEP_SECRET;
	if (!job->is_waiting)
		job_advance(job);
	return true;
}
