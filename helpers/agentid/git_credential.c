/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid git-credential: a helper of gitcredentials(7) for the hosts it is told, over https only. */
#include "commands.h"

#include "adapter.h"
#include "str.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REQUEST_MAX 65536U

/* What git asks. Texts are parts of the request's buffer. */
struct request {
	const char *protocol;
	const char *host;
	const char *username;
	bool knows_authtype;  /* git may be given another scheme than Basic: 2.46 and newer */
	bool challenged;      /* the server said which schemes it takes */
	bool takes_bearer;
};

static void take_line(struct request *request, const char *name, const char *value)
{
	if (aid_streq(name, "protocol"))
		request->protocol = value;
	else if (aid_streq(name, "host"))
		request->host = value;
	else if (aid_streq(name, "username"))
		request->username = value;
	else if (aid_streq(name, "capability[]") && aid_streq(value, "authtype"))
		request->knows_authtype = true;
	else if (aid_streq(name, "wwwauth[]")) {
		char scheme[8] = "";

		request->challenged = true;
		(void)snprintf(scheme, sizeof(scheme), "%.6s", value);
		if (aid_streq_nocase(scheme, "Bearer"))
			request->takes_bearer = true;
	}
}

/* Lines "name=value" up to an empty one; cuts them in place. */
static int parse_request(char *text, struct request *request, struct aid_error *err)
{
	char *rest = text;

	for (char *line = strsep(&rest, "\n"); line != NULL && line[0] != '\0';
		line = strsep(&rest, "\n")) {
		char *value = strchr(line, '=');

		if (value == NULL || strchr(line, '\r') != NULL)
			return aid_fail(err, AID_E_PROTOCOL, "git sent a line that is not name=value");
		*value = '\0';
		take_line(request, line, value + 1);
	}
	return AID_OK;
}

/* A server that says what it takes and has no Bearer among it takes the token as a password. */
static bool answer_is_bearer(const struct request *request)
{
	return request->knows_authtype && (!request->challenged || request->takes_bearer);
}

static bool is_ours(const struct adapter *adapter, const struct request *request)
{
	if (!aid_streq(request->protocol, "https") || request->host == NULL ||
		!adapter_has_host(adapter, request->host))
		return false;
	return answer_is_bearer(request) || request->username == NULL ||
		aid_streq(request->username, adapter->username);
}

static void answer(const struct adapter *adapter, const struct request *request,
	const struct credential *credential)
{
	if (answer_is_bearer(request)) {
		(void)printf("capability[]=authtype\nauthtype=Bearer\ncredential=%s\nephemeral=1\n",
			credential->bytes);
		return;
	}
	(void)printf("username=%s\npassword=%s\n", adapter->username, credential->bytes);
	if (credential->expires_s > 0)
		(void)printf("password_expiry_utc=%lld\n", (long long)credential->expires_s);
}

/* Without an answer git asks its next helper: no failure of this one. */
static int get(const struct adapter *adapter)
{
	struct credential credential = {.length = 0};
	struct aid_error err = AID_ERROR_INIT;
	struct request request = {.protocol = NULL};
	static char text[REQUEST_MAX];
	size_t length;
	int r = adapter_read(STDIN_FILENO, text, sizeof(text), &length, &err);

	if (r == AID_OK && strlen(text) != length)
		r = aid_fail(&err, AID_E_PROTOCOL, "git sent a NUL");
	if (r == AID_OK)
		r = parse_request(text, &request, &err);
	if (r == AID_OK && !is_ours(adapter, &request))
		return CLI_OK;
	if (r == AID_OK)
		r = credential_read_bearer(adapter->credential, &credential, &err);
	if (r == AID_OK)
		answer(adapter, &request, &credential);
	else
		cli_error("%s", err.text);
	credential_wipe(&credential);
	return cli_flush(CLI_OK);
}

int command_git_credential(const struct cli *cli, int argc, char **argv)
{
	struct adapter adapter = {.credential = "token", .username = "oauth2"};
	int status = adapter_parse(cli, argc, argv, "cou", ADAPTER_OPERATION, &adapter);

	if (status >= 0)
		return status;
	if (aid_streq(adapter.operation, "capability")) {
		(void)fputs("version 0\ncapability authtype\n", stdout);
		return cli_flush(CLI_OK);
	}
	/* store and erase have nothing to do here, and others are to be ignored: gitcredentials(7). */
	if (!aid_streq(adapter.operation, "get"))
		return CLI_OK;
	if (adapter.n_hosts == 0)
		return cli_usage(cli, "--host is needed: the servers that may be given the token");
	return get(&adapter);
}
