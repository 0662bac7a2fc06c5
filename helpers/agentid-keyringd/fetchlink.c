/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "fetchlink.h"

#include "clock.h"
#include "credential.h"
#include "daemon.h"
#include "fetchrequest.h"
#include "opening.h"
#include "refresh.h"
#include "retire.h"
#include "rotation.h"
#include "verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#define SENDS_MAX 2
#define RECONNECT_MIN_MS 10
#define RECONNECT_MAX_MS 500
#define ANSWERS_PER_ROUND 32
/* Fetch is told a little less than what we wait, so that its own sentence arrives. */
#define MARGIN_MS 250

static void flush(struct kd_daemon *daemon);
static void disconnect(struct kd_daemon *daemon, const struct aid_error *why);

bool kd_fetch_is_up(const struct kd_fetch *fetch)
{
	return fetch->watch.fd >= 0;
}

/* The answer to a job, also when fetch never got to see it. */
static void conclude(struct kd_daemon *daemon, struct kd_job *job, const struct aid_frame *frame,
	const struct aid_error *err, bool from_provider)
{
	struct kd_answer answer = {frame, err, from_provider};

	kd_loop_clear(&daemon->loop, &job->deadline);
	kd_list_remove(&job->node);
	kd_refresh_answered(daemon, job, &answer);
}

void kd_fetch_was_silent(const struct kd_fetch *fetch, struct aid_error *err)
{
	if (!kd_fetch_is_up(fetch))
		(void)aid_fail(err, AID_E_UNREACHABLE, "agentid-fetch is not reachable at %s", fetch->path);
	else
		(void)aid_fail(err, AID_E_TIMEOUT, "agentid-fetch gave no answer in time");
}

static void on_deadline(struct kd_daemon *daemon, struct kd_timer *timer)
{
	struct kd_job *job = KD_CONTAINER(timer, struct kd_job, deadline);
	struct aid_error err = AID_ERROR_INIT;

	kd_fetch_was_silent(&daemon->fetch, &err);
	conclude(daemon, job, NULL, &err, false);
}

bool kd_fetch_refused(struct kd_daemon *daemon, const struct aid_frame *frame, unsigned int sent,
	struct aid_error *err)
{
	unsigned int version = aid_frame_agree(frame, err);

	if (version == 0 || version == sent)
		return false;
	if (version != daemon->fetch.version)
		kd_log_line(&daemon->log, LOG_NOTICE,
			"op=fetch status=%s detail='%s; going on in version %u'",
			aid_status_name(err->status), err->text, version);
	daemon->fetch.version = version;
	return true;
}

static struct kd_job *job_of(const struct kd_session *session, uint32_t id)
{
	if (session->job != NULL && session->job->id == id)
		return session->job;
	for (struct kd_list *n = session->credentials.next; n != &session->credentials; n = n->next) {
		struct kd_job *job = KD_CONTAINER(n, struct kd_credential, node)->job;

		if (job != NULL && job->id == id)
			return job;
	}
	return NULL;
}

static void answer_arrived(struct kd_daemon *daemon, const struct aid_frame *frame)
{
	uint32_t slot = frame->id & ((1U << KD_FETCH_SLOT_BITS) - 1);
	const struct kd_session *session;
	struct kd_job *job;
	struct aid_error err = AID_ERROR_INIT;

	if (slot == KD_RETIRE_SLOT) {
		kd_retire_answered(daemon, frame);
		return;
	}
	if (slot == KD_VERIFY_SLOT) {
		kd_verify_answered(daemon, frame);
		return;
	}
	if (slot == KD_ROTATION_SLOT) {
		kd_rotation_answered(daemon, frame);
		return;
	}
	session = kd_sessions_by_slot(&daemon->sessions, slot);
	job = session == NULL ? NULL : job_of(session, frame->id);
	/* Whoever asked may have gone since. */
	if (job == NULL || job->sends == 0)
		return;
	if (frame->type == AID_MSG_ISSUED) {
		conclude(daemon, job, frame, NULL, true);
		return;
	}
	if (frame->type == AID_MSG_ERROR &&
		kd_fetch_refused(daemon, frame, job->version, &err)) {
		kd_fetch_again(daemon, job);
		return;
	}
	if (frame->type == AID_MSG_ERROR && err.status == AID_E_VERSION)
		(void)aid_prefix(&err, "agentid-fetch");
	if (frame->type != AID_MSG_ERROR)
		(void)aid_fail(&err, AID_E_PROTOCOL, "agentid-fetch answered with message %d",
			(int)frame->type);
	conclude(daemon, job, NULL, &err, err.status != AID_E_VERSION);
}

