// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/journal.h"

static char dir[] = "/tmp/concord-journal-XXXXXX";
static char path[64];
static const struct journal_limits WIDE = { 1000, 1 << 20 };

static struct journal *open_it(void)
{
	struct journal *j = NULL;
	struct diag d = { 0 };
	enum err e = journal_open(&j, path, &d);

	diag_print(&d, stderr);
	assert_int_equal(e, ERR_OK);
	diag_free(&d);
	return j;
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

static struct journal_set set_of(uint32_t from, const char *text)
{
	return (struct journal_set){
		from, from + 1, 1000 + from, { (const uint8_t *)text, strlen(text) }
	};
}

static void append(struct journal *j, const char *zone, uint32_t from, bool overlay,
		   const struct journal_limits *limits)
{
	struct journal_set s = set_of(from, "0123456789");

	assert_int_equal(journal_append(j, zone, &s, overlay, limits), ERR_OK);
}

struct seen {
	uint32_t first, last, n;
	bool gap;
};

static bool see(const struct journal_set *s, void *context)
{
	struct seen *x = context;

	if (x->n == 0)
		x->first = s->from;
	else if (s->from != x->last)
		x->gap = true;
	x->last = s->to;
	x->n++;
	return true;
}

static struct seen history(struct journal *j, const char *zone, uint32_t from, enum err want)
{
	struct seen x = { 0 };

