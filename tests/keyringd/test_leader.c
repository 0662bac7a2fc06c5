/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "../unit/unit.h"

#include "leader.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const char tail[] = " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21\n";

static void test_parse(void **state)
{
	char text[256];
	int64_t start = -1;

	(void)state;
	(void)snprintf(text, sizeof(text), "17 (bash)%s", tail);
	assert_int_equal(kd_leader_parse_start(text, &start), AID_OK);
	assert_int_equal(start, 4711);
	(void)snprintf(text, sizeof(text), "17 (a) S 1 (b c) )%s", tail);
	assert_int_equal(kd_leader_parse_start(text, &start), AID_OK);
	assert_int_equal(start, 4711);
}

static void test_parse_garbage(void **state)
{
	const char *const bad[] = {"", ")", "17 bash S 1 2", "17 (x) S 1 2 3",
		"1 (x) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 -1 20",
		"1 (x) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18  20",
		"1 (x) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 99999999999999999999999 20"};
	int64_t start = 5;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(kd_leader_parse_start(bad[i], &start), AID_E_PROTOCOL);
	assert_int_equal(start, 5);
}

static int64_t start_of(pid_t pid)
{
	char path[64], text[1024];
	int64_t start = 0;
	FILE *file;
	size_t got;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	assert_non_null(file);
	got = fread(text, 1, sizeof(text) - 1, file);
	text[got] = '\0';
	(void)fclose(file);
	assert_int_equal(kd_leader_parse_start(text, &start), AID_OK);
	return start;
}

static void test_find(void **state)
{
	struct aid_error err = AID_ERROR_INIT;
	int pidfd = -1;
	pid_t pid = fork();
	int64_t start;

	(void)state;
	if (pid == 0) {
		(void)pause();
		_exit(0);
	}
	start = start_of(pid);
	assert_ok(kd_leader_find(pid, start, &pidfd, &err), &err);
	(void)close(pidfd);
	assert_failed(kd_leader_find(pid, start + 1, &pidfd, &err), AID_E_NOTFOUND, &err, "is gone");
	assert_int_equal(kill(pid, SIGKILL), 0);
	/* Also a zombie is no leader any more. */
	assert_int_equal(waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT), 0);
	assert_failed(kd_leader_find(pid, start, &pidfd, &err), AID_E_NOTFOUND, &err, "is gone");
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(kd_leader_find(pid, start, &pidfd, &err), AID_E_NOTFOUND);
}

/* That its start time cannot be read for want of a descriptor does not mean that it is gone. */
static void test_no_descriptor(void **state)
{
	struct aid_error err = AID_ERROR_INIT;
	struct rlimit before, few;
	int64_t start = start_of(getpid());
	int pidfd = -1;
	int next = dup(STDERR_FILENO);

	(void)state;
	assert_true(next >= 0);
	(void)close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (rlim_t room = 0; room < 2; room++) {
		few = (struct rlimit){(rlim_t)next + room, before.rlim_max};
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		assert_failed(kd_leader_find(getpid(), start, &pidfd, &err), AID_E_BUSY, &err,
			"Too many open files");
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_ok(kd_leader_find(getpid(), start, &pidfd, &err), &err);
	(void)close(pidfd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_garbage),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_no_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
