// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_batch.h"

static char dir[] = "/tmp/concord-batch-XXXXXX";

static const char *path_of(unsigned i, const char *suffix)
{
	static char path[80];

	snprintf(path, sizeof path, "%s/f%u%s", dir, i, suffix);
	return path;
}

static bool is_there(unsigned i, const char *suffix)
{
	return access(path_of(i, suffix), F_OK) == 0;
}

/* Few files are synced one by one, many together: what comes of it is the same. */
static void files_are_at_their_places_once_settled_and_not_before(void **state)
{
	static const unsigned COUNTS[] = { 2, 40 };

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct file_batch *b = NULL;
		struct stat st;
		unsigned n = COUNTS[k];
		assert_int_equal(file_batch_new(&b), ERR_OK);
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(
			    file_batch_add(b, path_of(i, ""), i % 2 ? 0600 : 0644, "text", 4),
			    ERR_OK);
		assert_int_equal(file_batch_n(b), n);
		for (unsigned i = 0; i < n; i++)
			assert_true(!is_there(i, "") && is_there(i, ".new"));
		assert_int_equal(file_batch_settle(b), ERR_OK);
		for (unsigned i = 0; i < n; i++) {
			assert_int_equal(stat(path_of(i, ""), &st), 0);
			assert_int_equal(st.st_size, 4);
			assert_int_equal(st.st_mode & 077, i % 2 ? 0 : 044);
			assert_false(is_there(i, ".new"));
		}
		file_batch_free(b);
		for (unsigned i = 0; i < n; i++)
			unlink(path_of(i, ""));
	}
}

static void what_is_given_up_leaves_nothing_behind_and_what_was_there_stays(void **state)
{
	struct file_batch *b = NULL;
	FILE *f = fopen(path_of(0, ""), "w");

	(void)state;
	fputs("old", f);
	fclose(f);
	assert_int_equal(file_batch_new(&b), ERR_OK);
	assert_int_equal(file_batch_add(b, path_of(0, ""), 0600, "newer", 5), ERR_OK);
	assert_int_equal(file_batch_add(b, "/nowhere/at/all", 0600, "x", 1), ERR_IO);
	assert_int_equal(errno, ENOENT);
	file_batch_free(b);
	struct stat st;
	assert_int_equal(stat(path_of(0, ""), &st), 0);
	assert_int_equal(st.st_size, 3);
	assert_false(is_there(0, ".new"));
	unlink(path_of(0, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_at_their_places_once_settled_and_not_before),
		cmocka_unit_test(what_is_given_up_leaves_nothing_behind_and_what_was_there_stays),
	};

	if (mkdtemp(dir) == NULL)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(dir);
	return failed;
}
