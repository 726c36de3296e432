// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store.h"

static char dir[] = "/tmp/concord-store-XXXXXX";
static char path[64];

static struct store *open_it(void)
{
	struct store *s = NULL;
	struct diag d = { 0 };
	enum err e = store_open(&s, path, &d);

	diag_print(&d, stderr);
	assert_int_equal(e, ERR_OK);
	diag_free(&d);
	return s;
}

static void wipe(void)
{
	char other[80];

	unlink(path);
	snprintf(other, sizeof other, "%s-wal", path);
	unlink(other);
	snprintf(other, sizeof other, "%s-shm", path);
	unlink(other);
}

static void documents_last_and_count_their_revisions(void **state)
{
	struct store *s = open_it();
	char *text = NULL;
	int64_t revision = 0;

	(void)state;
	assert_int_equal(store_get(s, "a", &text, &revision), ERR_NOT_FOUND);
	assert_int_equal(store_put(s, "a", "one"), ERR_OK);
	assert_int_equal(store_put(s, "a", "two"), ERR_OK);
	store_close(s);
	s = open_it();
	assert_int_equal(store_get(s, "a", &text, &revision), ERR_OK);
	assert_string_equal(text, "two");
	assert_int_equal(revision, 2);
	free(text);
	assert_int_equal(store_delete(s, "a"), ERR_OK);
	assert_int_equal(store_get(s, "a", &text, &revision), ERR_NOT_FOUND);
	store_close(s);
	wipe();
}

static void a_batch_is_whole_or_not_at_all(void **state)
{
	struct store *s = open_it();
	char *text = NULL;
	const struct store_change bad[] = { { "x", "1", 0 }, { "y", "1", 7 } };
	const struct store_change good[] = { { "x", "1", 0 }, { "y", "1", 0 } };

	(void)state;
	assert_int_equal(store_apply(s, bad, 2), ERR_CONFLICT);
	assert_int_equal(store_get(s, "x", &text, NULL), ERR_NOT_FOUND);
	assert_int_equal(store_apply(s, good, 2), ERR_OK);
	assert_int_equal(store_apply(s, good, 2), ERR_CONFLICT);
	store_close(s);
	wipe();
}

static bool is_there(struct store *s, const char *key)
{
	char *text = NULL;
	bool there = store_get(s, key, &text, NULL) == ERR_OK;

	free(text);
	return there;
}

static void what_is_refused_within_a_batch_leaves_the_rest_of_it(void **state)
{
	struct store *s = open_it();
	const struct store_change bad[] = { { "x", "1", 0 }, { "y", "1", 7 } };

	(void)state;
	assert_int_equal(store_batch_begin(s), ERR_OK);
	assert_int_equal(store_put(s, "a", "1"), ERR_OK);
	assert_int_equal(store_apply(s, bad, 2), ERR_CONFLICT);
	assert_int_equal(store_batch_begin(s), ERR_OK); /* one in another */
	assert_int_equal(store_put(s, "b", "1"), ERR_OK);
	assert_int_equal(store_batch_end(s), ERR_OK);
	assert_true(is_there(s, "b"));
	assert_int_equal(store_batch_end(s), ERR_OK);
	store_close(s);
	s = open_it();
	assert_true(is_there(s, "a") && is_there(s, "b"));
	assert_false(is_there(s, "x") || is_there(s, "y"));
	assert_int_equal(store_batch_begin(s), ERR_OK);
	assert_int_equal(store_delete(s, "a"), ERR_OK);
	store_batch_abort(s);
	assert_true(is_there(s, "a"));
	store_close(s);
	wipe();
}

static void nothing_of_a_batch_lasts_before_its_end(void **state)
{
	(void)state;
	for (int ended = 0; ended < 2; ended++) {
		pid_t child = fork();
		if (child == 0) {
			struct store *s = open_it();
			if (store_batch_begin(s) || store_put(s, "a", "1") ||
			    store_put(s, "b", "1") || (ended && store_batch_end(s)))
				_exit(1);
			kill(getpid(), SIGKILL);
		}
		int how;
		waitpid(child, &how, 0);
		assert_true(WIFSIGNALED(how));
		struct store *s = open_it();
		assert_true(is_there(s, "a") == ended && is_there(s, "b") == ended);
		store_close(s);
	}
	wipe();
}

