/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Which accounts agents have, asked of a configuration that as a whole is refused. */
#include "configuration_private.h"

#include "str.h"

#include <string.h>

#define AGENTS_DIR "agents.d"
#define ACCOUNT_KEY "account"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static const char *skip_blanks(const char *text, const char *end)
{
	while (text < end && is_blank(*text))
		text++;
	return text;
}

/* "account = NAME", with or without quotes, whatever section it stands in. */
static bool line_names(const char *line, const char *end, const char *account)
{
	size_t length = strlen(account);

	line = skip_blanks(line, end);
	if ((size_t)(end - line) < strlen(ACCOUNT_KEY) ||
		memcmp(line, ACCOUNT_KEY, strlen(ACCOUNT_KEY)) != 0)
		return false;
	line = skip_blanks(line + strlen(ACCOUNT_KEY), end);
	if (line == end || *line != '=')
		return false;
	line = skip_blanks(line + 1, end);
	if (line < end && *line == '"')
		line++;
	if ((size_t)(end - line) < length || memcmp(line, account, length) != 0)
		return false;
	line += length;
	return line == end || is_blank(*line) || *line == '"' || *line == '#' || *line == ';';
}

bool aid_config_text_names_account(const char *bytes, size_t length, const char *account)
{
	const char *end = bytes + length;

	while (bytes < end) {
		const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
		const char *line_end = newline == NULL ? end : newline;

		if (line_names(bytes, line_end, account))
			return true;
		bytes = newline == NULL ? end : newline + 1;
	}
	return false;
}

static bool file_names(const char *directory, const char *name, const char *account,
	struct aid_problems *problems)
{
	AID_AUTO(aid_secret) *bytes = NULL;
	char path[AID_CONFIG_PATH_SIZE];

	if (!aid_config_join(path, directory, name, problems) ||
		aid_config_read(path, &bytes, problems) != AID_OK || bytes == NULL)
		return false;
	return aid_config_text_names_account(aid_secret_peek(bytes), aid_secret_length(bytes), account);
}

static bool directory_names(const char *parent, const char *account, struct aid_problems *problems)
{
	struct aid_config_names names = {0};
	char directory[AID_CONFIG_PATH_SIZE];
	bool found = false;

	if (!aid_config_join(directory, parent, AGENTS_DIR, problems) ||
		aid_config_list(directory, &names, problems) != AID_OK)
		return false;
	for (size_t i = 0; i < names.count && !found; i++)
		found = file_names(directory, names.items[i], account, problems);
	aid_config_names_done(&names);
	return found;
}

bool aid_config_names_account(const struct aid_config_paths *paths, const char *account)
{
	struct aid_problems problems = {0};
	bool found = directory_names(paths->sysconf_dir, account, &problems) ||
		directory_names(paths->vendor_dir, account, &problems);

	aid_problems_done(&problems);
	return found;
}
