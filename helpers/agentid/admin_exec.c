/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The commands of agentid-admin are another program, so that this one starts fast. */
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ADMIN PKGLIBEXECDIR "/agentid-admin"

int command_admin(const struct cli *cli, int argc, char **argv)
{
	/* argv[0] is the command here; its program name stands before it. */
	char **whole = argv - 1;

	(void)cli;
	(void)argc;
	(void)execv(ADMIN, whole);
	cli_error("%s: %s", ADMIN, strerrordesc_np(errno));
	return CLI_FAILURE;
}
