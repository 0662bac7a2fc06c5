/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What is said of a job that failed, and what is not. */
#include "job_private.h"

#include "client_auth.h"

#include <stdio.h>
#include <string.h>

#define OFFSET_SHOWN_S 5 /* a smaller difference between clocks is no news */

/* A refusal or a time in the future is often a wrong clock, and nobody can see that from here but us. */
static void tell_offset(const struct job *job, struct aid_error *err)
{
	bool timed = job->request == NULL || aid_client_auth_is_timed(job->request->method);
	bool about_time = err->status == AID_E_EXPIRED ||
		((err->status == AID_E_DENIED || err->status == AID_E_CREDENTIAL) &&
			err->http_status != 0 && timed);
	size_t used = strlen(err->text);

	if (!about_time || (job->offset_s < OFFSET_SHOWN_S && job->offset_s > -OFFSET_SHOWN_S))
		return;
	(void)snprintf(err->text + used, sizeof(err->text) - used,
		"; the provider's clock is %lld s %s ours",
		(long long)(job->offset_s > 0 ? job->offset_s : -job->offset_s),
		job->offset_s > 0 ? "ahead of" : "behind");
}

static void name_subject(const struct job *job, char *out, size_t size)
{
	const struct credential *c = job->credential;

	if (c != NULL)
		(void)snprintf(out, size, "%s of %.128s", c->name, c->session_name);
	else
		(void)snprintf(out, size, "%.64s at %.128s", job->request->client_id,
			job->request->issuer);
}

void job_report(const struct job *job, struct aid_error *told)
{
	bool retire = job->credential != NULL ? job->credential->retire : job->request->retired != NULL;
	const char *op = job->credential != NULL ? "exchange" : "token";
	char subject[256];

	tell_offset(job, told);
	if (job->credential != NULL && job->credential->assertion_pending)
		(void)aid_prefix(told, "assertion");
	name_subject(job, subject, sizeof(subject));
	if (retire)
		say(job->fetch, SAY_INFO, "retire", subject, told->status, told->text);
	else
		say(job->fetch, SAY_WARNING, op, subject, told->status, told->text);
}

const char *job_section(const struct job *job, char out[JOB_SECTION_SIZE])
{
	const struct credential *c = job->credential;

	if (c == NULL || c->assertion_pending)
		(void)snprintf(out, JOB_SECTION_SIZE, "token");
	else
		(void)snprintf(out, JOB_SECTION_SIZE, "credential %s", c->name);
	return out;
}

struct aid_refusal job_refusal(const struct job *job, const struct aid_http_response *response)
{
	const struct request *request = job->request;

	return (struct aid_refusal){
		.http_status = response->status,
		.body = response->body,
		.retry_after_s = response->retry_after_s,
		.host = response->host,
		.secrets = {request->secret, request->subject_token, request->actor_token,
			request->retired},
	};
}
