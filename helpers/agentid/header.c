/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid header: an HTTP header field for "curl -H @-", so that the token is in nobody's arguments. */
#include "commands.h"

#include "adapter.h"

#include <stdio.h>

int command_header(const struct cli *cli, int argc, char **argv)
{
	struct adapter adapter = {.credential = "token"};
	struct aid_error err = AID_ERROR_INIT;
	struct credential credential;
	int status = adapter_parse(cli, argc, argv, "", ADAPTER_NAME, &adapter);

	if (status >= 0)
		return status;
	if (credential_read_bearer(adapter.credential, &credential, &err) != AID_OK) {
		credential_wipe(&credential);
		return cli_fail(&err);
	}
	(void)printf("Authorization: Bearer %s\n", credential.bytes);
	credential_wipe(&credential);
	return cli_flush(CLI_OK);
}
