/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The socket that agentid-keyringd connects to, and the loop that everything hangs on. */
#include "fetch.h"

#include "clock.h"
#include "job.h"
#include "managed.h"
#include "jwt.h"
#include "provider.h"
#include "replay.h"
#include "rotate.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#define EVENTS_AT_ONCE 64
#define FRAMES_AT_ONCE 64U /* of one client before others have a turn */
#define OUTGOING_MAX 16384U /* two for each request */

struct outgoing {
	STAILQ_ENTRY(outgoing) link;
	struct aid_secret *frame;
};

struct client {
	struct fetch *fetch;
	LIST_ENTRY(client) link;
	struct source source;
	int fd;
	unsigned int version; /* of its last request, and so of the answers */
	bool broken; /* closed and freed by the loop, when nothing points to it */
	struct job_list jobs;
	STAILQ_HEAD(, outgoing) queue;
	size_t n_queue;
};

struct job_list *client_jobs(struct client *client)
{
	return &client->jobs;
}

static int watch(const struct fetch *fetch, int operation, int fd, uint32_t events,
	struct source *source)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	return epoll_ctl(fetch->epoll, operation, fd, &event) == 0 ? AID_OK : AID_E_IO;
}

static void keep_outgoing(struct client *client, const struct aid_writer *frame)
{
	struct outgoing *o;

	if (client->n_queue == OUTGOING_MAX) {
		client->broken = true;
		return;
	}
	o = calloc(1, sizeof(*o));
	if (o != NULL)
		o->frame = aid_secret_from(frame->buffer, frame->length);
	if (o == NULL || o->frame == NULL) {
		free(o);
		client->broken = true;
		return;
	}
	if (STAILQ_EMPTY(&client->queue))
		(void)!watch(client->fetch, EPOLL_CTL_MOD, client->fd, EPOLLIN | EPOLLOUT,
			&client->source);
	STAILQ_INSERT_TAIL(&client->queue, o, link);
	client->n_queue++;
}

void client_send(struct client *client, const struct aid_writer *frame)
{
	int r = AID_E_BUSY;

	if (client->broken)
		return;
	if (STAILQ_EMPTY(&client->queue))
		r = aid_ipc_send(client->fd, frame->buffer, frame->length, NULL, 0, NULL);
	if (r == AID_E_BUSY)
		keep_outgoing(client, frame);
	else if (r != AID_OK)
		client->broken = true;
}

void client_send_error(struct fetch *fetch, struct client *client, uint32_t id,
	const struct aid_error *err)
{
	struct aid_writer writer;

	aid_writer_begin(&writer, fetch->out, sizeof(fetch->out), AID_MSG_ERROR, id);
	aid_writer_speak(&writer, client->version);
	aid_writer_error(&writer, err);
	if (aid_writer_end(&writer) == AID_OK)
		client_send(client, &writer);
}

void client_send_done(struct fetch *fetch, struct client *client, uint32_t id, int64_t count,
	const char *remark)
{
	struct aid_writer writer;

	aid_writer_begin(&writer, fetch->out, sizeof(fetch->out), AID_MSG_DONE, id);
	aid_writer_speak(&writer, client->version);
	aid_writer_int(&writer, AID_TAG_COUNT_OF, count);
	aid_writer_text(&writer, AID_TAG_TEXT, remark);
	if (aid_writer_end(&writer) == AID_OK)
		client_send(client, &writer);
}

void client_send_issued(struct fetch *fetch, struct client *client, uint32_t id,
	const struct issued *issued)
{
	char token_id[AID_TOKEN_ID_SIZE];
	struct aid_error err = AID_ERROR_INIT;
	struct aid_writer writer;

	if (aid_token_id(issued->token, token_id) != AID_OK) {
		(void)aid_fail(&err, AID_E_NOMEM, "the token cannot be hashed");
		client_send_error(fetch, client, id, &err);
		return;
	}
	aid_writer_begin(&writer, fetch->out, sizeof(fetch->out), AID_MSG_ISSUED, id);
	aid_writer_speak(&writer, client->version);
	aid_writer_bytes(&writer, AID_TAG_SECRET, aid_secret_peek(issued->token),
		aid_secret_length(issued->token));
	aid_writer_int(&writer, AID_TAG_EXPIRES_MS, issued->expires_wall_ms);
	aid_writer_int(&writer, AID_TAG_LIFETIME_MS, issued->expires_wall_ms - aid_clock_wall_ms());
	aid_writer_text(&writer, AID_TAG_TOKEN_ID, token_id);
	if (issued->jti[0] != '\0')
		aid_writer_text(&writer, AID_TAG_JTI, issued->jti);
	if (issued->renewable)
		aid_writer_int(&writer, AID_TAG_RENEWABLE, 1);
	if (aid_writer_end(&writer) == AID_OK)
		client_send(client, &writer);
	explicit_bzero(fetch->out, writer.length);
}

