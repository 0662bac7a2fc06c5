/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The option tables and their manual pages say the same: every key, and no other, in its section, with
 * its default, its limits and its choices. */
#include "unit.h"

#include "configuration_private.h"
#include "str.h"
#include "target_private.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE_MAX (64U * 1024)

struct page {
	const char *name;
	const struct aid_option *options;
	char *text;
	size_t length;
};

static void load(struct page *page)
{
	const char *srcdir = secure_getenv("srcdir");
	char path[1024];
	FILE *file;

	assert_true(snprintf(path, sizeof(path), "%s/man/%s", srcdir != NULL ? srcdir : ".", page->name) <
		(int)sizeof(path));
	page->text = malloc(PAGE_MAX);
	assert_non_null(page->text);
	file = fopen(path, "re");
	assert_non_null(file);
	page->length = fread(page->text, 1, PAGE_MAX - 1, file);
	assert_int_equal(fclose(file), 0);
	assert_in_range(page->length, 1, PAGE_MAX - 2);
	page->text[page->length] = '\0';
}

/* The text of ".Sh SECTION SECTION" up to the next ".Sh". */
static char *section_text(const struct page *page, const char *section)
{
	char heading[64];
	char upper[32] = "";
	const char *start, *end;

	for (size_t i = 0; section[i] != '\0' && i < sizeof(upper) - 1; i++)
		upper[i] = (char)toupper((unsigned char)section[i]);
	(void)snprintf(heading, sizeof(heading), "\n.Sh %s SECTION\n", upper);
	start = strstr(page->text, heading);
	if (start == NULL) {
		fail_msg("%s has no section%s", page->name, heading);
		return NULL;
	}
	end = strstr(start + 1, "\n.Sh ");
	return end == NULL ? strdup(start) : strndup(start, (size_t)(end - start));
}

/* The paragraph of a key: from its ".It Cm" to the next one. NULL where it has none. */
static char *key_text(const char *section, const char *key)
{
	char item[96];
	const char *start, *end;

	(void)snprintf(item, sizeof(item), "\n.It Cm %s\n", key);
	start = strstr(section, item);
	if (start == NULL)
		return NULL;
	end = strstr(start + 1, "\n.It Cm ");
	return end == NULL ? strdup(start) : strndup(start, (size_t)(end - start));
}

/* The word stands in the paragraph as a literal or a path. */
static bool says(const char *paragraph, const char *word)
{
	static const char *const forms[] = {"\n.Li %s\n", "\n.Li %s ", "\n.It Li %s\n", "\n.Pa %s ",
		"\n.Pa %s\n"};
	char line[160];

	for (size_t i = 0; i < COUNT_OF(forms); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		(void)snprintf(line, sizeof(line), forms[i], word);
#pragma GCC diagnostic pop
		if (strstr(paragraph, line) != NULL)
			return true;
	}
	return false;
}

static void expect_says(const struct page *page, const struct aid_option *option, const char *paragraph,
	const char *word)
{
	if (!says(paragraph, word))
		fail_msg("%s: [%s] %s does not say '%s'", page->name, option->section, option->key, word);
}

static void expect_duration(const struct page *page, const struct aid_option *option,
	const char *paragraph, int64_t ms)
{
	char word[32];

	if (ms % 3600000 == 0)
		(void)snprintf(word, sizeof(word), "%lldh", (long long)(ms / 3600000));
	else
		(void)snprintf(word, sizeof(word), "%llds", (long long)(ms / 1000));
	expect_says(page, option, paragraph, word);
}

static void expect_limits(const struct page *page, const struct aid_option *option,
	const char *paragraph)
{
	char word[32];

	if (option->type == AID_VALUE_DURATION) {
		expect_duration(page, option, paragraph, option->min);
		expect_duration(page, option, paragraph, option->max);
	} else if (option->type == AID_VALUE_PERCENT) {
		(void)snprintf(word, sizeof(word), "%lld%%", (long long)option->min);
		expect_says(page, option, paragraph, word);
		(void)snprintf(word, sizeof(word), "%lld%%", (long long)option->max);
		expect_says(page, option, paragraph, word);
	} else if (option->max != 0) {
		(void)snprintf(word, sizeof(word), "%lld", (long long)option->max);
		if (strstr(paragraph, word) == NULL)
			fail_msg("%s: [%s] %s does not say %s", page->name, option->section, option->key,
				word);
	}
}

/* What the table of the manager says of a key of [secrets NAME]. */
static struct aid_option of_manager(const struct aid_option *row)
{
	const struct aid_target_option *option =
		aid_target_option(aid_manager_target((enum aid_manager)row->min), row->key);
	struct aid_option out = {.section = row->section, .key = row->key, .type = AID_VALUE_PIN};

	if (option == NULL) {
		fail_msg("[%s] has no %s", row->section, row->key);
		return out;
	}
	out.fallback = option->fallback;
	out.names = option->names;
	out.required = option->required;
	if (option->check != aid_option_duration)
		return out;
	out.type = AID_VALUE_DURATION;
	out.min = option->min;
	out.max = option->max;
	return out;
}

