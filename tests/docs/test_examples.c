/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* The agents that the examples and the README show are agents: every file of examples/agents.d and
 * every block of the README that begins with [agent] is parsed without a problem. */
#include "configuration_private.h"
#include "str.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TEXT_MAX (64U * 1024)
#define PATH_MAX_BYTES 1024

static size_t read_text(const char *path, char *text)
{
	FILE *file = fopen(path, "re");
	size_t length;

	assert_non_null(file);
	length = fread(text, 1, TEXT_MAX, file);
	assert_int_equal(fclose(file), 0);
	assert_in_range(length, 1, TEXT_MAX - 1);
	text[length] = '\0';
	return length;
}

static void expect_agent(const char *name, const char *text, size_t length)
{
	struct aid_problems problems = {0};
	struct aid_agent agent = {0};
	struct aid_draft draft;

	assert_int_equal(aid_agent_parse(name, text, length, &draft, &agent, &problems), AID_OK);
	for (size_t i = 0; i < problems.count; i++)
		print_error("%s:%llu: %s\n", name, (unsigned long long)problems.items[i].line,
			problems.items[i].text);
	assert_int_equal(problems.count, 0);
	assert_non_null(agent.id);
	aid_agent_done(&agent);
	aid_problems_done(&problems);
}

static void source_path(const char *name, char *path)
{
	const char *source = secure_getenv("srcdir");
	int length;

	length = snprintf(path, PATH_MAX_BYTES, "%s/%s", source != NULL ? source : ".", name);
	assert_in_range(length, 1, PATH_MAX_BYTES - 1);
}

static void files_are_agents(void **state)
{
	char directory[PATH_MAX_BYTES], path[2 * PATH_MAX_BYTES], text[TEXT_MAX];
	const struct dirent *entry;
	unsigned int seen = 0;
	DIR *stream;

	(void)state;
	source_path("examples/agents.d", directory);
	stream = opendir(directory);
	assert_non_null(stream);
	while ((entry = readdir(stream)) != NULL) { // NOLINT(concurrency-mt-unsafe): our own stream
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		expect_agent(entry->d_name, text, read_text(path, text));
		seen++;
	}
	(void)closedir(stream);
	assert_in_range(seen, 5, 100);
}

static void readme_blocks_are_agents(void **state)
{
	static const char begin[] = "```ini\n[agent]\n";
	char path[PATH_MAX_BYTES], text[TEXT_MAX];
	unsigned int seen = 0;

	(void)state;
	source_path("README.md", path);
	(void)read_text(path, text);
	for (const char *at = strstr(text, begin); at != NULL; at = strstr(at, begin)) {
		const char *end;

		at += strlen("```ini\n");
		end = strstr(at, "```");
		assert_non_null(end);
		expect_agent("README.md", at, (size_t)(end - at));
		seen++;
	}
	assert_int_equal(seen, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_agents),
		cmocka_unit_test(readme_blocks_are_agents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
