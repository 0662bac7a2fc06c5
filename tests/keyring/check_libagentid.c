/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Holds agentid.h against the running kernel. An unprivileged session uses the library and asks its
 * parent, root, to do what the daemon does: one letter, answered when done. */
#include "agentid.h"
#include "clock.h"
#include "keyring.h"
#include "str.h"

#include <errno.h>
#include <keyutils.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define SKIP 77
#define ACCOUNT_UID 65534U
#define READERS 4
#define LIFETIME_MS 60000
#define BIG 5000

static int failures;

static void check(bool ok, int line, const char *what)
{
	if (ok)
		return;
	failures++;
	(void)fprintf(stderr, "line %d: %s\n", line, what);
}
#define CHECK(condition) check((condition), __LINE__, #condition)

/* ---- the daemon's side ---- */

static void put(aid_serial ring, const char *token, size_t length, int64_t lifetime_ms)
{
	int64_t expires = aid_clock_wall_ms() + lifetime_ms;
	struct aid_error err = AID_ERROR_INIT;
	aid_serial key = 0;
	char info[64];
	size_t info_length = 0;
	int r = aid_ring_put(ring, AID_KEY_TOKEN, AID_PERM_KEY, token, length, expires, &key, NULL, &err);

	if (r == AID_OK)
		r = aid_info_add(info, sizeof(info), &info_length, "token", expires);
	key = 0;
	if (r == AID_OK)
		r = aid_ring_put(ring, AID_KEY_INFO, AID_PERM_KEY, info, info_length, expires, &key, NULL,
			&err);
	if (r != AID_OK) {
		failures++;
		(void)fprintf(stderr, "put: %s\n", err.text);
	}
}

static void serve(int fd, aid_serial ring)
{
	char big[BIG];
	char letter;

	memset(big, 'b', sizeof(big));
	while (read(fd, &letter, 1) == 1) {
		/* Capital letters are answered first, so that the session is already waiting. */
		if (letter < 'a' && write(fd, &letter, 1) != 1)
			return;
		if (letter < 'a')
			(void)poll(NULL, 0, 100);
		if (letter == 'a' || letter == 'A')
			put(ring, "one", 3, LIFETIME_MS);
		if (letter == 'b' || letter == 'B')
			put(ring, "two", 3, LIFETIME_MS);
		if (letter == 'g')
			put(ring, big, sizeof(big), LIFETIME_MS);
		if (letter == 'x')
			put(ring, "short", 5, 1500);
		if (letter == 'r' || letter == 'R')
			aid_ring_revoke(0, ring);
		if (letter >= 'a' && write(fd, &letter, 1) != 1)
			return;
	}
}

/* ---- the session's side ---- */

static void ask(int fd, char letter)
{
	char answer = 0;

	CHECK(write(fd, &letter, 1) == 1 && read(fd, &answer, 1) == 1 && answer == letter);
}

static bool token_is(struct agentid *handle, const char *text)
{
	char buffer[64];
	size_t length = 0;

	return agentid_read(handle, "token", buffer, sizeof(buffer), &length) == AGENTID_OK &&
		length == strlen(text) && memcmp(buffer, text, length) == 0;
}

