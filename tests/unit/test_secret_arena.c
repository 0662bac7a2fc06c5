/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The arena as its user sees it, through secret.h, and as the kernel does. */
#include "unit.h"

#include "secret.h"
#include "str.h"

#include "areas.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define REGION_BYTES 65536U
#define KEPT 2U
#define MANY 3001U /* a prime, so that every seventh goes over all */

#ifdef __has_feature
#define HAS_FEATURE(feature) __has_feature(feature)
#else
#define HAS_FEATURE(feature) 0
#endif
#if HAS_FEATURE(address_sanitizer) || defined(__SANITIZE_ADDRESS__)
#define COMPLAINT "use-after-poison"
#define UNDER_ASAN true
#else
#define COMPLAINT "agentid: memory beside a secret was overwritten, or it was freed twice"
#define UNDER_ASAN false
#endif

static int start_arena(void **state)
{
	(void)state;
	aid_secret_keep(KEPT);
	return 0;
}

/* Reads what a sanitizer would not let the program read. */
static void read_memory(const void *from, void *to, size_t length)
{
	AID_FD(fd);

	fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, to, length, (off_t)(uintptr_t)from), length);
}

static bool is_region(const struct area *area)
{
	return area->end - area->start == REGION_BYTES && strstr(area->flags, " dd") != NULL;
}

static unsigned int count_regions(void)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	unsigned int count = 0;
	struct area area;

	assert_non_null(smaps);
	while (next_area(smaps, &area))
		count += is_region(&area) ? 1 : 0;
	(void)fclose(smaps);
	return count;
}

static void test_locked_and_not_dumped(void **state)
{
	AID_AUTO(aid_secret) *secret = aid_secret_from("secret", 6);
	struct area area;

	(void)state;
	assert_true(find_area(aid_secret_peek(secret), &area));
	assert_true(is_region(&area));
	assert_non_null(strstr(area.flags, " lo"));
	assert_int_equal(area.locked_kib, REGION_BYTES / 1024);
}

/* The pages before and behind a region cannot be touched. */
static void test_fenced(void **state)
{
	AID_AUTO(aid_secret) *secret = aid_secret_from("secret", 6);
	struct area region, beside;

	(void)state;
	assert_true(find_area(aid_secret_peek(secret), &region));
	assert_true(find_area((void *)(region.start - 1), &beside));
	assert_string_equal(beside.permissions, "---p");
	assert_true(find_area((void *)region.end, &beside));
	assert_string_equal(beside.permissions, "---p");
}

static void test_wiped_and_reused(void **state)
{
	static const char zero[120];
	char seen[sizeof(zero)];
	AID_AUTO(aid_secret) *other = aid_secret_from("other", 5);
	AID_AUTO(aid_secret) *again = NULL;
	struct aid_secret *secret = aid_secret_new(100);
	const char *bytes = aid_secret_peek(secret);
	size_t room;

	(void)state;
	memset(aid_secret_tail(secret, &room), 's', 100);
	aid_secret_grown(secret, room);
	aid_secret_free(secret);
	/* All of the slot, what describes the secret and the guards too. */
	read_memory(bytes - 40, seen, 40);
	assert_memory_equal(seen, zero, 40);
	read_memory(bytes, seen, sizeof(seen));
	assert_memory_equal(seen, zero, sizeof(zero));
	assert_string_equal(aid_secret_peek(other), "other");
	again = aid_secret_new(60);
	assert_ptr_equal(aid_secret_peek(again), bytes);
	assert_int_equal(aid_secret_length(again), 0);
	assert_int_equal(aid_secret_capacity(again), 60);
	for (size_t i = 0; i <= 60; i++)
		assert_int_equal(bytes[i], 0);
}

static void test_large_one_is_mapped_alone(void **state)
{
	struct aid_secret *secret = aid_secret_new(20000);
	const char *bytes = aid_secret_peek(secret);
	struct area area;

	(void)state;
	assert_true(find_area(bytes, &area));
	assert_false(is_region(&area));
	assert_non_null(strstr(area.flags, " dd"));
	aid_secret_free(secret);
	assert_false(find_area(bytes, &area));
}

