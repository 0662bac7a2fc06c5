/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid aws: what AWS's SDKs read from a credential_process. The key holds just that, so it is checked
 * and passed on. */
#include "commands.h"

#include "adapter.h"
#include "aws.h"
#include "jsonscan.h"

#include <stdio.h>

#define AWS_TEXT_SIZE 256U

/* An SDK that is handed something else shows it in its error message, and one that sees no Expiration
 * never asks again. */
static int check_members(const char *name, const struct credential *credential, struct aid_error *err)
{
	static const char *const wanted[] = {"AccessKeyId", "SecretAccessKey", "Expiration"};
	char text[AWS_TEXT_SIZE];

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (jsonscan_text(credential->bytes, credential->length, wanted[i], text, sizeof(text)) !=
			AID_OK)
			return aid_fail(err, AID_E_PROTOCOL,
				"agentid:%s is no credential for AWS: it is no JSON object with %s", name,
				wanted[i]);
	}
	return AID_OK;
}

int aws_read(const char *name, struct credential *ret_credential, struct aid_error *err)
{
	int r = credential_read(name, 0, ret_credential, err);

	return r == AID_OK ? check_members(name, ret_credential, err) : r;
}

int command_aws(const struct cli *cli, int argc, char **argv)
{
	struct adapter adapter = {.credential = "aws"};
	struct aid_error err = AID_ERROR_INIT;
	struct credential credential;
	int status = adapter_parse(cli, argc, argv, "", ADAPTER_NAME, &adapter);
	int r;

	if (status >= 0)
		return status;
	r = aws_read(adapter.credential, &credential, &err);
	if (r == AID_OK)
		(void)printf("%s\n", credential.bytes);
	credential_wipe(&credential);
	return r == AID_OK ? cli_flush(CLI_OK) : cli_fail(&err);
}
