/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "cli.h"

#include "str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

void cli_error(const char *fmt, ...)
{
	va_list args;

	(void)fputs("agentid: ", stderr);
	va_start(args, fmt);
	(void)vfprintf(stderr, fmt, args);
	va_end(args);
	(void)fputc('\n', stderr);
}

int cli_exit_status(int status)
{
	switch (status) {
	case AID_OK:
		return CLI_OK;
	case AID_E_NOTFOUND:
	case AID_E_EXPIRED:
		return CLI_NOTHING;
	case AID_E_DENIED:
	case AID_E_REVOKED:
		return CLI_REFUSED;
	case AID_E_UNREACHABLE:
	case AID_E_TIMEOUT:
		return CLI_UNREACHABLE;
	case AID_E_CONFIG:
		return CLI_CONFIG;
	case AID_E_INVALID:
		return CLI_USAGE;
	default:
		return CLI_FAILURE;
	}
}

int cli_fail(const struct aid_error *err)
{
	cli_error("%s", err->text[0] != '\0' ? err->text : aid_status_name(err->status));
	return cli_exit_status(err->status);
}

static void print_synopsis(FILE *out, const struct cli_command *command)
{
	(void)fprintf(out, "usage: agentid %s%s%s\n", command->name,
		command->arguments[0] == '\0' ? "" : " ", command->arguments);
}

int cli_usage(const struct cli *cli, const char *fmt, ...)
{
	va_list args;

	(void)fprintf(stderr, "agentid %s: ", cli->command->name);
	va_start(args, fmt);
	(void)vfprintf(stderr, fmt, args);
	va_end(args);
	(void)fputc('\n', stderr);
	print_synopsis(stderr, cli->command);
	return CLI_USAGE;
}

void cli_print_help(const struct cli_command *command)
{
	print_synopsis(stdout, command);
	(void)printf("\n%s.\n\n%s", command->summary, command->help);
}

int cli_getopt(int argc, char **argv, const char *letters, const struct option *options)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): the command has one thread. */
	return getopt_long(argc, argv, letters, options, NULL);
}

int cli_other_option(const struct cli *cli, int letter, char **argv)
{
	if (letter == 'h') {
		cli_print_help(cli->command);
		return cli_flush(CLI_OK);
	}
	if (letter == ':')
		return cli_usage(cli, "%s needs a value", argv[optind - 1]);
	return cli_usage(cli, "unknown option '%s'", argv[optind - 1]);
}

int cli_flush(int status)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return status;
	cli_error("standard output: %s", strerrordesc_np(errno));
	return status == CLI_OK ? CLI_FAILURE : status;
}

bool cli_wants_colour(const char *no_color, const char *term)
{
	return isatty(STDOUT_FILENO) == 1 && (no_color == NULL || no_color[0] == '\0') && term != NULL &&
		!aid_streq(term, "dumb");
}

static const struct cli_command *find(const struct cli_command *commands, const char *name)
{
	for (const struct cli_command *command = commands; command->name != NULL; command++) {
		if (aid_streq(command->name, name))
			return command;
	}
	return NULL;
}

static int print_commands(const struct cli_command *commands)
{
	(void)fputs("usage: agentid COMMAND [ARGUMENT ...]\n\n"
		    "Short-lived identity for agent accounts, held in the kernel's keyring.\n\n",
		stdout);
	for (const struct cli_command *command = commands; command->name != NULL; command++)
		(void)printf("  %-17s  %s\n", command->name, command->summary);
	(void)fputs("\n\"agentid COMMAND --help\" explains a command, agentid(1) all of them.\n", stdout);
	return cli_flush(CLI_OK);
}

static int help(const struct cli_command *commands, int argc, char **argv)
{
	const struct cli_command *command;

	if (argc < 3)
		return print_commands(commands);
	command = find(commands, argv[2]);
	if (command == NULL) {
		cli_error("unknown command '%s'; \"agentid help\" lists them", argv[2]);
		return CLI_USAGE;
	}
	cli_print_help(command);
	return cli_flush(CLI_OK);
}

bool cli_hide_memory(struct rlimit *ret_core_limit)
{
	struct rlimit none;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && getrlimit(RLIMIT_CORE, ret_core_limit) == 0) {
		none = (struct rlimit){.rlim_max = ret_core_limit->rlim_max};
		if (setrlimit(RLIMIT_CORE, &none) == 0)
			return true;
	}
	cli_error("hide memory: %s", strerrordesc_np(errno));
	return false;
}

int cli_run(struct cli *cli, const struct cli_command *commands, const char *name, int argc, char **argv)
{
	cli->command = find(commands, name);
	if (cli->command != NULL)
		return cli->command->run(cli, argc, argv);
	cli_error("unknown command '%s'; \"agentid help\" lists them", name);
	return CLI_USAGE;
}

int cli_dispatch(struct cli *cli, const struct cli_command *commands, int argc, char **argv)
{
	if (argc < 2) {
		cli_error("a command is needed; \"agentid help\" lists them");
		return CLI_USAGE;
	}
	if (aid_streq(argv[1], "help") || aid_streq(argv[1], "--help") || aid_streq(argv[1], "-h"))
		return help(commands, argc, argv);
	if (aid_streq(argv[1], "--version")) {
		(void)puts("agentid " PACKAGE_VERSION);
		return cli_flush(CLI_OK);
	}
	return cli_run(cli, commands, argv[1], argc - 1, argv + 1);
}
