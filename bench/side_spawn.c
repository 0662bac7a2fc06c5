/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* "spawn:[<FILE] PROGRAM ARGUMENT ...": a new process, from posix_spawn to its end, output thrown away,
 * with FILE as its standard input. */
#include "bench.h"
#include "side.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 32U

struct command {
	char *argv[ARGUMENTS_MAX];
	posix_spawn_file_actions_t actions;
};

static void once(void *state, double *us)
{
	struct command *command = state;
	int64_t begin = bench_now_ns();
	int status = 0;
	pid_t pid;

	if (posix_spawnp(&pid, command->argv[0], &command->actions, NULL, command->argv, environ) != 0)
		bench_die("cannot start %s", command->argv[0]);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		bench_die("%s failed (wait status %d)", command->argv[0], status);
	us[0] = (double)(bench_now_ns() - begin) / 1000.0;
}

static void take_input(struct command *command, const char *file)
{
	if (posix_spawn_file_actions_addopen(&command->actions, STDIN_FILENO, file, O_RDONLY, 0) != 0)
		bench_die("posix_spawn_file_actions");
}

void side_spawn_init(struct side *side, const char *words, const struct side_options *options)
{
	struct command *command = calloc(1, sizeof(*command));
	char *rest = strdup(words);
	size_t n = 0;

	(void)options;
	if (command == NULL || rest == NULL)
		bench_die("out of memory");
	if (posix_spawn_file_actions_init(&command->actions) != 0)
		bench_die("posix_spawn_file_actions");
	for (char *word = strsep(&rest, " "); word != NULL; word = strsep(&rest, " ")) {
		if (n == 0 && word[0] == '<') {
			take_input(command, word + 1);
			continue;
		}
		if (n + 1 == ARGUMENTS_MAX)
			bench_die("more than %u arguments", ARGUMENTS_MAX - 1);
		command->argv[n++] = word;
	}
	if (posix_spawn_file_actions_addopen(&command->actions, STDOUT_FILENO, "/dev/null",
			O_WRONLY, 0) != 0)
		bench_die("posix_spawn_file_actions");
	*side = (struct side){.phases = {"process"}, .state = command, .once = once};
}
