/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid gcp: the executable of a Google external_account configuration. It answers with a token of this
 * session that Google's STS exchanges; see "executable-sourced credentials" there. */
#include "commands.h"

#include "adapter.h"
#include "jsonout.h"
#include "str.h"

#include <stdio.h>
#include <string.h>

#define TYPE_JWT "urn:ietf:params:oauth:token-type:jwt"
#define TYPE_ID_TOKEN "urn:ietf:params:oauth:token-type:id_token"

static int check_request(const struct cli *cli, const struct adapter *adapter, const char *type,
	struct aid_error *err)
{
	const char *audience = cli->environment("GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE");

	if (audience == NULL)
		return aid_fail(err, AID_E_INVALID, "GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE is not set");
	if (!aid_streq(audience, adapter->audience))
		return aid_fail(err, AID_E_DENIED,
			"GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE is '%.120s', --audience is another", audience);
	if (!aid_streq(type, TYPE_JWT) && !aid_streq(type, TYPE_ID_TOKEN))
		return aid_fail(err, AID_E_INVALID,
			"GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE is '%.80s': a jwt or an id_token can be had",
			type == NULL ? "" : type);
	if (aid_streq(cli->environment("GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE"), "1"))
		return aid_fail(err, AID_E_INVALID, "there is no interactive mode: nobody signs in here");
	return AID_OK;
}

static int read_jwt(const char *name, struct credential *credential, struct aid_error *err)
{
	const char *dot;
	int r = credential_read_bearer(name, credential, err);

	if (r != AID_OK)
		return r;
	dot = strchr(credential->bytes, '.');
	dot = dot == NULL ? NULL : strchr(dot + 1, '.');
	if (dot == NULL || strchr(dot + 1, '.') != NULL)
		return aid_fail(err, AID_E_PROTOCOL, "agentid:%s is no JWT, which Google's STS exchanges",
			name);
	return AID_OK;
}

static void compose(struct jsonout *json, const char *type, const struct credential *credential)
{
	jsonout_object(json, NULL);
	jsonout_int(json, "version", 1);
	jsonout_bool(json, "success", true);
	jsonout_text(json, "token_type", type);
	jsonout_text(json, "id_token", credential->bytes);
	if (credential->expires_s > 0)
		jsonout_int(json, "expiration_time", credential->expires_s);
	jsonout_object_end(json);
}

/* The libraries hide the message of an executable that exits with another status than 0; and some read
 * standard error as a part of the answer, so nothing may stand there. */
static void compose_failure(struct jsonout *json, const struct aid_error *err)
{
	jsonout_object(json, NULL);
	jsonout_int(json, "version", 1);
	jsonout_bool(json, "success", false);
	jsonout_text(json, "code", aid_status_name(err->status));
	jsonout_text(json, "message", err->text);
	jsonout_object_end(json);
}

int command_gcp(const struct cli *cli, int argc, char **argv)
{
	const char *type = cli->environment("GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE");
	struct adapter adapter = {.credential = "token"};
	struct aid_error err = AID_ERROR_INIT;
	struct credential credential = {.length = 0};
	struct jsonout json;
	int status = adapter_parse(cli, argc, argv, "a", ADAPTER_NAME, &adapter);
	int r;

	if (status >= 0)
		return status;
	if (adapter.audience == NULL)
		return cli_usage(cli, "--audience is needed: the provider that may be given the token");
	if (jsonout_begin(&json, &err) != AID_OK)
		return cli_fail(&err);
	r = check_request(cli, &adapter, type, &err);
	if (r == AID_OK)
		r = read_jwt(adapter.credential, &credential, &err);
	if (r == AID_OK)
		compose(&json, type, &credential);
	else
		compose_failure(&json, &err);
	credential_wipe(&credential);
	r = jsonout_print(&json, &err);
	jsonout_done(&json);
	return r == AID_OK ? cli_flush(CLI_OK) : cli_fail(&err);
}
