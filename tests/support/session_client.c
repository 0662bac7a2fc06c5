/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* A process that opens a session as the PAM module does, for tests.
 *
 * session_client --account NAME --uid UID [options] [-- COMMAND [ARGUMENT...]]
 *   --socket PATH --agent ID --service NAME --rhost HOST --tty TTY --timeout MS
 *   --no-close     leave without closing (a leader that was killed)
 *
 * Prints "opened session=ID agent=ID ring=SERIAL joined=0|1 expires=MS". Then runs COMMAND as UID
 * and exits with its status, or without a command waits for the end of its standard input. Closes,
 * and prints "closed". A failure prints "failed status=NAME: TEXT" and exits 3. */
#include "clock.h"
#include "session.h"
#include "str.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define EXIT_FAILED 3
#define NUMBER_MAX 0x7fffffffU

struct options {
	struct aid_session_request request;
	bool close;
	char **command; /* NULL: wait for end of input */
};

static int fail(const struct aid_error *err)
{
	(void)printf("failed status=%s: %s\n", aid_status_name(err->status), err->text);
	return EXIT_FAILED;
}

static int parse(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{"account", required_argument, NULL, 'a'}, {"uid", required_argument, NULL, 'u'},
		{"socket", required_argument, NULL, 's'}, {"agent", required_argument, NULL, 'g'},
		{"service", required_argument, NULL, 'S'}, {"rhost", required_argument, NULL, 'r'},
		{"tty", required_argument, NULL, 't'}, {"timeout", required_argument, NULL, 'T'},
		{"no-close", no_argument, NULL, 'n'}, {NULL, 0, NULL, 0}};
	struct aid_session_request *request = &options->request;
	uint64_t number;
	int c;

	while ((c = getopt_long(argc, argv, "+", table, NULL)) != -1) {
		if ((c == 'u' || c == 'T') && aid_str_parse_uint(optarg, 0, NUMBER_MAX, &number) != AID_OK)
			return -1;
		switch (c) {
		case 'a': request->account = optarg; break;
		case 'u': request->uid = (uid_t)number; break;
		case 's': request->socket = optarg; break;
		case 'g': request->agent = optarg; break;
		case 'S': request->service = optarg; break;
		case 'r': request->rhost = optarg; break;
		case 't': request->tty = optarg; break;
		case 'T': request->timeout_ms = (int64_t)number; break;
		case 'n': options->close = false; break;
		default: return -1;
		}
	}
	options->command = optind < argc ? argv + optind : NULL;
	return request->account == NULL ? -1 : 0;
}

static int run_command(char **command, uid_t uid)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0)
			(void)execvp(command[0], command);
		perror(command[0]);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 127;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int wait_for_end_of_input(void)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = {.request = {.socket = AID_SOCKET_PATH, .service = "exec",
						  .timeout_ms = 10000}, .close = true};
	struct aid_error err = AID_ERROR_INIT;
	struct aid_session session;
	int status;

	if (parse(argc, argv, &options) != 0) {
		(void)fprintf(stderr, "usage: session_client --account NAME --uid UID [-- COMMAND...]\n");
		return 2;
	}
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (aid_session_open(&options.request, &session, &err) != AID_OK)
		return fail(&err);
	(void)printf("opened session=%s agent=%s ring=%d joined=%d expires=%lld\n", session.id,
		session.agent, session.ring, session.joined, (long long)session.expires_wall_ms);
	status = options.command != NULL ? run_command(options.command, options.request.uid)
					 : wait_for_end_of_input();
	if (options.close && aid_session_close(options.request.socket, &session,
		options.request.timeout_ms, &err) != AID_OK)
		return fail(&err);
	if (options.close)
		(void)printf("closed\n");
	explicit_bzero(&session, sizeof(session));
	return status;
}