void client_send_verified(struct fetch *fetch, struct client *client, uint32_t id,
	const struct verified *verified)
{
	struct aid_writer writer;

	aid_writer_begin(&writer, fetch->out, sizeof(fetch->out), AID_MSG_VERIFIED, id);
	aid_writer_speak(&writer, client->version);
	aid_writer_bytes(&writer, AID_TAG_CLAIMS, verified->claims, verified->length);
	aid_writer_text(&writer, AID_TAG_ISSUER, verified->issuer);
	aid_writer_text(&writer, AID_TAG_SUBJECT, verified->subject);
	aid_writer_text(&writer, AID_TAG_TOKEN_ID, verified->token_id);
	aid_writer_int(&writer, AID_TAG_EXPIRES_MS, verified->expires_wall_ms);
	if (aid_writer_end(&writer) == AID_OK)
		client_send(client, &writer);
}

void client_send_step(struct fetch *fetch, struct client *client, uint32_t id, const char *name,
	int64_t elapsed_ms, const char *remark)
{
	struct aid_writer writer;

	aid_writer_begin(&writer, fetch->out, sizeof(fetch->out), AID_MSG_ROTATE_STEP, id);
	aid_writer_speak(&writer, client->version);
	aid_writer_text(&writer, AID_TAG_NAME, name);
	aid_writer_int(&writer, AID_TAG_ELAPSED_MS, elapsed_ms);
	aid_writer_text(&writer, AID_TAG_TEXT, remark[0] != '\0' ? remark : NULL);
	if (aid_writer_end(&writer) == AID_OK)
		client_send(client, &writer);
}

void client_send_rotated(struct fetch *fetch, struct client *client, uint32_t id,
	const struct rotated *rotated)
{
	struct aid_writer writer;

	aid_writer_begin(&writer, fetch->out, sizeof(fetch->out), AID_MSG_ROTATED, id);
	aid_writer_speak(&writer, client->version);
	aid_writer_text(&writer, AID_TAG_STATE, rotated->result);
	aid_writer_text(&writer, AID_TAG_TEXT, rotated->sentence);
	if (rotated->rotated_wall_ms > 0)
		aid_writer_int(&writer, AID_TAG_ROTATED_MS, rotated->rotated_wall_ms);
	if (rotated->next_wall_ms > 0)
		aid_writer_int(&writer, AID_TAG_NEXT_MS, rotated->next_wall_ms);
	if (aid_writer_end(&writer) == AID_OK)
		client_send(client, &writer);
}

static void refuse_version(struct client *client, const struct aid_frame *frame,
	const struct aid_error *err)
{
	struct fetch *fetch = client->fetch;
	struct aid_writer writer;

	say(fetch, SAY_WARNING, "connect", "fetch.sock", err->status, err->text);
	aid_writer_refusal(&writer, fetch->out, sizeof(fetch->out), frame, err);
	if (aid_writer_end(&writer) == AID_OK)
		client_send(client, &writer);
}

static void flush_queue(struct client *client)
{
	struct outgoing *o;

	while ((o = STAILQ_FIRST(&client->queue)) != NULL) {
		int r = aid_ipc_send(client->fd, aid_secret_peek(o->frame), aid_secret_length(o->frame),
			NULL, 0, NULL);

		if (r == AID_E_BUSY)
			return;
		if (r != AID_OK) {
			client->broken = true;
			return;
		}
		STAILQ_REMOVE_HEAD(&client->queue, link);
		client->n_queue--;
		aid_secret_free(o->frame);
		free(o);
	}
	(void)!watch(client->fetch, EPOLL_CTL_MOD, client->fd, EPOLLIN, &client->source);
}

