/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "accounts.h"

#include "file.h"
#include "secret.h"
#include "str.h"

#include <stdio.h>
#include <string.h>

#define INDEX_MAX (1U << 20) /* what the module reads */
#define UNNAMED "-"          /* in the place of an id that is not known */

struct entry {
	const char *account;
	size_t length;
	const char *id;
	size_t id_length;
};

struct entries {
	struct entry *items;
	size_t count;
	size_t room;
};

static void add(struct entries *list, const char *account, size_t length, const char *id,
	size_t id_length)
{
	if (list->count < list->room)
		list->items[list->count++] = (struct entry){account, length, id, id_length};
}

static size_t count_lines(const struct aid_secret *index)
{
	const char *text = aid_secret_peek(index);
	size_t count = 0;

	for (size_t i = 0; i < aid_secret_length(index); i++)
		count += text[i] == '\n' ? 1 : 0;
	return count;
}

static void add_lines(struct entries *list, const struct aid_secret *index)
{
	const char *text = aid_secret_peek(index);
	const char *end = text + aid_secret_length(index);

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *blank = newline == NULL ? NULL : memchr(text, ' ', (size_t)(newline - text));

		if (newline == NULL)
			return;
		if (blank != NULL && blank > text && blank + 1 < newline)
			add(list, text, (size_t)(blank - text), blank + 1, (size_t)(newline - blank - 1));
		text = newline + 1;
	}
}

static void add_configured(struct entries *list, const struct aid_config *config)
{
	for (size_t i = 0; i < config->n_agents; i++)
		add(list, config->agents[i].account, strlen(config->agents[i].account),
			config->agents[i].id, strlen(config->agents[i].id));
	for (size_t i = 0; i < config->n_refused; i++) {
		const struct aid_refused *refused = &config->refused[i];
		const char *id = refused->id != NULL ? refused->id : UNNAMED;

		if (refused->account != NULL)
			add(list, refused->account, strlen(refused->account), id, strlen(id));
	}
}

/* Of one account, what was added first comes first: the agent that is in force. */
static int by_account(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;
	size_t shorter = left->length < right->length ? left->length : right->length;
	int order = memcmp(left->account, right->account, shorter);

	if (order == 0 && left->length != right->length)
		order = left->length < right->length ? -1 : 1;
	return order;
}

static bool is_same(const struct entry *a, const struct entry *b)
{
	return a->length == b->length && memcmp(a->account, b->account, a->length) == 0;
}

/* Stable: qsort() does not say in which order equals come out. */
static void sort(struct entries *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		size_t j = 0;

		while (j < kept && !is_same(&list->items[j], &list->items[i]))
			j++;
		if (j == kept)
			list->items[kept++] = list->items[i];
	}
	list->count = kept;
	if (kept > 1)
		qsort(list->items, kept, sizeof(*list->items), by_account);
}

static int write_entries(const char *path, const struct entries *list, struct aid_error *err)
{
	AID_FREE char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	if (out == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	for (size_t i = 0; i < list->count; i++)
		(void)fprintf(out, "%.*s %.*s\n", (int)list->items[i].length, list->items[i].account,
			(int)list->items[i].id_length, list->items[i].id);
	if (fclose(out) != 0)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	return aid_file_replace(path, 0644, text, length, err);
}

int kd_accounts_write(const char *path, const struct aid_config *config, struct aid_error *err)
{
	AID_AUTO(aid_secret) *before = NULL;
	AID_FREE struct entry *items = NULL;
	struct entries list = {0};
	AID_FD(fd);

	if (aid_config_has_nameless(config) && aid_file_open(path, AID_FILE_CONFIG, &fd, NULL) == AID_OK)
		(void)!aid_file_read(fd, INDEX_MAX, &before, NULL);
	list.room = config->n_agents + config->n_refused + (before != NULL ? count_lines(before) : 0);
	list.items = items = calloc(list.room + 1, sizeof(*items));
	if (items == NULL)
		return aid_fail(err, AID_E_NOMEM, "out of memory");
	add_configured(&list, config);
	if (before != NULL)
		add_lines(&list, before);
	sort(&list);
	return write_entries(path, &list, err);
}
