/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* bench-hold: many sessions, each in a process of its own as on a real host, opened at once or at a
 * pace, then held. Commands come on standard input, one a line:
 *   close        every process closes its session through PAM
 *   run PROGRAM  starts it and waits until no token of any session can be read any more
 *   tokens       how many tokens can be read now, and their longest length
 *   refreshes AGENT  how many there were so far
 *   late AGENT   watches the refreshes of an agent for a while and says how late they were
 * At the end of input the processes just end. */
#include "bench.h"
#include "hold_lateness.h"
#include "side_pam.h"

#include <errno.h>
#include <getopt.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define GROUPS_MAX 128
#define SESSIONS_MAX 20000
#define WATCH_S 12

struct group {
	char service[64], user[64];
	int64_t count;
	int64_t per_second; /* 0: as fast as the limit of opens in flight lets it */
};

struct session {
	int32_t token, ring; /* serials; 0 until opened */
	int pam_code;
	int64_t begin_ns, end_ns;
};

struct shared {
	atomic_bool close_them;
	struct session sessions[SESSIONS_MAX];
};

struct hold {
	struct group groups[GROUPS_MAX];
	size_t n_groups;
	int64_t count;
	int64_t in_flight; /* 0: all at once, from one signal */
	const char *confdir;
	struct shared *shared;
	int done[2]; /* one byte for every step a process made */
	int gate[2]; /* closed: begin */
	int hold[2]; /* closed: end */
};

static void make_pipe(int fds[2])
{
	if (pipe(fds) != 0)
		bench_die("pipe: %s", strerror(errno));
}

static void tell(const struct hold *hold)
{
	if (write(hold->done[1], "", 1) != 1)
		_exit(2);
}

static void await_closed(int fd)
{
	char byte;

	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
}

static int32_t find_key(const char *type, const char *name)
{
	return (int32_t)syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, type, name, 0);
}

BENCH_NORETURN static void live(const struct hold *hold, const struct group *group,
	struct session *session)
{
	pam_handle_t *handle;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)close(hold->gate[1]);
	(void)close(hold->hold[1]);
	handle = bench_pam_start(group->service, group->user, hold->confdir);
	if (hold->in_flight == 0) {
		tell(hold);
		await_closed(hold->gate[0]);
	}
	session->begin_ns = bench_now_ns();
	session->pam_code = pam_open_session(handle, PAM_SILENT);
	session->end_ns = bench_now_ns();
	if (session->pam_code == PAM_SUCCESS) {
		session->token = find_key("user", "agentid:token");
		session->ring = find_key("keyring", "agentid");
	}
	tell(hold);
	await_closed(hold->hold[0]);
	if (session->token > 0 && atomic_load(&hold->shared->close_them))
		session->pam_code = pam_close_session(handle, PAM_SILENT);
	tell(hold);
	_exit(0);
}

static void await_steps(const struct hold *hold, int64_t n)
{
	char bytes[4096];

	while (n > 0) {
		size_t most = n < (int64_t)sizeof(bytes) ? (size_t)n : sizeof(bytes);
		ssize_t got = read(hold->done[0], bytes, most);

		if (got <= 0)
			bench_die("processes ended early");
		n -= got;
	}
}

static void start(const struct hold *hold, const struct group *group, int64_t i)
{
	pid_t pid = fork();

	if (pid < 0)
		bench_die("fork %lld: %s", (long long)i, strerror(errno));
	if (pid == 0)
		live(hold, group, &hold->shared->sessions[i]);
}

/* Starts every process; returns how many steps are still to be awaited. */
static int64_t start_all(const struct hold *hold)
{
	int64_t i = 0, waiting = 0;

	for (size_t g = 0; g < hold->n_groups; g++) {
		const struct group *group = &hold->groups[g];
		int64_t begin = bench_now_ns();

		for (int64_t n = 0; n < group->count; n++, i++) {
			int64_t due = group->per_second > 0 ? n * 1000000 / group->per_second : 0;
			int64_t early = due - (bench_now_ns() - begin) / 1000;

			if (early > 0)
				bench_sleep_us(early);
			start(hold, group, i);
			waiting++;
			if (hold->in_flight > 0 && waiting >= hold->in_flight) {
				await_steps(hold, 1);
				waiting--;
			}
		}
	}
	return waiting;
}

static void print_opened(const struct hold *hold)
{
	struct bench_samples us = {0};
	int64_t first = INT64_MAX, last = 0, failed = 0;

	for (int64_t i = 0; i < hold->count; i++) {
		const struct session *session = &hold->shared->sessions[i];

		first = session->begin_ns < first ? session->begin_ns : first;
		last = session->end_ns > last ? session->end_ns : last;
		failed += session->token <= 0;
		bench_samples_add(&us, (double)(session->end_ns - session->begin_ns) / 1000.0);
	}
	(void)printf("opened %lld failed %lld seconds %.4f p50_us %.0f p99_us %.0f\n",
		(long long)(hold->count - failed), (long long)failed, (double)(last - first) / 1e9,
		bench_quantile(&us, 0.5), bench_quantile(&us, 0.99));
	(void)fflush(stdout);
	free(us.values);
}

static void open_all(struct hold *hold)
{
	int64_t waiting;

	make_pipe(hold->done);
	make_pipe(hold->gate);
	make_pipe(hold->hold);
	waiting = start_all(hold);
	await_steps(hold, waiting);
	(void)close(hold->gate[1]);
	if (hold->in_flight == 0)
		await_steps(hold, hold->count);
	print_opened(hold);
}

