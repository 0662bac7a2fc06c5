/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid exec: a program in a new session of an agent, as its account. The process that opens the
 * session becomes the program, so the session ends when the program does. */
#include "commands.h"

#include "cleanup.h"
#include "client.h"
#include "session.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#define SERVICE "exec"
#define OPEN_TIMEOUT_MS 10000
#define OPEN_TIMEOUT_MAX_MS (INT64_C(600) * 1000)
#define PASSWD_BYTES 16384U
#define ENVIRONMENT_MAX 32U
#define ENTRY_BYTES 1100U
/* As env(1) and shells have it. */
#define EXIT_CANNOT_RUN 126
#define EXIT_NOT_FOUND 127

#define SYSTEM_PATH "/usr/local/bin:/usr/bin:/bin"

struct exec {
	const char *agent;
	int64_t timeout_ms;
	char **command; /* NULL-terminated */
};

/* One account, looked up once. */
struct account {
	char name[64];
	struct passwd entry;
	char bytes[PASSWD_BYTES];
};

/* What a program of the account starts with; nothing of root's environment gets in but the terminal
 * and the language. */
struct environment {
	char entries[ENVIRONMENT_MAX][ENTRY_BYTES];
	char *pointers[ENVIRONMENT_MAX + 1];
	size_t count;
};

static int visit_account(void *context, const struct aid_frame *frame, struct aid_error *err)
{
	struct account *account = context;

	if (frame->type != AID_MSG_AGENT_INFO)
		return AID_OK;
	return aid_frame_text(frame, AID_TAG_ACCOUNT, account->name, sizeof(account->name), err);
}

static int look_up(const char *agent, struct account *account, struct aid_error *err)
{
	struct passwd *found = NULL;
	int r = client_ask(AID_MSG_STATUS, agent, visit_account, account, NULL, err);

	if (r != AID_OK)
		return r;
	if (account->name[0] == '\0')
		return aid_fail(err, AID_E_NOTFOUND, "'%s': no such agent", agent);
	r = getpwnam_r(account->name, &account->entry, account->bytes, sizeof(account->bytes), &found);
	if (r != 0)
		return aid_fail_errno(err, AID_E_IO, r, "account '%s'", account->name);
	if (found == NULL)
		return aid_fail(err, AID_E_NOTFOUND, "account '%s' of agent '%s' does not exist",
			account->name, agent);
	if (found->pw_uid == 0)
		return aid_fail(err, AID_E_DENIED, "account '%s' of agent '%s' has uid 0", account->name,
			agent);
	return AID_OK;
}

static int open_session(const struct exec *exec, const struct account *account,
	struct aid_session *session, struct aid_error *err)
{
	char tty[64];
	const struct aid_session_request request = {
		.socket = AID_SOCKET_PATH,
		.account = account->name,
		.uid = account->entry.pw_uid,
		.agent = exec->agent,
		.service = SERVICE,
		.tty = ttyname_r(STDIN_FILENO, tty, sizeof(tty)) == 0 ? tty : NULL,
		.timeout_ms = exec->timeout_ms,
	};

	return aid_session_open(&request, session, err);
}

static int become(const struct account *account, struct aid_error *err)
{
	const struct passwd *entry = &account->entry;

	if (initgroups(entry->pw_name, entry->pw_gid) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "groups of '%s'", account->name);
	if (setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "group %u", entry->pw_gid);
	if (setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "user %u", entry->pw_uid);
	/* A securebits setting can keep privileges across setresuid(2). */
	if (setresuid(0, 0, 0) == 0)
		return aid_fail(err, AID_E_IO, "privileges could not be dropped for good");
	return AID_OK;
}

static int add_entry(struct environment *environment, const char *name, const char *value,
	struct aid_error *err)
{
	char *entry = environment->entries[environment->count];
	int length;

	if (environment->count == ENVIRONMENT_MAX)
		return aid_fail(err, AID_E_TOOBIG, "more than %u environment variables", ENVIRONMENT_MAX);
	length = snprintf(entry, ENTRY_BYTES, "%s%s%s", name, value == NULL ? "" : "=",
		value == NULL ? "" : value);
	if (length < 0 || (size_t)length >= ENTRY_BYTES)
		return aid_fail(err, AID_E_TOOBIG, "environment variable %.32s has more than %u bytes",
			name, ENTRY_BYTES - 1);
	environment->pointers[environment->count++] = entry;
	return AID_OK;
}

