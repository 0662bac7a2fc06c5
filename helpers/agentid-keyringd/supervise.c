/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "supervise.h"

#include "cleanup.h"
#include "clock.h"
#include "sandbox.h"
#include "sockets.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define BACKLOG 16
#define WATCHDOG_MS 10000
#define START_MS 15000       /* until the first sign of life */
#define PAUSE_MIN_MS 20
#define PAUSE_MAX_MS 2000
#define STABLE_MS 1000       /* one that lived so long was started well */
#define FIRST_LISTEN_FD 3    /* of the LISTEN_FDS protocol */

struct supervisor {
	struct kd_supervise_params params;
	struct kd_log log;
	uid_t uid;
	gid_t gid;
	int listener;
	int notify;
	int signals;
	pid_t child;
	int child_pidfd;
	int64_t started_ms;
	int64_t alive_until_ms;
	int64_t pause_ms;
};

static _Noreturn void exec_fetch(const struct supervisor *s, pid_t parent)
{
	const char *const argv[] = {s->params.program, NULL};
	char listen_pid[32], notify[160], watchdog[48], journal[160] = "JOURNAL_STREAM=";
	const char *envp[] = {"LISTEN_FDS=1", listen_pid, notify, watchdog, "LANG=C", NULL, NULL};
	struct aid_error err = AID_ERROR_INIT;
	sigset_t none;

	(void)snprintf(listen_pid, sizeof(listen_pid), "LISTEN_PID=%d", (int)getpid());
	(void)snprintf(notify, sizeof(notify), "NOTIFY_SOCKET=%s", s->params.notify_path);
	(void)snprintf(watchdog, sizeof(watchdog), "WATCHDOG_USEC=%lld", WATCHDOG_MS * 1000LL);
	if (s->params.journal_stream != NULL) {
		(void)snprintf(journal, sizeof(journal), "JOURNAL_STREAM=%s", s->params.journal_stream);
		envp[5] = journal;
	}
	(void)sigemptyset(&none);
	(void)pthread_sigmask(SIG_SETMASK, &none, NULL);
	if (dup2(s->listener, FIRST_LISTEN_FD) < 0 ||
		close_range(FIRST_LISTEN_FD + 1, ~0U, 0) != 0 ||
		aid_sandbox_drop_user(s->uid, s->gid, &err) != AID_OK ||
		prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(126);
	(void)execve(s->params.program, (char *const *)(uintptr_t)argv,
		(char *const *)(uintptr_t)envp);
	_exit(127);
}

static void start_child(struct supervisor *s)
{
	pid_t self = getpid();
	pid_t pid = fork();

	if (pid == 0)
		exec_fetch(s, self);
	s->child = pid;
	s->child_pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	s->started_ms = aid_clock_boot_ms();
	s->alive_until_ms = s->started_ms + START_MS;
	if (pid < 0)
		kd_log_line(&s->log, LOG_ERR, "op=supervise status=io detail='fork: %s'",
			strerrordesc_np(errno));
}

static void end_child(struct supervisor *s, int signal_number)
{
	if (s->child > 0)
		(void)kill(s->child, signal_number);
}

static void log_end(struct supervisor *s, int status)
{
	if (WIFEXITED(status))
		kd_log_line(&s->log, LOG_WARNING,
			"op=supervise status=unreachable detail='%s ended with status %d'",
			s->params.program, WEXITSTATUS(status));
	else
		kd_log_line(&s->log, LOG_WARNING,
			"op=supervise status=unreachable detail='%s was ended by signal %d'",
			s->params.program, WTERMSIG(status));
}

static void reap_child(struct supervisor *s)
{
	int status;

	if (waitpid(s->child, &status, WNOHANG) != s->child)
		return;
	log_end(s, status);
	if (s->child_pidfd >= 0)
		(void)close(s->child_pidfd);
	s->child = 0;
	s->child_pidfd = -1;
	if (aid_clock_boot_ms() - s->started_ms >= STABLE_MS)
		s->pause_ms = PAUSE_MIN_MS;
	else if (s->pause_ms < PAUSE_MAX_MS)
		s->pause_ms *= 2;
}

static void read_notify(struct supervisor *s)
{
	char message[512];
	ssize_t got = recv(s->notify, message, sizeof(message) - 1, MSG_DONTWAIT);

	if (got <= 0)
		return;
	message[got] = '\0';
	if (strstr(message, "WATCHDOG=1") != NULL || strstr(message, "READY=1") != NULL)
		s->alive_until_ms = aid_clock_boot_ms() + WATCHDOG_MS;
}

/* How long poll() may sleep. */
static int next_wait(const struct supervisor *s)
{
	int64_t now = aid_clock_boot_ms();
	int64_t until = s->child > 0 ? s->alive_until_ms : s->started_ms + s->pause_ms;

	if (s->child <= 0 && now - s->started_ms > s->pause_ms)
		return 0;
	return until > now ? (int)(until - now) : 0;
}

static _Noreturn void run(struct supervisor *s)
{
	for (;;) {
		struct pollfd p[] = {{.fd = s->signals, .events = POLLIN},
			{.fd = s->notify, .events = POLLIN},
			{.fd = s->child_pidfd, .events = POLLIN}};
		int n;

		if (s->child <= 0 && next_wait(s) == 0)
			start_child(s);
		p[2].fd = s->child_pidfd;
		n = poll(p, 3, next_wait(s));
		if (n > 0 && p[0].revents != 0) {
			end_child(s, SIGTERM);
			_exit(0);
		}
		if (n > 0 && p[1].revents != 0)
			read_notify(s);
		if (s->child > 0 && n > 0 && p[2].revents != 0)
			reap_child(s);
		if (s->child > 0 && aid_clock_boot_ms() >= s->alive_until_ms) {
			kd_log_line(&s->log, LOG_ERR,
				"op=supervise status=timeout detail='%s gave no sign of life for %d ms'",
				s->params.program, WATCHDOG_MS);
			end_child(s, SIGKILL);
			s->alive_until_ms = aid_clock_boot_ms() + START_MS;
		}
	}
}

static int open_signals(struct supervisor *s, struct aid_error *err)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return aid_fail(err, AID_E_IO, "signal mask");
	s->signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (s->signals < 0)
		return aid_fail_errno(err, AID_E_IO, errno, "signalfd");
	return AID_OK;
}

