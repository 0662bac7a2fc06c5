/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Holds keyring.h against the running kernel. One process places a ring and becomes an
 * unprivileged session; another, root without any capability and in a session keyring of its own,
 * does what agentid-keyringd does. They work in lock-step over a socket pair. */
#include "cleanup.h"
#include "clock.h"
#include "keyring.h"
#include "listing.h"
#include "str.h"

#include <errno.h>
#include <keyutils.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define SKIP 77
#define ACCOUNT_UID 65534U

static int failures;

static void check(bool ok, int line, const char *what, const struct aid_error *err)
{
	int saved_errno = errno;

	if (ok)
		return;
	failures++;
	(void)fprintf(stderr, "line %d: %s (errno %d; %s)\n", line, what, saved_errno,
		err == NULL ? "" : err->text);
}
#define CHECK(condition) check((condition), __LINE__, #condition, &err)
/* The call fails, and with this errno. */
#define CHECK_ERRNO(wanted, call)                                                                  \
	do {                                                                                       \
		errno = 0;                                                                         \
		check((long)(call) == -1 && errno == (wanted), __LINE__, #call " gives " #wanted,  \
			NULL);                                                                     \
	} while (0)

static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {0};

	if (syscall(SYS_capset, &header, none) != 0)
		perror("capset");
}

/* ---- the session's side: one function per step ---- */

struct session {
	aid_serial ring;
	aid_serial token;
};

static void session_finds_nothing(struct session *s)
{
	struct aid_error err = AID_ERROR_INIT;
	aid_serial key;

	CHECK(aid_ring_find(&s->ring, &err) == AID_OK);
	CHECK(aid_ring_key(s->ring, AID_KEY_TOKEN, &key, &err) == AID_E_NOTFOUND);
}

static bool token_is(const struct session *s, const char *text)
{
	char buffer[64];
	size_t length;

	return aid_key_read(s->token, buffer, sizeof(buffer), &length, NULL) == AID_OK &&
		length == strlen(text) && memcmp(buffer, text, length) == 0;
}

static void session_reads_one(struct session *s)
{
	struct aid_error err = AID_ERROR_INIT;
	char small[2];
	size_t length = 0;
	aid_serial meta;

	CHECK(aid_ring_key(s->ring, AID_KEY_TOKEN, &s->token, &err) == AID_OK);
	CHECK(token_is(s, "one"));
	CHECK(aid_key_read(s->token, small, sizeof(small), &length, &err) == AID_E_TOOBIG);
	CHECK(length == 3);
	CHECK(aid_ring_key(s->ring, AID_KEY_META, &meta, &err) == AID_E_DENIED);
}

static void session_cannot_touch(struct session *s)
{
	CHECK_ERRNO(EACCES, keyctl_update(s->token, "x", 1));
	CHECK_ERRNO(EACCES, keyctl_setperm(s->token, 0x3f3f3f3f));
	CHECK_ERRNO(EACCES, keyctl_set_timeout(s->token, 1000));
	CHECK_ERRNO(EACCES, keyctl_set_timeout(s->ring, 1));
	CHECK_ERRNO(EACCES, keyctl_set_timeout(KEY_SPEC_SESSION_KEYRING, 1));
	CHECK_ERRNO(EACCES, keyctl_revoke(s->token));
	CHECK_ERRNO(EACCES, keyctl_revoke(s->ring));
	CHECK_ERRNO(EACCES, keyctl_chown(s->token, ACCOUNT_UID, (gid_t)-1));
	CHECK_ERRNO(EACCES, keyctl_link(s->token, KEY_SPEC_PROCESS_KEYRING));
	CHECK_ERRNO(EACCES, keyctl_link(s->ring, KEY_SPEC_USER_KEYRING));
	CHECK_ERRNO(EACCES, keyctl_unlink(s->token, s->ring));
	CHECK_ERRNO(EACCES, keyctl_clear(s->ring));
	CHECK_ERRNO(EACCES, add_key("user", AID_KEY_TOKEN, "x", 1, s->ring));
}

