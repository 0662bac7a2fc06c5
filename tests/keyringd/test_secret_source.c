/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "../unit/unit.h"

#include "secret_source.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_forms(void **state)
{
	const char *const good[] = {"file:/etc/x", "credential:idp-secret", "credential:a.b",
		"vault:kv/agents/a#client_secret", "aws-sm:agents/a", "aws-sm:agents/a#s"};
	const char *const bad[] = {"", "file:", "file:relative", "/etc/x", "vault:kv/x", "vault:kv#x", "aws-sm:", "aws-sm:a b",
		"FILE:/x",
		"credential:", "credential:a/b", "credential:..", "credential:.", "credential:a:b",
		"file:/tab\there"};
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++)
		assert_ok(aid_secret_ref_check(good[i], &err), &err);
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(aid_secret_ref_check(bad[i], &err), AID_E_CONFIG);
	/* What may be the secret itself, written in the wrong place, is not repeated. */
	assert_failed(aid_secret_ref_check("hunter2", &err), AID_E_CONFIG, &err, "none of file:, credential:");
	assert_null(strstr(err.text, "hunter2"));
}

static void write_file(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "s", 1), 1);
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
}

static void test_credential(void **state)
{
	char directory[] = "/tmp/aid-credentials-XXXXXX", path[64];
	struct aid_error err = AID_ERROR_INIT;
	int fd = -1;

	(void)state;
	assert_failed(aid_secret_ref_open("credential:x", NULL, &fd, &err), AID_E_NOTFOUND, &err,
		"no credentials were passed");
	assert_non_null(mkdtemp(directory));
	assert_failed(aid_secret_ref_open("credential:x", directory, &fd, &err), AID_E_NOTFOUND, &err,
		"no such credential");
	(void)snprintf(path, sizeof(path), "%s/x", directory);
	write_file(path, 0400);
	assert_ok(aid_secret_ref_open("credential:x", directory, &fd, &err), &err);
	assert_int_not_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	(void)close(fd);
	write_file(path, 0604);
	assert_failed(aid_secret_ref_open("credential:x", directory, &fd, &err), AID_E_UNTRUSTED, &err,
		"mode 0604, at most 0400");
	(void)unlink(path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(aid_secret_ref_open("credential:x", directory, &fd, &err), AID_E_IO);
	(void)unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_failed(aid_secret_ref_open("credential:x", directory, &fd, &err), AID_E_UNTRUSTED, &err,
		"not a regular file");
	(void)rmdir(path);
	(void)rmdir(directory);
}

static void test_file(void **state)
{
	struct aid_error err = AID_ERROR_INIT;
	int fd = -1;

	(void)state;
	assert_failed(aid_secret_ref_open("file:/nonexistent/x", NULL, &fd, &err), AID_E_NOTFOUND, &err,
		"no such file");
	assert_failed(aid_secret_ref_open("nonsense:x", NULL, &fd, &err), AID_E_CONFIG, &err, "neither");
	/* A key is no client secret, and keyringd has no network to read one by. */
	assert_failed(aid_secret_ref_check_local("vault:kv/a#b", &err), AID_E_CONFIG, &err,
		"file: or credential: is needed here");
	assert_failed(aid_secret_ref_open("vault:kv/a#b", NULL, &fd, &err), AID_E_INVALID, &err,
		"agentid-fetch alone reads");
	assert_int_equal(fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_credential),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