static int fill_environment(const struct cli *cli, const struct account *account,
	struct environment *environment, struct aid_error *err)
{
	const struct passwd *entry = &account->entry;
	const char *const pairs[][2] = {
		{"HOME", entry->pw_dir[0] == '\0' ? "/" : entry->pw_dir},
		{"USER", entry->pw_name},
		{"LOGNAME", entry->pw_name},
		{"SHELL", entry->pw_shell[0] == '\0' ? "/bin/sh" : entry->pw_shell},
		{"PATH", SYSTEM_PATH},
	};
	int r = AID_OK;

	for (size_t i = 0; r == AID_OK && i < sizeof(pairs) / sizeof(pairs[0]); i++)
		r = add_entry(environment, pairs[i][0], pairs[i][1], err);
	for (size_t i = 0; r == AID_OK && cli->keep_environment[i] != NULL; i++)
		r = add_entry(environment, cli->keep_environment[i], NULL, err);
	return r;
}

/* Without a controlling terminal the program cannot push input into the terminal of root's shell
 * (TIOCSTI); it can still read and write there, and keyboard signals still reach it. */
static int leave_terminal(struct aid_error *err)
{
	AID_FD(terminal);

	terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal < 0)
		return AID_OK;
	if (ioctl(terminal, TIOCNOTTY) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "leave the controlling terminal");
	return AID_OK;
}

/* Only returns on failure, with an exit status. The session's token is never in the environment or
 * the arguments; the program finds it in its session keyring. */
static int run(const struct cli *cli, const struct exec *exec, struct environment *environment)
{
	int e;

	if (close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
		cli_error("close descriptors: %s", strerrordesc_np(errno));
		return EXIT_CANNOT_RUN;
	}
	/* The command is searched for as the agent would find it, not as root would. */
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): this program has one thread. */
	if (setenv("PATH", SYSTEM_PATH, 1) != 0) {
		cli_error("out of memory");
		return EXIT_CANNOT_RUN;
	}
	if (setrlimit(RLIMIT_CORE, cli->core_limit) != 0) {
		cli_error("limit of cores: %s", strerrordesc_np(errno));
		return EXIT_CANNOT_RUN;
	}
	(void)execvpe(exec->command[0], exec->command, environment->pointers);
	e = errno;
	cli_error("%s: %s", exec->command[0], strerrordesc_np(e));
	return e == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
}

static int parse(const struct cli *cli, int argc, char **argv, struct exec *exec)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{"timeout", required_argument, NULL, 't'},
		{NULL, 0, NULL, 0},
	};
	int letter;

	while ((letter = cli_getopt(argc, argv, "+:ht:", options)) != -1) {
		if (letter != 't')
			return cli_other_option(cli, letter, argv);
		if (aid_str_parse_duration(optarg, &exec->timeout_ms) != AID_OK ||
			exec->timeout_ms > OPEN_TIMEOUT_MAX_MS)
			return cli_usage(cli, "--timeout '%s': a duration such as 10s, at most 10m", optarg);
	}
	if (optind == argc)
		return cli_usage(cli, "an AGENT is needed");
	exec->agent = argv[optind++];
	if (!aid_str_is_agent_id(exec->agent))
		return cli_usage(cli, "'%s' is no agent id", exec->agent);
	if (optind < argc && aid_streq(argv[optind], "--"))
		optind++;
	exec->command = argv + optind;
	if (exec->command[0] == NULL)
		return cli_usage(cli, "a COMMAND is needed");
	return -1;
}

int command_exec(const struct cli *cli, int argc, char **argv)
{
	struct exec exec = {.timeout_ms = OPEN_TIMEOUT_MS, .command = argv};
	AID_FREE struct account *account = calloc(1, sizeof(*account));
	AID_FREE struct environment *environment = calloc(1, sizeof(*environment));
	struct aid_error err = AID_ERROR_INIT;
	struct aid_session session;
	int status = parse(cli, argc, argv, &exec);

	if (status >= 0)
		return status;
	if (account == NULL || environment == NULL) {
		cli_error("out of memory");
		return CLI_FAILURE;
	}
	if (geteuid() != 0) {
		cli_error("exec opens a session as another user, which only root may do");
		return CLI_REFUSED;
	}
	if (look_up(exec.agent, account, &err) != AID_OK ||
		fill_environment(cli, account, environment, &err) != AID_OK ||
		open_session(&exec, account, &session, &err) != AID_OK)
		return cli_fail(&err);
	status = leave_terminal(&err) == AID_OK && become(account, &err) == AID_OK ? run(cli, &exec, environment)
										 : cli_fail(&err);
	/* The program did not start: its session must not stay until this process is noticed gone. */
	if (aid_session_close(AID_SOCKET_PATH, &session, OPEN_TIMEOUT_MS, &err) != AID_OK)
		(void)cli_fail(&err);
	explicit_bzero(&session, sizeof(session));
	return status;
}
