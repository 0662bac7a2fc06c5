/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The PAM stacks that name pam_agentid.so: whether it stands where it works. */
#include "check.h"

#include "str.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 8
#define PATH_BYTES 512U
#define LINE_BYTES 1024U
#define MODULE "pam_agentid.so"

/* One walk through the session lines of a service, with the files it includes in their places. */
struct walk {
	struct check *check;
	const char *directory;
	bool found;           /* MODULE stood in a session line so far */
	char module_file[PATH_BYTES];
	uint64_t module_line;
};

/* "type control module"; a control in brackets counts as one word. */
struct pam_line {
	char type[32];
	char control[256];
	char module[256];
};

static void walk_file(struct walk *walk, const char *name, int depth);

static const char *next_word(const char *at, char *out, size_t size)
{
	size_t length;

	at += strspn(at, " \t");
	length = *at == '[' ? strcspn(at, "]\n") + 1 : strcspn(at, " \t\n");
	if (*at == '[' && at[length - 1] != ']')
		length--;
	(void)snprintf(out, size, "%.*s", (int)length, at);
	return at + length;
}

/* False for a comment or an empty line. "@include FILE" is type and control. */
static bool parse_line(const char *text, struct pam_line *line)
{
	text = next_word(text, line->type, sizeof(line->type));
	if (line->type[0] == '\0' || line->type[0] == '#')
		return false;
	text = next_word(text, line->control, sizeof(line->control));
	(void)next_word(text, line->module, sizeof(line->module));
	return true;
}

static bool names_module(const char *path, const char *module)
{
	const char *slash = strrchr(path, '/');

	return aid_streq(slash == NULL ? path : slash + 1, module);
}

static void judge_module(struct walk *walk, const struct pam_line *line, const char *path, uint64_t number)
{
	walk->found = true;
	(void)snprintf(walk->module_file, sizeof(walk->module_file), "%s", path);
	walk->module_line = number;
	if (aid_streq(line->control, "optional") || aid_streq(line->control, "sufficient"))
		check_say(walk->check, CHECK_WARNING, "pam", path, number,
			"session %s " MODULE ": a session starts also where no token could be had; write required",
			line->control);
}

static void judge_session(struct walk *walk, const struct pam_line *line, const char *path,
	uint64_t number)
{
	if (names_module(line->module, MODULE))
		judge_module(walk, line, path, number);
	else if (walk->found && names_module(line->module, "pam_keyinit.so"))
		check_say(walk->check, CHECK_ERROR, "pam", path, number,
			"pam_keyinit.so stands after " MODULE " (%s:%llu) and takes its session keyring away; write it before",
			walk->module_file, (unsigned long long)walk->module_line);
}

/* NOLINTNEXTLINE(misc-no-recursion): walk_file() has a limit of depth. */
static void walk_line(struct walk *walk, const struct pam_line *line, const char *path,
	uint64_t number, int depth)
{
	const char *type = line->type[0] == '-' ? line->type + 1 : line->type;

	if (aid_streq(type, "@include")) {
		walk_file(walk, line->control, depth + 1);
		return;
	}
	if (!aid_streq(type, "session"))
		return;
	if (aid_streq(line->control, "include") || aid_streq(line->control, "substack"))
		walk_file(walk, line->module, depth + 1);
	else
		judge_session(walk, line, path, number);
}

/* NOLINTNEXTLINE(misc-no-recursion): DEPTH_MAX. */
static void walk_file(struct walk *walk, const char *name, int depth)
{
	char path[PATH_BYTES];
	char text[LINE_BYTES];
	uint64_t number = 0;
	FILE *file;

	if (depth > DEPTH_MAX)
		return;
	if (name[0] == '/')
		(void)snprintf(path, sizeof(path), "%s", name);
	else
		(void)snprintf(path, sizeof(path), "%s/%s", walk->directory, name);
	file = fopen(path, "re");
	if (file == NULL)
		return;
	while (fgets(text, sizeof(text), file) != NULL) {
		struct pam_line line;

		number++;
		if (parse_line(text, &line))
			walk_line(walk, &line, path, number, depth);
	}
	(void)fclose(file);
}

void check_pam(struct check *check, const char *directory)
{
	DIR *entries = opendir(directory);
	const struct dirent *entry;
	size_t services = 0;

	/* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else has this stream. */
	while (entries != NULL && (entry = readdir(entries)) != NULL) {
		struct walk walk = {.check = check, .directory = directory};

		/* common-* are included by others and walked there. */
		if (entry->d_name[0] == '.' || aid_str_has_prefix(entry->d_name, "common-"))
			continue;
		walk_file(&walk, entry->d_name, 0);
		services += walk.found ? 1 : 0;
	}
	if (entries != NULL)
		(void)closedir(entries);
	if (services == 0)
		check_say(check, CHECK_WARNING, "pam", NULL, 0,
			"no service in %s names " MODULE ": only agentid exec opens sessions", directory);
	else
		check_say(check, CHECK_OK, "pam", NULL, 0, "%zu service%s open%s agent sessions", services,
			services == 1 ? "" : "s", services == 1 ? "s" : "");
}
