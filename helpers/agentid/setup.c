/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid setup: writes the few lines that make a program use its adapter into the user's own
 * configuration, after it has shown them. */
#include "setup.h"

#include "commands.h"
#include "names.h"
#include "policy.h"
#include "str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_SIZE 4096U
#define LETTER(option) (0x100 + (int)(option))

enum flag { FLAG_BAO = SETUP_OPTIONS, FLAG_WRITE, FLAG_HELP, FLAGS };

static const char *const option_names[SETUP_OPTIONS] = {
	[SETUP_AUDIENCE] = "audience", [SETUP_CREDENTIAL] = "credential", [SETUP_HOST] = "host",
	[SETUP_PROFILE] = "profile", [SETUP_SERVICE_ACCOUNT] = "service-account",
	[SETUP_USERNAME] = "username",
};

static const struct kind {
	const char *name;
	const char *path;  /* below the home directory */
	int needs;         /* an option, or -1 */
	unsigned int takes; /* bits of options */
	int (*make)(struct setup *setup, struct aid_error *err);
	const char *then;  /* what is left to do, or NULL */
} kinds[] = {
	{"aws", ".aws/config", -1, 1U << SETUP_PROFILE | 1U << SETUP_CREDENTIAL, setup_aws, NULL},
	{"docker", ".docker/config.json", SETUP_HOST, 1U << SETUP_HOST, setup_docker, NULL},
	{"gcp", ".config/agentid/gcp.json", SETUP_AUDIENCE,
		1U << SETUP_AUDIENCE | 1U << SETUP_SERVICE_ACCOUNT | 1U << SETUP_CREDENTIAL, setup_gcp,
		"set GOOGLE_APPLICATION_CREDENTIALS to this file and GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES to 1"},
	{"git", ".gitconfig", SETUP_HOST, 1U << SETUP_HOST | 1U << SETUP_USERNAME, setup_git, NULL},
	{"kube", ".kube/agentid.json", -1, 1U << SETUP_USERNAME | 1U << SETUP_CREDENTIAL, setup_kube,
		"set KUBECONFIG to ~/.kube/config:~/.kube/agentid.json, and name this user in a context"},
	{"vault", ".vault", -1, 0, setup_vault, NULL},
};

static bool is_profile(const char *name)
{
	return name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+=@:/")] == '\0';
}

/* What the adapters and the files take. */
static const struct {
	enum setup_option option;
	bool (*is_good)(const char *value);
	const char *wanted;
} forms[] = {
	{SETUP_CREDENTIAL, name_is_credential, "it is no name of a credential"},
	{SETUP_HOST, name_is_host, "a host name with an optional port, such as git.example.com:8443, without a wildcard"},
	{SETUP_PROFILE, is_profile, "letters, digits and ._-+=@:/ are allowed"},
};

static int check_forms(const struct cli *cli, const struct setup *setup)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const char *value = setup->values[forms[i].option];

		if (value != NULL && !forms[i].is_good(value))
			return cli_usage(cli, "--%s '%.120s': %s", option_names[forms[i].option], value,
				forms[i].wanted);
	}
	return -1;
}

static int check_values(const struct cli *cli, const struct setup *setup, const struct kind *kind)
{
	struct aid_error err = AID_ERROR_INIT;

	for (int i = 0; i < SETUP_OPTIONS; i++) {
		char what[32];

		(void)snprintf(what, sizeof(what), "--%s", option_names[i]);
		if (setup->values[i] == NULL)
			continue;
		if ((kind->takes & 1U << i) == 0)
			return cli_usage(cli, "%s is not for %s", what, kind->name);
		if (aid_policy_check_pin(what, setup->values[i], &err) != AID_OK ||
			strlen(setup->values[i]) > AID_POLICY_VALUE_SIZE)
			return cli_usage(cli, "%s",
				err.text[0] != '\0' ? err.text : "a value is over 192 characters");
	}
	if (kind->needs >= 0 && setup->values[kind->needs] == NULL)
		return cli_usage(cli, "%s needs --%s", kind->name, option_names[kind->needs]);
	return check_forms(cli, setup);
}

