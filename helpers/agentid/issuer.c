/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid issuer: keys of the host as an issuer. */
#include "commands.h"

#include "clock.h"
#include "configuration.h"
#include "issuer.h"
#include "output.h"
#include "protocol.h"
#include "str.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define OVERLAP_MAX_MS (INT64_C(30) * 24 * 3600 * 1000)

struct issuer {
	const struct cli *cli;
	const struct aid_config *config;
	int64_t now_ms;
};

typedef int (*action)(const struct issuer *issuer, int argc, char **argv);

/* What is read before the configuration, so that a wrong option is a wrong option first. */
struct options {
	enum aid_alg alg; /* 0: not given */
	bool now;
	bool overlap_given;
	int64_t overlap_ms;
};

static int parse_alg(const struct issuer *issuer, const char *name, enum aid_alg *ret_alg)
{
	if (!aid_streq(name, "RS256") && !aid_streq(name, "ES256"))
		return cli_usage(issuer->cli, "--alg '%s': RS256 and ES256 are allowed", name);
	*ret_alg = aid_streq(name, "RS256") ? AID_ALG_RS256 : AID_ALG_ES256;
	return -1;
}

static int parse_overlap(const struct issuer *issuer, const char *text, struct options *parsed)
{
	parsed->overlap_given = true;
	if (aid_str_parse_duration(text, &parsed->overlap_ms) != AID_OK ||
		parsed->overlap_ms > OVERLAP_MAX_MS)
		return cli_usage(issuer->cli, "--overlap '%s': a duration such as 24h, at most 30d", text);
	return -1;
}

static int parse(const struct issuer *issuer, int argc, char **argv, const char *letters,
	struct options *parsed)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{"alg", required_argument, NULL, 'a'},
		{"now", no_argument, NULL, 'n'},
		{"overlap", required_argument, NULL, 'o'},
		{NULL, 0, NULL, 0},
	};
	int letter;

	while ((letter = cli_getopt(argc, argv, ":ha:no:", options)) != -1) {
		int status = -1;

		for (const char *known = letters; *known != letter; known++) {
			if (*known == '\0')
				return cli_other_option(issuer->cli, letter, argv);
		}
		if (letter == 'n')
			parsed->now = true;
		else
			status = letter == 'a' ? parse_alg(issuer, optarg, &parsed->alg)
					       : parse_overlap(issuer, optarg, parsed);
		if (status >= 0)
			return status;
	}
	return -1;
}

static int no_more_arguments(const struct issuer *issuer, int argc, char **argv)
{
	return optind == argc ? -1 : cli_usage(issuer->cli, "'%s' is one argument too many", argv[optind]);
}

static void print_key(const struct issuer *issuer, const char *verb, const struct aid_issuer_key *key)
{
	char when[OUTPUT_TIME_SIZE];

	(void)printf("%s key %s, active %s\n", verb, key->kid,
		output_relative(key->activates_wall_ms, issuer->now_ms, when));
}

static void print_next_step(const struct issuer *issuer)
{
	if (issuer->config->host_issuer == NULL)
		(void)puts("next: set [issuer] url in agentid.conf, then \"agentid issuer publish DIR\"");
	else
		(void)printf("next: \"agentid issuer publish DIR\", where DIR is served as %s\n",
			issuer->config->host_issuer);
}

static int init(const struct issuer *issuer, int argc, char **argv)
{
	struct options parsed = {0};
	struct aid_error err = AID_ERROR_INIT;
	struct aid_issuer_key key;
	int status = parse(issuer, argc, argv, "a", &parsed);

	if (status < 0)
		status = no_more_arguments(issuer, argc, argv);
	if (status >= 0)
		return status;
	/* agentid-keyringd makes it too, but need not have run yet. */
	(void)mkdir(AID_STATE_DIR, 0755);
	if (aid_issuer_init(issuer->config->issuer_key_dir, parsed.alg == 0 ? AID_ALG_RS256 : parsed.alg,
		    issuer->now_ms, &key, &err) != AID_OK)
		return cli_fail(&err);
	print_key(issuer, "made", &key);
	print_next_step(issuer);
	return cli_flush(CLI_OK);
}

static int rotate(const struct issuer *issuer, int argc, char **argv)
{
	struct options parsed = {.overlap_ms = AID_ISSUER_OVERLAP_MS};
	struct aid_error err = AID_ERROR_INIT;
	struct aid_issuer_rotation rotation;
	struct aid_issuer_key key;
	int status = parse(issuer, argc, argv, "ano", &parsed);

	if (status < 0)
		status = no_more_arguments(issuer, argc, argv);
	if (status >= 0)
		return status;
	if (parsed.now && parsed.overlap_given)
		return cli_usage(issuer->cli, "--now and --overlap exclude each other");
	rotation = (struct aid_issuer_rotation){
		.alg = parsed.alg,
		.overlap_ms = parsed.now ? 0 : parsed.overlap_ms,
		.compromised = parsed.now,
	};
	if (aid_issuer_rotate(issuer->config->issuer_key_dir, &rotation, issuer->now_ms, &key, &err) !=
		AID_OK)
		return cli_fail(&err);
	print_key(issuer, "added", &key);
	print_next_step(issuer);
	return cli_flush(CLI_OK);
}

