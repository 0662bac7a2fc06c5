/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Ownership, masks, merging and what holds across files. They need root, as only its files are
 * trusted. */
#include "configuration.h"
#include "file.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

struct tree {
	char root[64];
	char vendor[80];
	char etc[80];
	struct aid_config_paths paths;
};

static void put(const struct tree *tree, const char *directory, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	(void)tree;
	assert_true(snprintf(path, sizeof(path), "%s/%s", directory, name) < (int)sizeof(path));
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0644), 0);
}

static void make_directory(const char *parent, const char *name)
{
	char path[256];

	assert_true(snprintf(path, sizeof(path), "%s/%s", parent, name) < (int)sizeof(path));
	assert_int_equal(mkdir(path, 0755), 0);
}

static int tree_new(void **state)
{
	struct tree *tree = calloc(1, sizeof(*tree));

	assert_non_null(tree);
	(void)umask(022);
	(void)snprintf(tree->root, sizeof(tree->root), "/tmp/agentid-test-XXXXXX");
	assert_non_null(mkdtemp(tree->root));
	(void)snprintf(tree->vendor, sizeof(tree->vendor), "%s/vendor", tree->root);
	(void)snprintf(tree->etc, sizeof(tree->etc), "%s/etc", tree->root);
	make_directory(tree->root, "vendor");
	make_directory(tree->root, "etc");
	make_directory(tree->vendor, "agents.d");
	make_directory(tree->etc, "agents.d");
	make_directory(tree->etc, "agentid.conf.d");
	tree->paths = (struct aid_config_paths){tree->vendor, tree->etc};
	*state = tree;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int tree_free(void **state)
{
	struct tree *tree = *state;
	int r = nftw(tree->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);

	free(tree);
	return r;
}

/* Only root's files are trusted; and valgrind before 3.22 does not know openat2(2). */
static void skip_unless_root(void)
{
	struct aid_error err = AID_ERROR_INIT;
	AID_FD(fd);

	if (geteuid() != 0)
		skip();
	if (aid_file_open("/nonexistent", AID_FILE_CONFIG, &fd, &err) != AID_E_NOTFOUND)
		skip();
}

/* Loads and expects exactly these "file:line: text" lines, files relative to the tree. */
static void expect_problems(const struct tree *tree, const char *expected)
{
	struct aid_config *config = NULL;
	struct aid_problems problems;
	char seen[4096] = "";
	int r = aid_config_load(&tree->paths, &config, &problems);

	for (size_t i = 0; i < problems.count; i++) {
		size_t used = strlen(seen);
		const struct aid_problem *problem = &problems.items[i];

		(void)snprintf(seen + used, sizeof(seen) - used, "%s:%llu: %s\n",
			problem->file + strlen(tree->root) + 1, (unsigned long long)problem->line,
			problem->text);
	}
	assert_string_equal(seen, expected);
	assert_int_equal(r, AID_E_CONFIG);
	assert_null(config);
	aid_problems_done(&problems);
}

static struct aid_config *expect_good(const struct tree *tree)
{
	struct aid_config *config = NULL;
	struct aid_problems problems;
	int r = aid_config_load(&tree->paths, &config, &problems);

	for (size_t i = 0; i < problems.count; i++)
		print_message("%s:%llu: %s\n", problems.items[i].file,
			(unsigned long long)problems.items[i].line, problems.items[i].text);
	assert_int_equal(r, AID_OK);
	aid_problems_done(&problems);
	return config;
}

static void agent_text(char *out, size_t size, const char *id, const char *account)
{
	(void)snprintf(out, size,
		"[agent]\nid = %s\naccount = %s\n[token]\nsource = host\naudience = api\n", id, account);
}

static void put_agent(const struct tree *tree, const char *directory, const char *file,
	const char *id, const char *account)
{
	char text[256];
	char path[256];

	agent_text(text, sizeof(text), id, account);
	(void)snprintf(path, sizeof(path), "agents.d/%s", file);
	put(tree, directory, path, text);
}

static void put_issuer(const struct tree *tree)
{
	put(tree, tree->etc, "agentid.conf", "[issuer]\nurl = https://host.example\n");
}

static void no_file_is_no_agent(void **state)
{
	struct aid_config_paths paths = {"/nonexistent/a", "/nonexistent/b"};
	struct aid_config *config = NULL;
	struct aid_problems problems;

	(void)state;
	skip_unless_root();
	assert_int_equal(aid_config_load(&paths, &config, &problems), AID_OK);
	assert_int_equal(problems.count, 0);
	assert_int_equal(config->n_agents, 0);
	assert_string_equal(config->fetch_user, "agentid-fetch");
	assert_string_equal(config->ca_file, "/etc/ssl/certs/ca-certificates.crt");
	assert_string_equal(config->issuer_key_dir, "/var/lib/agentid/issuer");
	assert_null(aid_config_agent(config, "a"));
	aid_config_free(config);
}

static void files_override_and_merge(void **state)
{
	struct tree *tree = *state;
	struct aid_config *config;
	char path[256];

	skip_unless_root();
	put(tree, tree->vendor, "agentid.conf", "[issuer]\nurl = https://vendor.example\n[fetch]\nuser = v\n");
	put_issuer(tree);
	put(tree, tree->etc, "agentid.conf.d/10.conf", "[fetch]\nca_file = /ten\n");
	put(tree, tree->etc, "agentid.conf.d/20.conf", "[fetch]\nca_file = /twenty\n");
	put(tree, tree->etc, "agentid.conf.d/30.conf.bak", "nonsense");
	put_agent(tree, tree->vendor, "one.conf", "vendor-one", "v1");
	put_agent(tree, tree->vendor, "two.conf", "vendor-two", "v2");
	put_agent(tree, tree->vendor, "three.conf", "vendor-three", "v3");
	put_agent(tree, tree->vendor, "four.conf", "four", "v4");
	put_agent(tree, tree->etc, "one.conf", "local-one", "l1");
	put(tree, tree->etc, "agents.d/two.conf", "");
	put(tree, tree->etc, "agents.d/README", "nonsense");
	(void)snprintf(path, sizeof(path), "%s/agents.d/three.conf", tree->etc);
	assert_int_equal(symlink("/dev/null", path), 0);
	config = expect_good(tree);
	assert_int_equal(config->n_agents, 2);
	assert_string_equal(config->agents[0].id, "four");
	assert_string_equal(config->agents[1].id, "local-one");
	assert_string_equal(aid_config_agent_of_account(config, "l1")->id, "local-one");
	assert_null(aid_config_agent_of_account(config, "v1"));
	assert_string_equal(aid_config_agent(config, "four")->account, "v4");
	assert_string_equal(config->host_issuer, "https://host.example");
	assert_string_equal(config->fetch_user, "v");
	assert_string_equal(config->ca_file, "/twenty");
	aid_config_free(config);
}

static void agents_must_differ(void **state)
{
	struct tree *tree = *state;
	char expected[1024];

	skip_unless_root();
	put_issuer(tree);
	put_agent(tree, tree->etc, "1.conf", "a", "u1");
	put_agent(tree, tree->etc, "2.conf", "a", "u2");
	put_agent(tree, tree->etc, "3.conf", "b", "u2");
	(void)snprintf(expected, sizeof(expected),
		"etc/agents.d/2.conf:2: [agent] id = 'a' is taken by %s/agents.d/1.conf; an id names one agent\n"
		"etc/agents.d/3.conf:3: [agent] account = 'u2' belongs to the agent of %s/agents.d/2.conf; an account has one agent\n",
		tree->etc, tree->etc);
	expect_problems(tree, expected);
}

/* "+AGENT:ACCOUNT ..." of those that may be opened, "-FILE[!]" of the refused ones, "!" where the agent
 * of before is held. *config is what was in force, and then what is. */
static void expect_usable(const struct tree *tree, struct aid_config **config, const char *expected)
{
	struct aid_config *fresh = NULL;
	struct aid_problems problems;
	char seen[512] = "";

	assert_int_equal(aid_config_load_usable(&tree->paths, *config, &fresh, &problems), AID_OK);
	aid_config_hold(fresh, *config);
	for (size_t i = 0; i < fresh->n_agents; i++)
		(void)snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "+%s:%s ",
			fresh->agents[i].id, fresh->agents[i].account);
	for (size_t i = 0; i < fresh->n_refused; i++)
		(void)snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "-%s%s ",
			strrchr(fresh->refused[i].file, '/') + 1, fresh->refused[i].held ? "!" : "");
	assert_string_equal(seen, expected);
	assert_int_equal(problems.count > 0, fresh->n_refused > 0);
	aid_problems_done(&problems);
	aid_config_free(*config);
	*config = fresh;
}

