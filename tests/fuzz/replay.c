// SPDX-License-Identifier: Apache-2.0
/*
 * replay.c -- runs a fuzz target on the files of the directories named, each once.
 *
 * Purpose.   Without libFuzzer, the seeds still are regression tests, also under gcc.
 *            Each input is copied to memory of its exact size, so that a sanitizer sees the first
 * byte read past it. Errors.    A directory that cannot be read or has no files is a failure:
 * nothing would have been tested.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer's entry point, defined by the target. */
#include "fuzz.h"

/* No parser of ours takes more at once; a larger seed is a mistake. */
enum { SEED_MAX = 1 << 20 };

static int run_file(const char *path)
{
	int result = -1;
	uint8_t *data = NULL;
	FILE *f = fopen(path, "rb");
	if (f == NULL)
		goto done;
	if (fseek(f, 0, SEEK_END) != 0)
		goto done;
	long size = ftell(f);
	if (size < 0 || size > SEED_MAX || fseek(f, 0, SEEK_SET) != 0)
		goto done;
	data = malloc((size_t)size);
	if (data == NULL && size > 0)
		goto done;
	if (size > 0 && fread(data, 1, (size_t)size, f) != (size_t)size)
		goto done;
	LLVMFuzzerTestOneInput(data, (size_t)size);
	result = 0;
done:
	if (result != 0)
		fprintf(stderr, "%s: cannot be read: %s\n", path, strerror(errno));
	free(data);
	if (f != NULL)
		fclose(f);
	return result;
}

/* How many files were run; negative on failure. */
static int run_directory(const char *path)
{
	int n = 0;
	DIR *dir = opendir(path);
	if (dir == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	for (struct dirent *e; n >= 0 && (e = readdir(dir)) != NULL;) {
		if (e->d_name[0] == '.')
			continue;
		char file[4096];
		int len = snprintf(file, sizeof file, "%s/%s", path, e->d_name);
		if (len < 0 || (size_t)len >= sizeof file || run_file(file) != 0)
			n = -1;
		else
			n++;
	}
	closedir(dir);
	return n;
}

int main(int argc, char **argv)
{
	int total = 0;
	for (int i = 1; i < argc; i++) {
		int n = run_directory(argv[i]);
		if (n < 0)
			return 1;
		total += n;
	}
	if (total == 0) {
		fprintf(stderr, "no seeds\n");
		return 1;
	}
	printf("%d seeds\n", total);
	return 0;
}