/* False when there was nothing more to receive. */
static bool receive(struct kd_daemon *daemon)
{
	struct kd_fetch *fetch = &daemon->fetch;
	struct aid_frame frame;
	struct aid_error err = AID_ERROR_INIT;
	size_t room, length = 0, n_fds = 0;
	char *out = aid_secret_tail(fetch->buffer, &room);
	int r = aid_ipc_recv(fetch->watch.fd, out, room, &length, NULL, 0, &n_fds, &err);

	if (r == AID_E_BUSY)
		return false;
	if (r == AID_OK) {
		aid_secret_grown(fetch->buffer, length);
		r = aid_frame_parse(out, length, &frame, &err);
	}
	if (r == AID_OK)
		answer_arrived(daemon, &frame);
	aid_secret_truncate(fetch->buffer, 0);
	if (r == AID_OK)
		return true;
	kd_log_line(&daemon->log, LOG_WARNING, "op=fetch status=%s detail='%s'",
		aid_status_name(err.status), err.text);
	disconnect(daemon, &err);
	return false;
}

static bool expects_answer(const struct kd_daemon *daemon)
{
	return !kd_list_is_empty(&daemon->fetch.flying) || !kd_list_is_empty(&daemon->verify.flying) ||
		daemon->retire.n_flying > 0;
}

static void on_ready(struct kd_daemon *daemon, struct kd_watch *watch, uint32_t events)
{
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
		for (int i = 0; i < ANSWERS_PER_ROUND && watch->fd >= 0; i++) {
			if (!receive(daemon) || !expects_answer(daemon))
				break;
		}
	}
	if (watch->fd >= 0 && (events & EPOLLOUT) != 0)
		flush(daemon);
}