static void session_ignores_shadow(struct session *s)
{
	struct aid_error err = AID_ERROR_INIT;
	/* Nested, so that it does not displace the real link. */
	key_serial_t nest = add_key("keyring", "nest", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	key_serial_t shadow = add_key("keyring", AID_RING_NAME, NULL, 0, nest);
	aid_serial found = 0, key;

	CHECK(shadow > 0 && keyctl_setperm(shadow, AID_PERM_RING | KEY_POS_WRITE) == 0);
	CHECK(aid_ring_find(&found, &err) == AID_OK && found == s->ring);
	/* With the very permissions of a ring, only the owner tells it from one. */
	CHECK(keyctl_setperm(shadow, AID_PERM_RING) == 0);
	CHECK(aid_ring_find(&found, &err) == AID_OK && found == s->ring);
	CHECK(aid_ring_key(nest, AID_KEY_TOKEN, &key, &err) == AID_E_NOTFOUND);
	CHECK(add_key("user", AID_KEY_TOKEN, "x", 1, KEY_SPEC_SESSION_KEYRING) > 0);
	CHECK(aid_ring_key(KEY_SPEC_SESSION_KEYRING, AID_KEY_TOKEN, &key, &err) == AID_E_NOTFOUND);
	CHECK(strstr(err.text, "65534") != NULL);
}

static void session_reads_two(struct session *s)
{
	struct aid_error err = AID_ERROR_INIT;

	CHECK(token_is(s, "two"));
	/* The one thing it can do is harm itself. */
	CHECK(keyctl_invalidate(s->token) == 0);
}

static void session_reads_three(struct session *s)
{
	struct aid_error err = AID_ERROR_INIT;
	aid_serial old = s->token;

	CHECK(aid_ring_key(s->ring, AID_KEY_TOKEN, &s->token, &err) == AID_OK && s->token != old);
	CHECK(token_is(s, "three"));
	session_cannot_touch(s);
}

static void session_sees_expired(struct session *s)
{
	struct aid_error err = AID_ERROR_INIT;
	aid_serial key;
	size_t length;
	char buffer[8];

	CHECK(aid_ring_key(s->ring, AID_KEY_TOKEN, &key, &err) == AID_E_EXPIRED);
	CHECK(aid_key_read(s->token, buffer, sizeof(buffer), &length, &err) == AID_E_EXPIRED);
}

static void session_reads_four(struct session *s)
{
	struct aid_error err = AID_ERROR_INIT;

	CHECK(aid_ring_key(s->ring, AID_KEY_TOKEN, &s->token, &err) == AID_OK);
	CHECK(token_is(s, "four"));
}

static void session_sees_end(struct session *s)
{
	struct aid_error err = AID_ERROR_INIT;
	aid_serial ring;
	int r = aid_ring_find(&ring, &err);

	CHECK(r == AID_E_REVOKED || r == AID_E_NOTFOUND);
	CHECK(aid_ring_key(s->ring, AID_KEY_TOKEN, &ring, &err) != AID_OK);
	CHECK(!token_is(s, "four"));
}

static void (*const session_steps[])(struct session *) = {
	session_finds_nothing, session_reads_one, session_cannot_touch, session_ignores_shadow,
	session_reads_two, session_reads_three, session_sees_expired, session_reads_four,
	session_sees_end,
};
enum step {
	FINDS_NOTHING, READS_ONE, CANNOT_TOUCH, IGNORES_SHADOW, READS_TWO, READS_THREE,
	SEES_EXPIRED, READS_FOUR, SEES_END
};

/* In the child: place, become the account, then do the steps that the parent names. */
static int run_session(int fd)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_ring_place place = {0};
	struct session session = {0};
	unsigned char step;

	/* As in su: the caller's uid is the real one. */
	if (setresuid(1, 0, 0) != 0)
		return 2;
	CHECK(aid_ring_place(ACCOUNT_UID, &place, &err) == AID_OK);
	CHECK(getuid() == 1 && geteuid() == 0);
	CHECK(place.joined && aid_streq(place.invocation, ""));
	if (write(fd, &place.ring, sizeof(place.ring)) != sizeof(place.ring) ||
		setresgid(ACCOUNT_UID, ACCOUNT_UID, ACCOUNT_UID) != 0 ||
		setresuid(ACCOUNT_UID, ACCOUNT_UID, ACCOUNT_UID) != 0)
		return 2;
	while (read(fd, &step, 1) == 1) {
		session_steps[step](&session);
		if (write(fd, &step, 1) != 1)
			return 2;
	}
	return failures != 0;
}