static void files_are_refused_one_by_one(void **state)
{
	static const char broken[] = "[agent]\nid = a\naccount = u2\nnonsense = 1\n";
	struct tree *tree = *state;
	struct aid_config *config = NULL;

	skip_unless_root();
	put_issuer(tree);
	put_agent(tree, tree->vendor, "v.conf", "a", "v");
	put_agent(tree, tree->etc, "1.conf", "a", "u1");
	put_agent(tree, tree->etc, "2.conf", "b", "u2");
	put(tree, tree->etc, "agents.d/3.conf", broken);
	/* The host's file wins over the vendor's; a broken one claims neither a nor u2. */
	expect_usable(tree, &config, "+a:u1 +b:u2 -3.conf -v.conf ");
	assert_string_equal(aid_config_refused(config, NULL, "v")->id, "a");
	/* Who is in force wins over who comes; who was good stays. */
	put_agent(tree, tree->etc, "0.conf", "c", "u1");
	put(tree, tree->etc, "agents.d/2.conf", broken);
	expect_usable(tree, &config, "+a:u1 +b:u2 -2.conf! -3.conf -v.conf -0.conf ");
	/* Also of an agent that is held, whatever its file says now. */
	put_agent(tree, tree->etc, "0.conf", "c", "u2");
	expect_usable(tree, &config, "+a:u1 +b:u2 -2.conf! -3.conf -v.conf -0.conf ");
	/* A file that changes into a conflict loses it, and its agent stays what it was. */
	put_agent(tree, tree->etc, "0.conf", "c", "u3");
	put_agent(tree, tree->etc, "2.conf", "b", "u1");
	expect_usable(tree, &config, "+a:u1 +b:u2 +c:u3 -3.conf -v.conf -2.conf! ");
	/* At a start nothing says whose the account is. */
	aid_config_free(config);
	config = NULL;
	expect_usable(tree, &config, "+c:u3 -3.conf -v.conf -2.conf -1.conf ");
	assert_false(aid_config_has_nameless(config));
	put(tree, tree->etc, "agents.d/3.conf", "nonsense");
	put_agent(tree, tree->etc, "2.conf", "b", "u2");
	expect_usable(tree, &config, "+a:u1 +b:u2 +c:u3 -3.conf -v.conf ");
	assert_true(aid_config_has_nameless(config));
	assert_non_null(strstr(aid_config_refused(config, "z", "z")->text, "/3.conf:1: "));
	assert_non_null(aid_config_refused(config, "z", NULL));
	assert_non_null(aid_config_refused(config, NULL, "z"));
	aid_config_free(config);
}

