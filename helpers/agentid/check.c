/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "check.h"

#include "commands.h"
#include "output.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define PAM_DIR "/etc/pam.d" /* where Linux-PAM looks, whatever the prefix is */

static const struct {
	const char *name;
	enum output_colour colour;
} levels[] = {
	[CHECK_OK] = {"ok", OUTPUT_GREEN},
	[CHECK_WARNING] = {"warning", OUTPUT_YELLOW},
	[CHECK_ERROR] = {"error", OUTPUT_RED},
};

static void say_json(struct check *check, enum check_level level, const char *subject,
	const char *file, uint64_t line, const char *text)
{
	struct jsonout *out = &check->out;

	jsonout_object(out, NULL);
	jsonout_text(out, "level", levels[level].name);
	jsonout_text(out, "subject", subject);
	jsonout_text(out, "file", file);
	if (line == 0)
		jsonout_text(out, "line", NULL);
	else
		jsonout_int(out, "line", (int64_t)line);
	jsonout_text(out, "text", text);
	jsonout_object_end(out);
}

static void say_plain(const struct check *check, enum check_level level, const char *subject,
	const char *file, uint64_t line, const char *text)
{
	output_coloured(check->colour, levels[level].colour, levels[level].name);
	(void)printf("%*s", (int)(9 - __builtin_strlen(levels[level].name)), "");
	if (file == NULL)
		(void)printf("%s: %s\n", subject, text);
	else if (line == 0)
		(void)printf("%s: %s\n", file, text);
	else
		(void)printf("%s:%llu: %s\n", file, (unsigned long long)line, text);
}

void check_say(struct check *check, enum check_level level, const char *subject, const char *file,
	uint64_t line, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	check->counts[level]++;
	if (check->json)
		say_json(check, level, subject, file, line, text);
	else
		say_plain(check, level, subject, file, line, text);
}

static void check_configuration(struct check *check, struct aid_config **ret_config)
{
	struct aid_problems problems;
	int r = aid_config_load(&aid_config_default_paths, ret_config, &problems);

	for (size_t i = 0; i < problems.count; i++)
		check_say(check, CHECK_ERROR, "configuration", problems.items[i].file,
			problems.items[i].line, "%s",
			problems.items[i].text == NULL ? "out of memory" : problems.items[i].text);
	aid_problems_done(&problems);
	if (r == AID_OK)
		check_say(check, CHECK_OK, "configuration", NULL, 0, "%zu agent%s",
			(*ret_config)->n_agents, (*ret_config)->n_agents == 1 ? "" : "s");
	else if (r != AID_E_CONFIG)
		check_say(check, CHECK_ERROR, "configuration", NULL, 0, "out of memory");
	check->config_wrong = r != AID_OK;
	check->config = *ret_config;
}

static void run_checks(struct check *check)
{
	AID_AUTO(aid_config) *config = NULL;

	check_configuration(check, &config);
	if (check->config != NULL)
		check_agents(check);
	check_host(check);
	check_daemons(check);
	check_pam(check, PAM_DIR);
	check->config = NULL;
}

static int exit_status(const struct check *check)
{
	if (check->config_wrong)
		return CLI_CONFIG;
	return check->counts[CHECK_ERROR] > 0 ? CLI_FAILURE : CLI_OK;
}

static int run_json(struct check *check)
{
	struct aid_error err = AID_ERROR_INIT;

	if (jsonout_begin(&check->out, &err) != AID_OK)
		return cli_fail(&err);
	jsonout_object(&check->out, NULL);
	jsonout_array(&check->out, "results");
	run_checks(check);
	jsonout_array_end(&check->out);
	jsonout_int(&check->out, "errors", (int64_t)check->counts[CHECK_ERROR]);
	jsonout_int(&check->out, "warnings", (int64_t)check->counts[CHECK_WARNING]);
	jsonout_object_end(&check->out);
	if (jsonout_print(&check->out, &err) != AID_OK)
		return cli_fail(&err);
	return cli_flush(exit_status(check));
}

static int run_plain(struct check *check)
{
	run_checks(check);
	(void)printf("%zu error%s, %zu warning%s\n", check->counts[CHECK_ERROR],
		check->counts[CHECK_ERROR] == 1 ? "" : "s", check->counts[CHECK_WARNING],
		check->counts[CHECK_WARNING] == 1 ? "" : "s");
	return cli_flush(exit_status(check));
}

int command_check(const struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{"json", no_argument, NULL, 'j'},
		{NULL, 0, NULL, 0},
	};
	struct check check = {.colour = cli->colour};
	int status;
	int letter;

	while ((letter = cli_getopt(argc, argv, ":hj", options)) != -1) {
		if (letter != 'j')
			return cli_other_option(cli, letter, argv);
		check.json = true;
	}
	if (optind != argc)
		return cli_usage(cli, "'%s' is one argument too many", argv[optind]);
	if (geteuid() != 0) {
		cli_error("check opens the agents' secrets, which only root may do");
		return CLI_REFUSED;
	}
	status = check.json ? run_json(&check) : run_plain(&check);
	jsonout_done(&check.out);
	return status;
}