static size_t some_capacity(unsigned int i)
{
	return 1 + (size_t)i * 7919 % (i % 3 == 0 ? 13500 : 600);
}

static struct aid_secret *make_full(unsigned int i)
{
	struct aid_secret *secret = aid_secret_new(some_capacity(i));
	size_t room;
	char *tail;

	assert_non_null(secret);
	tail = aid_secret_tail(secret, &room);
	for (size_t k = 0; k < room; k++)
		assert_int_equal(tail[k], 0);
	memset(tail, 'a' + (int)(i % 26), room);
	aid_secret_grown(secret, room);
	return secret;
}

static void end_full(struct aid_secret *secret, unsigned int i)
{
	const char *bytes = aid_secret_peek(secret);

	assert_int_equal(aid_secret_length(secret), some_capacity(i));
	for (size_t k = 0; k < aid_secret_length(secret); k++)
		assert_int_equal(bytes[k], 'a' + (int)(i % 26));
	aid_secret_free(secret);
}

/* Nobody gets memory of another, in whatever order they come and go; and when they are gone, as many
 * regions are left as were asked for. */
static void test_many(void **state)
{
	struct aid_secret **secrets = calloc(MANY, sizeof(secrets[0]));

	(void)state;
	assert_non_null(secrets);
	for (unsigned int i = 0; i < MANY; i++) {
		secrets[i] = make_full(i);
		if (i % 4 != 3)
			continue;
		end_full(secrets[i / 2], i / 2);
		secrets[i / 2] = make_full(i / 2);
	}
	for (unsigned int i = 0; i < MANY; i++)
		end_full(secrets[(i * 7) % MANY], (i * 7) % MANY);
	free(secrets);
	assert_int_equal(count_regions(), KEPT);
}

static void test_given_back(void **state)
{
	struct aid_secret *secret = aid_secret_from("secret", 6);
	const char *bytes = aid_secret_peek(secret);
	struct area area;

	(void)state;
	aid_secret_keep(0);
	assert_int_equal(count_regions(), 1);
	assert_string_equal(bytes, "secret");
	aid_secret_free(secret);
	assert_false(find_area(bytes, &area));
	assert_int_equal(count_regions(), 0);
}

/* ---- what is tried in a child ---- */

/* Runs it in a child; what that wrote to its standard error is in ret_text. */
static int run_child(void (*body)(void), char *ret_text, size_t size)
{
	int ends[2], status;
	size_t length = 0;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		const struct rlimit no_core = {0, 0};

		(void)setrlimit(RLIMIT_CORE, &no_core);
		(void)signal(SIGILL, SIG_DFL); /* cmocka takes it */
		(void)signal(SIGTRAP, SIG_DFL);
		(void)dup2(ends[1], STDERR_FILENO);
		body();
		_exit(0);
	}
	(void)close(ends[1]);
	while (length < size - 1 && (got = read(ends[0], ret_text + length, size - 1 - length)) > 0)
		length += (size_t)got;
	ret_text[length] = '\0';
	(void)close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void expect_complaint(void (*body)(void))
{
	char text[16384];
	int status = run_child(body, text, sizeof(text));

	assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	if (strstr(text, COMPLAINT) == NULL)
		fail_msg("status %d, expected '%s': '%s'", status, COMPLAINT, text);
}

static void write_behind(void)
{
	struct aid_secret *secret = aid_secret_new(100);
	volatile char *bytes = (volatile char *)(uintptr_t)aid_secret_peek(secret);

	bytes[101] = (char)~bytes[101];
	aid_secret_free(secret);
}

static void write_before(void)
{
	struct aid_secret *secret = aid_secret_new(100);
	volatile char *bytes = (volatile char *)(uintptr_t)aid_secret_peek(secret);

	/* Before what describes the secret. */
	bytes[-25] = (char)~bytes[-25];
	aid_secret_free(secret);
}

static void free_twice(void)
{
	struct aid_secret *secret = aid_secret_new(100);

	aid_secret_free(secret);
	aid_secret_free(secret);
}

static void test_overwritten(void **state)
{
	(void)state;
	expect_complaint(write_behind);
	expect_complaint(write_before);
	expect_complaint(free_twice);
}

