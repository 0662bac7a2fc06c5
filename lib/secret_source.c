/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "secret_source.h"

#include "cleanup.h"
#include "file.h"
#include "secret_manager.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_BYTES_MAX 1024U
#define CREDENTIAL_NAME_MAX 255U

struct source {
	const char *prefix;
	const char *form; /* what a person should have written */
	bool (*is_valid)(const char *rest);
	int (*open)(const char *rest, const char *credentials_dir, int *ret_fd, struct aid_error *err);
};

static bool file_is_valid(const char *path)
{
	return path[0] == '/' && strlen(path) < PATH_BYTES_MAX && aid_str_is_printable(path);
}

static int file_open(const char *path, const char *credentials_dir, int *ret_fd,
	struct aid_error *err)
{
	(void)credentials_dir;
	return aid_file_open(path, AID_FILE_SECRET, ret_fd, err);
}

/* What systemd accepts as a credential name, which is also one path component. */
static bool credential_is_valid(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length <= CREDENTIAL_NAME_MAX && aid_str_is_printable(name) &&
		strchr(name, '/') == NULL && strchr(name, ':') == NULL && !aid_streq(name, ".") &&
		!aid_streq(name, "..");
}

/* The service manager made the directory for this process alone: mode 0400 and, with some versions,
 * an access list in place of root's ownership. So the check is on the opened file, not on parents. */
static int credential_open(const char *name, const char *credentials_dir, int *ret_fd,
	struct aid_error *err)
{
	char path[PATH_BYTES_MAX];
	struct stat st;
	AID_FD(fd);
	int n;

	if (credentials_dir == NULL)
		return aid_fail(err, AID_E_NOTFOUND,
			"credential:%s: no credentials were passed by the service manager", name);
	n = snprintf(path, sizeof(path), "%s/%s", credentials_dir, name);
	if (n < 0 || (size_t)n >= sizeof(path))
		return aid_fail(err, AID_E_CONFIG, "credential:%.64s: path over %u bytes", name,
			PATH_BYTES_MAX - 1);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT)
		return aid_fail(err, AID_E_NOTFOUND, "credential:%s: no such credential in %s", name,
			credentials_dir);
	if (fd < 0)
		return aid_fail_errno(err, AID_E_IO, errno, "credential:%s", name);
	if (fstat(fd, &st) != 0)
		return aid_fail_errno(err, AID_E_IO, errno, "credential:%s", name);
	if (!S_ISREG(st.st_mode))
		return aid_fail(err, AID_E_UNTRUSTED, "credential:%s: not a regular file", name);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return aid_fail(err, AID_E_UNTRUSTED, "credential:%s: owned by uid %u, not by root",
			name, st.st_uid);
	if ((st.st_mode & 007) != 0)
		return aid_fail(err, AID_E_UNTRUSTED, "credential:%s: mode %04o, at most 0400 is allowed",
			name, st.st_mode & 07777U);
	*ret_fd = aid_steal_fd(&fd);
	return AID_OK;
}

static const struct source sources[] = {
	{"file:", "file:/absolute/path", file_is_valid, file_open},
	{"credential:", "credential:NAME", credential_is_valid, credential_open},
};
#define N_SOURCES (sizeof(sources) / sizeof(sources[0]))

static int find_source(const char *reference, const struct source **ret_source,
	const char **ret_rest, struct aid_error *err)
{
	for (size_t i = 0; i < N_SOURCES; i++) {
		const struct source *source = &sources[i];
		const char *rest = reference + strlen(source->prefix);

		if (!aid_str_has_prefix(reference, source->prefix))
			continue;
		if (!source->is_valid(rest))
			return aid_fail(err, AID_E_CONFIG, "'%.64s' is not of the form %s", reference,
				source->form);
		*ret_source = source;
		*ret_rest = rest;
		return AID_OK;
	}
	return aid_fail(err, AID_E_CONFIG,
		"secret reference starts with neither file: nor credential:");
}

static bool is_known(const char *reference)
{
	for (size_t i = 0; i < N_SOURCES; i++) {
		if (aid_str_has_prefix(reference, sources[i].prefix))
			return true;
	}
	return false;
}

int aid_secret_ref_check(const char *reference, struct aid_error *err)
{
	struct aid_manager_place place;

	if (aid_manager_of(reference) != AID_MANAGER_NONE)
		return aid_manager_parse(reference, &place, err);
	if (!is_known(reference))
		return aid_fail(err, AID_E_CONFIG,
			"secret reference starts with none of file:, credential:, vault: and aws-sm:");
	return aid_secret_ref_check_local(reference, err);
}

int aid_secret_ref_check_local(const char *reference, struct aid_error *err)
{
	const struct source *source;
	const char *rest;

	if (aid_manager_of(reference) != AID_MANAGER_NONE)
		return aid_fail(err, AID_E_CONFIG,
			"a secrets manager is a source of client secrets only; file: or credential: is needed here");
	return find_source(reference, &source, &rest, err);
}

int aid_secret_ref_open(const char *reference, const char *credentials_dir, int *ret_fd,
	struct aid_error *err)
{
	const struct source *source;
	const char *rest;
	int r;

	if (aid_manager_of(reference) != AID_MANAGER_NONE)
		return aid_fail(err, AID_E_INVALID, "agentid-fetch alone reads from a secrets manager");
	r = find_source(reference, &source, &rest, err);
	if (r != AID_OK)
		return r;
	return source->open(rest, credentials_dir, ret_fd, err);
}