static void expect_option(const struct page *page, const struct aid_option *row)
{
	const struct aid_option manager = row->type == AID_VALUE_MANAGER ? of_manager(row) : *row;
	const struct aid_option *option = &manager;
	char *section = section_text(page, option->section);
	char *paragraph = key_text(section, option->key);

	if (paragraph == NULL)
		fail_msg("%s does not have [%s] %s", page->name, option->section, option->key);
	if (option->fallback != NULL)
		expect_says(page, option, paragraph, option->fallback);
	for (size_t i = 0; option->names != NULL && option->names[i] != NULL; i++)
		expect_says(page, option, paragraph, option->names[i]);
	if (option->required && strstr(paragraph, "\nRequired") == NULL)
		fail_msg("%s: [%s] %s does not say that it is required", page->name, option->section,
			option->key);
	if (!option->required && strstr(paragraph, "\nDefault:") == NULL)
		fail_msg("%s: [%s] %s does not say its default", page->name, option->section, option->key);
	expect_limits(page, option, paragraph);
	free(paragraph);
	free(section);
}

static size_t count_items(const char *text)
{
	size_t count = 0;

	for (const char *at = strstr(text, "\n.It Cm "); at != NULL; at = strstr(at + 1, "\n.It Cm "))
		count++;
	return count;
}

static void expect_page(struct page *page)
{
	size_t count = 0;

	load(page);
	for (const struct aid_option *option = page->options; option->section != NULL; option++) {
		expect_option(page, option);
		count++;
	}
	assert_int_equal(count_items(page->text), count);
	free(page->text);
}

static void agentid_conf_is_documented(void **state)
{
	struct page page = {.name = "agentid.conf.5", .options = aid_host_options};

	(void)state;
	expect_page(&page);
}

static void agents_are_documented(void **state)
{
	struct page page = {.name = "agentid-agent.conf.5", .options = aid_agent_options};

	(void)state;
	expect_page(&page);
}

/* Every option of a manager is a key, in the order of its own table. */
static void managers_have_their_keys(void **state)
{
	const struct aid_option *row = aid_host_options;

	(void)state;
	for (enum aid_manager m = AID_MANAGER_VAULT; m < AID_MANAGER_COUNT; m++) {
		const struct aid_target *target = aid_manager_target(m);
		const struct aid_target_option *option;

		while (!aid_streq(row->section, target->name))
			row++;
		for (size_t i = 0; (option = aid_target_option_at(target, i)) != NULL; i++, row++) {
			assert_string_equal(row->section, target->name);
			assert_string_equal(row->key, option->name);
			assert_int_equal(row->min, m);
		}
		assert_false(aid_streq(row->section, target->name));
	}
	assert_null(row->section);
}

/* ---- credentials: subsections of one page ---- */

static char *part(const char *text, const char *from, const char *name, const char *to)
{
	char heading[96];
	const char *start, *end;

	(void)snprintf(heading, sizeof(heading), "\n%s %s\n", from, name);
	start = strstr(text, heading);
	if (start == NULL) {
		fail_msg("the page has no '%s %s'", from, name);
		return NULL;
	}
	end = strstr(start + 1, to);
	return end == NULL ? strdup(start) : strndup(start, (size_t)(end - start));
}

static void expect_credential_option(const char *subsection, const struct aid_target_option *option)
{
	char *paragraph = part(subsection, ".It Ic", option->name, "\n.It Ic ");

	if (option->fallback != NULL && !says(paragraph, option->fallback))
		fail_msg("%s does not say its default %s", option->name, option->fallback);
	for (size_t i = 0; option->names != NULL && option->names[i] != NULL; i++) {
		if (!says(paragraph, option->names[i]))
			fail_msg("%s does not say %s", option->name, option->names[i]);
	}
	if (option->required && strstr(paragraph, "\nRequired.") == NULL)
		fail_msg("%s does not say that it is required", option->name);
	free(paragraph);
}

static size_t count_credential_items(const char *text)
{
	size_t count = 0;

	for (const char *at = strstr(text, "\n.It Ic "); at != NULL; at = strstr(at + 1, "\n.It Ic "))
		count++;
	return count;
}

static void credentials_are_documented(void **state)
{
	struct page page = {.name = "agentid-agent.conf.5"};
	const struct aid_target_option *option;
	const struct aid_target *target;
	size_t count = 1; /* type */
	char *text;

	(void)state;
	load(&page);
	for (size_t i = 0; (target = aid_target_at(i)) != NULL; i++) {
		text = part(page.text, ".Ss", target->name, "\n.El\n");
		for (option = target->options; option->name != NULL; option++, count++)
			expect_credential_option(text, option);
		free(text);
	}
	text = part(page.text, ".Ss", "Options of every type", "\n.El\n");
	for (option = aid_target_common_options; option->name != NULL; option++, count++)
		expect_credential_option(text, option);
	free(text);
	assert_int_equal(count_credential_items(page.text), count);
	free(page.text);
}

/* A default is written like any value; one that is refused would stop every start. */
static void defaults_are_accepted(void **state)
{
	struct aid_agent agent = {0};
	struct aid_config *config = calloc(1, sizeof(*config));
	struct aid_draft agent_draft = {.options = aid_agent_options, .object = &agent};
	struct aid_draft host_draft = {.options = aid_host_options, .object = config};

	(void)state;
	assert_non_null(config);
	assert_int_equal(aid_draft_defaults(&agent_draft), AID_OK);
	assert_int_equal(aid_draft_defaults(&host_draft), AID_OK);
	assert_int_equal(agent.token.lifetime_ms, 300000);
	assert_string_equal(config->fetch_user, "agentid-fetch");
	aid_agent_done(&agent);
	aid_config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agentid_conf_is_documented),
		cmocka_unit_test(agents_are_documented),
		cmocka_unit_test(credentials_are_documented),
		cmocka_unit_test(managers_have_their_keys),
		cmocka_unit_test(defaults_are_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
