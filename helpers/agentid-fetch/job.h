/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* One AID_MSG_TOKEN from request to answer: metadata, token request (keys on the way), verification.
 * Or one AID_MSG_RETIRE: metadata, revocation. Or one AID_MSG_EXCHANGE: an assertion, in the same way or
 * signed here, and then the requests of the target. */
#ifndef JOB_H
#define JOB_H

#include "fetch.h"
#include "provider.h"

/* What a job does that is about no token of ours, and so has no request. */
struct job_work {
	const char *waits_for;
	void (*advance)(struct job *job, void *data);
	void (*free)(void *data);
};

/* Takes data over, also when this fails and answers with the reason. Then job_advance(). NULL: failed. */
struct job *job_start_work(struct fetch *fetch, struct client *client, uint32_t id, int64_t timeout_ms,
	const struct provider_name *name, const struct job_work *work, void *data);

/* Answers now or later, exactly once, unless the client goes first. */
void job_start(struct fetch *fetch, struct client *client, const struct aid_frame *frame,
	const int *fds, size_t n_fds);
/* Ends it without an answer. */
void job_cancel(struct job *job);
/* Goes on with what the job waited for; or answers with err. */
void job_advance(struct job *job);
void job_fail(struct job *job, const struct aid_error *err);
/* The same where a document of the provider cannot be had. That says nothing about a token that is being
 * judged, as AID_E_PROTOCOL would: it is AID_E_UNREACHABLE then. */
void job_fail_by_provider(struct job *job, const struct aid_error *err);
/* Answers those whose time is up. */
void job_expire(struct fetch *fetch, int64_t now_boot_ms);

/* For provider.c: puts the job on a list of waiting ones and takes it off. A list that is moved tells
 * its first element where its new head is. */
void job_wait(struct job *job, struct job_list *waiting);
void job_stop_waiting(struct job *job);
void job_relink_waiting(struct job *first, struct job_list *waiting);

#endif
