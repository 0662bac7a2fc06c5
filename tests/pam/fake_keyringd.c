/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Stands in for agentid-keyringd, well or badly behaved.
 *
 * fake_keyringd SOCKET MODE
 *   serve      fills rings with a token "fake-token" and closes them
 *   error      answers every request with AID_E_BUSY
 *   silent     takes each request and never answers
 *   backlog    never accepts, and its backlog is full
 *   hangup     closes the connection instead of answering
 *   garbage    answers with bytes that are no frame
 *   version    answers in another protocol version
 *   other-id   answers a request that was not asked
 *   other-type answers with another message
 *
 * Prints "ready", then one line for each request. SOCKET.rings collects the serials of the rings it
 * was asked to fill. */
#include "cleanup.h"
#include "clock.h"
#include "ipc.h"
#include "keyring.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define TOKEN "fake-token"
#define LIFETIME_MS 120000
#define RINGS_MAX 64
#define VERSION_OFFSET 2
#define TYPE_OFFSET 4
#define ID_OFFSET 8

struct fake {
	const char *mode;
	char rings_path[128];
	aid_serial rings[RINGS_MAX];
	size_t n_rings;
};

static void answer(int fd, struct aid_writer *writer)
{
	if (aid_writer_end(writer) != AID_OK ||
		aid_ipc_send(fd, writer->buffer, writer->length, NULL, 0, NULL) != AID_OK)
		(void)printf("answer not sent\n");
}

static void answer_error(int fd, uint32_t id, int status, const char *text)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_writer writer;
	uint8_t buffer[1024];

	(void)aid_fail(&err, status, "%s", text);
	aid_writer_begin(&writer, buffer, sizeof(buffer), AID_MSG_ERROR, id);
	aid_writer_error(&writer, &err);
	answer(fd, &writer);
}

/* The cookie of a ring is its serial, so that close finds it again. */
static int fill(aid_serial ring, uint8_t cookie[AID_COOKIE_BYTES], struct aid_error *err)
{
	int64_t expires = aid_clock_wall_ms() + LIFETIME_MS;
	char info[64];
	size_t length = 0;
	aid_serial key = 0;
	int r;

	memset(cookie, 0x55, AID_COOKIE_BYTES);
	memcpy(cookie, &ring, sizeof(ring));
	r = aid_ring_check(ring, err);
	if (r == AID_OK)
		r = aid_ring_put(ring, AID_KEY_COOKIE, AID_PERM_KEY, cookie, AID_COOKIE_BYTES, expires,
			&key, NULL, err);
	if (r == AID_OK)
		r = aid_ring_put(ring, AID_KEY_TOKEN, AID_PERM_KEY, TOKEN, strlen(TOKEN), expires, &key,
			NULL, err);
	if (r == AID_OK)
		r = aid_info_add(info, sizeof(info), &length, "token", expires);
	if (r == AID_OK)
		r = aid_ring_put(ring, AID_KEY_INFO, AID_PERM_KEY, info, length, expires, &key, NULL, err);
	return r;
}

static void serve_open(struct fake *fake, int fd, const struct aid_frame *frame)
{
	uint8_t cookie[AID_COOKIE_BYTES], buffer[1024];
	struct aid_error err = AID_ERROR_INIT;
	struct aid_writer writer;
	int64_t ring = 0;

	if (aid_frame_int(frame, AID_TAG_RING, 1, INT32_MAX, &ring, &err) != AID_OK ||
		fill((aid_serial)ring, cookie, &err) != AID_OK) {
		answer_error(fd, frame->id, err.status, err.text);
		return;
	}
	if (fake->n_rings < RINGS_MAX)
		fake->rings[fake->n_rings++] = (aid_serial)ring;
	aid_writer_begin(&writer, buffer, sizeof(buffer), AID_MSG_OPENED, frame->id);
	aid_writer_text(&writer, AID_TAG_SESSION, "0123456789abcdef");
	aid_writer_text(&writer, AID_TAG_AGENT, "fake-agent");
	aid_writer_bytes(&writer, AID_TAG_COOKIE, cookie, sizeof(cookie));
	aid_writer_int(&writer, AID_TAG_EXPIRES_MS, aid_clock_wall_ms() + LIFETIME_MS);
	answer(fd, &writer);
}

static void serve_close(struct fake *fake, int fd, const struct aid_frame *frame)
{
	uint8_t cookie[AID_COOKIE_BYTES], buffer[64];
	struct aid_writer writer;
	aid_serial ring = 0;

	if (aid_frame_bytes(frame, AID_TAG_COOKIE, cookie, sizeof(cookie), NULL) == AID_OK)
		memcpy(&ring, cookie, sizeof(ring));
	for (size_t i = 0; i < fake->n_rings; i++) {
		if (fake->rings[i] != ring)
			continue;
		fake->rings[i] = fake->rings[--fake->n_rings];
		aid_ring_revoke(0, ring);
		aid_writer_begin(&writer, buffer, sizeof(buffer), AID_MSG_DONE, frame->id);
		answer(fd, &writer);
		return;
	}
	answer_error(fd, frame->id, AID_E_NOTFOUND, "no such session");
}