static bool is_laid_out_anew(const struct setup *setup)
{
	size_t length = strlen(setup->old);

	while (length > 0 && setup->old[length - 1] == '\n')
		length--;
	return setup->laid_out != NULL && strncmp(setup->laid_out, setup->old, length) != 0;
}

static int finish(const struct setup *setup, const struct kind *kind, const char *path, mode_t mode)
{
	struct aid_error err = AID_ERROR_INIT;

	if (aid_streq(setup->old, setup->text)) {
		(void)printf("%s: nothing to change\n", path);
		return cli_flush(CLI_OK);
	}
	setup_print_diff(path, setup->laid_out != NULL ? setup->laid_out : setup->old, setup->text);
	if (is_laid_out_anew(setup))
		(void)printf("the rest of the file keeps its contents, in other lines\n");
	if (!setup->write) {
		(void)printf("nothing was written; --write does it\n");
		return cli_flush(CLI_OK);
	}
	if (setup_replace(path, mode, setup->text, &err) != AID_OK)
		return cli_fail(&err);
	(void)printf("wrote %s\n", path);
	if (kind->then != NULL)
		(void)printf("next: %s\n", kind->then);
	return cli_flush(CLI_OK);
}

static int run(const struct cli *cli, struct setup *setup, const struct kind *kind)
{
	const char *home = cli->environment("HOME");
	struct aid_error err = AID_ERROR_INIT;
	char path[PATH_SIZE];
	mode_t mode = 0;
	int r;

	if (home == NULL || home[0] != '/') {
		cli_error("HOME is not set to a directory");
		return CLI_FAILURE;
	}
	(void)snprintf(path, sizeof(path), "%s/%s", home, setup->bao ? ".bao" : kind->path);
	r = setup_read(path, &setup->old, &mode, &err);
	if (r == AID_OK) {
		r = kind->make(setup, &err);
		if (r != AID_OK)
			(void)aid_prefix(&err, "%s", path);
	}
	return r == AID_OK ? finish(setup, kind, path, mode) : cli_fail(&err);
}

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (aid_streq(kinds[i].name, name))
			return &kinds[i];
	}
	return NULL;
}

static int run_parsed(const struct cli *cli, struct setup *setup, int argc, char **argv)
{
	const struct kind *kind = optind < argc ? find_kind(argv[optind]) : NULL;
	int status;

	if (argc - optind != 1 || kind == NULL)
		return cli_usage(cli, "one of aws, docker, gcp, git, kube and vault is needed");
	if (setup->bao && !aid_streq(kind->name, "vault"))
		return cli_usage(cli, "--bao is not for %s", kind->name);
	status = check_values(cli, setup, kind);
	return status >= 0 ? status : run(cli, setup, kind);
}

/* There may be passwords in it. */
static void wipe(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

int command_setup(const struct cli *cli, int argc, char **argv)
{
	struct option options[FLAGS + 1] = {
		[FLAG_BAO] = {"bao", no_argument, NULL, LETTER(FLAG_BAO)},
		[FLAG_WRITE] = {"write", no_argument, NULL, LETTER(FLAG_WRITE)},
		[FLAG_HELP] = {"help", no_argument, NULL, 'h'},
	};
	struct setup setup = {.write = false};
	int letter;
	int status;

	for (int i = 0; i < SETUP_OPTIONS; i++)
		options[i] = (struct option){option_names[i], required_argument, NULL, LETTER(i)};
	while ((letter = cli_getopt(argc, argv, ":h", options)) != -1) {
		if (letter < LETTER(0))
			return cli_other_option(cli, letter, argv);
		if (letter < LETTER(SETUP_OPTIONS))
			setup.values[letter - LETTER(0)] = optarg;
		setup.bao = setup.bao || letter == LETTER(FLAG_BAO);
		setup.write = setup.write || letter == LETTER(FLAG_WRITE);
	}
	status = run_parsed(cli, &setup, argc, argv);
	wipe(setup.old);
	wipe(setup.laid_out);
	wipe(setup.text);
	return status;
}
