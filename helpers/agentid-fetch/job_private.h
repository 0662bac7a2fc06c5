/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Between job.c, which gets and revokes tokens, exchange.c, which makes credentials of them, and judge.c,
 * which verifies tokens of others. */
#ifndef JOB_PRIVATE_H
#define JOB_PRIVATE_H

#include "credential.h"
#include "job.h"
#include "oauth.h"
#include "provider.h"
#include "request.h"

enum step { STEP_SECRET, STEP_METADATA, STEP_TOKEN, STEP_VERIFY, STEP_REVOCATION, STEP_EXCHANGE };

struct job {
	struct fetch *fetch;
	struct client *client;
	uint32_t id;
	LIST_ENTRY(job) of_fetch, of_client, of_waiting;
	bool is_waiting;
	enum step step;
	struct request *request;       /* the token request under way; NULL: none */
	struct credential *credential; /* NULL: a session's token is wanted */
	const struct job_work *work;   /* NULL: one of these two */
	void *data;
	struct provider *provider;
	struct aid_http_transfer *transfer;
	struct aid_token_response response;
	char host[256];         /* who is asked, in STEP_EXCHANGE */
	int64_t asked_wall_ms;  /* the lifetime counts from before the request */
	int64_t timeout_ms;
	int64_t deadline_boot_ms;
	int64_t offset_s;       /* the provider's clock minus ours */
	bool refetched;
};

/* Where it is found until it is answered: at its client, and when its time is up. */
void job_enlist(struct job *job);
/* Of one that is not enlisted. NULL is allowed. */
void job_free(struct job *job);
/* Gives the job a token request, and its provider. */
int job_use_request(struct job *job, struct request *request, struct aid_error *err) AID_WUR;
/* job_tell.c: the line of the journal; adds to told what the clocks say. */
void job_report(const struct job *job, struct aid_error *told);
#define JOB_SECTION_SIZE (sizeof("credential ") + AID_CREDENTIAL_NAME_MAX)
/* Where what was asked for stands in the agent's file. Returns out. */
const char *job_section(const struct job *job, char out[JOB_SECTION_SIZE]);
/* An answer other than the one hoped for, with the secrets that were sent. */
struct aid_refusal job_refusal(const struct job *job, const struct aid_http_response *response);
/* job_secret.c: the client secret, where a manager has it. */
int job_find_secret(struct job *job, const struct aid_frame *frame, const int *fds,
	struct request *request, struct aid_error *err) AID_WUR;
/* Goes on when it is there. */
void job_use_secret(struct job *job);
/* The provider has refused the client: true when the job goes on by itself, with the secret read again.
 * Else why, whose status then says that asking again is no use. */
bool job_read_again(struct job *job, struct aid_error *why);
/* Whatever the other side cannot do or has done is no failure; why, in remark, is for a person. */
void job_retired(struct job *job, bool revoked, const char *remark);

/* exchange.c: starts with the assertion, or with what comes after it. */
void exchange_start(struct job *job);
/* The token request under way has its token, in job->response. True when it was an assertion, and the
 * job goes on by itself. */
bool exchange_take_token(struct job *job);

#endif