static int connect_now(struct kd_daemon *daemon, struct aid_error *err)
{
	struct kd_fetch *fetch = &daemon->fetch;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	AID_FD(fd);

	if (strlen(fetch->path) >= sizeof(address.sun_path))
		return aid_fail(err, AID_E_CONFIG, "socket path over %zu bytes",
			sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, fetch->path, strlen(fetch->path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return aid_fail_errno(err, AID_E_IO, errno, "socket");
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		return aid_fail_errno(err, AID_E_UNREACHABLE, errno, "%s", fetch->path);
	return kd_loop_add(&daemon->loop, &fetch->watch, aid_steal_fd(&fd), EPOLLIN, err);
}

static void reconnect(struct kd_daemon *daemon)
{
	struct kd_fetch *fetch = &daemon->fetch;
	struct aid_error err = AID_ERROR_INIT;
	int64_t wait = RECONNECT_MIN_MS;

	if (connect_now(daemon, &err) == AID_OK) {
		if (fetch->failures > 0)
			kd_log_line(&daemon->log, LOG_NOTICE, "op=fetch status=ok detail='connected'");
		fetch->failures = 0;
		/* This one may be of another release than the one before. */
		fetch->version = aid_ipc_versions.max;
		flush(daemon);
		return;
	}
	if (fetch->failures++ == 0)
		kd_log_line(&daemon->log, LOG_WARNING, "op=fetch status=%s detail='%s'",
			aid_status_name(err.status), err.text);
	for (unsigned int i = 1; i < fetch->failures && wait < RECONNECT_MAX_MS; i++)
		wait *= 2;
	kd_loop_set(&daemon->loop, &fetch->reconnect,
		aid_clock_boot_ms() + (wait < RECONNECT_MAX_MS ? wait : RECONNECT_MAX_MS));
}

static void on_reconnect(struct kd_daemon *daemon, struct kd_timer *timer)
{
	(void)timer;
	reconnect(daemon);
}

/* why: what it did on the connection. */
static void disconnect(struct kd_daemon *daemon, const struct aid_error *why)
{
	struct kd_fetch *fetch = &daemon->fetch;
	struct kd_list spent;
	struct aid_error err = AID_ERROR_INIT;

	kd_list_init(&spent);
	kd_loop_remove(&daemon->loop, &fetch->watch);
	kd_retire_disconnected(daemon);
	kd_verify_disconnected(daemon);
	kd_rotations_disconnected(daemon);
	while (!kd_list_is_empty(&fetch->flying)) {
		struct kd_job *job = KD_CONTAINER(fetch->flying.prev, struct kd_job, node);

		kd_list_remove(&job->node);
		if (job->sends < SENDS_MAX)
			kd_list_prepend(&fetch->queue, &job->node);
		else
			kd_list_append(&spent, &job->node);
	}
	kd_loop_set(&daemon->loop, &fetch->reconnect, aid_clock_boot_ms() + RECONNECT_MIN_MS);
	if (why->status == AID_E_VERSION)
		(void)aid_fail(&err, AID_E_VERSION, "agentid-fetch answered twice in %.200s", why->text);
	else
		(void)aid_fail(&err, AID_E_UNREACHABLE, "agentid-fetch ended twice under the request");
	while (!kd_list_is_empty(&spent))
		conclude(daemon, KD_CONTAINER(spent.next, struct kd_job, node), NULL, &err, false);
}

/* By the configuration that the request is made from. */
static struct kd_issuer *asked_by(struct kd_daemon *daemon, const struct kd_job *job)
{
	const struct kd_agent *agent = job->session->agent;
	const struct aid_credential *config;

	if (job->credential == NULL)
		return agent->issuer;
	config = kd_credential_config(job->credential);
	return config == NULL ? NULL : kd_credential_target(daemon, agent, config);
}

/* AID_E_BUSY: the socket is full; AID_E_UNREACHABLE: the connection is gone; else the job's own. */
static int send_job(struct kd_daemon *daemon, struct kd_job *job, struct aid_error *err)
{
	struct kd_request request;
	struct kd_ask ask = {.id = job->id};
	int64_t left = job->deadline_ms - aid_clock_boot_ms() - MARGIN_MS;
	int r;

	ask.timeout_ms = left > 1 ? left : 1;
	ask.credential = job->credential;
	job->asked = asked_by(daemon, job);
	job->version = daemon->fetch.version;
	r = kd_request_build(daemon, job->session->agent,
		&ask, &request, err);
	if (r == AID_OK)
		r = aid_ipc_send(daemon->fetch.watch.fd, request.frame, request.length, request.fds,
			request.n_fds, err);
	else if (r == AID_E_BUSY || r == AID_E_UNREACHABLE)
		r = AID_E_IO;
	kd_request_done(&request);
	return r;
}

/* True when the socket is full. */
static bool flush_others(struct kd_daemon *daemon, int (*send)(struct kd_daemon *daemon))
{
	const struct aid_error gone = {.status = AID_E_UNREACHABLE, .retry_after_s = -1};
	int r = kd_fetch_is_up(&daemon->fetch) ? send(daemon) : AID_OK;

	if (r == AID_E_UNREACHABLE)
		disconnect(daemon, &gone);
	return r == AID_E_BUSY;
}

static void flush(struct kd_daemon *daemon)
{
	struct kd_fetch *fetch = &daemon->fetch;
	bool full = false;

	if (fetch->flushing)
		return;
	fetch->flushing = true;
	while (!full && kd_fetch_is_up(fetch) && !kd_list_is_empty(&fetch->queue)) {
		struct kd_job *job = KD_CONTAINER(fetch->queue.next, struct kd_job, node);
		struct aid_error err = AID_ERROR_INIT;
		int r = send_job(daemon, job, &err);

		if (r == AID_E_BUSY) {
			full = true;
		} else if (r == AID_E_UNREACHABLE) {
			disconnect(daemon, &err);
		} else if (r != AID_OK) {
			conclude(daemon, job, NULL, &err, false);
		} else {
			job->sends++;
			kd_list_remove(&job->node);
			kd_list_append(&fetch->flying, &job->node);
			/* Fetch works already. A second request for one session finds it prepared. */
			if (job->session->state == KD_OPENING && job->session->holder == 0)
				kd_opening_prepare(daemon, job->session);
		}
	}
	/* Sessions go before verifications, and both before what nobody waits for. */
	full = full || flush_others(daemon, kd_verify_flush);
	full = full || flush_others(daemon, kd_rotations_flush);
	full = full || flush_others(daemon, kd_retire_flush);
	fetch->flushing = false;
	kd_loop_change(&daemon->loop, &fetch->watch, full ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

int kd_fetch_init(struct kd_fetch *fetch, const char *path, struct aid_error *err)
{
	*fetch = (struct kd_fetch){.watch = {.fd = -1, .ready = on_ready}, .reconnect.fire = on_reconnect,
		.path = path, .version = aid_ipc_versions.max};
	kd_list_init(&fetch->queue);
	kd_list_init(&fetch->flying);
	fetch->buffer = aid_secret_new(AID_IPC_FRAME_MAX);
	fetch->out = aid_secret_new(KD_REQUEST_MAX);
	if (fetch->buffer == NULL || fetch->out == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	return AID_OK;
}

void kd_fetch_done(struct kd_fetch *fetch)
{
	aid_secret_free(fetch->buffer);
	fetch->buffer = NULL;
	aid_secret_free(fetch->out);
	fetch->out = NULL;
}

void kd_fetch_start(struct kd_daemon *daemon)
{
	reconnect(daemon);
}

void kd_fetch_send_due(struct kd_daemon *daemon)
{
	kd_retire_report(daemon);
	if (!daemon->fetch.send_due)
		return;
	daemon->fetch.send_due = false;
	flush(daemon);
}

struct kd_job *kd_fetch_submit(struct kd_daemon *daemon, struct kd_session *session,
	int64_t deadline_boot_ms)
{
	struct kd_fetch *fetch = &daemon->fetch;
	struct kd_job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	job->session = session;
	job->id = session->slot | (fetch->number++ << KD_FETCH_SLOT_BITS);
	job->deadline_ms = deadline_boot_ms;
	job->deadline.fire = on_deadline;
	kd_list_append(&fetch->queue, &job->node);
	kd_loop_set(&daemon->loop, &job->deadline, deadline_boot_ms);
	fetch->send_due = true;
	return job;
}

void kd_fetch_again(struct kd_daemon *daemon, struct kd_job *job)
{
	kd_list_remove(&job->node);
	kd_list_prepend(&daemon->fetch.queue, &job->node);
	job->sends = 0;
	kd_loop_set(&daemon->loop, &job->deadline, job->deadline_ms);
	daemon->fetch.send_due = true;
}

void kd_fetch_drop(struct kd_daemon *daemon, struct kd_job *job)
{
	kd_loop_clear(&daemon->loop, &job->deadline);
	kd_list_remove(&job->node);
	free(job);
}
