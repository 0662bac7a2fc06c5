/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid(1): the command for people and scripts. */
#include "commands.h"

#include "str.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEPT_MAX 24U

static const struct cli_command commands[] = {
	{"get", "[--wait TIME] [NAME]", "Print a credential of this session",
		"NAME is \"token\" unless given. The bytes come as they are, with a newline only on a\n"
		"terminal. A fresh one is read without asking anybody; agentid-keyringd makes one that is\n"
		"configured and not there.\n\n"
		"  --wait TIME  wait up to TIME (10s, 1m) for one that is not there yet\n",
		command_get},
	{"header", "[NAME]", "Print a credential as an HTTP header, for curl -H @-",
		"NAME is \"token\" unless given. One line, \"Authorization: Bearer ...\".\n", command_header},
	{"aws", "[NAME]", "Answer AWS's SDKs as a credential_process",
		"NAME is \"aws\" unless given.\n", command_aws},
	{"aws-endpoint", "[--credential NAME] [--] COMMAND [ARGUMENT ...]",
		"Run a command that AWS's SDKs ask a port for the credential in",
		"For SDKs that start no credential_process. COMMAND gets AWS_CONTAINER_CREDENTIALS_FULL_URI and\n"
		"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE; 127.0.0.1 answers what descends from it and nobody else.\n"
		"Ends when COMMAND does, with its exit status.\n\n"
		"  --credential NAME  another credential than \"aws\"\n",
		command_aws_endpoint},
	{"gcp", "--audience AUDIENCE [NAME]", "Answer Google's libraries as an executable source",
		"NAME is \"token\" unless given; it has to be a JWT. A failure is told in the answer, and the\n"
		"exit status is 0.\n\n"
		"  --audience AUDIENCE  the provider that may be given the token, as in the external_account\n"
		"                       configuration\n",
		command_gcp},
	{"kube", "[NAME]", "Answer kubectl as a credential plugin",
		"NAME is \"token\" unless given. The version of the answer is that of KUBERNETES_EXEC_INFO.\n",
		command_kube},
	{"git-credential", "--host HOST [--username USER] [--credential NAME] OPERATION",
		"Answer git as a credential helper",
		"OPERATION is get, store, erase or capability; git adds it. Over https only.\n\n"
		"  --host HOST        a server that may be given the token, host[:port]; may be repeated\n"
		"  --username USER    the user name beside the token (default oauth2)\n"
		"  --credential NAME  another credential than \"token\"\n",
		command_git_credential},
	{"docker-credential", "[--host HOST] [--username USER] [--credential NAME] OPERATION",
		"Answer docker as a credential helper",
		"OPERATION is get, store, erase, list or version; docker adds it. Without --host the token goes\n"
		"to the registries for which credHelpers in docker's config.json names \"agentid\".\n\n"
		"  --host HOST        a registry that may be given the token, host[:port]; may be repeated\n"
		"  --username USER    the user name beside the token\n"
		"  --credential NAME  another credential than \"token\"\n",
		command_docker_credential},
	{"vault-token", "[--credential NAME] get|store|erase", "Answer vault and bao as a token helper",
		"Prints the token for get. store is refused: the session has its own token.\n\n"
		"  --credential NAME  another credential than \"vault\"\n",
		command_vault_token},
	{"exec", "[--timeout TIME] AGENT [--] COMMAND [ARGUMENT ...]",
		"Run a command in a new session of an agent",
		"Only root may do this. The command runs as the agent's account, with a small clean\n"
		"environment, and its session ends when it does. The token is in the session's keyring and\n"
		"nowhere else.\n\n"
		"  --timeout TIME  give up when there is no token after TIME (default 10s)\n",
		command_exec},
	{"serve", "--socket PATH [--] COMMAND [ARGUMENT ...]",
		"Run a container runtime and give its containers this session's credentials",
		"Runs COMMAND and answers at PATH whoever descends from it, a process in a container too that\n"
		"has PATH as /run/agentid/session.sock. Ends when COMMAND does, with its exit status.\n"
		"Without arguments it serves one socket of the service manager, below a directory that only\n"
		"root gets into, for whoever has it mounted.\n\n"
		"  --socket PATH  an absolute path that is not there yet\n",
		command_serve},
	{"list", "[--json] [AGENT]", "List open sessions",
		"Root sees all of them, other users those of their own account.\n\n"
		"  --json  one JSON array\n",
		command_list},
	{"status", "[--json] [AGENT]", "Show the daemons, this session and the agents",
		"The agents are shown to root only.\n\n"
		"  --json  one JSON object\n",
		command_status},
	{"revoke", "AGENT", "Cut off an agent",
		"Ends every session of the agent on this host at once and lets it open none, also after a\n"
		"restart, until \"agentid allow\".\n",
		command_revoke},
	{"allow", "AGENT", "Let an agent in again",
		"Takes back \"agentid revoke\". Sessions that were ended stay ended.\n", command_allow},
	{"rotate", "[--dry-run] AGENT", "Change the client secret of an agent now",
		"Only root may do this, and the agent's file needs a section [rotate]. Prints each step and when it\n"
		"was done. A rotation that was left half done is finished.\n\n"
		"  --dry-run  change nothing: read the secret, prove it, and see whether it could be changed\n",
		command_rotate},
	{"verify", "--audience AUDIENCE [--issuer URL]... [OPTION ...]",
		"Verify the token of another agent",
		"The token is read from standard input. Exit status 0 and its claims, or 4 and the reason.\n\n"
		"  --audience AUDIENCE  who we are: the token must be for it\n"
		"  --issuer URL         accept tokens of this issuer (up to 8 times); without it the issuer of\n"
		"                       this session. It must be known to agentid.conf(5)\n"
		"  --subject SUBJECT    accept this subject only\n"
		"  --max-lifetime TIME  refuse a token that lives longer (default 1h)\n"
		"  --dpop FILE          the DPoP proof of the request, with --method METHOD and --uri URI\n"
		"  --certificate FILE   the PEM certificate of the TLS client that made the request\n"
		"  --timeout TIME       give up after TIME (default 10s)\n"
		"  --json               print the claims alone, as one JSON object\n",
		command_verify},
	{"check", "[--json]", "Say what is wrong with the configuration and the host",
		command_check_help, command_admin},
	{"issuer", "init|publish|rotate|show [ARGUMENT ...]", "Manage the keys of this host as an issuer",
		command_issuer_help, command_admin},
	{"policy", command_policy_arguments, "Judge and print policies that let in one agent",
		command_policy_help, command_admin},
	{"setup", command_setup_arguments, "Make a program use this session's credentials",
		command_setup_help, command_admin},
	{NULL, NULL, NULL, NULL, NULL},
};

