/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Directories and files that are believed only when nobody but root can have written them. */
#include "configuration_private.h"

#include "file.h"
#include "str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* err->text often begins with the file, which the problem names anyway. */
static void add_error(struct aid_problems *problems, const char *file, const struct aid_error *err)
{
	size_t length = strlen(file);
	const char *text = err->text;

	if (aid_str_has_prefix(text, file) && aid_str_has_prefix(text + length, ": "))
		text += length + 2;
	aid_problems_add(problems, file, 0, "%s", text);
}

void aid_config_names_done(struct aid_config_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i]);
	free(names->items);
	*names = (struct aid_config_names){0};
}

static int by_name(const void *a, const void *b)
{
	return aid_str_order(*(char *const *)a, *(char *const *)b);
}

static bool is_configuration_name(const char *name)
{
	size_t length = strlen(name);

	return name[0] != '.' && length > strlen(".conf") &&
		aid_streq(name + length - strlen(".conf"), ".conf");
}

static int names_add(struct aid_config_names *names, const char *name)
{
	char **grown = reallocarray(names->items, names->count + 1, sizeof(*names->items));

	if (grown == NULL)
		return AID_E_NOMEM;
	names->items = grown;
	grown[names->count] = strdup(name);
	if (grown[names->count] == NULL)
		return AID_E_NOMEM;
	names->count++;
	return AID_OK;
}

bool aid_config_names_have(const struct aid_config_names *names, const char *name)
{
	if (names->count == 0)
		return false;
	return bsearch(&name, names->items, names->count, sizeof(*names->items), by_name) != NULL;
}

/* Whoever may write the directory may add an agent: it counts as much as the files do. */
static bool directory_is_trusted(int fd, const char *path, struct aid_problems *problems)
{
	struct stat st;

	if (fstat(fd, &st) != 0) {
		aid_problems_add(problems, path, 0, "%s", strerrordesc_np(errno));
		return false;
	}
	if (st.st_uid != 0) {
		aid_problems_add(problems, path, 0, "directory is owned by uid %u, not by root", st.st_uid);
		return false;
	}
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		aid_problems_add(problems, path, 0,
			"directory mode %04o lets others write; at most 0755 is allowed",
			st.st_mode & 07777U);
		return false;
	}
	return true;
}

static int read_names(DIR *directory, struct aid_config_names *ret_names)
{
	const struct dirent *entry;
	struct aid_config_names names = {0};

	/* A list cut by an error would make agents vanish, so errno tells it from the end. */
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else has this stream. */
	while (errno = 0, (entry = readdir(directory)) != NULL) {
		if (!is_configuration_name(entry->d_name))
			continue;
		if (names_add(&names, entry->d_name) != AID_OK) {
			aid_config_names_done(&names);
			return AID_E_NOMEM;
		}
	}
	if (errno != 0) {
		aid_config_names_done(&names);
		return AID_E_IO;
	}
	if (names.count > 0)
		qsort(names.items, names.count, sizeof(*names.items), by_name);
	*ret_names = names;
	return AID_OK;
}

int aid_config_list(const char *path, struct aid_config_names *ret_names, struct aid_problems *problems)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *directory;
	int r;

	if (fd < 0 && errno == ENOENT)
		return AID_OK;
	if (fd < 0) {
		aid_problems_add(problems, path, 0, "%s", strerrordesc_np(errno));
		return AID_OK;
	}
	if (!directory_is_trusted(fd, path, problems)) {
		(void)close(fd);
		return AID_OK;
	}
	directory = fdopendir(fd);
	if (directory == NULL) {
		(void)close(fd);
		return AID_E_NOMEM;
	}
	r = read_names(directory, ret_names);
	if (r == AID_E_IO) {
		aid_problems_add(problems, path, 0, "the directory cannot be read to its end: %s",
			strerrordesc_np(errno));
		r = AID_OK;
	}
	(void)closedir(directory);
	return r;
}

/* A symbolic link to /dev/null masks a vendor's file. Any other one is refused when it is opened. */
static bool is_mask(const char *path)
{
	char target[sizeof("/dev/null") + 1];
	ssize_t length = readlink(path, target, sizeof(target));

	return length == (ssize_t)strlen("/dev/null") && memcmp(target, "/dev/null", (size_t)length) == 0;
}

int aid_config_read(const char *path, struct aid_secret **ret_bytes, struct aid_problems *problems)
{
	struct aid_error err = AID_ERROR_INIT;
	AID_FD(fd);
	int r;

	if (is_mask(path))
		return AID_OK;
	r = aid_file_open(path, AID_FILE_CONFIG, &fd, &err);
	if (r == AID_E_NOTFOUND)
		return AID_OK;
	if (r == AID_OK)
		r = aid_file_read(fd, AID_CONFIG_FILE_MAX, ret_bytes, &err);
	if (r == AID_E_NOMEM)
		return r;
	if (r == AID_E_TOOBIG)
		aid_problems_add(problems, path, 0, "the file has more than %u bytes, which is the limit",
			AID_CONFIG_FILE_MAX);
	else if (r != AID_OK)
		add_error(problems, path, &err);
	return AID_OK;
}

bool aid_config_join(char out[AID_CONFIG_PATH_SIZE], const char *directory, const char *name,
	struct aid_problems *problems)
{
	int length = snprintf(out, AID_CONFIG_PATH_SIZE, "%s/%s", directory, name);

	if (length < 0 || (size_t)length >= AID_CONFIG_PATH_SIZE) {
		aid_problems_add(problems, directory, 0, "'%.64s': the path has more than %u bytes", name,
			AID_CONFIG_PATH_SIZE - 1);
		return false;
	}
	return true;
}