static bool readable(int32_t token, long *ret_length)
{
	char bytes[16384];

	*ret_length = syscall(SYS_keyctl, KEYCTL_READ, token, bytes, sizeof(bytes));
	return *ret_length > 0;
}

static void print_tokens(const struct hold *hold)
{
	int64_t count = 0;
	long length, longest = 0;

	for (int64_t i = 0; i < hold->count; i++) {
		if (!readable(hold->shared->sessions[i].token, &length))
			continue;
		count++;
		longest = length > longest ? length : longest;
	}
	(void)printf("tokens %lld length %ld\n", (long long)count, longest);
}

static int32_t *copy_rings(const struct hold *hold)
{
	int32_t *rings = reallocarray(NULL, (size_t)hold->count, sizeof(*rings));

	if (rings == NULL)
		bench_die("out of memory");
	for (int64_t i = 0; i < hold->count; i++)
		rings[i] = hold->shared->sessions[i].ring;
	return rings;
}

static void print_lateness(const struct hold *hold, const char *agent)
{
	struct bench_samples late = {0};
	int32_t *rings = copy_rings(hold);

	bench_watch_lateness(rings, (size_t)hold->count, agent, WATCH_S, &late);
	(void)printf("late %zu p50_ms %.0f p99_ms %.0f max_ms %.0f\n", late.count,
		bench_quantile(&late, 0.5), bench_quantile(&late, 0.99), bench_quantile(&late, 1));
	free(rings);
	free(late.values);
}

static void print_refreshes(const struct hold *hold, const char *agent)
{
	int32_t *rings = copy_rings(hold);

	(void)printf("refreshes %lld\n",
		(long long)bench_count_refreshes(rings, (size_t)hold->count, agent));
	free(rings);
}

/* A revoked key never comes back, so one pass that waits at each readable one is enough. */
static void run_until_gone(const struct hold *hold, char *program)
{
	char shell[] = "sh", option[] = "-c";
	char *argv[] = {shell, option, program, NULL};
	int64_t begin = bench_now_ns(), gone, ended;
	int status = 0;
	long length;
	pid_t pid;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0)
		bench_die("cannot start a shell");
	for (int64_t i = 0; i < hold->count; i++)
		while (readable(hold->shared->sessions[i].token, &length))
			bench_sleep_us(500);
	gone = bench_now_ns();
	(void)waitpid(pid, &status, 0);
	ended = bench_now_ns();
	(void)printf("gone %lld seconds %.4f command %.4f status %d\n", (long long)hold->count,
		(double)(gone - begin) / 1e9, (double)(ended - begin) / 1e9, status);
}

static void close_all(struct hold *hold)
{
	int64_t begin = bench_now_ns(), failed = 0;

	atomic_store(&hold->shared->close_them, true);
	(void)close(hold->hold[1]);
	hold->hold[1] = -1;
	await_steps(hold, hold->count);
	for (int64_t i = 0; i < hold->count; i++)
		failed += hold->shared->sessions[i].pam_code != PAM_SUCCESS;
	(void)printf("closed %lld failed %lld seconds %.4f\n", (long long)(hold->count - failed),
		(long long)failed, (double)(bench_now_ns() - begin) / 1e9);
}

static void obey(struct hold *hold)
{
	char line[512];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, "close") == 0)
			close_all(hold);
		else if (strcmp(line, "tokens") == 0)
			print_tokens(hold);
		else if (strncmp(line, "late ", 5) == 0)
			print_lateness(hold, line + 5);
		else if (strncmp(line, "refreshes ", 10) == 0)
			print_refreshes(hold, line + 10);
		else if (strncmp(line, "run ", 4) == 0)
			run_until_gone(hold, line + 4);
		else
			bench_die("unknown command '%s'", line);
		(void)fflush(stdout);
	}
}

static void add_group(struct hold *hold, char *words)
{
	struct group *group = &hold->groups[hold->n_groups++];
	char *service = strsep(&words, ":"), *user = strsep(&words, ":");
	char *count = strsep(&words, ":");

	if (count == NULL)
		bench_die("a group is SERVICE:USER:COUNT[:PER_SECOND]");
	(void)snprintf(group->service, sizeof(group->service), "%s", service);
	(void)snprintf(group->user, sizeof(group->user), "%s", user);
	group->count = bench_number(count, 1);
	group->per_second = words != NULL ? bench_number(words, 1) : 0;
	hold->count += group->count;
	if (hold->count > SESSIONS_MAX)
		bench_die("more than %d sessions", SESSIONS_MAX);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"confdir", required_argument, NULL, 'c'},
		{"in-flight", required_argument, NULL, 'f'},
		{0},
	};
	static struct hold hold;

	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;)
		if (c == 'c')
			hold.confdir = optarg;
		else if (c == 'f')
			hold.in_flight = bench_number(optarg, 0);
		else
			return 2;
	if (optind == argc || argc - optind > GROUPS_MAX || hold.confdir == NULL)
		bench_die("--confdir and one to %d groups are needed", GROUPS_MAX);
	for (; optind < argc; optind++)
		add_group(&hold, argv[optind]);
	hold.shared = mmap(NULL, sizeof(*hold.shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (hold.shared == MAP_FAILED)
		bench_die("mmap: %s", strerror(errno));
	open_all(&hold);
	obey(&hold);
	return 0;
}
