/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* agentid setup: the user's files. */
#include "setup.h"

#include "cleanup.h"
#include "file.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 1048576U
#define PATH_SIZE 4096U
#define OTHERS_WRITE (S_IWGRP | S_IWOTH)

static void parent_of(const char *path, char out[PATH_SIZE])
{
	const char *slash = strrchr(path, '/');

	(void)snprintf(out, PATH_SIZE, "%.*s", (int)(slash - path), path);
}

/* Whoever may write to the directory may replace what is in it. */
static int check_directory(const char *path, bool *ret_there, struct aid_error *err)
{
	struct stat st;

	*ret_there = lstat(path, &st) == 0;
	if (!*ret_there && errno == ENOENT)
		return AID_OK;
	if (!*ret_there)
		return aid_fail_errno(err, AID_E_IO, errno, "%s", path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & OTHERS_WRITE) != 0)
		return aid_fail(err, AID_E_UNTRUSTED,
			"%s: it is no directory of uid %u that only this one may write to", path, geteuid());
	return AID_OK;
}

static int read_all(int fd, const char *path, char **ret_text, struct aid_error *err)
{
	AID_AUTO(aid_secret) *bytes = NULL;
	int r = aid_file_read(fd, FILE_MAX, &bytes, err);

	if (r != AID_OK)
		return aid_prefix(err, "%s", path);
	if (memchr(aid_secret_peek(bytes), '\0', aid_secret_length(bytes)) != NULL)
		return aid_fail(err, AID_E_CONFIG, "%s: it is no text", path);
	*ret_text = strdup(aid_secret_peek(bytes));
	return *ret_text == NULL ? aid_fail(err, AID_E_NOMEM, "out of memory") : AID_OK;
}

int setup_read(const char *path, char **ret_text, mode_t *ret_mode, struct aid_error *err)
{
	char parent[PATH_SIZE];
	bool there = false;
	struct stat st;
	AID_FD(fd);
	int r;

	parent_of(path, parent);
	r = check_directory(parent, &there, err);
	if (r != AID_OK)
		return r;
	*ret_mode = S_IRUSR | S_IWUSR;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT) {
		*ret_text = strdup("");
		return *ret_text == NULL ? aid_fail(err, AID_E_NOMEM, "out of memory") : AID_OK;
	}
	if (fd < 0 && errno == ELOOP)
		return aid_fail(err, AID_E_UNTRUSTED, "%s: it is a symbolic link", path);
	if (fd < 0 || fstat(fd, &st) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "%s", path);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1 ||
		(st.st_mode & OTHERS_WRITE) != 0)
		return aid_fail(err, AID_E_UNTRUSTED,
			"%s: it is no file of uid %u, with one link, that only this one may write to", path,
			geteuid());
	*ret_mode = st.st_mode & (S_IRWXU | S_IRWXG | S_IRWXO);
	return read_all(fd, path, ret_text, err);
}

int setup_replace(const char *path, mode_t mode, const char *text, struct aid_error *err)
{
	char parent[PATH_SIZE];
	char above[PATH_SIZE];
	bool there = false;

	parent_of(path, parent);
	if (access(parent, F_OK) != 0) {
		parent_of(parent, above);
		if (access(above, F_OK) != 0 && mkdir(above, S_IRWXU) != 0)
			return aid_fail_errno(err, AID_E_IO, errno, "%s", above);
		if (mkdir(parent, S_IRWXU) != 0)
			return aid_fail_errno(err, AID_E_IO, errno, "%s", parent);
	}
	if (check_directory(parent, &there, err) != AID_OK)
		return err->status;
	return aid_file_replace(path, mode, text, strlen(text), err);
}

/* ---- the difference ---- */

static size_t line_length(const char *text)
{
	size_t length = strcspn(text, "\n");

	return text[length] == '\n' ? length + 1 : length;
}

/* Of lines that somebody else wrote. */
static bool may_be_secret(const char *line, size_t length)
{
	static const char *const words[] = {"auth", "token", "passw", "secret", "key", "@"};
	char text[1024];

	if (length >= sizeof(text))
		return true;
	(void)snprintf(text, sizeof(text), "%.*s", (int)length, line);
	if (aid_str_has_prefix(text, "token_helper"))
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasestr(text, words[i]) != NULL)
			return true;
	}
	return false;
}

static void print_lines(char sign, const char *from, const char *end, bool are_ours)
{
	while (from < end) {
		size_t length = line_length(from);

		if (!are_ours && may_be_secret(from, length))
			(void)printf("%c(a line that may hold a password)\n", sign);
		else
			(void)printf("%c%.*s\n", sign, (int)strcspn(from, "\n"), from);
		from += length;
	}
}

/* Where the last line before end begins. */
static const char *last_line(const char *begin, const char *end)
{
	const char *at = end > begin ? end - 1 : end;

	while (at > begin && at[-1] != '\n')
		at--;
	return at;
}

/* A line's end, or the comma that a neighbour in JSON made necessary, is no difference. */
static size_t significant(const char *line, const char *end)
{
	while (end > line && (end[-1] == '\n' || end[-1] == ','))
		end--;
	return (size_t)(end - line);
}

static bool same(const char *a, const char *a_end, const char *b, const char *b_end)
{
	size_t length = significant(a, a_end);

	return a < a_end && b < b_end && length == significant(b, b_end) && memcmp(a, b, length) == 0;
}

/* Lines that are the same before and after are left out. */
void setup_print_diff(const char *path, const char *old, const char *text)
{
	const char *old_end = old + strlen(old);
	const char *text_end = text + strlen(text);

	(void)printf("--- %s\n+++ %s\n", path, path);
	while (same(old, old + line_length(old), text, text + line_length(text))) {
		old += line_length(old);
		text += line_length(text);
	}
	while (same(last_line(old, old_end), old_end, last_line(text, text_end), text_end)) {
		old_end = last_line(old, old_end);
		text_end = last_line(text, text_end);
	}
	print_lines('-', old, old_end, false);
	print_lines('+', text, text_end, true);
}
