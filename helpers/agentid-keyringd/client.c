/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "client.h"

#include "clock.h"
#include "daemon.h"
#include "ending.h"
#include "listing.h"
#include "opening.h"
#include "requests.h"
#include "str.h"
#include "verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define ANSWER_BYTES 1024U
#define LISTEN_PAUSE_MS 100

static void leave_session(struct kd_client *client)
{
	kd_list_remove(&client->waiter);
	client->session = NULL;
}

void kd_client_drop(struct kd_daemon *daemon, struct kd_client *client)
{
	if (client->dead)
		return;
	client->dead = true;
	leave_session(client);
	kd_verify_leave(daemon, client);
	kd_rotation_leave(daemon, client);
	kd_loop_clear(&daemon->loop, &client->timer);
	kd_loop_remove(&daemon->loop, &client->watch);
	kd_list_remove(&client->node);
	kd_list_append(&daemon->clients.dead, &client->node);
}

void kd_clients_reap(struct kd_daemon *daemon)
{
	while (!kd_list_is_empty(&daemon->clients.dead)) {
		struct kd_client *client =
			KD_CONTAINER(daemon->clients.dead.next, struct kd_client, node);

		kd_list_remove(&client->node);
		free(client);
	}
}

void kd_client_becomes_idle(struct kd_daemon *daemon, struct kd_client *client)
{
	if (client->dead)
		return;
	client->state = KD_CLIENT_IDLE;
	kd_loop_change(&daemon->loop, &client->watch, EPOLLIN | EPOLLRDHUP);
	kd_loop_set(&daemon->loop, &client->timer,
		aid_clock_boot_ms() +
			(client->peer.uid == 0 ? KD_CLIENT_IDLE_ROOT_MS : KD_CLIENT_IDLE_MS));
}

void kd_client_begin(const struct kd_client *client, struct aid_writer *writer, void *buffer,
	size_t capacity, enum aid_msg type)
{
	aid_writer_begin(writer, buffer, capacity, type, client->request_id);
	aid_writer_speak(writer, client->version);
}

int kd_client_send(struct kd_client *client, const struct aid_writer *writer)
{
	return aid_ipc_send(client->watch.fd, writer->buffer, writer->length, NULL, 0, NULL);
}

/* Whoever left so many answers unread that one more does not fit breaks the protocol. False: gone. */
static bool answer(struct kd_daemon *daemon, struct kd_client *client, struct aid_writer *writer)
{
	if (client->dead)
		return false;
	leave_session(client);
	if (aid_writer_end(writer) != AID_OK || kd_client_send(client, writer) != AID_OK) {
		kd_client_drop(daemon, client);
		return false;
	}
	kd_client_becomes_idle(daemon, client);
	return true;
}

void kd_client_answer_error(struct kd_daemon *daemon, struct kd_client *client,
	const struct aid_error *err)
{
	uint8_t buffer[ANSWER_BYTES];
	struct aid_writer writer;

	kd_client_begin(client, &writer, buffer, sizeof(buffer), AID_MSG_ERROR);
	aid_writer_error(&writer, err);
	(void)answer(daemon, client, &writer);
}

void kd_client_answer_done(struct kd_daemon *daemon, struct kd_client *client, int64_t count,
	const char *text)
{
	uint8_t buffer[ANSWER_BYTES];
	struct aid_writer writer;

	kd_client_begin(client, &writer, buffer, sizeof(buffer), AID_MSG_DONE);
	aid_writer_int(&writer, AID_TAG_COUNT_OF, count);
	aid_writer_text(&writer, AID_TAG_TEXT, text);
	(void)answer(daemon, client, &writer);
}

void kd_clients_refuse(struct kd_daemon *daemon)
{
	kd_loop_clear(&daemon->loop, &daemon->clients.listen_again);
	kd_loop_remove(&daemon->loop, &daemon->clients.listener);
}

bool kd_clients_are_waiting(struct kd_daemon *daemon)
{
	struct kd_list *all = &daemon->clients.all;

	for (struct kd_list *node = all->next; node != all; node = node->next) {
		if (KD_CONTAINER(node, struct kd_client, node)->state != KD_CLIENT_IDLE)
			return true;
	}
	return false;
}

static struct kd_client *first_waiter(struct kd_list *waiters)
{
	return KD_CONTAINER(waiters->next, struct kd_client, waiter);
}

