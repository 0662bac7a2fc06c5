/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "accounts.h"

#include "cleanup.h"
#include "file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define INDEX_MAX (1U << 20) /* AID_AGENTS_MAX lines of two names and more */

bool aid_accounts_find(const char *text, size_t length, const char *account)
{
	size_t name = strlen(account);

	while (length > 0) {
		const char *end = memchr(text, '\n', length);
		size_t line = end == NULL ? length : (size_t)(end - text);

		if (line > name && text[name] == ' ' && memcmp(text, account, name) == 0)
			return true;
		if (end == NULL)
			return false;
		text = end + 1;
		length -= line + 1;
	}
	return false;
}

static int read_index(int fd, char **ret_text, size_t *ret_length, struct aid_error *err)
{
	AID_FREE char *text = NULL;
	size_t length = 0;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "accounts");
	if (st.st_size > INDEX_MAX)
		return aid_fail(err, AID_E_TOOBIG, "accounts: %lld bytes, at most %u",
			(long long)st.st_size, INDEX_MAX);
	text = malloc((size_t)st.st_size + 1);
	if (text == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	/* The file is only ever replaced whole, so this descriptor's does not change. */
	while (length < (size_t)st.st_size) {
		ssize_t got = read(fd, text + length, (size_t)st.st_size - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return aid_fail_errno(err, AID_E_IO, errno, "accounts");
		if (got == 0)
			break;
		length += (size_t)got;
	}
	*ret_length = length;
	*ret_text = aid_steal(&text);
	return AID_OK;
}

static int find_in_configuration(const struct aid_config_paths *paths, const char *account,
	bool *ret_is_agent, struct aid_error *err)
{
	AID_AUTO(aid_config) *config = NULL;
	struct aid_problems problems = {0};
	char text[AID_PROBLEM_SIZE];
	int r = aid_config_load_usable(paths, NULL, &config, &problems);

	/* Whose file is refused is an agent: keyringd says why it cannot be one now. */
	if (r == AID_OK) {
		*ret_is_agent = aid_config_agent_of_account(config, account) != NULL ||
			(config->n_refused > 0 && aid_config_names_account(paths, account));
	} else if (r == AID_E_CONFIG && !aid_config_names_account(paths, account)) {
		*ret_is_agent = false;
		r = AID_OK;
	} else if (problems.count > 0 && problems.items != NULL) {
		(void)aid_fail(err, r, "%s", aid_problem_format(&problems.items[0], text));
	} else {
		(void)aid_fail(err, r, "the configuration cannot be loaded");
	}
	aid_problems_done(&problems);
	return r;
}

int aid_accounts_has(const char *index, const struct aid_config_paths *paths, const char *account,
	bool *ret_is_agent, struct aid_error *err)
{
	AID_FREE char *text = NULL;
	size_t length;
	AID_FD(fd);
	int r = aid_file_open(index, AID_FILE_CONFIG, &fd, err);

	if (r == AID_E_NOTFOUND || r == AID_E_UNTRUSTED)
		return find_in_configuration(paths, account, ret_is_agent, err);
	if (r != AID_OK)
		return r;
	r = read_index(fd, &text, &length, err);
	if (r == AID_OK)
		*ret_is_agent = aid_accounts_find(text, length, account);
	return r;
}