static void dispatch(struct client *client, size_t length, const int *fds, size_t n_fds)
{
	struct fetch *fetch = client->fetch;
	struct aid_error err = AID_ERROR_INIT;
	struct aid_frame frame = {0};
	int r;

	r = aid_frame_parse(fetch->in, length, &frame, &err);
	/* keyringd goes on in a version that both speak, if there is one. */
	if (r == AID_E_VERSION) {
		refuse_version(client, &frame, &err);
		return;
	}
	if (r != AID_OK) {
		client_send_error(fetch, client, frame.id, &err);
		client->broken = true; /* out of step for good */
		return;
	}
	client->version = frame.version;
	if (frame.type == AID_MSG_SIGN) {
		sign(fetch, client, &frame, fds, n_fds);
	} else if (frame.type == AID_MSG_TOKEN || frame.type == AID_MSG_RETIRE ||
		frame.type == AID_MSG_EXCHANGE) {
		job_start(fetch, client, &frame, fds, n_fds);
	} else if (frame.type == AID_MSG_ROTATE_SECRET) {
		rotate_start(fetch, client, &frame, fds, n_fds);
	} else if (frame.type == AID_MSG_JUDGE) {
		judge_start(fetch, client, &frame, fds, n_fds);
	} else {
		(void)aid_fail(&err, AID_E_PROTOCOL, "message %d is not for agentid-fetch",
			(int)frame.type);
		client_send_error(fetch, client, frame.id, &err);
	}
}

static void on_client(struct fetch *fetch, void *data, uint32_t events)
{
	struct client *client = data;

	if ((events & EPOLLOUT) != 0)
		flush_queue(client);
	for (size_t i = 0; i < FRAMES_AT_ONCE && !client->broken; i++) {
		struct aid_error err = AID_ERROR_INIT;
		int fds[AID_IPC_FDS_MAX];
		size_t length = 0;
		size_t n_fds = 0;

		if (aid_ipc_recv(client->fd, fetch->in, sizeof(fetch->in), &length, fds,
			    AID_IPC_FDS_MAX, &n_fds, &err) != AID_OK) {
			client->broken = err.status != AID_E_BUSY;
			return;
		}
		dispatch(client, length, fds, n_fds);
		explicit_bzero(fetch->in, length); /* tokens stand in frames of several types */
		while (n_fds > 0)
			(void)close(fds[--n_fds]);
	}
}

static void free_client(struct client *client)
{
	struct outgoing *o;

	while (!LIST_EMPTY(&client->jobs))
		job_cancel(LIST_FIRST(&client->jobs));
	while ((o = STAILQ_FIRST(&client->queue)) != NULL) {
		STAILQ_REMOVE_HEAD(&client->queue, link);
		aid_secret_free(o->frame);
		free(o);
	}
	LIST_REMOVE(client, link);
	client->fetch->n_clients--;
	(void)close(client->fd);
	free(client);
}

static void add_client(struct fetch *fetch, int *fd)
{
	struct client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		return;
	client->fetch = fetch;
	client->version = aid_ipc_versions.max;
	client->source = (struct source){on_client, client};
	LIST_INIT(&client->jobs);
	STAILQ_INIT(&client->queue);
	if (watch(fetch, EPOLL_CTL_ADD, *fd, EPOLLIN, &client->source) != AID_OK) {
		free(client);
		return;
	}
	client->fd = aid_steal_fd(fd);
	LIST_INSERT_HEAD(&fetch->clients, client, link);
	fetch->n_clients++;
}

/* Without a descriptor the connection would stay in the queue and the loop would spin: the spare one
 * is given up to take it and close it. */
static void turn_away(struct fetch *fetch)
{
	int fd;

	if (fetch->spare_fd >= 0)
		(void)close(fetch->spare_fd);
	fd = accept4(fetch->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		(void)close(fd);
	fetch->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	say(fetch, SAY_ERROR, "connect", "fetch.sock", AID_E_BUSY, "no descriptor is left");
}

static void on_listener(struct fetch *fetch, void *data, uint32_t events)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_peer peer;
	AID_FD(fd);

	(void)data;
	(void)events;
	fd = accept4(fetch->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE)
			turn_away(fetch);
		return;
	}
	if (aid_ipc_peer(fd, &peer, &err) == AID_OK && peer.uid != 0)
		(void)aid_fail(&err, AID_E_DENIED, "uid %u connected, only root may", peer.uid);
	else if (fetch->n_clients == CLIENTS_MAX)
		(void)aid_fail(&err, AID_E_BUSY, "over %u connections", CLIENTS_MAX);
	if (err.status == AID_OK)
		add_client(fetch, &fd);
	else
		say(fetch, SAY_WARNING, "connect", "fetch.sock", err.status, err.text);
}

