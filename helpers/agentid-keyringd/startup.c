/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "startup.h"

#include "clock.h"
#include "killswitch.h"
#include "leader.h"
#include "recover.h"
#include "reload.h"
#include "sandbox.h"
#include "sockets.h"
#include "str.h"
#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define FIRST_LISTEN_FD 3
#define FETCH_NOTIFY_PATH AID_RUN_DIR "/fetch-notify.sock"
#define FETCH_USER "agentid-fetch"
#define DESCRIPTORS_WANTED 65536U
#define ANCHOR_NAME_SIZE 160

/* 1 when the service manager passed exactly the public socket. */
static int passed_sockets(const struct kd_environment *environment, struct aid_error *err)
{
	uint64_t pid, count;

	if (environment->listen_fds == NULL || environment->listen_pid == NULL)
		return 0;
	if (aid_str_parse_uint(environment->listen_pid, 1, INT32_MAX, &pid) != AID_OK ||
		(pid_t)pid != getpid())
		return 0;
	if (aid_str_parse_uint(environment->listen_fds, 1, 1, &count) != AID_OK)
		return aid_fail(err, AID_E_CONFIG, "LISTEN_FDS is '%.16s', 1 is wanted",
			environment->listen_fds);
	return 1;
}

static int lock_run_dir(int *ret_lock, struct aid_error *err)
{
	struct stat st;
	AID_FD(fd);

	if (mkdir(AID_RUN_DIR, 0755) == 0 && chmod(AID_RUN_DIR, 0755) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "%s", AID_RUN_DIR);
	fd = open(AID_RUN_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "%s", AID_RUN_DIR);
	if (st.st_uid != 0 || (st.st_mode & 022) != 0)
		return aid_fail(err, AID_E_UNTRUSTED, "%s: uid %u mode %04o, wanted root and 0755",
			AID_RUN_DIR, st.st_uid, st.st_mode & 07777U);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return aid_fail(err, AID_E_BUSY, "another agentid-keyringd serves %s", AID_RUN_DIR);
	/* Held until the process ends. */
	*ret_lock = aid_steal_fd(&fd);
	return AID_OK;
}

/* Each session holds a pidfd. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	if (limit.rlim_max < DESCRIPTORS_WANTED) {
		const struct rlimit more = {DESCRIPTORS_WANTED, DESCRIPTORS_WANTED};

		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			return;
	}
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void on_supervisor_gone(struct kd_daemon *daemon, struct kd_watch *watch, uint32_t events)
{
	(void)events;
	kd_loop_remove(&daemon->loop, watch);
	kd_log_line(&daemon->log, LOG_CRIT,
		"op=supervise status=unreachable detail='the supervisor of agentid-fetch has ended'");
	daemon->failed = true;
	daemon->loop.stopping = true;
}

static int start_supervisor(struct kd_daemon *daemon, const struct kd_options *options,
	const struct kd_environment *environment, int lock, struct aid_error *err)
{
	AID_FREE char *wanted = aid_config_fetch_user(&aid_config_default_paths);
	const char *user = wanted != NULL ? wanted : FETCH_USER;
	const struct kd_supervise_params params = {.program = options->fetch_program, .user = user,
		.socket_path = AID_FETCH_SOCKET_PATH, .notify_path = FETCH_NOTIFY_PATH,
		.journal_stream = environment->journal_stream, .lock = lock};

	return kd_supervise_start(&params, &daemon->log, &daemon->supervisor.fd, err);
}

/* Every step also succeeds where the service manager has done it already. */
static int give_up_privileges(struct aid_error *err)
{
	int r;

	if (unshare(CLONE_NEWNET) != 0 && errno != EPERM)
		return aid_fail_errno(err, AID_E_IO, errno, "network namespace");
	r = aid_sandbox_drop_capabilities(err);
	if (r != AID_OK)
		return r;
	return aid_sandbox_enter(err);
}

static int name_anchor(char name[ANCHOR_NAME_SIZE], struct aid_error *err)
{
	struct stat st;
	int64_t first = 0;
	int r;

	if (stat("/proc/self/ns/pid", &st) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "/proc/self/ns/pid");
	/* The number of a namespace is used again after its end; with it would come its kill switches. */
	r = kd_leader_start(1, &first, err);
	if (r != AID_OK)
		return r;
	(void)snprintf(name, ANCHOR_NAME_SIZE, "agentid:door:%llu-%lld:%s",
		(unsigned long long)st.st_ino, (long long)first, AID_RUN_DIR);
	return AID_OK;
}