void kd_clients_answer_error(struct kd_daemon *daemon, struct kd_list *waiters,
	const struct aid_error *err)
{
	while (!kd_list_is_empty(waiters))
		kd_client_answer_error(daemon, first_waiter(waiters), err);
}

void kd_clients_answer_done(struct kd_daemon *daemon, struct kd_list *waiters)
{
	while (!kd_list_is_empty(waiters))
		kd_client_answer_done(daemon, first_waiter(waiters), 1, NULL);
}

void kd_clients_answer_opened(struct kd_daemon *daemon, struct kd_session *session)
{
	struct kd_client *client = first_waiter(&session->clients);
	uint8_t buffer[ANSWER_BYTES];
	char id[AID_SESSION_ID_SIZE];
	struct aid_writer writer;

	/* An opener that went away has ended the session already. */
	aid_str_hex(session->id, sizeof(session->id), id);
	kd_client_begin(client, &writer, buffer, sizeof(buffer), AID_MSG_OPENED);
	aid_writer_text(&writer, AID_TAG_SESSION, id);
	aid_writer_bytes(&writer, AID_TAG_COOKIE, session->cookie, sizeof(session->cookie));
	aid_writer_text(&writer, AID_TAG_AGENT, session->agent->id);
	aid_writer_int(&writer, AID_TAG_EXPIRES_MS, session->expires_wall_ms);
	client->opened = true;
	memcpy(client->opened_id, session->id, sizeof(session->id));
	if (!answer(daemon, client, &writer))
		kd_session_end(daemon, session, AID_E_NOTFOUND, "its opener is gone");
	explicit_bzero(buffer, sizeof(buffer));
}

void kd_client_wait_in(struct kd_daemon *daemon, struct kd_client *client, struct kd_list *list)
{
	client->state = KD_CLIENT_WAITING;
	if (list != NULL)
		kd_list_append(list, &client->waiter);
	kd_loop_clear(&daemon->loop, &client->timer);
}

void kd_client_wait(struct kd_daemon *daemon, struct kd_client *client, struct kd_session *session)
{
	client->session = session;
	kd_client_wait_in(daemon, client, session != NULL ? &session->clients : NULL);
}

/* Others than root could fill the log with it. */
static void refuse_version(struct kd_daemon *daemon, struct kd_client *client,
	const struct aid_frame *frame, const struct aid_error *err)
{
	uint8_t buffer[ANSWER_BYTES];
	struct aid_writer writer;

	if (client->peer.uid == 0)
		kd_log_line(&daemon->log, LOG_WARNING, "op=accept pid=%d status=%s detail='%s'",
			(int)client->peer.pid, aid_status_name(err->status), err->text);
	aid_writer_refusal(&writer, buffer, sizeof(buffer), frame, err);
	(void)answer(daemon, client, &writer);
}

/* A peer that closes with an answer unread leaves ECONNRESET behind: then its login knows nothing
 * of the session that was just opened for it. */
static void peer_left(struct kd_daemon *daemon, struct kd_client *client, int sys_errno)
{
	struct kd_session *session = client->session;

	if (session != NULL && session->state == KD_OPENING) {
		const struct aid_error err = {.status = AID_E_TIMEOUT, .retry_after_s = -1,
			.text = "the opener went away before the token came"};

		leave_session(client);
		kd_opening_failed(daemon, session, &err);
	}
	if (client->opened && sys_errno == ECONNRESET) {
		session = kd_sessions_by_id(&daemon->sessions, client->opened_id);
		if (session != NULL)
			kd_session_end(daemon, session, AID_E_NOTFOUND,
				"its opener left without reading the answer");
	}
	kd_client_drop(daemon, client);
}

static void receive(struct kd_daemon *daemon, struct kd_client *client)
{
	uint8_t *buffer = daemon->clients.in;
	struct aid_error err = AID_ERROR_INIT;
	struct aid_frame frame = {0};
	size_t length = 0, n_fds = 0;
	int r = aid_ipc_recv(client->watch.fd, buffer, sizeof(daemon->clients.in), &length, NULL, 0, &n_fds, &err);

	if (r == AID_E_BUSY)
		return;
	if (r == AID_E_UNREACHABLE) {
		peer_left(daemon, client, err.sys_errno);
		return;
	}
	if (r == AID_OK)
		r = aid_frame_parse(buffer, length, &frame, &err);
	client->request_id = frame.id;
	client->version = frame.version;
	client->opened = false;
	if (r == AID_OK)
		kd_requests_serve(daemon, client, &frame);
	else if (r == AID_E_VERSION)
		refuse_version(daemon, client, &frame, &err);
	else
		kd_client_answer_error(daemon, client, &err);
	/* One that speaks another version may go on in a common one; garbage is not conversed with. */
	if (r != AID_OK && r != AID_E_VERSION)
		kd_client_drop(daemon, client);
	explicit_bzero(buffer, length);
}

