/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* A PAM application that does what its arguments say, through the real libpam and a private
 * configuration directory.
 *
 * pam_run CONFDIR SERVICE USER STEP...
 *   open close auth account setcred chauthtok   prints "STEP=CODE", and " slow" past 4000 ms
 *   rhost=TEXT tty=TEXT user=NAME               sets the item
 *   end                   pam_end and a new handle, as another process would have
 *   silent-child          a forked child ends the handle with PAM_DATA_SILENT
 *   uid=UID               becomes that uid for good
 *   close-stdio           closes descriptors 0 to 2
 *   nofile=N              RLIMIT_NOFILE
 *   alarms                a signal every 5 ms, with a handler that does not restart system calls
 *   revoke-session        revokes the session keyring, as pam_keyinit does at its close
 *   join-session          a new session keyring without a ring
 *   hide, unhide          renames the daemon's socket away and back
 *   token                 prints "token=TEXT" or "token:STATUS"
 *   state                 prints "state=same" unless umask, directory, signals, uids, descriptors
 *                         or environment differ from those at the start
 *
 * Log lines of the module are printed as "log: TEXT". */
#include "clock.h"
#include "keyring.h"
#include "str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <keyutils.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

#define SLOW_MS 4000
#define STATE_SIZE 4096

extern char **environ;

struct app {
	const char *confdir;
	const char *service;
	const char *user;
	pam_handle_t *pamh;
	FILE *out; /* a descriptor of its own: 1 may be closed */
	char state[STATE_SIZE];
};

void syslog(int priority, const char *fmt, ...) AID_PRINTF(2, 3);
void __syslog_chk(int priority, int flag, const char *fmt, ...) AID_PRINTF(3, 4);

static FILE *log_out;

/* In place of libc's: libpam finds these first. */
void syslog(int priority, const char *fmt, ...)
{
	va_list args;

	(void)priority;
	(void)fprintf(log_out, "log: ");
	va_start(args, fmt);
	(void)vfprintf(log_out, fmt, args);
	va_end(args);
	(void)fprintf(log_out, "\n");
}

void __syslog_chk(int priority, int flag, const char *fmt, ...)
{
	va_list args;

	(void)priority;
	(void)flag;
	(void)fprintf(log_out, "log: ");
	va_start(args, fmt);
	(void)vfprintf(log_out, fmt, args);
	va_end(args);
	(void)fprintf(log_out, "\n");
}

static int no_conversation(int n, const struct pam_message **messages,
	struct pam_response **replies, void *data)
{
	(void)n;
	(void)messages;
	(void)replies;
	(void)data;
	return PAM_CONV_ERR;
}

static void start(struct app *app)
{
	static const struct pam_conv conv = {no_conversation, NULL};

	if (pam_start_confdir(app->service, app->user, &conv, app->confdir, &app->pamh) != PAM_SUCCESS)
		_exit(2);
}

static void append(char *text, const char *fmt, ...) AID_PRINTF(2, 3);
static void append(char *text, const char *fmt, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text + used, STATE_SIZE - used, fmt, args);
	va_end(args);
}

static void append_descriptors(char *text)
{
	for (int fd = 0; fd < 64; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			append(text, "fd %d\n", fd);
	}
}

/* Everything of the process that a guest must leave alone, as text. */
static void describe_process(char text[STATE_SIZE])
{
	char directory[1024];
	mode_t mask = umask(0);
	sigset_t blocked;

	(void)umask(mask);
	text[0] = '\0';
	append(text, "umask %o\ncwd %s\n", mask, getcwd(directory, sizeof(directory)));
	append(text, "uids %u %u gids %u %u\n", getuid(), geteuid(), getgid(), getegid());
	(void)sigprocmask(SIG_SETMASK, NULL, &blocked);
	for (int s = 1; s < 32; s++) {
		struct sigaction action;

		if (sigaction(s, NULL, &action) == 0)
			append(text, "%d:%p:%d ", s, (void *)(uintptr_t)action.sa_handler,
				sigismember(&blocked, s));
	}
	for (char **e = environ; *e != NULL; e++)
		append(text, "%.20s\n", *e);
	append_descriptors(text);
}

static int call_pam(pam_handle_t *pamh, const char *step)
{
	static const struct {
		const char *name;
		int (*call)(pam_handle_t *pamh, int flags);
	} calls[] = {{"open", pam_open_session}, {"close", pam_close_session},
		{"auth", pam_authenticate}, {"account", pam_acct_mgmt}, {"setcred", pam_setcred},
		{"chauthtok", pam_chauthtok}};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (aid_streq(step, calls[i].name))
			return calls[i].call(pamh, 0);
	}
	return -1;
}

