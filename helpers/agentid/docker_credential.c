/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid docker-credential: a credential helper of docker, podman and their like. It answers for the
 * registries that the user's configuration names beside it, and no others. The texts of failures are those
 * that docker compares with. */
#include "commands.h"

#include "adapter.h"
#include "cleanup.h"
#include "jsonout.h"
#include "jsonscan.h"
#include "names.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HELPER_NAME "agentid" /* as in credHelpers, after "docker-credential-" */
#define INPUT_MAX 16384U
#define CONFIG_MAX 262144U
#define PATH_SIZE 4096U

static const char not_found[] = "credentials not found in native keychain";
static const char no_server[] = "no credentials server URL";
static const char no_username[] = "no credentials username";

/* What a registry wants beside a token, where it wants something of its own. */
static const struct {
	const char *suffix;
	const char *username;
} usernames[] = {
	{".azurecr.io", "00000000-0000-0000-0000-000000000000"},
	{".gcr.io", "oauth2accesstoken"},
	{".pkg.dev", "oauth2accesstoken"},
};

static const char *username_of(const struct adapter *adapter, const char *host)
{
	size_t length = strlen(host);

	if (adapter->username != NULL)
		return adapter->username;
	for (size_t i = 0; i < sizeof(usernames) / sizeof(usernames[0]); i++) {
		size_t suffix = strlen(usernames[i].suffix);

		if (length > suffix && aid_streq_nocase(host + length - suffix, usernames[i].suffix))
			return usernames[i].username;
	}
	return "oauth2";
}

static int fail_docker(const char *text, const struct aid_error *err)
{
	if (err != NULL)
		cli_error("%s", err->text);
	(void)printf("%s\n", text);
	return cli_flush(CLI_FAILURE);
}

/* Registries may be named as URLs; one that is not https is none. The host of url into out, or "". */
static void host_of(const char *url, char *out, size_t size)
{
	size_t length;

	if (aid_str_has_prefix(url, "https://"))
		url += strlen("https://");
	length = strcspn(url, "/");
	out[0] = '\0';
	if (length < size && strstr(url, "://") == NULL)
		(void)snprintf(out, size, "%.*s", (int)length, url);
	if (!name_is_host(out))
		out[0] = '\0';
}

struct allowed {
	struct adapter *adapter;
	char (*names)[HOST_NAME_SIZE];
	size_t n_names;
};

static void take_registry(void *context, const char *name, const char *value)
{
	struct allowed *allowed = context;
	struct adapter *adapter = allowed->adapter;
	char *host = allowed->names[allowed->n_names];

	if (!aid_streq(value, HELPER_NAME) || adapter->n_hosts == ADAPTER_HOSTS_MAX)
		return;
	host_of(name, host, HOST_NAME_SIZE);
	if (host[0] == '\0')
		return;
	adapter->hosts[adapter->n_hosts++] = host;
	allowed->n_names++;
}

/* docker also asks a helper for registries that its configuration does not name (credsStore); a token
 * goes only to those that credHelpers names. */
static int read_allowed(const struct cli *cli, struct allowed *allowed, struct aid_error *err)
{
	const char *directory = cli->environment("DOCKER_CONFIG");
	const char *home = cli->environment("HOME");
	static char text[CONFIG_MAX];
	char path[PATH_SIZE];
	size_t length;
	AID_FD(fd);
	int r;

	if (directory != NULL && directory[0] != '\0')
		(void)snprintf(path, sizeof(path), "%s/config.json", directory);
	else
		(void)snprintf(path, sizeof(path), "%s/.docker/config.json", home == NULL ? "" : home);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return aid_fail_errno(err, AID_E_NOTFOUND, errno,
			"%s, which names the registries that may be given the token", path);
	r = adapter_read(fd, text, sizeof(text), &length, err);
	if (r != AID_OK)
		return aid_prefix(err, "%s", path);
	r = jsonscan_members(text, length, "credHelpers", take_registry, allowed);
	/* Passwords of other registries may stand there. */
	explicit_bzero(text, length);
	return r == AID_OK ? AID_OK : aid_fail(err, AID_E_PROTOCOL, "%s is no JSON object", path);
}