static void check_arguments(struct agentid *handle)
{
	char buffer[8];
	size_t length;
	int64_t left;
	uint64_t stamp = 0;

	CHECK(agentid_new(NULL) == AGENTID_E_INVALID);
	CHECK(agentid_read(NULL, "token", buffer, 8, &length) == AGENTID_E_INVALID);
	CHECK(agentid_read(handle, NULL, buffer, 8, &length) == AGENTID_E_INVALID);
	CHECK(agentid_read(handle, "no space", buffer, 8, &length) == AGENTID_E_INVALID);
	CHECK(agentid_read(handle, "token", NULL, 8, &length) == AGENTID_E_INVALID);
	CHECK(agentid_read(handle, "a-name-of-48-bytes-is-one-more-than-there-can-be",
		buffer, 8, &length) == AGENTID_E_INVALID);
	CHECK(agentid_get(handle, "token", NULL) == AGENTID_E_INVALID);
	CHECK(agentid_time_left(handle, "token", NULL) == AGENTID_E_INVALID);
	CHECK(agentid_wait(handle, "token", NULL, 0) == AGENTID_E_INVALID);
	CHECK(agentid_wait(handle, "other", &stamp, 0) == AGENTID_E_NOTFOUND);
	CHECK(agentid_time_left(handle, "other", &left) == AGENTID_E_NOTFOUND);
	CHECK(agentid_read(handle, "meta", buffer, 8, &length) == AGENTID_E_NOTFOUND);
	CHECK(agentid_secret_length(NULL) == 0 && agentid_secret_text(NULL)[0] == '\0');
	agentid_secret_free(NULL);
	agentid_free(NULL);
	CHECK(aid_streq(agentid_strerror(AGENTID_OK), "success"));
	CHECK(aid_streq(agentid_strerror(12345), "unknown status"));
}

/* What is wrong is said before any daemon is asked. */
static void check_verify_arguments(void)
{
	const struct agentid_verify good = {.size = sizeof(good), .audience = "api"};
	static const char *const issuers[] = {"https://a.example", NULL};
	static const char *const blank[] = {"https://a.example https://b.example", NULL};
	struct agentid_secret *claims = NULL;
	struct agentid_verify wanted = good;
	char reason[256];

	CHECK(agentid_verify(NULL, "t", 1, &claims, reason, sizeof(reason)) == AGENTID_E_INVALID);
	CHECK(agentid_verify(&good, NULL, 1, &claims, reason, sizeof(reason)) == AGENTID_E_INVALID);
	CHECK(agentid_verify(&good, "t", 1, NULL, NULL, 0) == AGENTID_E_INVALID);
	wanted.size--;
	CHECK(agentid_verify(&wanted, "t", 1, &claims, reason, sizeof(reason)) == AGENTID_E_INVALID);
	CHECK(strstr(reason, "struct agentid_verify of ") != NULL);
	wanted = (struct agentid_verify){.size = sizeof(wanted)};
	CHECK(agentid_verify(&wanted, "t", 1, &claims, reason, 12) == AGENTID_E_INVALID);
	CHECK(aid_streq(reason, "an audience"));
	wanted = good;
	wanted.timeout_ms = 499;
	CHECK(agentid_verify(&wanted, "t", 1, &claims, NULL, 0) == AGENTID_E_INVALID);
	wanted = good;
	wanted.max_lifetime_s = 86401;
	CHECK(agentid_verify(&wanted, "t", 1, &claims, NULL, 0) == AGENTID_E_INVALID);
	wanted = good;
	wanted.issuers = issuers;
	CHECK(agentid_verify(&wanted, "t", 0, &claims, reason, sizeof(reason)) == AGENTID_E_TOOBIG);
	wanted.proof = "p";
	CHECK(agentid_verify(&wanted, "t", 1, &claims, reason, sizeof(reason)) == AGENTID_E_INVALID);
	CHECK(strstr(reason, "give both") != NULL);
	wanted.proof = NULL;
	wanted.issuers = blank;
	CHECK(agentid_verify(&wanted, "t", 1, &claims, reason, sizeof(reason)) == AGENTID_E_INVALID);
	CHECK(strstr(reason, "is no issuer of 1 to ") != NULL);
	CHECK(claims == NULL);
}

