/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid setup: what stands in each file. Everything else in it stays as it is. */
#include "setup.h"

#include "cleanup.h"
#include "json.h"
#include "str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

/* "[NAME]" or "[WORD NAME]" as the SDKs read it: with blanks inside the brackets, quotes around the name,
 * and a comment behind. */
static bool is_header(const char *line, const char *word, const char *name)
{
	static const char blanks[] = " \t";
	char quote = '\0';

	if (*line++ != '[')
		return false;
	line += strspn(line, blanks);
	if (!aid_str_has_prefix(line, word))
		return false;
	line += strlen(word);
	if (word[0] != '\0' && strspn(line, blanks) == 0)
		return false;
	line += strspn(line, blanks);
	if (*line == '"' || *line == '\'')
		quote = *line++;
	if (!aid_str_has_prefix(line, name))
		return false;
	line += strlen(name);
	if (quote != '\0' && *line++ != quote)
		return false;
	line += strspn(line, blanks);
	if (*line++ != ']')
		return false;
	line += strspn(line, " \t\r");
	return *line == '\0' || strchr("\n#;", *line) != NULL;
}

/* The start of the line after the first such header; NULL without it. */
static const char *after_header(const char *text, const char *word, const char *name)
{
	while (*text != '\0') {
		const char *line = text;

		text += strcspn(text, "\n");
		text += *text == '\n';
		if (is_header(line, word, name))
			return text;
	}
	return NULL;
}

/* The line "key = ..." of a section that begins at section, before the next one; NULL without it. What
 * may stand before the key: in AWS's files a line with a blank there goes on with the one before. */
static const char *find_key(const char *section, const char *key, const char *blanks)
{
	size_t wanted = strlen(key);

	while (*section != '\0' && section[strspn(section, " \t")] != '[') {
		const char *name = section + strspn(section, blanks);
		size_t length = strcspn(section, "\n");

		if (strncasecmp(name, key, wanted) == 0 && name[wanted + strspn(name + wanted, " \t")] == '=')
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
	const char *name = is_default ? "default" : profile;
	const char *plain = is_default ? after_header(setup->old, "", name) : NULL;
	const char *section = after_header(setup->old, "profile", name);
	char line[LINE_MAX_SIZE];
	const char *key;

	if (plain != NULL && section != NULL)
		return aid_fail(err, AID_E_CONFIG,
			"it has both [default] and [profile default], of which the SDKs take different ones: remove one");
	if (section == NULL)
		section = plain;
	(void)snprintf(line, sizeof(line), "credential_process = " PROGRAM " aws%s%s", credential == NULL ? "" : " ",
		credential == NULL ? "" : credential);
	if (section == NULL)
		return set_text(setup, err, "%s%s%s[%s%s]\n%s\n", setup->old, newline_after(setup->old),
			setup->old[0] == '\0' ? "" : "\n", is_default ? "" : "profile ", name, line);
	key = find_key(section, "credential_process", "");
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
	const char *key = find_key(setup->old, "token_helper", " \t");

	if (key == NULL)
		return set_text(setup, err, "%s%s%s\n", setup->old, newline_after(setup->old), line);
	return put_line(setup, key, true, line, err);
}

/* Takes text, which may be NULL and may hold passwords. */
static char *with_newline(char *text)
{
	size_t length = text == NULL ? 0 : strlen(text);
	char *longer = text == NULL ? NULL : malloc(length + 2);

	if (longer != NULL)
		(void)snprintf(longer, length + 2, "%s\n", text);
	if (text != NULL)
		explicit_bzero(text, length);
	free(text);
	return longer;
}

int setup_docker(struct setup *setup, struct aid_error *err)
{
	const char *old = setup->old[0] == '\0' ? "{}" : setup->old;
	AID_AUTO(aid_json) *json = NULL;
	struct aid_json *helpers;
	char *lines = NULL;
	const char *now;
	int r = aid_json_parse(old, strlen(old), JSON_MAX, &json, err);

	if (r != AID_OK)
		return r;
	/* Compared in the same lines, nothing but a registry's differs, and no password is shown. */
	setup->laid_out = with_newline(aid_json_render_lines(json));
	if (setup->laid_out == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	helpers = aid_json_edit_object(json, "credHelpers");
	if (helpers == NULL)
		return aid_fail(err, AID_E_CONFIG, "credHelpers is no object");
	/* What is there already is left in its own form. */
	if (aid_json_text(helpers, setup->values[SETUP_HOST], 0, JSON_MAX, &now, NULL) == AID_OK &&
		aid_streq(now, "agentid"))
		return set_text(setup, err, "%s", setup->old);
	if (aid_json_put_text(helpers, setup->values[SETUP_HOST], "agentid") == AID_OK)
		lines = with_newline(aid_json_render_lines(json));
	if (lines == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	setup->text = lines;
	return AID_OK;
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
