/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The key that is opened is the one that the directory has now, however lately it was asked. Only
 * root can make files that are trusted: skipped for others. */
#include "../unit/unit.h"

#include "cleanup.h"
#include "fake_clock.h"
#include "hostkey.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define KID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define BOOT INT64_C(5000000)

static char top[32], keys[48];

static const char *name_of(int64_t activates_s, const char *kid)
{
	static char names[2][160];
	static unsigned int next;
	char *out = names[next++ % 2];

	(void)snprintf(out, sizeof(names[0]), "%s/%lld-%s.pem", keys, (long long)activates_s, kid);
	return out;
}

static void put(int64_t activates_s, const char *kid, const char *text)
{
	int fd = open(name_of(activates_s, kid), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

/* So long after the last change of the directory that it is believed to have settled. */
static void settle(int64_t ms)
{
	fake_clock_set((int64_t)time(NULL) * 1000 + ms, BOOT);
}

static int set_up(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0;
	memcpy(top, "/tmp/agentid-hostkey-XXXXXX", 28);
	if (mkdtemp(top) == NULL)
		return 1;
	(void)snprintf(keys, sizeof(keys), "%s/keys", top);
	return mkdir(keys, 0700);
}

static int tear_down(void **state)
{
	char command[96];

	(void)state;
	if (geteuid() != 0)
		return 0;
	for (int64_t s = 1; s < 3; s++) {
		(void)unlink(name_of(s, KID_A));
		(void)unlink(name_of(s, KID_B));
	}
	(void)unlink(name_of((int64_t)time(NULL) / 100 * 100 + 1000, KID_B));
	(void)rmdir(keys);
	(void)snprintf(command, sizeof(command), "%s/old", top);
	(void)rmdir(command);
	return rmdir(top);
}

/* The first letter of what is in the file opened, '-' for none. */
static char opened(struct kd_host_key *key, struct aid_error *err)
{
	char letter = '-';
	AID_FD(fd);

	*err = (struct aid_error)AID_ERROR_INIT;
	if (kd_host_key_open(key, keys, &fd, err) == AID_OK)
		assert_int_equal(read(fd, &letter, 1), 1);
	return letter;
}

static void root_only(void)
{
	if (geteuid() != 0)
		skip();
}

static void test_changes_are_seen(void **state)
{
	struct kd_host_key key = {0};
	struct aid_error err;

	(void)state;
	root_only();
	settle(10000);
	assert_int_equal(opened(&key, &err), '-');
	assert_int_equal(err.status, AID_E_NOTFOUND);
	put(1, KID_A, "A");
	assert_int_equal(opened(&key, &err), 'A');
	assert_int_equal(opened(&key, &err), 'A');
	/* In place, under the same name. */
	put(1, KID_A, "a");
	assert_int_equal(opened(&key, &err), 'a');
	put(2, KID_B, "B");
	assert_int_equal(opened(&key, &err), 'B');
	assert_int_equal(unlink(name_of(2, KID_B)), 0);
	assert_int_equal(opened(&key, &err), 'a');
	assert_int_equal(chmod(name_of(1, KID_A), 0640), 0);
	assert_int_equal(opened(&key, &err), '-');
	assert_int_equal(err.status, AID_E_UNTRUSTED);
}

/* Two changes within one tick of the file system's clock: nothing tells the second. */
static void test_unsettled_is_not_remembered(void **state)
{
	struct kd_host_key key = {0};
	struct aid_error err;

	(void)state;
	root_only();
	settle(500);
	put(1, KID_A, "A");
	assert_int_equal(opened(&key, &err), 'A');
	assert_int_equal(key.until_wall_ms, key.from_wall_ms);
	settle(10000);
	assert_int_equal(opened(&key, &err), 'A');
	assert_true(key.until_wall_ms > key.from_wall_ms);
}

static void test_time_is_looked_at(void **state)
{
	int64_t soon_s = (int64_t)time(NULL) / 100 * 100 + 1000;
	struct kd_host_key key = {0};
	struct aid_error err;

	(void)state;
	root_only();
	settle(10000);
	put(1, KID_A, "A");
	put(soon_s, KID_B, "B");
	assert_int_equal(opened(&key, &err), 'A');
	fake_clock_set(soon_s * 1000 - 1, BOOT);
	assert_int_equal(opened(&key, &err), 'A');
	fake_clock_set(soon_s * 1000, BOOT);
	assert_int_equal(opened(&key, &err), 'B');
	fake_clock_step(-5000);
	assert_int_equal(opened(&key, &err), 'A');
}

/* Another directory in its place, and a parent that others may write to. */
static void test_parents(void **state)
{
	struct kd_host_key key = {0};
	struct aid_error err;
	char old[96];

	(void)state;
	root_only();
	settle(10000);
	put(1, KID_A, "A");
	assert_int_equal(opened(&key, &err), 'A');
	assert_int_equal(chmod(top, 0777), 0);
	assert_int_equal(opened(&key, &err), 'A');
	fake_clock_pass(1000);
	assert_int_equal(opened(&key, &err), '-');
	assert_int_equal(err.status, AID_E_UNTRUSTED);
	assert_int_equal(chmod(top, 0700), 0);
	assert_int_equal(opened(&key, &err), 'A');
	assert_int_equal(unlink(name_of(1, KID_A)), 0);
	(void)snprintf(old, sizeof(old), "%s/old", top);
	assert_int_equal(rename(keys, old), 0);
	assert_int_equal(mkdir(keys, 0700), 0);
	put(1, KID_B, "B");
	assert_int_equal(opened(&key, &err), 'B');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_changes_are_seen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unsettled_is_not_remembered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_time_is_looked_at, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_parents, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