static void on_http(struct fetch *fetch, void *data, uint32_t events)
{
	(void)data;
	(void)events;
	aid_http_drive(fetch->http);
}

static void on_signal(struct fetch *fetch, void *data, uint32_t events)
{
	(void)data;
	(void)events;
	fetch->stopping = true;
}

int server_start(struct fetch *fetch, int listener, int signals, struct aid_error *err)
{
	fetch->listener = listener;
	fetch->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fetch->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (fetch->epoll < 0)
		return aid_fail_errno(err, AID_E_IO, errno, "epoll");
	fetch->listener_source = (struct source){on_listener, NULL};
	fetch->http_source = (struct source){on_http, NULL};
	fetch->signal_source = (struct source){on_signal, NULL};
	if (watch(fetch, EPOLL_CTL_ADD, listener, EPOLLIN, &fetch->listener_source) != AID_OK ||
		watch(fetch, EPOLL_CTL_ADD, aid_http_fd(fetch->http), EPOLLIN,
			&fetch->http_source) != AID_OK ||
		watch(fetch, EPOLL_CTL_ADD, signals, EPOLLIN, &fetch->signal_source) != AID_OK)
		return aid_fail_errno(err, AID_E_IO, errno, "epoll");
	return AID_OK;
}

static void close_broken(struct fetch *fetch)
{
	struct client *client = LIST_FIRST(&fetch->clients);

	while (client != NULL) {
		struct client *next = LIST_NEXT(client, link);

		if (client->broken)
			free_client(client);
		client = next;
	}
}

static int earlier(int a, int b)
{
	if (a < 0)
		return b;
	return b < 0 || a < b ? a : b;
}

static int timeout_ms(const struct fetch *fetch, int64_t next_ping_boot_ms)
{
	int64_t now = aid_clock_boot_ms();
	int64_t next = fetch->next_deadline_boot_ms;
	int wait = aid_http_timeout_ms(fetch->http);

	if (fetch->managed_next_boot_ms < next)
		next = fetch->managed_next_boot_ms;
	if (fetch->notify.watchdog_ms > 0 && next_ping_boot_ms < next)
		next = next_ping_boot_ms;
	if (next == INT64_MAX)
		return wait;
	if (next <= now)
		return 0;
	return earlier(wait, next - now > 60000 ? 60000 : (int)(next - now));
}

void server_run(struct fetch *fetch)
{
	int64_t next_ping = aid_clock_boot_ms();

	while (!fetch->stopping) {
		struct epoll_event events[EVENTS_AT_ONCE];
		int count = epoll_wait(fetch->epoll, events, EVENTS_AT_ONCE,
			timeout_ms(fetch, next_ping));

		for (int i = 0; i < count; i++) {
			const struct source *source = events[i].data.ptr;

			source->ready(fetch, source->data, events[i].events);
		}
		if (aid_http_timeout_ms(fetch->http) == 0)
			aid_http_drive(fetch->http);
		job_expire(fetch, aid_clock_boot_ms());
		managed_expire(fetch, aid_clock_boot_ms());
		close_broken(fetch);
		if (fetch->notify.watchdog_ms > 0 && aid_clock_boot_ms() >= next_ping) {
			aid_notify_ping(&fetch->notify);
			next_ping = aid_clock_boot_ms() + fetch->notify.watchdog_ms;
		}
	}
}

void server_stop(struct fetch *fetch)
{
	while (!LIST_EMPTY(&fetch->clients))
		free_client(LIST_FIRST(&fetch->clients));
	managed_free_all(fetch);
	provider_free_all(fetch);
	aid_replay_free(fetch->replay);
	if (fetch->spare_fd >= 0)
		(void)close(fetch->spare_fd);
	if (fetch->epoll >= 0)
		(void)close(fetch->epoll);
}