static bool write_meanwhile(const char *key, const char *text, int64_t revision, void *context)
{
	char other[80];

	(void)text;
	(void)revision;
	snprintf(other, sizeof other, "seen/%s", key);
	return store_put(context, other, "1") == ERR_OK && is_there(context, key);
}

static void who_lists_may_read_and_write(void **state)
{
	struct store *s = open_it();

	(void)state;
	store_put(s, "zones/a/1", "x");
	store_put(s, "zones/a/2", "x");
	store_put(s, "zones/a0", "x");
	assert_int_equal(store_list(s, "zones/a/", write_meanwhile, s), ERR_OK);
	assert_true(is_there(s, "seen/zones/a/1") && is_there(s, "seen/zones/a/2"));
	assert_false(is_there(s, "seen/zones/a0"));
	assert_int_equal(store_list(s, "", write_meanwhile, s), ERR_INVALID);
	store_close(s);
	wipe();
}

static bool count(const char *key, const char *text, int64_t revision, void *context)
{
	(void)text;
	(void)revision;
	assert_int_equal(strncmp(key, "zones/a/", 8), 0);
	++*(int *)context;
	return true;
}

static void listing_goes_by_prefix(void **state)
{
	struct store *s = open_it();
	int n = 0;

	(void)state;
	store_put(s, "zones/a/1", "x");
	store_put(s, "zones/a/2", "x");
	store_put(s, "zones/ab/1", "x");
	store_put(s, "zones/b", "x");
	assert_int_equal(store_list(s, "zones/a/", count, &n), ERR_OK);
	assert_int_equal(n, 2);
	store_close(s);
	wipe();
}

/* A child writes pairs until it is killed: each pair is there whole, and none that was confirmed is
 * lost. */
static void what_was_confirmed_survives_kill_9(void **state)
{
	(void)state;
	for (int round = 0; round < 5; round++) {
		int pipe_fd[2];
		assert_int_equal(pipe(pipe_fd), 0);
		pid_t child = fork();
		if (child == 0) {
			struct store *s = open_it();
			for (char i = 1;; i++) {
				char text[8];
				snprintf(text, sizeof text, "%d", i);
				const struct store_change pair[] = {
					{ "p", text, STORE_ANY_REVISION },
					{ "q", text, STORE_ANY_REVISION }
				};
				if (store_apply(s, pair, 2) != ERR_OK ||
				    write(pipe_fd[1], &i, 1) != 1)
					_exit(1);
			}
		}
		char last = 0, got = 0;
		for (int i = 0; i < 10 + round; i++)
			assert_int_equal(read(pipe_fd[0], &last, 1), 1);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		close(pipe_fd[1]);
		while (read(pipe_fd[0], &got, 1) == 1)
			last = got;
		close(pipe_fd[0]);
		struct store *s = open_it();
		char *p = NULL, *q = NULL;
		assert_int_equal(store_get(s, "p", &p, NULL), ERR_OK);
		assert_int_equal(store_get(s, "q", &q, NULL), ERR_OK);
		assert_string_equal(p, q);
		assert_true(atoi(p) >= last);
		free(p);
		free(q);
		store_close(s);
	}
	wipe();
}

static void a_file_that_others_may_read_is_refused_and_a_damaged_one_too(void **state)
{
	struct store *s = NULL;
	struct diag d = { 0 };
	FILE *f = fopen(path, "w");

	(void)state;
	fputs("this is no database, and long enough to be looked at as one: "
	      "0123456789012345678901234567890123456789012345678901234567890123456789",
	      f);
	fclose(f);
	chmod(path, 0600);
	assert_int_equal(store_open(&s, path, &d), ERR_STORE);
	assert_true(diag_failed(&d));
	chmod(path, 0644);
	assert_int_equal(store_open(&s, path, &d), ERR_PERMISSION);
	diag_free(&d);
	wipe();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_last_and_count_their_revisions),
		cmocka_unit_test(a_batch_is_whole_or_not_at_all),
		cmocka_unit_test(what_is_refused_within_a_batch_leaves_the_rest_of_it),
		cmocka_unit_test(nothing_of_a_batch_lasts_before_its_end),
		cmocka_unit_test(listing_goes_by_prefix),
		cmocka_unit_test(who_lists_may_read_and_write),
		cmocka_unit_test(what_was_confirmed_survives_kill_9),
		cmocka_unit_test(a_file_that_others_may_read_is_refused_and_a_damaged_one_too),
	};

	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof path, "%s/store.db", dir);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(dir);
	return failed;
}