static int open_anchor(struct kd_daemon *daemon, struct aid_error *err)
{
	char name[ANCHOR_NAME_SIZE];
	int r = name_anchor(name, err);

	return r != AID_OK ? r : aid_anchor_open(name, &daemon->anchor, err);
}

static void on_watchdog(struct kd_daemon *daemon, struct kd_timer *timer)
{
	aid_notify_ping(&daemon->notify);
	kd_loop_set(&daemon->loop, timer, aid_clock_boot_ms() + daemon->notify.watchdog_ms);
}

static int init_notify(struct kd_daemon *daemon, const struct kd_environment *environment,
	struct aid_error *err)
{
	int r = aid_notify_init(&daemon->notify, environment->notify_socket,
		environment->watchdog_usec, environment->watchdog_pid, err);

	if (r != AID_OK)
		return r;
	daemon->watchdog.fire = on_watchdog;
	if (daemon->notify.watchdog_ms > 0)
		on_watchdog(daemon, &daemon->watchdog);
	return AID_OK;
}

/* Privileged: the lock, the configuration (it names the user of fetch), the supervisor. */
static int begin(struct kd_daemon *daemon, const struct kd_options *options,
	const struct kd_environment *environment, bool sockets_passed, struct aid_error *err)
{
	struct aid_config *none = NULL;
	int lock;
	int r = aid_sandbox_descriptors(FIRST_LISTEN_FD + (sockets_passed ? 1 : 0), err);

	if (r == AID_OK)
		r = lock_run_dir(&lock, err);
	if (r != AID_OK)
		return r;
	raise_descriptor_limit();
	(void)kd_reload_load(daemon, &none);
	if (options->standalone) {
		r = start_supervisor(daemon, options, environment, lock, err);
		if (r != AID_OK)
			return r;
	}
	return give_up_privileges(err);
}

static int listen_public(bool sockets_passed, int *ret_fd, struct aid_error *err)
{
	if (!sockets_passed)
		return kd_socket_listen(AID_SOCKET_PATH, 0666, KD_BACKLOG, ret_fd, err);
	*ret_fd = FIRST_LISTEN_FD;
	return kd_socket_check(FIRST_LISTEN_FD, err);
}

static int watch_supervisor(struct kd_daemon *daemon, struct aid_error *err)
{
	int fd = daemon->supervisor.fd;

	if (fd < 0)
		return AID_OK;
	daemon->supervisor = (struct kd_watch){.fd = -1, .ready = on_supervisor_gone};
	return kd_loop_add(&daemon->loop, &daemon->supervisor, fd, EPOLLIN, err);
}

static int serve(struct kd_daemon *daemon, const struct kd_environment *environment,
	bool sockets_passed, struct aid_error *err)
{
	int listener, r;

	r = listen_public(sockets_passed, &listener, err);
	if (r == AID_OK)
		r = kd_clients_init(daemon, listener, err);
	if (r == AID_OK)
		r = watch_supervisor(daemon, err);
	if (r == AID_OK)
		r = init_notify(daemon, environment, err);
	if (r != AID_OK)
		return r;
	kd_fetch_start(daemon);
	aid_notify_send(&daemon->notify, "READY=1");
	kd_daemon_status(daemon);
	kd_log_line(&daemon->log, LOG_INFO, "op=start status=ok version=%s sessions=%u",
		PACKAGE_VERSION, daemon->sessions.count);
	return AID_OK;
}

int kd_startup(struct kd_daemon *daemon, const struct kd_options *options,
	const struct kd_environment *environment, struct aid_error *err)
{
	int passed = passed_sockets(environment, err);
	int r = passed < 0 ? passed : AID_OK;

	if (r == AID_OK)
		r = begin(daemon, options, environment, passed == 1, err);
	if (r == AID_OK)
		r = kd_loop_init(&daemon->loop, err);
	if (r == AID_OK)
		r = kd_fetch_init(&daemon->fetch, AID_FETCH_SOCKET_PATH, err);
	if (r == AID_OK)
		r = open_anchor(daemon, err);
	if (r != AID_OK)
		return r;
	daemon->credentials_dir = environment->credentials_dir;
	kd_killswitch_load(daemon);
	if (daemon->config != NULL)
		kd_reload_apply(daemon);
	kd_reload_watch(daemon);
	kd_recover(daemon);
	return serve(daemon, environment, passed == 1, err);
}

int kd_end_sessions(size_t *ret_count, struct aid_error *err)
{
	char name[ANCHOR_NAME_SIZE];
	AID_FD(lock);
	int r = lock_run_dir(&lock, err);

	if (r == AID_OK)
		r = name_anchor(name, err);
	return r != AID_OK ? r : aid_anchor_remove(name, ret_count, err);
}
