/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* Runs a target over its corpus without libFuzzer: the main() of every fuzz program in `make check`.
 * The corpus is fuzz/corpus/NAME for the program fuzz_NAME, or the files given as arguments. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#define INPUT_MAX (1024U * 1024)

/* Input of exactly its size on the heap, so that ASan and valgrind see each byte read too many. */
static int replay(const char *path)
{
	FILE *file = fopen(path, "re");
	uint8_t *whole, *input;
	size_t length;

	if (file == NULL) {
		perror(path);
		return 1;
	}
	whole = malloc(INPUT_MAX);
	length = whole != NULL ? fread(whole, 1, INPUT_MAX, file) : 0;
	(void)fclose(file);
	input = malloc(length > 0 ? length : 1);
	if (whole == NULL || input == NULL)
		abort();
	memcpy(input, whole, length);
	(void)LLVMFuzzerTestOneInput(input, length);
	free(input);
	free(whole);
	return 0;
}

static int replay_directory(const char *directory)
{
	DIR *stream = opendir(directory);
	const struct dirent *entry;
	unsigned int count = 0;
	int used, failed = 0;
	char path[4096];

	if (stream == NULL) {
		perror(directory);
		return 1;
	}
	while ((entry = readdir(stream)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		used = snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		failed |= used < 0 || (size_t)used >= sizeof(path) || replay(path);
		count++;
	}
	(void)closedir(stream);
	printf("%s: %u inputs\n", directory, count);
	return failed != 0 || count == 0;
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');
	char directory[4096];
	int failed = 0;

	for (int i = 1; i < argc; i++)
		failed |= replay(argv[i]);
	if (argc > 1)
		return failed;
	name = strstr(name != NULL ? name : argv[0], "fuzz_");
	if (name == NULL)
		return 2;
	(void)snprintf(directory, sizeof(directory), "%s/%s", FUZZ_CORPUS_DIR, name + strlen("fuzz_"));
	return replay_directory(directory);
}
