/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* One file's text. libeconf reads the values; before it does, every line is held against a grammar
 * in which it cannot misread, because libeconf 0.5 without a word
 *   - takes the first of two equal keys and forgets the others,
 *   - forgets sections without keys and joins sections of the same name,
 *   - cuts a value at any '#', also inside "vault:path#field",
 *   - appends a line without '=' to the value before it,
 *   - skips a line that begins with '=', strips double quotes, splits lines over 8 KiB and stops
 *     reading a line at a NUL.
 * It also reads a path, not bytes. So it is given a private copy with the comments taken out. */
#include "configuration_private.h"

#include "str.h"

#include <errno.h>
#include <libeconf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define LINE_MAX_BYTES 4096U
/* Cannot occur in the copy; libeconf takes an empty list of comment characters for "#". */
#define NO_COMMENTS "\001"

struct scanner {
	struct aid_config_text *text;
	struct aid_problems *problems;
	uint64_t line;
	bool section_seen;
	bool section_bad; /* its keys are not looked at: they would only repeat the problem */
};

static void econf_file_autofree(econf_file **file)
{
	if (*file != NULL)
		econf_freeFile(*file);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static char *trim(char *text)
{
	size_t length;

	while (is_blank(*text))
		text++;
	length = strlen(text);
	while (length > 0 && is_blank(text[length - 1]))
		text[--length] = '\0';
	return text;
}

/* A comment begins with a '#' at the start of the line or after a blank. */
static void cut_comment(char *line)
{
	for (char *p = line; *p != '\0'; p++) {
		if (*p == '#' && (p == line || is_blank(p[-1]))) {
			*p = '\0';
			return;
		}
	}
}

AID_PRINTF(2, 3)
static void refuse(struct scanner *scanner, const char *fmt, ...)
{
	char sentence[512];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(sentence, sizeof(sentence), fmt, args);
	va_end(args);
	scanner->text->damaged = true;
	aid_problems_add(scanner->problems, scanner->text->file, scanner->line, "%s", sentence);
}

/* The line of an equal section (key NULL) or key before this one, or 0. */
static uint64_t seen_before(const struct aid_config_text *text, const char *section, const char *key)
{
	for (size_t i = 0; i < text->n_entries; i++) {
		if (aid_streq(text->entries[i].section, section) &&
			aid_streq(text->entries[i].key, key))
			return text->entries[i].line;
	}
	return 0;
}

static int add_entry(struct aid_config_text *text, const char *section, const char *key, uint64_t line)
{
	struct aid_entry *grown =
		reallocarray(text->entries, text->n_entries + 1, sizeof(*text->entries));
	struct aid_entry *entry;

	if (grown == NULL)
		return AID_E_NOMEM;
	text->entries = grown;
	entry = &grown[text->n_entries];
	*entry = (struct aid_entry){.line = line, .section = strdup(section)};
	if (key != NULL)
		entry->key = strdup(key);
	text->n_entries++; /* aid_config_text_done() frees half an entry too */
	return entry->section == NULL || (key != NULL && entry->key == NULL) ? AID_E_NOMEM : AID_OK;
}

static bool is_section_name(const char *name)
{
	return *name != '\0' && !is_blank(name[0]) && strpbrk(name, "[]=\"\t") == NULL;
}

static int scan_section(struct scanner *scanner, char *line)
{
	size_t length = strlen(line);
	uint64_t first;

	scanner->section_seen = true;
	scanner->section_bad = true;
	if (length < 2 || line[length - 1] != ']') {
		refuse(scanner, "'%.80s': a section is written [name] and nothing else on the line", line);
		return AID_E_CONFIG;
	}
	line[length - 1] = '\0';
	line = trim(line + 1);
	if (!is_section_name(line)) {
		refuse(scanner, "'[%.80s]': a section needs a plain name", line);
		return AID_E_CONFIG;
	}
	first = seen_before(scanner->text, line, NULL);
	if (first != 0) {
		refuse(scanner, "section [%.80s] stands twice, first in line %llu; one is allowed", line,
			(unsigned long long)first);
		return AID_E_CONFIG;
	}
	scanner->section_bad = false;
	return add_entry(scanner->text, line, NULL, scanner->line);
}

static bool is_key_name(const char *key)
{
	return *key != '\0' && strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(key);
}

static const char *current_section(const struct aid_config_text *text)
{
	return text->entries[text->n_entries - 1].section;
}

static int scan_key(struct scanner *scanner, char *line)
{
	char *equals = strchr(line, '=');
	const char *section;
	const char *value;
	uint64_t first;

	if (equals == NULL) {
		/* Not shown: half of a secret may stand in such a line. */
		refuse(scanner, "the line is neither [section], key = value nor # comment");
		return AID_E_CONFIG;
	}
	*equals = '\0';
	line = trim(line);
	value = trim(equals + 1);
	if (!is_key_name(line)) {
		refuse(scanner, "'%.80s': a key is written in lower-case letters, digits and '_'", line);
		return AID_E_CONFIG;
	}
	section = current_section(scanner->text);
	first = seen_before(scanner->text, section, line);
	if (first != 0) {
		refuse(scanner, "[%.80s] %.80s stands twice, first in line %llu; one is allowed", section,
			line, (unsigned long long)first);
		return AID_E_CONFIG;
	}
	if (*value == '\0') {
		refuse(scanner, "[%.80s] %.80s has no value; leave the line out for the default", section,
			line);
		return AID_E_CONFIG;
	}
	if (*value == '"' || *value == '\'') {
		refuse(scanner, "[%.80s] %.80s: values are written without quotation marks", section, line);
		return AID_E_CONFIG;
	}
	if (value[strlen(value) - 1] == '\\') {
		refuse(scanner, "[%.80s] %.80s: a value stands on one line, '\\' does not continue it",
			section, line);
		return AID_E_CONFIG;
	}
	return add_entry(scanner->text, section, line, scanner->line);
}

/* AID_E_CONFIG: the line is a problem; libeconf must not see it. */
static int scan_line(struct scanner *scanner, char *line)
{
	line = trim(line);
	if (*line == '\0')
		return AID_OK;
	if (*line == '[')
		return scan_section(scanner, line);
	if (!scanner->section_seen) {
		refuse(scanner, "a line stands before the first [section]");
		return AID_E_CONFIG;
	}
	if (scanner->section_bad)
		return AID_E_CONFIG;
	return scan_key(scanner, line);
}

/* Outside comments a line holds printable ASCII and tabs, and no NUL stands anywhere in it. */
static bool line_is_text(struct scanner *scanner, const char *line, size_t length, size_t code)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)line[i];

		if (byte == 0 || (i < code && ((byte < 0x20 && byte != '\t') || byte > 0x7e))) {
			refuse(scanner, "byte 0x%02x in column %zu: only printable ASCII is allowed", byte,
				i + 1);
			return false;
		}
	}
	return true;
}

