/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid kube: a client-go credential plugin (client.authentication.k8s.io, v1 and v1beta1). */
#include "commands.h"

#include "adapter.h"
#include "jsonout.h"
#include "jsonscan.h"
#include "str.h"

#include <string.h>

#define EXEC_V1 "client.authentication.k8s.io/v1"
#define EXEC_V1BETA1 "client.authentication.k8s.io/v1beta1"

/* The answer has to be of the version that the kubeconfig asks for. Old clients set the variable only for
 * v1alpha1 and v1beta1; what sets none gets v1. */
static int find_version(const struct cli *cli, const char **ret_version, struct aid_error *err)
{
	const char *info = cli->environment("KUBERNETES_EXEC_INFO");
	char version[64] = EXEC_V1;

	if (info != NULL && info[0] != '\0' &&
		jsonscan_text(info, strlen(info), "apiVersion", version, sizeof(version)) != AID_OK)
		return aid_fail(err, AID_E_PROTOCOL,
			"KUBERNETES_EXEC_INFO is no JSON object with an apiVersion");
	if (!aid_streq(version, EXEC_V1) && !aid_streq(version, EXEC_V1BETA1))
		return aid_fail(err, AID_E_PROTOCOL, "the apiVersion '%s' is neither %s nor v1beta1",
			version, EXEC_V1);
	*ret_version = aid_streq(version, EXEC_V1) ? EXEC_V1 : EXEC_V1BETA1;
	return AID_OK;
}

static void compose(struct jsonout *json, const char *version, const struct credential *credential)
{
	jsonout_object(json, NULL);
	jsonout_text(json, "apiVersion", version);
	jsonout_text(json, "kind", "ExecCredential");
	jsonout_object(json, "status");
	jsonout_text(json, "token", credential->bytes);
	if (credential->expires_s > 0)
		jsonout_time(json, "expirationTimestamp", credential->expires_s * 1000);
	jsonout_object_end(json);
	jsonout_object_end(json);
}

int command_kube(const struct cli *cli, int argc, char **argv)
{
	struct adapter adapter = {.credential = "token"};
	struct aid_error err = AID_ERROR_INIT;
	struct credential credential = {.length = 0};
	const char *version = NULL;
	struct jsonout json;
	int status = adapter_parse(cli, argc, argv, "", ADAPTER_NAME, &adapter);
	int r;

	if (status >= 0)
		return status;
	r = jsonout_begin(&json, &err);
	if (r == AID_OK)
		r = find_version(cli, &version, &err);
	if (r == AID_OK)
		r = credential_read_bearer(adapter.credential, &credential, &err);
	if (r == AID_OK) {
		compose(&json, version, &credential);
		r = jsonout_print(&json, &err);
	}
	credential_wipe(&credential);
	jsonout_done(&json);
	return r == AID_OK ? cli_flush(CLI_OK) : cli_fail(&err);
}
