// SPDX-License-Identifier: Apache-2.0
#include "transfer/spool.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "dns/rrtype.h"

static const uint8_t ZONE[] = "\7example";
static char dir[] = "/tmp/concord-spool-XXXXXX";
static char path[64];

static int make_dir(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/zone", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static unsigned seen_n;
static uint32_t seen_ttl;
static uint8_t seen_rdata[64];

static enum err each(const struct spool_record *r, void *context)
{
	const enum err *give = context;

	seen_n++;
	seen_ttl = r->ttl;
	memcpy(seen_rdata, r->rdata.p, r->rdata.n < 64 ? r->rdata.n : 64);
	return give != NULL ? *give : ERR_OK;
}

static enum err read_all(void)
{
	seen_n = 0;
	return spool_read(path, ZONE, each, NULL);
}

static void write_zone(unsigned n, bool commit)
{
	struct spool *s;

	assert_int_equal(spool_begin(&s, path, ZONE), ERR_OK);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(spool_add(s, (const uint8_t *)"\1a\7example", TYPE_TXT, i,
					   (struct span){ (const uint8_t *)"\2hi", 3 }),
				 ERR_OK);
	assert_int_equal(spool_end(s), ERR_OK);
	if (commit)
		assert_int_equal(spool_commit(s), ERR_OK);
	else
		spool_abort(s);
}

static void what_was_written_is_read(void **state)
{
	(void)state;
	struct stat st;

	assert_int_equal(read_all(), ERR_NOT_FOUND);
	write_zone(1000, true);
	assert_int_equal(read_all(), ERR_OK);
	assert_int_equal(seen_n, 1000);
	assert_int_equal(seen_ttl, 999);
	assert_memory_equal(seen_rdata, "\2hi", 3);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void one_that_is_given_up_leaves_the_old_one(void **state)
{
	(void)state;
	write_zone(3, true);
	write_zone(7, false);
	assert_int_equal(read_all(), ERR_OK);
	assert_int_equal(seen_n, 3);
	char beside[80];
	snprintf(beside, sizeof beside, "%s.new", path);
	assert_int_equal(access(beside, F_OK), -1);
}

static void a_file_with_any_octet_changed_or_missing_is_not_taken(void **state)
{
	(void)state;
	uint8_t whole[4000];

	write_zone(3, true);
	FILE *f = fopen(path, "r");
	size_t n = fread(whole, 1, sizeof whole, f);
	fclose(f);
	for (size_t i = 0; i < n; i++) {
		f = fopen(path, "w");
		whole[i] ^= 1;
		fwrite(whole, 1, n, f);
		whole[i] ^= 1;
		fclose(f);
		if (read_all() != ERR_CORRUPT)
			fail_msg("octet %zu of %zu changed and nobody noticed", i, n);
		f = fopen(path, "w");
		fwrite(whole, 1, i, f);
		fclose(f);
		assert_int_equal(read_all(), ERR_CORRUPT);
	}
}

static void each_file_has_an_id_of_its_own(void **state)
{
	char one[SPOOL_ID_MAX], two[SPOOL_ID_MAX], again[SPOOL_ID_MAX];

	(void)state;
	unlink(path);
	assert_int_equal(spool_id(path, one), ERR_NOT_FOUND);
	write_zone(3, true);
	assert_int_equal(spool_id(path, one), ERR_OK);
	write_zone(4, true);
	assert_int_equal(spool_id(path, two), ERR_OK);
	assert_string_not_equal(one, two);
	write_zone(3, true);
	assert_int_equal(spool_id(path, again), ERR_OK);
	assert_string_equal(one, again);
	assert_int_equal(truncate(path, 31), 0);
	assert_int_equal(spool_id(path, one), ERR_CORRUPT);
}

static void another_zones_file_is_not_taken(void **state)
{
	(void)state;
	write_zone(1, true);
	assert_int_equal(spool_read(path, (const uint8_t *)"\5other", each, NULL), ERR_CORRUPT);
}

static void what_the_reader_refuses_ends_it(void **state)
{
	(void)state;
	enum err give = ERR_TOO_LONG;

	write_zone(5, true);
	seen_n = 0;
	assert_int_equal(spool_read(path, ZONE, each, &give), ERR_TOO_LONG);
	assert_int_equal(seen_n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(one_that_is_given_up_leaves_the_old_one),
		cmocka_unit_test(a_file_with_any_octet_changed_or_missing_is_not_taken),
		cmocka_unit_test(each_file_has_an_id_of_its_own),
		cmocka_unit_test(another_zones_file_is_not_taken),
		cmocka_unit_test(what_the_reader_refuses_ends_it),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
