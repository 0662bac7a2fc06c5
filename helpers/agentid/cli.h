/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What the subcommands of agentid(1) share: the table they stand in, exit statuses and errors. */
#ifndef AID_CLI_H
#define AID_CLI_H

#include "error.h"

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>

/* EXIT STATUS of agentid(1). */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILURE = 1,
	CLI_USAGE = 2,
	CLI_NOTHING = 3,     /* no such agent, session or credential, or it expired */
	CLI_REFUSED = 4,     /* not allowed, or the agent is cut off */
	CLI_UNREACHABLE = 5, /* agentid-keyringd or the provider does not answer */
	CLI_CONFIG = 6       /* the configuration is wrong */
};

struct cli_command;

/* What main() found out about the terminal and the environment. */
struct cli {
	const struct cli_command *command;
	bool colour;
	const char *const *keep_environment; /* "NAME=value" of what agentid exec passes on */
	char *(*environment)(const char *name); /* as main() may look into it */
	const struct rlimit *core_limit; /* what agentid exec gives back */
};

struct cli_command {
	const char *name;
	const char *arguments; /* as in the synopsis */
	const char *summary;
	const char *help;      /* what follows the synopsis in --help */
	int (*run)(const struct cli *cli, int argc, char **argv);
};

/* First in main(), as a token or a key will be read: no other process of the user may read it, neither with
 * ptrace nor in a core. Only the soft limit changes, so that also a user's program can have it back. False
 * after it was said why. */
bool cli_hide_memory(struct rlimit *ret_core_limit);
/* Runs the command of that name; argv[0] is ignored. */
int cli_run(struct cli *cli, const struct cli_command *commands, const char *name, int argc, char **argv);
/* Finds argv[1] in the table (ends with name NULL) and runs it; does help and --version. */
int cli_dispatch(struct cli *cli, const struct cli_command *commands, int argc, char **argv);
/* True where colour is wanted: stdout is a terminal and no_color (the environment's NO_COLOR) is
 * unset or empty. */
bool cli_wants_colour(const char *no_color, const char *term);

/* "agentid: SENTENCE" on stderr. */
void cli_error(const char *fmt, ...) AID_PRINTF(1, 2);
/* The same for a failed call; returns the exit status that stands for err->status. */
int cli_fail(const struct aid_error *err);
int cli_exit_status(int status);
/* An error in the arguments, with the synopsis; returns CLI_USAGE. */
int cli_usage(const struct cli *cli, const char *fmt, ...) AID_PRINTF(2, 3);
void cli_print_help(const struct cli_command *command);
/* getopt_long() without its last argument. */
int cli_getopt(int argc, char **argv, const char *letters, const struct option *options);
/* What cli_getopt() returned that is no option of the command: 'h' prints the help. Returns the exit
 * status to end with. */
int cli_other_option(const struct cli *cli, int letter, char **argv);
/* Output is only there when it was written: a full disk or a closed pipe is a failure. */
int cli_flush(int status);

#endif