/* Checks one line and appends it, or an empty line in its place, to the copy. */
static int take_line(struct scanner *scanner, const char *bytes, size_t length, FILE *copy)
{
	char clean[LINE_MAX_BYTES + 1];
	char scratch[LINE_MAX_BYTES + 1];
	int r = AID_E_CONFIG;

	if (length > LINE_MAX_BYTES) {
		refuse(scanner, "the line has %zu bytes; at most %u are allowed", length, LINE_MAX_BYTES);
		return fputc('\n', copy) == EOF ? AID_E_IO : AID_OK;
	}
	memcpy(clean, bytes, length);
	clean[length] = '\0';
	cut_comment(clean);
	if (line_is_text(scanner, bytes, length, strlen(clean))) {
		memcpy(scratch, clean, strlen(clean) + 1);
		r = scan_line(scanner, scratch);
	}
	if (r == AID_E_CONFIG)
		clean[0] = '\0';
	else if (r != AID_OK)
		return r;
	return fprintf(copy, "%s\n", clean) < 0 ? AID_E_IO : AID_OK;
}

static int scan(struct scanner *scanner, const char *bytes, size_t length, FILE *copy)
{
	size_t at = 0;

	while (at < length) {
		const char *newline = memchr(bytes + at, '\n', length - at);
		size_t line_length = newline == NULL ? length - at : (size_t)(newline - bytes) - at;
		int r;

		scanner->line++;
		r = take_line(scanner, bytes + at, line_length, copy);
		if (r != AID_OK)
			return r;
		at += line_length + 1;
	}
	return fflush(copy) == 0 ? AID_OK : AID_E_IO;
}

/* Takes the values from libeconf's reading of the copy. */
static int read_values(struct aid_config_text *text, int fd, struct aid_problems *problems)
{
	__attribute__((cleanup(econf_file_autofree))) econf_file *file = NULL;
	char path[32];
	econf_err e;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	e = econf_readFile(&file, path, "=", NO_COMMENTS);
	if (e != ECONF_SUCCESS) {
		aid_problems_add(problems, text->file, 0, "libeconf cannot read it: %s",
			econf_errString(e));
		text->damaged = true;
		return e == ECONF_NOMEM ? AID_E_NOMEM : AID_OK;
	}
	for (size_t i = 0; i < text->n_entries; i++) {
		struct aid_entry *entry = &text->entries[i];

		if (entry->key == NULL)
			continue;
		e = econf_getStringValue(file, entry->section, entry->key, &entry->value);
		if (e != ECONF_SUCCESS || entry->value == NULL)
			return AID_E_NOMEM;
	}
	return AID_OK;
}

int aid_config_text_parse(const char *file, const char *bytes, size_t length,
	struct aid_config_text *ret_text, struct aid_problems *problems)
{
	struct aid_config_text text = {.file = file};
	struct scanner scanner = {.text = &text, .problems = problems};
	FILE *copy = NULL;
	int r = AID_E_IO;
	int fd = memfd_create("agentid-configuration", MFD_CLOEXEC);

	if (fd < 0)
		return errno == ENOMEM ? AID_E_NOMEM : AID_E_IO;
	copy = fdopen(fd, "we");
	if (copy == NULL) {
		(void)close(fd);
		return AID_E_NOMEM;
	}
	r = scan(&scanner, bytes, length, copy);
	if (r == AID_OK && text.n_entries > 0)
		r = read_values(&text, fd, problems);
	(void)fclose(copy);
	if (r != AID_OK) {
		aid_config_text_done(&text);
		return r;
	}
	*ret_text = text;
	return AID_OK;
}

void aid_config_text_done(struct aid_config_text *text)
{
	for (size_t i = 0; i < text->n_entries; i++) {
		free(text->entries[i].section);
		free(text->entries[i].key);
		free(text->entries[i].value);
	}
	free(text->entries);
	*text = (struct aid_config_text){0};
}
