/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Each case is a child process, because what it does cannot be undone. */
#include "unit.h"

#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* 0, or the number of the check that failed. */
typedef int child_fn(void);

static void assert_child(child_fn *child)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int entered(void)
{
	struct rlimit limit;

	if (aid_sandbox_enter(NULL) != AID_OK)
		return 1;
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 2;
	if (getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_cur != 0 || limit.rlim_max != 0)
		return 3;
	return 0;
}

static int closed_descriptors(void)
{
	int kept = open("/dev/null", O_RDONLY);
	int high = fcntl(kept, F_DUPFD, 50);

	if (kept < 3 || dup2(kept, 3) != 3 || high < 50)
		return 1;
	(void)close(0);
	(void)close(2);
	if (aid_sandbox_descriptors(4, NULL) != AID_OK)
		return 2;
	for (int fd = 0; fd < 4; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			return 3;
	}
	for (int fd = 4; fd < 100; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			return 4;
	}
	return 0;
}

static int no_capabilities(void)
{
	if (aid_sandbox_drop_capabilities(NULL) != AID_OK)
		return 1;
	/* Again, now that there is nothing left to drop with. */
	if (aid_sandbox_drop_capabilities(NULL) != AID_OK)
		return 2;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 0, 0, 0) == 0)
		return 3;
	if (geteuid() == 0 && prctl(PR_CAPBSET_READ, 0, 0, 0, 0) != 0)
		return 4;
	return geteuid() == 0 && chroot("/") == 0 ? 5 : 0;
}

static int no_keyrings(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || aid_sandbox_deny_keyrings(NULL) != AID_OK)
		return 1;
	errno = 0;
	if (syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0) != -1 ||
		errno != EPERM)
		return 2;
	errno = 0;
	if (syscall(SYS_add_key, "user", "x", "x", 1, KEY_SPEC_PROCESS_KEYRING) != -1 || errno != EPERM)
		return 3;
	errno = 0;
	if (syscall(SYS_request_key, "user", "x", NULL, 0) != -1 || errno != EPERM)
		return 4;
	errno = 0;
	if (execl("/bin/true", "true", NULL) != -1 || errno != EPERM)
		return 5;
	return getpid() > 0 ? 0 : 6;
}

static int another_user(void)
{
	struct aid_error err = AID_ERROR_INIT;

	if (aid_sandbox_drop_user(0, 5, &err) != AID_E_CONFIG ||
		aid_sandbox_drop_user(5, 0, &err) != AID_E_CONFIG)
		return 1;
	if (geteuid() != 0)
		return aid_sandbox_drop_user(65533, 65533, &err) == AID_E_IO ? 0 : 2;
	if (aid_sandbox_drop_user(65533, 65532, &err) != AID_OK)
		return 3;
	if (getuid() != 65533 || geteuid() != 65533 || getgid() != 65532 || getgroups(0, NULL) != 0)
		return 4;
	return setuid(0) == 0 ? 5 : 0;
}

static void test_enter(void **state)
{
	(void)state;
	assert_child(entered);
}

static void test_descriptors(void **state)
{
	(void)state;
	assert_child(closed_descriptors);
}

static void test_capabilities(void **state)
{
	(void)state;
	assert_child(no_capabilities);
}

static void test_keyrings(void **state)
{
	(void)state;
	assert_child(no_keyrings);
}

static void test_user(void **state)
{
	(void)state;
	assert_child(another_user);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enter),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_keyrings),
		cmocka_unit_test(test_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
