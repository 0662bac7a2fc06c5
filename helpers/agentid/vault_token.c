/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid vault-token: the token helper of the vault and bao commands. It reads; what they want to store
 * would be a token that lives longer than the session. */
#include "commands.h"

#include "adapter.h"
#include "str.h"

#include <stdio.h>

/* An empty answer with status 0 means "no token"; any other status would stop every command, also those
 * that need none. */
static int get(const struct adapter *adapter)
{
	struct credential credential = {.length = 0};
	struct aid_error err = AID_ERROR_INIT;

	if (credential_read_bearer(adapter->credential, &credential, &err) == AID_OK)
		(void)fputs(credential.bytes, stdout);
	else
		cli_error("%s", err.text);
	credential_wipe(&credential);
	return cli_flush(CLI_OK);
}

int command_vault_token(const struct cli *cli, int argc, char **argv)
{
	struct adapter adapter = {.credential = "vault"};
	int status = adapter_parse(cli, argc, argv, "c", ADAPTER_OPERATION, &adapter);

	if (status >= 0)
		return status;
	if (aid_streq(adapter.operation, "get"))
		return get(&adapter);
	if (aid_streq(adapter.operation, "erase"))
		return CLI_OK;
	if (!aid_streq(adapter.operation, "store"))
		return cli_usage(cli, "'%s': get, store and erase are known", adapter.operation);
	cli_error("no token is stored: the session has its own, and nothing is written to a disk");
	return CLI_REFUSED;
}