/* ---- the daemon's side ---- */

static void tell(int fd, enum step step)
{
	unsigned char byte = (unsigned char)step;
	unsigned char answer = 0xff;

	if (write(fd, &byte, 1) != 1 || read(fd, &answer, 1) != 1 || answer != byte) {
		(void)fprintf(stderr, "the session did not do step %d\n", (int)step);
		failures++;
	}
}

#define LATE_MS 500000

static void daemon_puts(int fd, aid_serial ring)
{
	struct aid_error err = AID_ERROR_INIT;
	int64_t late = aid_clock_wall_ms() + LATE_MS;
	aid_serial token = 0, meta = 0, before;
	bool recreated = false;

	CHECK(aid_ring_expire(ring, late, &err) == AID_OK);
	CHECK(aid_ring_put(ring, AID_KEY_META, AID_PERM_META, "m", 1, late, &meta, &recreated, &err) ==
		AID_OK);
	CHECK(recreated);
	CHECK(aid_ring_add(ring, AID_KEY_TOKEN, AID_PERM_KEY, "one", 3, late, &token, &err) == AID_OK);
	CHECK(shown_permissions(token) == AID_PERM_KEY && shown_permissions(meta) == AID_PERM_META);
	CHECK(shown_timeout(token) > 40 && shown_timeout(token) <= LATE_MS / 1000);
	CHECK(shown_timeout(meta) > 40);
	tell(fd, READS_ONE);
	tell(fd, CANNOT_TOUCH);
	tell(fd, IGNORES_SHADOW);
	before = token;
	CHECK(aid_ring_put(ring, AID_KEY_TOKEN, AID_PERM_KEY, "two", 3, late, &token, &recreated,
		&err) == AID_OK);
	CHECK(token == before && !recreated && shown_timeout(token) > 40);
	tell(fd, READS_TWO);
	CHECK(aid_ring_put(ring, AID_KEY_TOKEN, AID_PERM_KEY, "three", 5, late, &token, &recreated,
		&err) == AID_OK);
	CHECK(token != before && recreated);
	tell(fd, READS_THREE);
}

static void daemon_expires(int fd, aid_serial ring)
{
	struct aid_error err = AID_ERROR_INIT;
	int64_t now = aid_clock_wall_ms();
	int64_t soon = now - now % 1000 + 3500;
	aid_serial token = 0;
	char buffer[8];
	size_t length;
	bool recreated = false;

	CHECK(aid_ring_put(ring, AID_KEY_TOKEN, AID_PERM_KEY, "x", 1, now, &token, NULL, &err) ==
		AID_E_EXPIRED);
	CHECK(aid_ring_key(ring, AID_KEY_TOKEN, &token, &err) == AID_OK);
	CHECK(aid_key_expire(token, soon, &err) == AID_OK);
	wait_until(soon - 1300);
	CHECK(aid_key_read(token, buffer, sizeof(buffer), &length, &err) == AID_OK);
	/* The kernel counts whole seconds: gone with the second of "soon", so before it. */
	wait_until(soon - 450);
	tell(fd, SEES_EXPIRED);
	CHECK(aid_ring_put(ring, AID_KEY_TOKEN, AID_PERM_KEY, "four", 4, now + LATE_MS, &token,
		&recreated, &err) == AID_OK);
	CHECK(recreated && shown_timeout(token) > 40);
	tell(fd, READS_FOUR);
}

static void mark_seen(void *context, aid_serial key, const char *name)
{
	(void)snprintf(context, 64, "%s", key > 0 ? name : "no key");
}

static void daemon_marks(aid_serial anchor)
{
	struct aid_error err = AID_ERROR_INIT;
	char seen[64] = "";
	struct aid_quota quota = {0};
	aid_serial *rings = NULL;
	size_t count = 9;

	CHECK(aid_anchor_mark(anchor, "revoked:a", true, &err) == AID_OK);
	CHECK(aid_anchor_mark(anchor, "revoked:a", true, &err) == AID_OK);
	CHECK(aid_anchor_marks(anchor, "other:", mark_seen, seen, &err) == AID_OK);
	CHECK(aid_streq(seen, ""));
	CHECK(aid_anchor_marks(anchor, "revoked:", mark_seen, seen, &err) == AID_OK);
	CHECK(aid_streq(seen, "revoked:a"));
	CHECK(aid_anchor_list(anchor, &rings, &count, &err) == AID_OK && count == 1);
	free(rings);
	CHECK(aid_anchor_mark(anchor, "revoked:a", false, &err) == AID_OK);
	CHECK(aid_anchor_mark(anchor, "revoked:a", false, &err) == AID_OK);
	seen[0] = '\0';
	CHECK(aid_anchor_marks(anchor, "revoked:", mark_seen, seen, &err) == AID_OK);
	CHECK(aid_streq(seen, ""));
	CHECK(aid_quota_read(0, &quota, &err) == AID_OK);
	CHECK(quota.bytes > 0 && quota.bytes_max > quota.bytes && quota.keys_max > quota.keys);
}