static _Noreturn void supervise(struct supervisor *s, pid_t parent)
{
	struct aid_error err = AID_ERROR_INIT;

	(void)close(s->params.lock);
	/* The parent may have ended before the death signal was asked for. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
		_exit(1);
	if (open_signals(s, &err) != AID_OK || aid_sandbox_enter(&err) != AID_OK) {
		kd_log_line(&s->log, LOG_ERR, "op=supervise status=%s detail='%s'",
			aid_status_name(err.status), err.text);
		_exit(1);
	}
	run(s);
}

static int find_user(const char *name, struct supervisor *s, struct aid_error *err)
{
	char buffer[4096];
	struct passwd entry, *found = NULL;

	if (getpwnam_r(name, &entry, buffer, sizeof(buffer), &found) != 0 || found == NULL)
		return aid_fail(err, AID_E_CONFIG,
			"no user '%s' to run agentid-fetch as: make it, or set [fetch] user", name);
	s->uid = entry.pw_uid;
	s->gid = entry.pw_gid;
	return AID_OK;
}

static int make_sockets(struct supervisor *s, struct aid_error *err)
{
	int r = kd_socket_listen(s->params.socket_path, 0600, BACKLOG, &s->listener, err);

	if (r != AID_OK)
		return r;
	r = kd_socket_bind(s->params.notify_path, SOCK_DGRAM, 0600, &s->notify, err);
	if (r != AID_OK)
		return r;
	if (chown(s->params.notify_path, s->uid, s->gid) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "%s", s->params.notify_path);
	return AID_OK;
}

int kd_supervise_start(const struct kd_supervise_params *params, const struct kd_log *log,
	int *ret_pidfd, struct aid_error *err)
{
	struct supervisor s = {.params = *params, .log = *log, .listener = -1, .notify = -1,
		.child_pidfd = -1, .pause_ms = PAUSE_MIN_MS};
	pid_t parent = getpid(), pid;
	int r = find_user(params->user, &s, err);

	if (r == AID_OK)
		r = make_sockets(&s, err);
	pid = r == AID_OK ? fork() : -1;
	if (pid == 0)
		supervise(&s, parent);
	if (r == AID_OK && pid < 0)
		r = aid_fail_errno(err, AID_E_IO, errno, "fork");
	if (s.listener >= 0)
		(void)close(s.listener);
	if (s.notify >= 0)
		(void)close(s.notify);
	if (r != AID_OK)
		return r;
	*ret_pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (*ret_pidfd < 0)
		return aid_fail_errno(err, AID_E_IO, errno, "pidfd of the supervisor");
	return AID_OK;
}