static bool step_pam(struct app *app, const char *step)
{
	int64_t before = aid_clock_boot_ms();
	int code = call_pam(app->pamh, step);

	if (code < 0)
		return false;
	(void)fprintf(app->out, "%s=%d%s\n", step, code,
		aid_clock_boot_ms() - before > SLOW_MS ? " slow" : "");
	return true;
}

static bool step_value(struct app *app, const char *step)
{
	static const struct {
		const char *prefix;
		int item;
	} items[] = {{"rhost=", PAM_RHOST}, {"tty=", PAM_TTY}, {"user=", PAM_USER}};
	uint64_t number = 0;

	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		if (aid_str_has_prefix(step, items[i].prefix))
			return pam_set_item(app->pamh, items[i].item, strchr(step, '=') + 1) ==
				PAM_SUCCESS;
	}
	if (strchr(step, '=') == NULL ||
		aid_str_parse_uint(strchr(step, '=') + 1, 0, UINT32_MAX - 1, &number) != AID_OK)
		return false;
	if (aid_str_has_prefix(step, "uid="))
		return setresuid((uid_t)number, (uid_t)number, (uid_t)number) == 0;
	if (aid_str_has_prefix(step, "nofile="))
		return setrlimit(RLIMIT_NOFILE, &(struct rlimit){number, number}) == 0;
	return false;
}

static void on_alarm(int signal)
{
	(void)signal;
}

static bool step_alarms(struct app *app)
{
	const struct sigaction action = {.sa_handler = on_alarm};
	const struct itimerval every = {{0, 5000}, {0, 5000}};
	bool ok = sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &every, NULL) == 0;

	describe_process(app->state);
	return ok;
}

static bool step_silent_child(struct app *app)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(pam_end(app->pamh, PAM_SUCCESS | PAM_DATA_SILENT));
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool step_token(struct app *app)
{
	aid_serial ring, key;
	char token[4096];
	size_t length = 0;
	int r = aid_ring_find(&ring, NULL);

	if (r == AID_OK)
		r = aid_ring_key(ring, AID_KEY_TOKEN, &key, NULL);
	if (r == AID_OK)
		r = aid_key_read(key, token, sizeof(token), &length, NULL);
	if (r == AID_OK)
		(void)fprintf(app->out, "token=%.*s\n", (int)length, token);
	else
		(void)fprintf(app->out, "token:%s\n", aid_status_name(r));
	return true;
}

static bool step_state(struct app *app)
{
	char now[STATE_SIZE];

	describe_process(now);
	(void)fprintf(app->out, "state=%s\n", aid_streq(now, app->state) ? "same" : now);
	return true;
}

static bool step_end(struct app *app)
{
	bool ok = pam_end(app->pamh, PAM_SUCCESS) == PAM_SUCCESS;

	start(app);
	return ok;
}

static bool step_close_stdio(struct app *app)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		(void)close(fd);
	describe_process(app->state);
	return true;
}

static bool step_revoke_session(struct app *app)
{
	(void)app;
	return keyctl_revoke(KEY_SPEC_SESSION_KEYRING) == 0;
}

static bool step_join_session(struct app *app)
{
	(void)app;
	return keyctl_join_session_keyring(NULL) > 0;
}

static bool step_hide(struct app *app)
{
	(void)app;
	return rename(AID_SOCKET_PATH, AID_SOCKET_PATH ".hidden") == 0;
}

static bool step_unhide(struct app *app)
{
	(void)app;
	return rename(AID_SOCKET_PATH ".hidden", AID_SOCKET_PATH) == 0;
}

static bool do_step(struct app *app, const char *step)
{
	static const struct {
		const char *name;
		bool (*run)(struct app *app);
	} steps[] = {{"alarms", step_alarms}, {"silent-child", step_silent_child},
		{"token", step_token}, {"state", step_state}, {"end", step_end},
		{"close-stdio", step_close_stdio}, {"revoke-session", step_revoke_session},
		{"join-session", step_join_session},
		{"hide", step_hide}, {"unhide", step_unhide}};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (aid_streq(step, steps[i].name))
			return steps[i].run(app);
	}
	return strchr(step, '=') != NULL ? step_value(app, step) : step_pam(app, step);
}

int main(int argc, char **argv)
{
	struct app app = {0};

	if (argc < 4)
		return 2;
	app.confdir = argv[1];
	app.service = argv[2];
	app.user = argv[3];
	app.out = fdopen(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 50), "w");
	if (app.out == NULL)
		return 2;
	(void)setvbuf(app.out, NULL, _IOLBF, 0);
	log_out = app.out;
	describe_process(app.state);
	start(&app);
	for (int i = 4; i < argc; i++) {
		if (!do_step(&app, argv[i])) {
			(void)fprintf(app.out, "failed: %s (errno %d)\n", argv[i], errno);
			return 1;
		}
	}
	return pam_end(app.pamh, PAM_SUCCESS) == PAM_SUCCESS ? 0 : 1;
}