/* Rings all have one name, and a keyring links one key of a name: each must be found all the same. */
static void daemon_keeps_several(aid_serial anchor, aid_serial ring)
{
	struct aid_error err = AID_ERROR_INIT;
	aid_serial *rings = NULL;
	size_t count = 0;
	aid_serial holder = 0;
	key_serial_t second = add_key("keyring", AID_RING_NAME, NULL, 0, KEY_SPEC_PROCESS_KEYRING);

	CHECK(second > 0 && keyctl_setperm(second, AID_PERM_RING) == 0);
	CHECK(aid_anchor_add(anchor, second, &holder, &err) == AID_OK);
	CHECK(aid_anchor_add(anchor, ring, &(aid_serial){0}, &err) == AID_OK);
	CHECK(aid_anchor_list(anchor, &rings, &count, &err) == AID_OK && count == 2);
	CHECK(count == 2 && (rings[0] == ring || rings[1] == ring) && rings[0] != rings[1]);
	free(rings);
	aid_ring_end(second);
	aid_anchor_drop(anchor, holder);
	CHECK(aid_anchor_list(anchor, &rings, &count, &err) == AID_OK && count == 1);
	CHECK(count == 1 && rings[0] == ring);
	free(rings);
}

/* KEYCTL_UPDATE takes one page; add_key takes more. */
static void daemon_puts_large(aid_serial ring)
{
	struct aid_error err = AID_ERROR_INIT;
	int64_t late = aid_clock_wall_ms() + LATE_MS;
	AID_FREE char *large = calloc(1, AID_TOKEN_MAX);
	aid_serial key = 0, before;
	bool recreated = false;

	for (int i = 0; i < 2 && large != NULL; i++) {
		before = key;
		CHECK(aid_ring_put(ring, "agentid:large", AID_PERM_KEY, large, AID_TOKEN_MAX, late, &key,
			&recreated, &err) == AID_OK);
		CHECK(recreated == (i == 0) && (i == 0 || key == before) && shown_timeout(key) > 40);
	}
	CHECK(keyctl_unlink(key, ring) == 0);
}

/* Nobody can search for it, not even root. */
static bool forget_anchor(const char *name)
{
	void *links = NULL;
	long length = keyctl_read_alloc(KEY_SPEC_USER_KEYRING, &links);
	bool found = false;

	for (long i = 0; !found && i < length / (long)sizeof(key_serial_t); i++) {
		key_serial_t key = ((key_serial_t *)links)[i];
		char text[512];

		found = keyctl_describe(key, text, sizeof(text)) > 0 &&
			strstr(text, name) != NULL && keyctl_unlink(key, KEY_SPEC_USER_KEYRING) == 0;
	}
	free(links);
	return found;
}