/* Programs that can be told no more than a helper's name, or its path, start a link to this one. */
static const struct {
	const char *link;
	const char *command;
} links[] = {
	{"docker-credential-agentid", "docker-credential"},
	{"git-credential-agentid", "git-credential"},
	{"vault-token-agentid", "vault-token"},
};

static const char *command_of_link(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;

	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		if (aid_streq(links[i].link, name))
			return links[i].command;
	}
	return NULL;
}

/* A program that root starts for an agent gets the terminal and the language, and no more: root's
 * environment may hold secrets. */
static void keep_environment(const char **kept)
{
	static const char *const prefixes[] = {"TERM=", "COLORTERM=", "LANG=", "LANGUAGE=", "LC_", "TZ="};
	size_t count = 0;

	for (char **entry = environ; entry != NULL && *entry != NULL && count < KEPT_MAX; entry++) {
		for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
			if (aid_str_has_prefix(*entry, prefixes[i])) {
				kept[count++] = *entry;
				break;
			}
		}
	}
	kept[count] = NULL;
}

static int run(int argc, char **argv, const struct rlimit *core_limit)
{
	const char *kept[KEPT_MAX + 1];
	struct cli cli = {
		.colour = cli_wants_colour(secure_getenv("NO_COLOR"), secure_getenv("TERM")),
		.keep_environment = kept,
		.environment = secure_getenv,
		.core_limit = core_limit,
	};
	const char *linked = argc > 0 ? command_of_link(argv[0]) : NULL;

	keep_environment(kept);
	if (linked != NULL)
		return cli_run(&cli, commands, linked, argc, argv);
	return cli_dispatch(&cli, commands, argc, argv);
}

int main(int argc, char **argv)
{
	struct rlimit core_limit;

	return cli_hide_memory(&core_limit) ? run(argc, argv, &core_limit) : CLI_FAILURE;
}
