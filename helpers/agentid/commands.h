/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The subcommands: one function each, one file each (allow is in revoke.c). argv[0] is the name of the
 * command. They return an enum cli_exit. */
#ifndef AID_COMMANDS_H
#define AID_COMMANDS_H

#include "cli.h"

int command_get(const struct cli *cli, int argc, char **argv);
int command_exec(const struct cli *cli, int argc, char **argv);
int command_list(const struct cli *cli, int argc, char **argv);
int command_serve(const struct cli *cli, int argc, char **argv);
int command_status(const struct cli *cli, int argc, char **argv);
int command_revoke(const struct cli *cli, int argc, char **argv);
int command_verify(const struct cli *cli, int argc, char **argv);
int command_rotate(const struct cli *cli, int argc, char **argv);
int command_allow(const struct cli *cli, int argc, char **argv);
/* Adapters: adapter.h. */
int command_header(const struct cli *cli, int argc, char **argv);
int command_aws(const struct cli *cli, int argc, char **argv);
int command_aws_endpoint(const struct cli *cli, int argc, char **argv);
int command_gcp(const struct cli *cli, int argc, char **argv);
int command_kube(const struct cli *cli, int argc, char **argv);
int command_git_credential(const struct cli *cli, int argc, char **argv);
int command_docker_credential(const struct cli *cli, int argc, char **argv);
int command_vault_token(const struct cli *cli, int argc, char **argv);
/* Becomes agentid-admin, which has those below and alone loads libeconf and the cryptography. */
int command_admin(const struct cli *cli, int argc, char **argv);

int command_check(const struct cli *cli, int argc, char **argv);
int command_policy(const struct cli *cli, int argc, char **argv);
int command_setup(const struct cli *cli, int argc, char **argv);
int command_issuer(const struct cli *cli, int argc, char **argv);

/* Shared by list and status: "[--json] [AGENT]". *ret_agent stays NULL without one. Returns -1, or the
 * status to end with. */
int command_parse_agent(const struct cli *cli, int argc, char **argv, bool *ret_json,
	const char **ret_agent);

/* The help of the commands of agentid-admin, for both programs. */
extern const char command_check_help[];
extern const char command_issuer_help[];
extern const char command_policy_help[];
extern const char command_policy_arguments[];
extern const char command_setup_help[];
extern const char command_setup_arguments[];

#endif