static void what_concerns_all_agents_is_not_usable(void **state)
{
	struct tree *tree = *state;
	struct aid_config *config = NULL;
	struct aid_problems problems;
	char *user;

	skip_unless_root();
	put_agent(tree, tree->etc, "1.conf", "a", "u1");
	put(tree, tree->etc, "agentid.conf", "[fetch]\nuser = someone\nnonsense = 1\n");
	assert_int_equal(aid_config_load_usable(&tree->paths, NULL, &config, &problems), AID_E_CONFIG);
	assert_null(config);
	aid_problems_done(&problems);
	user = aid_config_fetch_user(&tree->paths);
	assert_string_equal(user, "someone");
	free(user);
	/* An agent that needs what agentid.conf does not have is refused alone. */
	put(tree, tree->etc, "agentid.conf", "");
	expect_usable(tree, &config, "-1.conf ");
	aid_config_free(config);
}

static void the_account_in_a_broken_file(void **state)
{
	static const struct {
		const char *text, *account;
	} rows[] = {{"account = bot\n", "bot"}, {"[x\n account=\"b-1\" # y", "b-1"}, {"", ""},
		{"account = \naccount = two\n", "two"}, {"account = a/b\n", ""}, {"accounts = a\n", ""},
		{"account = 0123456\n", ""}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char account[7];

		aid_config_text_account(rows[i].text, strlen(rows[i].text), account, sizeof(account));
		assert_string_equal(account, rows[i].account);
	}
}

