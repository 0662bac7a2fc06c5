/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* "exchange:KIND URL": one EXCHANGE by an agentid-fetch of our own, from the frame that asks for it to the
 * frame with the credential: both ways through the socket, the signature of the assertion, the request
 * over a connection that is kept, and all checks of the answer. */
#include "bench.h"
#include "making.h"

#include "clock.h"
#include "ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define FETCH_USER "agentid-fetch"
#define SOCKET_PATH "/run/bench/exchange.sock"
#define TIMEOUT_MS 10000

struct asker {
	struct bench_exchange *exchange;
	int fd;
	clockid_t clock; /* of agentid-fetch: its time on a processor */
	uint32_t id;
	uint8_t frame[AID_IPC_FRAME_MAX];
};

static double cpu_us(const struct asker *asker)
{
	struct timespec now;

	if (clock_gettime(asker->clock, &now) != 0)
		bench_die("the clock of agentid-fetch: %s", strerror(errno));
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void ask(struct asker *asker)
{
	const struct bench_exchange *x = asker->exchange;
	const int fds[] = {x->key_fd, x->secret_fd};
	struct aid_error err = AID_ERROR_INIT;
	struct aid_writer writer;

	aid_writer_begin(&writer, asker->frame, sizeof(asker->frame), AID_MSG_EXCHANGE, ++asker->id);
	aid_writer_int(&writer, AID_TAG_CREDENTIAL_TYPE, (int64_t)x->options.target->kind);
	aid_writer_text(&writer, AID_TAG_NAME, "bench");
	aid_writer_text(&writer, AID_TAG_SESSION_NAME, EXCHANGE_SESSION);
	aid_writer_int(&writer, AID_TAG_MAX_LIFETIME_MS, 3600000);
	aid_writer_int(&writer, AID_TAG_TIMEOUT_MS, TIMEOUT_MS);
	aid_writer_bytes(&writer, AID_TAG_OPTIONS, x->packed, x->length);
	aid_writer_text(&writer, AID_TAG_SOURCE, "host");
	aid_writer_text(&writer, AID_TAG_HOST_ISSUER, x->issuer);
	aid_writer_text(&writer, AID_TAG_HOST_SUBJECT, EXCHANGE_SUBJECT);
	aid_writer_text(&writer, AID_TAG_AUDIENCE, x->audience);
	aid_writer_text(&writer, AID_TAG_FDS, x->secret_fd >= 0 ? "hS" : "h");
	if (aid_writer_end(&writer) != AID_OK ||
		aid_ipc_send(asker->fd, asker->frame, writer.length, fds, x->secret_fd >= 0 ? 2 : 1, &err) != AID_OK)
		bench_die("to agentid-fetch: %s", err.text);
}

static void receive(struct asker *asker)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_frame frame;
	size_t length = 0, n_fds = 0;

	if (aid_ipc_recv(asker->fd, asker->frame, sizeof(asker->frame), &length, NULL, 0, &n_fds, &err) != AID_OK ||
		aid_frame_parse(asker->frame, length, &frame, &err) != AID_OK)
		bench_die("from agentid-fetch: %s", err.text);
	if (frame.type == AID_MSG_ERROR)
		aid_frame_error(&frame, &err);
	if (frame.type != AID_MSG_ISSUED || frame.id != asker->id || !aid_frame_has(&frame, AID_TAG_SECRET))
		bench_die("the exchange: %s", err.text);
}

static void once(void *state, double *us)
{
	struct asker *asker = state;
	double cpu = cpu_us(asker);
	int64_t begin = bench_now_ns();

	ask(asker);
	receive(asker);
	us[0] = (double)(bench_now_ns() - begin) / 1000.0;
	us[1] = cpu_us(asker) - cpu;
}

static int make_listener(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SOCKET_PATH};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)unlink(SOCKET_PATH);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 8) != 0)
		bench_die(SOCKET_PATH ": %s", strerror(errno));
	return fd;
}

BENCH_NORETURN static void become_fetch(int listener, const char *program)
{
	const struct passwd *user = getpwnam(FETCH_USER);
	char pid[32];
	char *argv[] = {(char *)(uintptr_t)program, NULL};
	char *environment[] = {(char *)(uintptr_t)"LISTEN_FDS=1", pid, NULL};

	(void)snprintf(pid, sizeof(pid), "LISTEN_PID=%d", (int)getpid());
	/* It may be 3 already, and then dup2() leaves it to be closed. */
	if (user == NULL || dup2(listener, 3) != 3 || fcntl(3, F_SETFD, 0) != 0 || setgroups(0, NULL) != 0 ||
		setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
		setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0 ||
		prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		_exit(127);
	(void)execve(program, argv, environment);
	_exit(127);
}

void side_exchange_init(struct side *side, const char *words, const struct side_options *options)
{
	struct asker *asker = calloc(1, sizeof(*asker));
	struct aid_error err = AID_ERROR_INIT;
	int listener = make_listener();
	pid_t pid;

	if (asker == NULL || options->program == NULL)
		bench_die("exchange: needs --program");
	asker->exchange = bench_exchange_new(words, options);
	pid = fork();
	if (pid < 0)
		bench_die("fork: %s", strerror(errno));
	if (pid == 0)
		become_fetch(listener, options->program);
	(void)close(listener);
	if (clock_getcpuclockid(pid, &asker->clock) != 0 ||
		aid_ipc_connect(SOCKET_PATH, TIMEOUT_MS, &asker->fd, &err) != AID_OK)
		bench_die("agentid-fetch: %s", err.text);
	*side = (struct side){.phases = {"exchange", "fetch's cpu"}, .state = asker, .once = once};
}