static void need(bool holds, const char *what)
{
	if (holds)
		return;
	(void)dprintf(STDERR_FILENO, "%s", what);
	_exit(1);
}

static void expect_success(void (*body)(void))
{
	char text[16384];
	int status = run_child(body, text, sizeof(text));

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("status %d: '%s'", status, text);
}

static struct aid_secret *inherited;

static void use_inherited(void)
{
	struct aid_secret *mine = aid_secret_from("mine", 4);

	need(aid_streq(aid_secret_peek(inherited), "parent"), "the copy");
	aid_secret_free(inherited);
	inherited = aid_secret_from("child", 5);
	need(aid_streq(aid_secret_peek(inherited), "child"), "another one");
	aid_secret_free(mine);
	aid_secret_free(inherited);
}

static void test_fork(void **state)
{
	(void)state;
	inherited = aid_secret_from("parent", 6);
	expect_success(use_inherited);
	assert_string_equal(aid_secret_peek(inherited), "parent");
	aid_secret_free(inherited);
}

/* Room for two pages, and none of the privileges that would let more be locked. */
static void lock_two_pages(void)
{
	const struct rlimit two_pages = {8192, 8192};
	struct aid_secret *first, *second, *third;
	struct area area;

	aid_secret_keep(0);
	aid_secret_keep(KEPT);
	need(setrlimit(RLIMIT_MEMLOCK, &two_pages) == 0, "setrlimit");
	if (geteuid() == 0)
		need(setgroups(0, NULL) == 0 && setuid(65534) == 0, "setuid");
	first = aid_secret_from("first", 5);
	second = aid_secret_from("second", 6);
	third = aid_secret_from("third", 5);
	need(first != NULL && second != NULL && third != NULL, "a login must not stop");
	need(aid_streq(aid_secret_peek(third), "third"), "third");
	(void)find_area(aid_secret_peek(first), &area);
	need(strstr(area.flags, " lo") != NULL, "what fits below the limit is locked");
	(void)find_area(aid_secret_peek(third), &area);
	need(strstr(area.flags, " dd") != NULL, "what is not locked is not dumped either");
	need(strstr(area.flags, " lo") == NULL, "the limit holds");
	aid_secret_free(first);
	aid_secret_free(second);
	aid_secret_free(third);
}

static void test_little_to_lock(void **state)
{
	(void)state;
	expect_success(lock_two_pages);
}

static void exhaust(void)
{
	struct rlimit limit;
	struct aid_secret *secrets[64];
	size_t n = 0;

	need(getrlimit(RLIMIT_AS, &limit) == 0, "getrlimit");
	limit.rlim_cur = 4096;
	need(setrlimit(RLIMIT_AS, &limit) == 0, "setrlimit");
	while (n < 64 && (secrets[n] = aid_secret_new(12000)) != NULL)
		n++;
	need(n < 64, "there was memory");
	limit.rlim_cur = limit.rlim_max;
	need(setrlimit(RLIMIT_AS, &limit) == 0, "setrlimit");
	secrets[n] = aid_secret_new(12000);
	need(secrets[n] != NULL, "memory that is there again is not used");
	for (size_t i = 0; i <= n; i++)
		aid_secret_free(secrets[i]);
}

static void test_exhausted(void **state)
{
	(void)state;
	if (UNDER_ASAN) /* it ends the program itself */
		skip();
	expect_success(exhaust);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_locked_and_not_dumped, start_arena),
		cmocka_unit_test_setup(test_fenced, start_arena),
		cmocka_unit_test_setup(test_wiped_and_reused, start_arena),
		cmocka_unit_test_setup(test_large_one_is_mapped_alone, start_arena),
		cmocka_unit_test_setup(test_many, start_arena),
		cmocka_unit_test_setup(test_given_back, start_arena),
		cmocka_unit_test_setup(test_overwritten, start_arena),
		cmocka_unit_test_setup(test_fork, start_arena),
		cmocka_unit_test_setup(test_little_to_lock, start_arena),
		cmocka_unit_test_setup(test_exhausted, start_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
