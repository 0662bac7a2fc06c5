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

static bool is_end(char c)
{
	return is_blank(c) || c == '"' || c == '#' || c == ';';
}

/* Where NAME begins in "account = NAME", with or without quotes, whatever section it stands in; NULL
 * in any other line. */
static const char *value_of(const char *line, const char *end)
{
	line = skip_blanks(line, end);
	if ((size_t)(end - line) < strlen(ACCOUNT_KEY) ||
		memcmp(line, ACCOUNT_KEY, strlen(ACCOUNT_KEY)) != 0)
		return NULL;
	line = skip_blanks(line + strlen(ACCOUNT_KEY), end);
	if (line == end || *line != '=')
		return NULL;
	line = skip_blanks(line + 1, end);
	return line < end && *line == '"' ? line + 1 : line;
}

static bool line_names(const char *line, const char *end, const char *account)
{
	size_t length = strlen(account);

	line = value_of(line, end);
	if (line == NULL || (size_t)(end - line) < length || memcmp(line, account, length) != 0)
		return false;
	line += length;
	return line == end || is_end(*line);
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

static bool is_of_account(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
		c == '-' || c == '.' || c == '$' || c == '@';
}

void aid_config_text_account(const char *bytes, size_t length, char *out, size_t size)
{
	const char *end = bytes + length;

	out[0] = '\0';
	while (bytes < end && out[0] == '\0') {
		const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
		const char *line_end = newline == NULL ? end : newline;
		const char *value = value_of(bytes, line_end);
		size_t n = 0;

		while (value != NULL && value + n < line_end && is_of_account(value[n]))
			n++;
		/* The name ends where line_names() lets it end. */
		if (n > 0 && n < size && (value + n == line_end || is_end(value[n]))) {
			memcpy(out, value, n);
			out[n] = '\0';
		}
		bytes = newline == NULL ? end : newline + 1;
	}
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
