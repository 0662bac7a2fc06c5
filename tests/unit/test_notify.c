/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "unit.h"

#include "notify.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A listener on an abstract socket; its name as $NOTIFY_SOCKET has it. */
static int listen_abstract(char *name, size_t size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int length = snprintf(name, size, "@agentid-test-notify-%d", (int)getpid());
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	memcpy(address.sun_path + 1, name + 1, (size_t)length - 1);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length)), 0);
	return fd;
}

static void assert_received(int fd, const char *want)
{
	char got[128] = "";
	ssize_t length = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);

	assert_int_equal(length, strlen(want));
	assert_string_equal(got, want);
}

static void test_nobody(void **state)
{
	struct aid_notify notify;
	struct aid_error err = AID_ERROR_INIT;

	(void)state;
	assert_ok(aid_notify_init(&notify, NULL, "1000000", NULL, &err), &err);
	assert_int_equal(notify.watchdog_ms, 0);
	aid_notify_send(&notify, "READY=1");
	aid_notify_ping(&notify);
	aid_notify_done(&notify);
	assert_ok(aid_notify_init(&notify, "", NULL, NULL, &err), &err);
	aid_notify_done(&notify);
}

static void test_messages(void **state)
{
	struct aid_notify notify;
	struct aid_error err = AID_ERROR_INIT;
	char name[64];
	int fd = listen_abstract(name, sizeof(name));

	(void)state;
	assert_ok(aid_notify_init(&notify, name, NULL, NULL, &err), &err);
	aid_notify_send(&notify, "READY=1\nSTATUS=x");
	assert_received(fd, "READY=1\nSTATUS=x");
	aid_notify_ping(&notify);
	assert_int_equal(recv(fd, name, 1, MSG_DONTWAIT), -1);
	/* Without a listener it is as if nobody had ever listened. */
	(void)close(fd);
	aid_notify_send(&notify, "READY=1");
	aid_notify_done(&notify);
}

static void test_watchdog(void **state)
{
	struct aid_notify notify;
	struct aid_error err = AID_ERROR_INIT;
	char name[64], pid[16];
	int fd = listen_abstract(name, sizeof(name));

	(void)state;
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	assert_ok(aid_notify_init(&notify, name, "30000000", pid, &err), &err);
	assert_int_equal(notify.watchdog_ms, 15000);
	aid_notify_ping(&notify);
	assert_received(fd, "WATCHDOG=1");
	aid_notify_done(&notify);
	assert_ok(aid_notify_init(&notify, name, "30000000", "1", &err), &err);
	assert_int_equal(notify.watchdog_ms, 0);
	aid_notify_done(&notify);
	assert_ok(aid_notify_init(&notify, name, "1", NULL, &err), &err);
	assert_int_equal(notify.watchdog_ms, 1);
	aid_notify_done(&notify);
	(void)close(fd);
}

/* Inherited from outside a mount of one's own: nobody can be told, and work goes on. */
static void test_hidden(void **state)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_notify notify;

	(void)state;
	assert_ok(aid_notify_init(&notify, "/nowhere/notify", "1000000", NULL, &err), &err);
	assert_int_equal(notify.fd, -1);
	assert_int_equal(notify.watchdog_ms, 0);
}

static void test_refused(void **state)
{
	static const struct {
		const char *path, *usec, *pid;
		int status;
		const char *part;
	} rows[] = {
		{"relative", NULL, NULL, AID_E_CONFIG, "relative"},
		{"/", NULL, NULL, AID_E_CONFIG, "no socket address"},
		{"@x", "soon", NULL, AID_E_CONFIG, "WATCHDOG_USEC"},
		{"@x", "0", NULL, AID_E_CONFIG, "WATCHDOG_USEC"},
		{"@x", "-1", NULL, AID_E_CONFIG, "WATCHDOG_USEC"},
		{"@x", "1000", "me", AID_E_CONFIG, "WATCHDOG_PID"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct aid_error err = AID_ERROR_INIT;
		struct aid_notify notify;

		assert_failed(aid_notify_init(&notify, rows[i].path, rows[i].usec, rows[i].pid, &err),
			rows[i].status, &err, rows[i].part);
		assert_int_equal(notify.fd, -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_watchdog),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