static void daemon_runs(int fd, aid_serial ring)
{
	struct aid_error err = AID_ERROR_INIT;
	aid_serial anchor = 0, again = 0, gone = 0;
	aid_serial *rings = NULL;
	size_t count = 9;
	char name[64];

	(void)snprintf(name, sizeof(name), "agentid:check:%d", getpid());
	CHECK(aid_anchor_open(name, &anchor, &err) == AID_OK);
	CHECK(aid_anchor_open(name, &again, &err) == AID_OK && again == anchor);
	CHECK(aid_ring_check(ring, &err) == AID_OK);
	CHECK(aid_ring_check(anchor, &err) == AID_E_UNTRUSTED);
	CHECK(aid_anchor_add(anchor, ring, &again, &err) == AID_OK);
	daemon_keeps_several(anchor, ring);
	tell(fd, FINDS_NOTHING);
	daemon_puts_large(ring);
	daemon_puts(fd, ring);
	daemon_marks(anchor);
	daemon_expires(fd, ring);
	aid_ring_revoke(anchor, ring);
	aid_ring_revoke(anchor, ring);
	tell(fd, SEES_END);
	CHECK(aid_ring_put(ring, AID_KEY_TOKEN, AID_PERM_KEY, "x", 1, aid_clock_wall_ms() + 9000, &gone,
		NULL, &err) == AID_E_NOTFOUND);
	CHECK(aid_ring_check(ring, &err) == AID_E_UNTRUSTED);
	CHECK(aid_anchor_list(anchor, &rings, &count, &err) == AID_OK && count == 0);
	free(rings);
	CHECK(keyctl_search(KEY_SPEC_USER_KEYRING, "keyring", name, 0) < 0);
	CHECK(forget_anchor(name));
}

static void check_quota_cost(void)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_quota before = {0}, after = {0};

	CHECK(aid_quota_read(0, &before, &err) == AID_OK);
	CHECK(add_key("user", "agentid:check", "0123456789", 10, KEY_SPEC_SESSION_KEYRING) > 0);
	CHECK(aid_quota_read(0, &after, &err) == AID_OK);
	/* Others on the machine make keys too: at least this much was added. */
	CHECK(after.bytes - before.bytes >= (int64_t)aid_quota_cost(13, 10) || after.keys < before.keys);
	CHECK(aid_quota_cost(13, 10) == 28);
}

/* systemd's own session keyring: of the account, with root's invocation id in it. */
static int run_unit(void)
{
	static const char id[16] = "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef";
	struct aid_error err = AID_ERROR_INIT;
	struct aid_ring_place place = {0}, second = {0};
	long session;
	aid_serial found = 0;

	CHECK(syscall(SYS_setresuid, ACCOUNT_UID, -1, -1) == 0);
	session = keyctl_join_session_keyring(NULL);
	CHECK(session > 0 && syscall(SYS_setresuid, 0, -1, -1) == 0);
	CHECK(add_key("user", "invocation_id", id, sizeof(id), KEY_SPEC_SESSION_KEYRING) > 0);
	CHECK(aid_ring_place(ACCOUNT_UID + 1, &second, &err) == AID_OK && second.joined);
	CHECK(keyctl_join_session_keyring(NULL) > 0);

	CHECK(syscall(SYS_setresuid, ACCOUNT_UID, -1, -1) == 0);
	session = keyctl_join_session_keyring(NULL);
	CHECK(session > 0 && syscall(SYS_setresuid, 0, -1, -1) == 0);
	CHECK(add_key("user", "invocation_id", id, sizeof(id), KEY_SPEC_SESSION_KEYRING) > 0);
	CHECK(aid_ring_place(ACCOUNT_UID, &place, &err) == AID_OK);
	CHECK(!place.joined && aid_streq(place.invocation, "0123456789abcdef0123456789abcdef"));
	CHECK(keyctl_get_keyring_ID(KEY_SPEC_SESSION_KEYRING, 0) == session);
	CHECK(aid_ring_find(&found, &err) == AID_OK && found == place.ring);
	/* One ring per session keyring: a nested open gets one of its own. */
	CHECK(aid_ring_place(ACCOUNT_UID, &second, &err) == AID_OK && second.joined);
	CHECK(second.ring != place.ring && aid_ring_find(&found, &err) == AID_OK);
	CHECK(found == second.ring);
	aid_ring_abandon(second.ring);
	CHECK(aid_ring_find(&found, &err) == AID_E_NOTFOUND);
	return failures != 0;
}

static void in_child(int (*run)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(run());
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		failures++;
}

static int run_unprivileged(void)
{
	struct aid_error err = AID_ERROR_INIT;
	struct aid_ring_place place;

	CHECK(setresuid(ACCOUNT_UID, ACCOUNT_UID, ACCOUNT_UID) == 0);
	CHECK(aid_ring_place(ACCOUNT_UID, &place, &err) == AID_E_DENIED);
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
	check_quota_cost();
	in_child(run_unit);
	in_child(run_unprivileged);
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
	drop_capabilities();
	daemon_runs(fds[0], ring);
	(void)close(fds[0]);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		failures++;
	return failures != 0;
}