static int publish(const struct issuer *issuer, int argc, char **argv)
{
	struct options parsed = {0};
	struct aid_error err = AID_ERROR_INIT;
	int status = parse(issuer, argc, argv, "", &parsed);

	if (status >= 0)
		return status;
	if (argc - optind != 1)
		return cli_usage(issuer->cli, "publish needs one DIR, %d are given", argc - optind);
	if (issuer->config->host_issuer == NULL) {
		cli_error("[issuer] url is not set in %s/agentid.conf",
			aid_config_default_paths.sysconf_dir);
		return CLI_CONFIG;
	}
	/* A web server has to read what is published, whatever the umask of root is. */
	(void)umask(022);
	if (aid_issuer_publish(issuer->config->host_issuer, issuer->config->issuer_key_dir, argv[optind],
		    issuer->now_ms, &err) != AID_OK)
		return cli_fail(&err);
	(void)printf("wrote %s/.well-known/openid-configuration and %s/jwks.json for %s\n", argv[optind],
		argv[optind], issuer->config->host_issuer);
	return cli_flush(CLI_OK);
}

static enum output_colour key_colour(enum aid_issuer_key_state state)
{
	return state == AID_ISSUER_KEY_ACTIVE ? OUTPUT_GREEN : OUTPUT_PLAIN;
}

static int show_keys(const struct issuer *issuer, const struct aid_issuer_keys *keys)
{
	static const char *const headings[] = {"KEY", "STATE", "ACTIVE", "RETIRES", NULL};
	struct output_table table = {.headings = headings};
	int r = AID_OK;

	for (size_t i = 0; r == AID_OK && i < keys->count; i++) {
		const struct aid_issuer_key *key = &keys->items[i];
		char active[OUTPUT_TIME_SIZE], retires[OUTPUT_TIME_SIZE];

		r = output_cell(&table, OUTPUT_PLAIN, key->kid);
		if (r == AID_OK)
			r = output_cell(&table, key_colour(key->state),
				aid_issuer_key_state_name(key->state));
		if (r == AID_OK)
			r = output_cell(&table, OUTPUT_PLAIN,
				output_relative(key->activates_wall_ms, issuer->now_ms, active));
		if (r == AID_OK)
			r = output_cell(&table, OUTPUT_PLAIN,
				key->retires_wall_ms == INT64_MAX
					? "-"
					: output_relative(key->retires_wall_ms, issuer->now_ms, retires));
	}
	if (r == AID_OK)
		output_table_print(&table, issuer->cli->colour);
	output_table_done(&table);
	return r;
}

static int show(const struct issuer *issuer, int argc, char **argv)
{
	struct options parsed = {0};
	struct aid_error err = AID_ERROR_INIT;
	struct aid_issuer_keys keys;
	int status = parse(issuer, argc, argv, "", &parsed);

	if (status < 0)
		status = no_more_arguments(issuer, argc, argv);
	if (status >= 0)
		return status;
	if (aid_issuer_list(issuer->config->issuer_key_dir, issuer->now_ms, &keys, &err) != AID_OK)
		return cli_fail(&err);
	if (keys.count == 0) {
		cli_error("%s has no keys; \"agentid issuer init\" makes the first",
			issuer->config->issuer_key_dir);
		return CLI_NOTHING;
	}
	(void)printf("issuer %s\n", issuer->config->host_issuer == NULL ? "(no [issuer] url is set)"
									: issuer->config->host_issuer);
	if (show_keys(issuer, &keys) != AID_OK) {
		cli_error("out of memory");
		return CLI_FAILURE;
	}
	return cli_flush(CLI_OK);
}

static action find_action(const char *name)
{
	static const struct {
		const char *name;
		action run;
	} actions[] = {{"init", init}, {"publish", publish}, {"rotate", rotate}, {"show", show}};

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (aid_streq(actions[i].name, name))
			return actions[i].run;
	}
	return NULL;
}

static int load_host_config(struct aid_config **ret_config)
{
	char text[AID_PROBLEM_SIZE];
	struct aid_problems problems;
	int r = aid_config_load_host(&aid_config_default_paths, ret_config, &problems);

	for (size_t i = 0; i < problems.count; i++)
		cli_error("%s", aid_problem_format(&problems.items[i], text));
	if (r != AID_OK && problems.count == 0)
		cli_error("out of memory");
	aid_problems_done(&problems);
	return r;
}

int command_issuer(const struct cli *cli, int argc, char **argv)
{
	AID_AUTO(aid_config) *config = NULL;
	struct issuer issuer = {.cli = cli, .now_ms = aid_clock_wall_ms()};
	action run;
	int r;

	if (argc < 2)
		return cli_usage(cli, "one of init, publish, rotate and show is needed");
	if (aid_streq(argv[1], "--help") || aid_streq(argv[1], "-h")) {
		cli_print_help(cli->command);
		return cli_flush(CLI_OK);
	}
	run = find_action(argv[1]);
	if (run == NULL)
		return cli_usage(cli, "'%s': init, publish, rotate and show are known", argv[1]);
	if (geteuid() != 0) {
		cli_error("the issuer's keys belong to root, who alone may use them");
		return CLI_REFUSED;
	}
	r = load_host_config(&config);
	if (r != AID_OK)
		return cli_exit_status(r);
	issuer.config = config;
	return run(&issuer, argc - 1, argv + 1);
}