static int print_credential(const struct adapter *adapter, const char *url, const char *host,
	const struct credential *credential, struct aid_error *err)
{
	struct jsonout json;
	int r = jsonout_begin(&json, err);

	if (r != AID_OK)
		return r;
	jsonout_object(&json, NULL);
	jsonout_text(&json, "ServerURL", url);
	jsonout_text(&json, "Username", username_of(adapter, host));
	jsonout_text(&json, "Secret", credential->bytes);
	jsonout_object_end(&json);
	r = jsonout_print(&json, err);
	jsonout_done(&json);
	return r;
}

static int get(const struct adapter *adapter, char *url)
{
	struct credential credential = {.length = 0};
	struct aid_error err = AID_ERROR_INIT;
	char host[HOST_NAME_SIZE];
	int r;

	url[strcspn(url, "\r\n")] = '\0';
	if (url[0] == '\0')
		return fail_docker(no_server, NULL);
	host_of(url, host, sizeof(host));
	if (!adapter_has_host(adapter, host)) {
		(void)aid_fail(&err, AID_E_DENIED, "'%.200s' is not among the registries that may be given "
			"the token", url);
		return fail_docker(not_found, &err);
	}
	r = credential_read_bearer(adapter->credential, &credential, &err);
	if (r == AID_OK)
		r = print_credential(adapter, url, host, &credential, &err);
	credential_wipe(&credential);
	return r == AID_OK ? cli_flush(CLI_OK) : fail_docker(not_found, &err);
}

static int store(const char *text, size_t length)
{
	char word[JSONSCAN_TEXT_MAX + 1];
	struct aid_error err = AID_ERROR_INIT;

	if (jsonscan_text(text, length, "ServerURL", word, sizeof(word)) != AID_OK)
		return fail_docker(no_server, NULL);
	if (jsonscan_text(text, length, "Username", word, sizeof(word)) != AID_OK)
		return fail_docker(no_username, NULL);
	(void)aid_fail(&err, AID_E_DENIED,
		"nothing is stored: the session has its own token, and nothing is written to a disk");
	return fail_docker(err.text, NULL);
}

static int list(const struct adapter *adapter)
{
	struct aid_error err = AID_ERROR_INIT;
	struct jsonout json;
	int r = jsonout_begin(&json, &err);

	if (r != AID_OK)
		return cli_fail(&err);
	jsonout_object(&json, NULL);
	for (size_t i = 0; i < adapter->n_hosts; i++)
		jsonout_text(&json, adapter->hosts[i], username_of(adapter, adapter->hosts[i]));
	jsonout_object_end(&json);
	r = jsonout_print(&json, &err);
	jsonout_done(&json);
	return r == AID_OK ? cli_flush(CLI_OK) : cli_fail(&err);
}

static int run_with_input(const struct cli *cli, struct adapter *adapter)
{
	static char text[INPUT_MAX];
	static char names[ADAPTER_HOSTS_MAX][HOST_NAME_SIZE];
	struct allowed allowed = {.adapter = adapter, .names = names};
	struct aid_error err = AID_ERROR_INIT;
	size_t length = 0;
	int r = AID_OK;

	if (!aid_streq(adapter->operation, "list"))
		r = adapter_read(STDIN_FILENO, text, sizeof(text), &length, &err);
	if (r == AID_OK && aid_streq(adapter->operation, "store"))
		return store(text, length);
	if (r == AID_OK && adapter->n_hosts == 0)
		r = read_allowed(cli, &allowed, &err);
	if (r != AID_OK)
		return fail_docker(not_found, &err);
	return aid_streq(adapter->operation, "list") ? list(adapter) : get(adapter, text);
}

int command_docker_credential(const struct cli *cli, int argc, char **argv)
{
	struct adapter adapter = {.credential = "token"};
	int status = adapter_parse(cli, argc, argv, "cou", ADAPTER_OPERATION, &adapter);

	if (status >= 0)
		return status;
	if (aid_streq(adapter.operation, "version")) {
		(void)puts("docker-credential-agentid (agentid) " PACKAGE_VERSION);
		return cli_flush(CLI_OK);
	}
	if (aid_streq(adapter.operation, "erase"))
		return CLI_OK;
	if (!aid_streq(adapter.operation, "get") && !aid_streq(adapter.operation, "store") &&
		!aid_streq(adapter.operation, "list"))
		return cli_usage(cli, "'%s': get, store, erase, list and version are known",
			adapter.operation);
	return run_with_input(cli, &adapter);
}