static void check_reading(struct agentid *handle, int fd)
{
	struct agentid_secret *secret = NULL;
	int64_t left_ms = 0;
	size_t length = 0;
	char small[2];

	CHECK(token_is(handle, "one"));
	CHECK(agentid_read(handle, "token", small, sizeof(small), &length) == AGENTID_E_TOOBIG);
	CHECK(length == 3);
	CHECK(agentid_read(handle, "token", NULL, 0, &length) == AGENTID_E_TOOBIG && length == 3);
	CHECK(agentid_time_left(handle, "token", &left_ms) == AGENTID_OK);
	CHECK(left_ms > LIFETIME_MS - 10000 && left_ms <= LIFETIME_MS);
	ask(fd, 'b');
	CHECK(token_is(handle, "two"));
	ask(fd, 'g');
	CHECK(agentid_get(handle, "token", &secret) == AGENTID_OK);
	CHECK(agentid_secret_length(secret) == BIG && strlen(agentid_secret_text(secret)) == BIG);
	agentid_secret_free(secret);
	ask(fd, 'a');
}

static void check_waiting(struct agentid *handle, int fd)
{
	uint64_t stamp = 0, before;

	CHECK(agentid_wait(handle, "token", &stamp, 0) == AGENTID_OK && stamp != 0);
	before = stamp;
	CHECK(agentid_wait(handle, "token", &stamp, 50) == AGENTID_E_TIMEOUT && stamp == before);
	ask(fd, 'B');
	CHECK(agentid_wait(handle, "token", &stamp, 5000) == AGENTID_OK && stamp != before);
	CHECK(token_is(handle, "two"));
}

static void check_tampering(struct agentid *handle, int fd)
{
	char buffer[16];
	size_t length;
	uint64_t stamp = 0;
	long key = keyctl_search(KEY_SPEC_SESSION_KEYRING, "user", "agentid:token", 0);

	CHECK(key > 0 && keyctl_invalidate((key_serial_t)key) == 0);
	CHECK(add_key("user", "agentid:token", "planted", 7, KEY_SPEC_SESSION_KEYRING) > 0);
	CHECK(agentid_read(handle, "token", buffer, sizeof(buffer), &length) == AGENTID_E_NOTFOUND);
	CHECK(agentid_wait(handle, "token", &stamp, 50) == AGENTID_E_NOTFOUND);
	ask(fd, 'A');
	CHECK(agentid_wait(handle, "token", &stamp, 5000) == AGENTID_OK);
	CHECK(token_is(handle, "one"));
}

static void check_expiry(struct agentid *handle, int fd)
{
	char buffer[16];
	size_t length;
	int64_t left_ms;
	uint64_t stamp = 0;
	int r;

	ask(fd, 'x');
	do {
		r = agentid_read(handle, "token", buffer, sizeof(buffer), &length);
		(void)poll(NULL, 0, 20);
	} while (r == AGENTID_OK);
	CHECK(r == AGENTID_E_EXPIRED);
	CHECK(agentid_time_left(handle, "token", &left_ms) == AGENTID_E_EXPIRED);
	CHECK(agentid_wait(handle, "token", &stamp, 20) == AGENTID_E_EXPIRED);
	ask(fd, 'A');
	CHECK(agentid_wait(handle, "token", &stamp, 5000) == AGENTID_OK);
}

struct reader {
	struct agentid *handle;
	atomic_bool stop;
	atomic_int bad;
	atomic_int reads;
};

static void *read_often(void *context)
{
	struct reader *reader = context;

	while (!reader->stop) {
		char text[4] = "";
		size_t length = 0;

		if (agentid_read(reader->handle, "token", text, 3, &length) != AGENTID_OK ||
			(!aid_streq(text, "one") && !aid_streq(text, "two")))
			reader->bad++;
		reader->reads++;
	}
	return NULL;
}

