/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Whose files are believed. Only root can make a file that is root's: skipped for others. */
#include "unit.h"

#include "file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[32];

static const char *path(const char *name)
{
	static char paths[4][96];
	static unsigned int next;
	char *out = paths[next++ % 4];

	(void)snprintf(out, sizeof(paths[0]), "%s/%s", directory, name);
	return out;
}

static void put(const char *name, mode_t mode, const char *text)
{
	int fd = open(path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

static int set_up(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0;
	memcpy(directory, "/tmp/agentid-file-XXXXXX", 25);
	return mkdtemp(directory) == NULL;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"f", "link", "hard", "d/f", "d", "new", "fifo", "dlink"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++)
		(void)remove(path(names[i]));
	return geteuid() == 0 ? rmdir(directory) : 0;
}

static void root_only(void)
{
	if (geteuid() != 0)
		skip();
}

static int open_it(const char *name, enum aid_file_kind kind, struct aid_error *err)
{
	AID_FD(fd);

	return aid_file_open(path(name), kind, &fd, err);
}

static void test_modes(void **state)
{
	static const struct {
		mode_t mode;
		int config, secret;
	} rows[] = {
		{0600, AID_OK, AID_OK},
		{0400, AID_OK, AID_OK},
		{0644, AID_OK, AID_E_UNTRUSTED},
		{0640, AID_OK, AID_E_UNTRUSTED},
		{0604, AID_OK, AID_E_UNTRUSTED},
		{0620, AID_E_UNTRUSTED, AID_E_UNTRUSTED},
		{0602, AID_E_UNTRUSTED, AID_E_UNTRUSTED},
	};
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	root_only();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		put("f", rows[i].mode, "x");
		assert_int_equal(open_it("f", AID_FILE_CONFIG, &err), rows[i].config);
		assert_int_equal(open_it("f", AID_FILE_SECRET, &err), rows[i].secret);
	}
	assert_non_null(strstr(err.text, "mode 0602, at most 0600 is allowed"));
}

static void test_owner(void **state)
{
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	root_only();
	put("f", 0600, "x");
	assert_int_equal(chown(path("f"), 1, 0), 0);
	assert_failed(open_it("f", AID_FILE_CONFIG, &err), AID_E_UNTRUSTED, &err,
		"owned by uid 1, not by root");
	assert_int_equal(chown(path("f"), 0, 0), 0);
}

static void test_kinds(void **state)
{
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	root_only();
	put("f", 0600, "x");
	assert_int_equal(symlink("f", path("link")), 0);
	assert_failed(open_it("link", AID_FILE_CONFIG, &err), AID_E_UNTRUSTED, &err, "symbolic link");
	assert_int_equal(link(path("f"), path("hard")), 0);
	assert_ok(open_it("f", AID_FILE_CONFIG, &err), &err);
	assert_failed(open_it("f", AID_FILE_SECRET, &err), AID_E_UNTRUSTED, &err, "has 2 names");
	assert_int_equal(unlink(path("hard")), 0);
	assert_int_equal(mkfifo(path("fifo"), 0600), 0);
	assert_failed(open_it("fifo", AID_FILE_CONFIG, &err), AID_E_UNTRUSTED, &err, "not a regular file");
	assert_failed(open_it("nope", AID_FILE_CONFIG, &err), AID_E_NOTFOUND, &err, "no such file");
	assert_failed(aid_file_open("relative", AID_FILE_CONFIG, &(int){0}, &err), AID_E_CONFIG, &err,
		"an absolute path");
}

static void test_parents(void **state)
{
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	root_only();
	assert_int_equal(mkdir(path("d"), 0700), 0);
	put("d/f", 0600, "x");
	assert_ok(open_it("d/f", AID_FILE_SECRET, &err), &err);
	assert_int_equal(chmod(path("d"), 0777), 0);
	assert_failed(open_it("d/f", AID_FILE_SECRET, &err), AID_E_UNTRUSTED, &err,
		"directory mode 0777 lets others write");
	assert_int_equal(chmod(path("d"), 01777), 0);
	assert_ok(open_it("d/f", AID_FILE_SECRET, &err), &err);
	assert_int_equal(chmod(path("d"), 0755), 0);
	assert_int_equal(chown(path("d"), 1, 0), 0);
	assert_failed(open_it("d/f", AID_FILE_SECRET, &err), AID_E_UNTRUSTED, &err,
		"directory is owned by uid 1");
	assert_int_equal(chown(path("d"), 0, 0), 0);
	assert_int_equal(symlink("d", path("dlink")), 0);
	assert_failed(open_it("dlink/f", AID_FILE_SECRET, &err), AID_E_UNTRUSTED, &err, "symbolic link");
}

static void test_read(void **state)
{
	AID_AUTO(aid_secret) *bytes = NULL;
	struct aid_error err = AID_ERROR_INIT;
	AID_FD(fd);

	(void)state;
	root_only();
	put("f", 0600, "12345");
	assert_ok(aid_file_open(path("f"), AID_FILE_SECRET, &fd, &err), &err);
	assert_failed(aid_file_read(fd, 4, &bytes, &err), AID_E_TOOBIG, &err, "over 4 bytes");
	assert_null(bytes);
	assert_ok(aid_file_read(fd, 5, &bytes, &err), &err);
	assert_string_equal(aid_secret_peek(bytes), "12345");
}

static void test_replace(void **state)
{
	AID_AUTO(aid_secret) *bytes = NULL;
	struct aid_error err = AID_ERROR_INIT;
	struct stat st;
	AID_FD(fd);

	(void)state;
	root_only();
	put("new", 0600, "old and longer");
	assert_ok(aid_file_replace(path("new"), 0640, "new", 3, &err), &err);
	assert_int_equal(stat(path("new"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	fd = open(path("new"), O_RDONLY | O_CLOEXEC);
	assert_ok(aid_file_read(fd, 64, &bytes, &err), &err);
	assert_string_equal(aid_secret_peek(bytes), "new");
	assert_failed(aid_file_replace(path("nowhere/x"), 0600, "", 0, &err), AID_E_IO, &err,
		"No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes), cmocka_unit_test(test_owner),
		cmocka_unit_test(test_kinds), cmocka_unit_test(test_parents),
		cmocka_unit_test(test_read), cmocka_unit_test(test_replace),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