static void say(const struct aid_frame *frame)
{
	static const struct {
		enum aid_tag tag;
		const char *name;
	} tags[] = {{AID_TAG_ACCOUNT, "account"}, {AID_TAG_AGENT, "agent"},
		{AID_TAG_SERVICE, "service"}, {AID_TAG_RHOST, "rhost"}, {AID_TAG_TTY, "tty"}};
	char text[256];

	(void)printf("%s", frame->type == AID_MSG_OPEN ? "open" : "close");
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		if (aid_frame_text(frame, tags[i].tag, text, sizeof(text), NULL) == AID_OK &&
			text[0] != '\0')
			(void)printf(" %s='%s'", tags[i].name, text);
	}
	(void)printf("\n");
}

static void note_ring(const char *path, const struct aid_frame *frame)
{
	int64_t ring;
	FILE *file;

	if (aid_frame_int(frame, AID_TAG_RING, 1, INT32_MAX, &ring, NULL) != AID_OK)
		return;
	file = fopen(path, "ae");
	if (file == NULL)
		return;
	(void)fprintf(file, "%08x\n", (unsigned int)ring);
	(void)fclose(file);
}

static void serve(struct fake *fake, int fd, const struct aid_frame *frame)
{
	if (frame->type == AID_MSG_OPEN)
		serve_open(fake, fd, frame);
	else if (frame->type == AID_MSG_CLOSE)
		serve_close(fake, fd, frame);
	else
		answer_error(fd, frame->id, AID_E_PROTOCOL, "no such message");
}

/* An answer that is right but for one thing. */
static void misbehave(const char *mode, int fd, const struct aid_frame *frame)
{
	struct aid_writer writer;
	uint8_t buffer[256];

	aid_writer_begin(&writer, buffer, sizeof(buffer), AID_MSG_OPENED, frame->id);
	if (aid_writer_end(&writer) != AID_OK)
		return;
	if (aid_streq(mode, "version"))
		buffer[VERSION_OFFSET]++;
	if (aid_streq(mode, "other-id"))
		buffer[ID_OFFSET]++;
	if (aid_streq(mode, "other-type"))
		buffer[TYPE_OFFSET] = AID_MSG_AGENT_INFO;
	if (aid_streq(mode, "garbage"))
		memset(buffer, 0xa5, writer.length);
	if (aid_ipc_send(fd, buffer, writer.length, NULL, 0, NULL) != AID_OK)
		(void)printf("answer not sent\n");
}

static void wait_for_hangup(int fd)
{
	struct pollfd p = {.fd = fd};

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

static void handle(struct fake *fake, int fd)
{
	uint8_t buffer[4096];
	struct aid_frame frame;
	size_t length, n_fds;

	if (aid_ipc_recv(fd, buffer, sizeof(buffer), &length, NULL, 0, &n_fds, NULL) != AID_OK ||
		aid_frame_parse(buffer, length, &frame, NULL) != AID_OK)
		return;
	say(&frame);
	note_ring(fake->rings_path, &frame);
	if (aid_streq(fake->mode, "serve"))
		serve(fake, fd, &frame);
	else if (aid_streq(fake->mode, "error"))
		answer_error(fd, frame.id, AID_E_BUSY, "provider 'x' asks to wait");
	else if (aid_streq(fake->mode, "silent"))
		wait_for_hangup(fd);
	else if (!aid_streq(fake->mode, "hangup"))
		misbehave(fake->mode, fd, &frame);
}

static int open_listener(const char *path, int backlog)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	AID_FD(fd);

	if (strlen(path) >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, strlen(path) + 1);
	(void)unlink(path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
		chmod(path, 0666) != 0 || listen(fd, backlog) != 0)
		return -1;
	return aid_steal_fd(&fd);
}

static int fill_backlog(const char *path)
{
	int last;

	/* The kernel lets one more in than the backlog says. */
	return aid_ipc_connect(path, 1000, &last, NULL) == AID_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct fake fake = {0};
	bool never_accept;
	int listener;

	if (argc != 3)
		return 2;
	fake.mode = argv[2];
	(void)snprintf(fake.rings_path, sizeof(fake.rings_path), "%s.rings", argv[1]);
	never_accept = aid_streq(fake.mode, "backlog");
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	listener = open_listener(argv[1], never_accept ? 0 : 16);
	if (listener < 0 || (never_accept && fill_backlog(argv[1]) != 0)) {
		perror(argv[1]);
		return 1;
	}
	(void)printf("ready\n");
	while (never_accept)
		(void)pause();
	for (;;) {
		AID_FD(fd);

		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			handle(&fake, fd);
	}
}