static void on_ready(struct kd_daemon *daemon, struct kd_watch *watch, uint32_t events)
{
	struct kd_client *client = KD_CONTAINER(watch, struct kd_client, watch);

	if (client->state == KD_CLIENT_IDLE && (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) != 0)
		receive(daemon, client);
	else if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		peer_left(daemon, client, 0);
	else if (client->state == KD_CLIENT_STREAMING)
		kd_listing_continue(daemon, client);
	else if (client->state == KD_CLIENT_WAITING)
		/* Nothing more is read until the answer is sent; only the end of the peer is seen. Hardly
		 * anybody sends another request before, so it is not said in advance. */
		kd_loop_change(&daemon->loop, &client->watch, EPOLLRDHUP);
}

static void on_slow(struct kd_daemon *daemon, struct kd_timer *timer)
{
	kd_client_drop(daemon, KD_CONTAINER(timer, struct kd_client, timer));
}

static unsigned int connections_of(const struct kd_clients *clients, uid_t uid)
{
	unsigned int count = 0;

	for (struct kd_list *n = clients->all.next; n != &clients->all; n = n->next) {
		if (KD_CONTAINER(n, struct kd_client, node)->peer.uid == uid)
			count++;
	}
	return count;
}

static void welcome(struct kd_daemon *daemon, int fd)
{
	struct kd_clients *clients = &daemon->clients;
	struct kd_client *client;
	struct aid_peer peer;

	if (aid_ipc_peer(fd, &peer, NULL) != AID_OK ||
		(peer.uid != 0 && connections_of(clients, peer.uid) >= KD_CLIENTS_PER_UID)) {
		(void)close(fd);
		return;
	}
	client = calloc(1, sizeof(*client));
	if (client == NULL) {
		(void)close(fd);
		return;
	}
	client->peer = peer;
	client->watch = (struct kd_watch){.fd = -1, .ready = on_ready};
	client->timer.fire = on_slow;
	kd_list_init(&client->waiter);
	if (kd_loop_add(&daemon->loop, &client->watch, fd, EPOLLIN | EPOLLRDHUP, NULL) != AID_OK) {
		free(client);
		return;
	}
	kd_list_append(&clients->all, &client->node);
	kd_client_becomes_idle(daemon, client);
}

static void on_connection(struct kd_daemon *daemon, struct kd_watch *watch, uint32_t events)
{
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd >= 0) {
		welcome(daemon, fd);
		return;
	}
	if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
		return;
	/* The connection stays in the backlog; without a pause the loop would turn for nothing. */
	kd_log_line(&daemon->log, LOG_ERR, "op=accept status=busy detail='%s'", strerrordesc_np(errno));
	kd_loop_change(&daemon->loop, watch, 0);
	kd_loop_set(&daemon->loop, &daemon->clients.listen_again,
		aid_clock_boot_ms() + LISTEN_PAUSE_MS);
}

static void on_listen_again(struct kd_daemon *daemon, struct kd_timer *timer)
{
	(void)timer;
	kd_loop_change(&daemon->loop, &daemon->clients.listener, EPOLLIN);
}

int kd_clients_init(struct kd_daemon *daemon, int listener, struct aid_error *err)
{
	struct kd_clients *clients = &daemon->clients;

	clients->listener = (struct kd_watch){.fd = -1, .ready = on_connection};
	clients->listen_again.fire = on_listen_again;
	return kd_loop_add(&daemon->loop, &clients->listener, listener, EPOLLIN, err);
}

void kd_clients_done(struct kd_daemon *daemon)
{
	struct kd_clients *clients = &daemon->clients;

	while (!kd_list_is_empty(&clients->all))
		kd_client_drop(daemon, KD_CONTAINER(clients->all.next, struct kd_client, node));
	kd_clients_reap(daemon);
	kd_loop_remove(&daemon->loop, &clients->listener);
}