/* Readers never find nothing, and never half of something, while the token is replaced. */
static void check_threads(struct agentid *handle, int fd)
{
	struct reader reader = {.handle = handle};
	pthread_t threads[READERS];

	for (size_t i = 0; i < READERS; i++)
		CHECK(pthread_create(&threads[i], NULL, read_often, &reader) == 0);
	for (int i = 0; i < 200; i++)
		ask(fd, i % 2 == 0 ? 'b' : 'a');
	reader.stop = true;
	for (size_t i = 0; i < READERS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	CHECK(reader.bad == 0 && reader.reads > 0);
}

static void check_fork(struct agentid *handle)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(token_is(handle, "one") ? 0 : 1);
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

/* A ring of the same name displaces the real one; a new session keyring has none. */
static void check_shadow(void)
{
	struct agentid *handle = NULL, *other = NULL;
	char buffer[16];
	size_t length;
	key_serial_t shadow;
	int status = -1;
	pid_t pid = fork();

	if (pid > 0) {
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
		return;
	}
	failures = 0;
	CHECK(agentid_new(&handle) == AGENTID_OK && token_is(handle, "one"));
	CHECK(keyctl_join_session_keyring(NULL) > 0);
	CHECK(agentid_read(handle, "token", buffer, sizeof(buffer), &length) == AGENTID_E_NOTFOUND);
	shadow = add_key("keyring", "agentid", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	CHECK(add_key("user", "agentid:token", "planted", 7, shadow) > 0);
	CHECK(agentid_read(handle, "token", buffer, sizeof(buffer), &length) == AGENTID_E_NOTFOUND);
	CHECK(agentid_new(&other) == AGENTID_E_NOTFOUND);
	agentid_free(handle);
	_exit(failures != 0);
}

static void check_end(struct agentid *handle, int fd)
{
	char buffer[16];
	size_t length;
	uint64_t stamp = 0;
	int64_t before = aid_clock_boot_ms();
	int r;

	CHECK(agentid_wait(handle, "token", &stamp, 0) == AGENTID_OK);
	ask(fd, 'R');
	r = agentid_wait(handle, "token", &stamp, -1);
	CHECK(r == AGENTID_E_REVOKED || r == AGENTID_E_NOTFOUND);
	CHECK(aid_clock_boot_ms() - before < 3000);
	r = agentid_read(handle, "token", buffer, sizeof(buffer), &length);
	CHECK(r == AGENTID_E_REVOKED || r == AGENTID_E_NOTFOUND);
}

static int run_session(int fd)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_ring_place place;
	struct agentid *handle = NULL;

	CHECK(agentid_new(&handle) == AGENTID_E_NOTFOUND);
	if (aid_ring_place(ACCOUNT_UID, &place, &err) != AID_OK ||
		write(fd, &place.ring, sizeof(place.ring)) != sizeof(place.ring) ||
		setresgid(ACCOUNT_UID, ACCOUNT_UID, ACCOUNT_UID) != 0 ||
		setresuid(ACCOUNT_UID, ACCOUNT_UID, ACCOUNT_UID) != 0)
		return 2;
	ask(fd, 'a');
	CHECK(agentid_new(&handle) == AGENTID_OK);
	check_arguments(handle);
	check_verify_arguments();
	check_reading(handle, fd);
	check_waiting(handle, fd);
	check_tampering(handle, fd);
	check_expiry(handle, fd);
	check_threads(handle, fd);
	check_fork(handle);
	check_shadow();
	check_end(handle, fd);
	agentid_free(handle);
	return failures != 0;
}

int main(void)
{
	aid_serial ring = 0;
	int fds[2], status = -1;
	pid_t pid;

	if (geteuid() != 0 || keyctl_join_session_keyring(NULL) < 0) {
		(void)fprintf(stderr, "needs root and a kernel with keyrings\n");
		return SKIP;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		return 1;
	pid = fork();
	if (pid == 0) {
		(void)close(fds[0]);
		_exit(run_session(fds[1]));
	}
	(void)close(fds[1]);
	if (pid < 0 || read(fds[0], &ring, sizeof(ring)) != sizeof(ring))
		return 1;
	serve(fds[0], ring);
	(void)close(fds[0]);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		failures++;
	return failures != 0;
}