	assert_int_equal(journal_history(j, zone, from, see, &x), want);
	assert_false(x.gap);
	return x;
}

static void the_history_leads_on_from_any_serial_that_it_has(void **state)
{
	struct journal *j = open_it();

	(void)state;
	assert_int_equal(journal_begin(j), ERR_OK);
	for (uint32_t i = 4294967290u; i != 10; i++)
		append(j, "a.example.", i, false, &WIDE);
	append(j, "b.example.", 3, true, &WIDE);
	assert_int_equal(journal_commit(j), ERR_OK);
	journal_close(j);
	j = open_it();
	assert_int_equal(history(j, "a.example.", 4294967290u, ERR_OK).n, 16);
	struct seen x = history(j, "a.example.", 2, ERR_OK);
	assert_int_equal(x.first, 2);
	assert_int_equal(x.last, 10);
	assert_int_equal(history(j, "a.example.", 10, ERR_NOT_FOUND).n, 0);
	assert_int_equal(history(j, "c.example.", 3, ERR_NOT_FOUND).n, 0);
	assert_int_equal(journal_overlay_n(j, "b.example."), 1);
	assert_int_equal(journal_overlay_n(j, "a.example."), 0);
	journal_close(j);
	wipe();
}

static void the_oldest_sets_go_when_a_limit_is_reached_and_the_overlay_stays(void **state)
{
	struct journal_limits few = { 5, 1 << 20 }, small = { 1000, 35 }, tiny = { 1000, 1 };
	struct journal *j = open_it();

	(void)state;
	assert_int_equal(journal_begin(j), ERR_OK);
	for (uint32_t i = 0; i < 20; i++)
		append(j, "few.", i, true, &few);
	for (uint32_t i = 0; i < 20; i++)
		append(j, "small.", i, true, &small);
	for (uint32_t i = 0; i < 20; i++)
		append(j, "tiny.", i, false, &tiny);
	assert_int_equal(journal_commit(j), ERR_OK);
	assert_int_equal(history(j, "few.", 15, ERR_OK).n, 5);
	history(j, "few.", 14, ERR_NOT_FOUND);
	assert_int_equal(history(j, "small.", 16, ERR_OK).n, 4); /* the limit falls into one */
	history(j, "small.", 15, ERR_NOT_FOUND);
	assert_int_equal(history(j, "tiny.", 19, ERR_OK).n, 1); /* the last one always stays */
	assert_int_equal(journal_overlay_n(j, "few."), 20);
	journal_close(j);
	wipe();
}

static void a_gap_begins_a_new_history(void **state)
{
	struct journal *j = open_it();

	(void)state;
	assert_int_equal(journal_begin(j), ERR_OK);
	append(j, "a.", 1, false, &WIDE);
	append(j, "a.", 2, false, &WIDE);
	append(j, "a.", 7, false, &WIDE);
	assert_int_equal(journal_commit(j), ERR_OK);
	history(j, "a.", 1, ERR_NOT_FOUND);
	assert_int_equal(history(j, "a.", 7, ERR_OK).n, 1);
	journal_close(j);
	wipe();
}

static void the_overlay_is_replaced_or_forgotten(void **state)
{
	struct journal *j = open_it();
	struct journal_set one = { 0, 9, 5, { (const uint8_t *)"net", 3 } };
	struct seen x = { 0 };

	(void)state;
	assert_int_equal(journal_begin(j), ERR_OK);
	for (uint32_t i = 0; i < 9; i++)
		append(j, "a.", i, true, &WIDE);
	assert_int_equal(journal_replace_overlay(j, "a.", &one), ERR_OK);
	assert_int_equal(journal_commit(j), ERR_OK);
	assert_int_equal(journal_overlay(j, "a.", see, &x), ERR_OK);
	assert_int_equal(x.n, 1);
	assert_int_equal(x.last, 9);
	assert_int_equal(history(j, "a.", 0, ERR_OK).n, 9);
	assert_int_equal(journal_begin(j), ERR_OK);
	assert_int_equal(journal_forget(j, "a."), ERR_OK);
	assert_int_equal(journal_commit(j), ERR_OK);
	assert_int_equal(journal_overlay_n(j, "a."), 0);
	history(j, "a.", 0, ERR_NOT_FOUND);
	journal_close(j);
	wipe();
}

static void what_was_rolled_back_is_not_there_and_a_reader_sees_what_was_committed(void **state)
{
	struct journal *j = open_it(), *reader = NULL;

	(void)state;
	assert_int_equal(journal_open_reader(&reader, path), ERR_OK);
	assert_int_equal(journal_begin(j), ERR_OK);
	append(j, "a.", 1, true, &WIDE);
	assert_int_equal(journal_overlay_n(reader, "a."), 0);
	journal_rollback(j);
	assert_int_equal(journal_overlay_n(j, "a."), 0);
	assert_int_equal(journal_begin(j), ERR_OK);
	append(j, "a.", 1, true, &WIDE);
	assert_int_equal(journal_commit(j), ERR_OK);
	assert_int_equal(journal_overlay_n(reader, "a."), 1);
	journal_close(reader);
	journal_close(j);
	wipe();
}

/* A child commits batches and counts each in shared memory once it was told that it lasts; it is
 * killed at any moment. */
static void commits_survive_kill_9_and_are_whole(void **state)
{
	volatile uint32_t *committed =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	(void)state;
	for (unsigned round = 0; round < 8; round++) {
		*committed = 0;
		pid_t child = fork();
		if (child == 0) {
			struct journal *j = open_it();
			for (uint32_t i = 0;; i++) {
				journal_begin(j);
				for (uint32_t k = 0; k < 3; k++)
					append(j, "a.", i * 3 + k, true, &WIDE);
				if (journal_commit(j) == ERR_OK)
					*committed = i + 1;
			}
		}
		while (*committed < 3 + round * 5)
			usleep(200);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		uint32_t promised = *committed;
		struct journal *j = open_it();
		size_t n = journal_overlay_n(j, "a.");
		assert_true(n >= promised * 3);
		assert_int_equal(n % 3, 0);
		assert_true(n <= promised * 3 + 3);
		assert_int_equal(history(j, "a.", 0, ERR_OK).n, n);
		journal_close(j);
		wipe();
	}
}

static void overlays_of_one_source_never_lie_on_another(void **state)
{
	static const char *const KEPT[] = { "a.example.", "a.example.! ", "sub.a.example.",
					    "a.exampl." };
	char old[JOURNAL_SOURCE_MAX], new[JOURNAL_SOURCE_MAX], other[JOURNAL_SOURCE_MAX];
	struct journal *j = open_it();
	struct journal_set s = set_of(1, "0123456789");

	(void)state;
	journal_source("a.example.", "0ff1ce", old);
	journal_source("a.example.", "c0ffee", new);
	journal_source("aa.example.", "0ff1ce", other);
	assert_int_equal(journal_begin(j), ERR_OK);
	assert_int_equal(journal_add_overlay(j, old, &s), ERR_OK);
	assert_int_equal(journal_add_overlay(j, new, &s), ERR_OK);
	assert_int_equal(journal_add_overlay(j, other, &s), ERR_OK);
	for (size_t i = 0; i < sizeof KEPT / sizeof *KEPT; i++)
		assert_int_equal(journal_add_overlay(j, KEPT[i], &s), ERR_OK);
	assert_int_equal(journal_commit(j), ERR_OK);
	history(j, "a.example.", 1, ERR_NOT_FOUND);
	assert_int_equal(journal_forget_other_sources(j, "a.example.", new), ERR_OK);
	assert_int_equal(journal_overlay_n(j, old), 0);
	assert_int_equal(journal_overlay_n(j, new), 1);
	assert_int_equal(journal_overlay_n(j, other), 1);
	for (size_t i = 0; i < sizeof KEPT / sizeof *KEPT; i++)
		assert_int_equal(journal_overlay_n(j, KEPT[i]), 1);
	journal_close(j);
	wipe();
}

static void a_file_that_others_may_read_is_refused(void **state)
{
	struct journal *j = open_it();
	struct diag d = { 0 };

	(void)state;
	journal_close(j);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(journal_open(&j, path, &d), ERR_PERMISSION);
	diag_free(&d);
	wipe();
}

static int set_up(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/journal.db", dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_history_leads_on_from_any_serial_that_it_has),
		cmocka_unit_test(the_oldest_sets_go_when_a_limit_is_reached_and_the_overlay_stays),
		cmocka_unit_test(a_gap_begins_a_new_history),
		cmocka_unit_test(the_overlay_is_replaced_or_forgotten),
		cmocka_unit_test(
		    what_was_rolled_back_is_not_there_and_a_reader_sees_what_was_committed),
		cmocka_unit_test(commits_survive_kill_9_and_are_whole),
		cmocka_unit_test(overlays_of_one_source_never_lie_on_another),
		cmocka_unit_test(a_file_that_others_may_read_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
