/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid setup: what stands in each file. Everything else in it stays as it is. */
#include "setup.h"

#include "cleanup.h"
#include "json.h"
#include "str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PROGRAM BINDIR "/agentid"
#define JSON_MAX 1048576U
#define LINE_MAX_SIZE 512U

static int set_text(struct setup *setup, struct aid_error *err, const char *fmt, ...) AID_PRINTF(3, 4);
static int set_text(struct setup *setup, struct aid_error *err, const char *fmt, ...)
{
	va_list args;
	int r;

	va_start(args, fmt);
	r = vasprintf(&setup->text, fmt, args);
	va_end(args);
	if (r < 0) {
		setup->text = NULL;
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	}
	return AID_OK;
}

static const char *newline_after(const char *text)
{
	size_t length = strlen(text);

	return length == 0 || text[length - 1] == '\n' ? "" : "\n";
}

/* The start of the line after the first one that is line but for spaces around it; NULL without it. */
static const char *after_line(const char *text, const char *line)
{
	size_t wanted = strlen(line);

	while (*text != '\0') {
		const char *begin = text + strspn(text, " \t");
		const char *end = text + strcspn(text, "\n");

		text = *end == '\n' ? end + 1 : end;
		while (end > begin && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
			end--;
		if ((size_t)(end - begin) == wanted && memcmp(begin, line, wanted) == 0)
			return text;
	}
	return NULL;
}

/* The line "key = ..." of a section that begins at section, before the next one; NULL without it. */
static const char *find_key(const char *section, const char *key)
{
	size_t wanted = strlen(key);

	while (*section != '\0' && section[strspn(section, " \t")] != '[') {
		const char *name = section + strspn(section, " \t");
		size_t length = strcspn(section, "\n");

		if (strncmp(name, key, wanted) == 0 && name[wanted + strspn(name + wanted, " \t")] == '=')
			return section;
		section += length + (section[length] == '\n');
	}
	return NULL;
}

/* Puts line in the place of the one at, or before it where replaced is false. */
static int put_line(struct setup *setup, const char *at, bool replaced, const char *line, struct aid_error *err)
{
	size_t length = replaced ? strcspn(at, "\n") : 0;
	const char *rest = at + length + (replaced && at[length] == '\n');

	return set_text(setup, err, "%.*s%s%s\n%s", (int)(at - setup->old), setup->old,
		at > setup->old && at[-1] != '\n' ? "\n" : "", line, rest);
}

int setup_aws(struct setup *setup, struct aid_error *err)
{
	const char *profile = setup->values[SETUP_PROFILE];
	const char *credential = setup->values[SETUP_CREDENTIAL];
	bool is_default = profile == NULL || aid_streq(profile, "default");
	char header[LINE_MAX_SIZE];
	char line[LINE_MAX_SIZE];
	const char *section;
	const char *key;

	(void)snprintf(header, sizeof(header), "[%s%s]", is_default ? "" : "profile ",
		is_default ? "default" : profile);
	(void)snprintf(line, sizeof(line), "credential_process = " PROGRAM " aws%s%s", credential == NULL ? "" : " ",
		credential == NULL ? "" : credential);
	section = after_line(setup->old, header);
	if (section == NULL)
		return set_text(setup, err, "%s%s%s%s\n%s\n", setup->old, newline_after(setup->old),
			setup->old[0] == '\0' ? "" : "\n", header, line);
	key = find_key(section, "credential_process");
	return put_line(setup, key == NULL ? section : key, key != NULL, line, err);
}

int setup_git(struct setup *setup, struct aid_error *err)
{
	const char *host = setup->values[SETUP_HOST];
	const char *username = setup->values[SETUP_USERNAME];
	char section[2 * LINE_MAX_SIZE];

	/* The empty helper drops those before it, which may store passwords. The last section counts. */
	(void)snprintf(section, sizeof(section),
		"[credential \"https://%s\"]\n\thelper =\n\thelper = " PROGRAM " git-credential --host %s%s%s\n", host,
		host, username == NULL ? "" : " --username ", username == NULL ? "" : username);
	if (strstr(setup->old, section) != NULL)
		return set_text(setup, err, "%s", setup->old);
	return set_text(setup, err, "%s%s%s", setup->old, newline_after(setup->old), section);
}

int setup_vault(struct setup *setup, struct aid_error *err)
{
	static const char line[] = "token_helper = \"" BINDIR "/vault-token-agentid\"";
	const char *key = find_key(setup->old, "token_helper");

	if (key == NULL)
		return set_text(setup, err, "%s%s%s\n", setup->old, newline_after(setup->old), line);
	return put_line(setup, key, true, line, err);
}

int setup_docker(struct setup *setup, struct aid_error *err)
{
	const char *old = setup->old[0] == '\0' ? "{}" : setup->old;
	AID_AUTO(aid_json) *json = NULL;
	AID_FREE char *lines = NULL;
	struct aid_json *helpers;
	const char *now;
	int r = aid_json_parse(old, strlen(old), JSON_MAX, &json, err);

	if (r != AID_OK)
		return r;
	helpers = aid_json_edit_object(json, "credHelpers");
	if (helpers == NULL)
		return aid_fail(err, AID_E_CONFIG, "credHelpers is no object");
	/* What is there already is left in its own form. */
	if (aid_json_text(helpers, setup->values[SETUP_HOST], 0, JSON_MAX, &now, NULL) == AID_OK &&
		aid_streq(now, "agentid"))
		return set_text(setup, err, "%s", setup->old);
	if (aid_json_put_text(helpers, setup->values[SETUP_HOST], "agentid") == AID_OK)
		lines = aid_json_render_lines(json);
	if (lines == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	return set_text(setup, err, "%s\n", lines);
}

int setup_gcp(struct setup *setup, struct aid_error *err)
{
	const char *audience = setup->values[SETUP_AUDIENCE];
	const char *account = setup->values[SETUP_SERVICE_ACCOUNT];
	const char *credential = setup->values[SETUP_CREDENTIAL];
	char impersonation[2 * LINE_MAX_SIZE] = "";

	if (setup->old[0] != '\0' && strstr(setup->old, "\"external_account\"") == NULL)
		return aid_fail(err, AID_E_CONFIG, "the file is there and is no external_account");
	if (account != NULL)
		(void)snprintf(impersonation, sizeof(impersonation),
			"\t\"service_account_impersonation_url\": \"https://iamcredentials.googleapis.com/v1/projects/-/"
			"serviceAccounts/%s:generateAccessToken\",\n"
			"\t\"service_account_impersonation\": {\"token_lifetime_seconds\": 900},\n", account);
	return set_text(setup, err,
		"{\n\t\"type\": \"external_account\",\n\t\"universe_domain\": \"googleapis.com\",\n"
		"\t\"audience\": \"%s\",\n\t\"subject_token_type\": \"urn:ietf:params:oauth:token-type:jwt\",\n"
		"\t\"token_url\": \"https://sts.googleapis.com/v1/token\",\n%s"
		"\t\"credential_source\": {\"executable\": {\n"
		"\t\t\"command\": \"" PROGRAM " gcp --audience %s%s%s\",\n\t\t\"timeout_millis\": 5000\n\t}}\n}\n",
		audience, impersonation, audience, credential == NULL ? "" : " ",
		credential == NULL ? "" : credential);
}

int setup_kube(struct setup *setup, struct aid_error *err)
{
	const char *username = setup->values[SETUP_USERNAME];
	const char *credential = setup->values[SETUP_CREDENTIAL];

	if (setup->old[0] != '\0' && strstr(setup->old, "\"client.authentication.k8s.io/v1\"") == NULL)
		return aid_fail(err, AID_E_CONFIG, "the file is there and was not made by this command");
	return set_text(setup, err,
		"{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"Config\",\n\t\"users\": [{\n\t\t\"name\": \"%s\",\n"
		"\t\t\"user\": {\"exec\": {\n\t\t\t\"apiVersion\": \"client.authentication.k8s.io/v1\",\n"
		"\t\t\t\"command\": \"" PROGRAM "\",\n\t\t\t\"args\": [\"kube\"%s%s%s],\n"
		"\t\t\t\"interactiveMode\": \"Never\"\n\t\t}}\n\t}]\n}\n",
		username == NULL ? "agentid" : username, credential == NULL ? "" : ", \"",
		credential == NULL ? "" : credential, credential == NULL ? "" : "\"");
}