static void a_host_agent_needs_an_issuer(void **state)
{
	struct tree *tree = *state;
	char expected[512];

	skip_unless_root();
	put_agent(tree, tree->etc, "1.conf", "a", "u1");
	(void)snprintf(expected, sizeof(expected),
		"etc/agents.d/1.conf:5: [token] source = host needs [issuer] url in %s/agentid.conf\n",
		tree->etc);
	expect_problems(tree, expected);
}

static void untrusted_files_are_refused(void **state)
{
	struct tree *tree = *state;
	char path[256];
	char directory[256];

	skip_unless_root();
	put_issuer(tree);
	put_agent(tree, tree->etc, "1.conf", "a", "u1");
	(void)snprintf(path, sizeof(path), "%s/agents.d/1.conf", tree->etc);
	(void)snprintf(directory, sizeof(directory), "%s/agents.d", tree->etc);
	assert_int_equal(chmod(path, 0666), 0);
	expect_problems(tree, "etc/agents.d/1.conf:0: mode 0666, at most 0755 is allowed\n");
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(chown(path, 65534, 0), 0);
	expect_problems(tree, "etc/agents.d/1.conf:0: owned by uid 65534, not by root\n");
	assert_int_equal(chown(path, 0, 0), 0);
	assert_int_equal(chmod(directory, 0775), 0);
	expect_problems(tree,
		"etc/agents.d:0: directory mode 0775 lets others write; at most 0755 is allowed\n");
	assert_int_equal(chmod(directory, 0755), 0);
	assert_int_equal(chown(directory, 65534, 0), 0);
	expect_problems(tree, "etc/agents.d:0: directory is owned by uid 65534, not by root\n");
	assert_int_equal(chown(directory, 0, 0), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	expect_problems(tree, "etc/agents.d/1.conf:0: a symbolic link stands in the path\n");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_problems(tree, "etc/agents.d/1.conf:0: not a regular file\n");
}

static void a_file_has_a_size_limit(void **state)
{
	struct tree *tree = *state;
	AID_FREE char *text = NULL;

	skip_unless_root();
	text = malloc(AID_CONFIG_FILE_MAX + 2);
	assert_non_null(text);
	memset(text, '\n', AID_CONFIG_FILE_MAX + 1);
	text[AID_CONFIG_FILE_MAX + 1] = '\0';
	put(tree, tree->etc, "agentid.conf", text);
	expect_problems(tree, "etc/agentid.conf:0: the file has more than 65536 bytes, which is the limit\n");
	text[AID_CONFIG_FILE_MAX] = '\0';
	put(tree, tree->etc, "agentid.conf", text);
	aid_config_free(expect_good(tree));
}

/* Another part of the process may have set this for its own files. */
static void the_environment_does_not_matter(void **state)
{
	struct tree *tree = *state;

	skip_unless_root();
	put(tree, tree->etc, "agentid.conf", "[fetch]\nuser = a\nuser = b\n");
	assert_int_equal(setenv("ECONF_JOIN_SAME_ENTRIES", "1", 1), 0);
	expect_problems(tree,
		"etc/agentid.conf:3: [fetch] user stands twice, first in line 2; one is allowed\n");
	assert_int_equal(unsetenv("ECONF_JOIN_SAME_ENTRIES"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_file_is_no_agent),
		cmocka_unit_test_setup_teardown(files_override_and_merge, tree_new, tree_free),
		cmocka_unit_test_setup_teardown(agents_must_differ, tree_new, tree_free),
		cmocka_unit_test_setup_teardown(files_are_refused_one_by_one, tree_new, tree_free),
		cmocka_unit_test_setup_teardown(what_concerns_all_agents_is_not_usable, tree_new, tree_free),
		cmocka_unit_test(the_account_in_a_broken_file),
		cmocka_unit_test_setup_teardown(a_host_agent_needs_an_issuer, tree_new, tree_free),
		cmocka_unit_test_setup_teardown(untrusted_files_are_refused, tree_new, tree_free),
		cmocka_unit_test_setup_teardown(a_file_has_a_size_limit, tree_new, tree_free),
		cmocka_unit_test_setup_teardown(the_environment_does_not_matter, tree_new, tree_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
