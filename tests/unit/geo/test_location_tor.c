// SPDX-License-Identifier: Apache-2.0
/* Range files: what they say about each address, and what is refused with its line. */
#include "check.h"

#include <stdio.h>
#include <unistd.h>

#include "geo/location.h"

/* A file with this text; the caller unlinks and frees. */
static char *file_with(const char *text, size_t n)
{
	char *path = strdup("/tmp/concord-ranges-XXXXXX");
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), (ssize_t)n);
	close(fd);
	return path;
}

static enum err open_texts(struct location_db **out, const char *v4, const char *v6, struct diag *d)
{
	char *path = file_with(v4, strlen(v4)), *path6 = v6 ? file_with(v6, strlen(v6)) : NULL;
	enum err e = location_open_tor(out, path, path6, d);

	unlink(path);
	if (path6 != NULL)
		unlink(path6);
	free(path);
	free(path6);
	return e;
}

static const struct place *at(const struct location_db *db, const char *text, uint8_t *len)
{
	struct ip_addr a;

	assert_true(ip_from_text(text, &a));
	return location_find(db, &a, len);
}

#define V4                                                                                         \
	"# This file has been converted\n# Generated: Thu, 25 Jun 2026 04:33:59 GMT\n\n"           \
	"167772160,167837695,DE\n"   /* 10.0.0.0/16 */                                             \
	"167837696,167903231,DE\n"   /* 10.1.0.0/16: joins the one before */                       \
	"167968768,168034303,??\n"   /* 10.3.0.0/16 is unknown as 10.2 is, which is not there */   \
	"184549376,184549376,XK\n"   /* 11.0.0.0 alone, of a country without continent here */     \
	"4294967295,4294967295,US\n" /* and the last address of all */
#define V6                                                                                         \
	"2001:db8::,2001:db8:7fff:ffff:ffff:ffff:ffff:ffff,FR\n"                                   \
	"2001:db8:8000::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,JP\r\n"                            \
	"ffff::,ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,BR\n"

static void says_where_each_address_is_and_how_far_that_holds(void **state)
{
	static const struct {
		const char *address, *continent, *country;
		uint8_t len;
	} ROWS[] = {
		{ "0.0.0.0", "", "", 5 },
		{ "9.255.255.255", "", "", 7 },
		{ "10.0.0.0", "EU", "DE", 15 },
		{ "10.1.255.255", "EU", "DE", 15 },
		{ "10.2.0.0", "", "", 15 },
		{ "10.3.0.0", "", "", 15 },
		{ "11.0.0.0", "", "XK", 32 },
		{ "11.0.0.1", "", "", 32 },
		{ "11.0.0.2", "", "", 31 },
		{ "255.255.255.255", "NA", "US", 32 },
		{ "255.255.255.254", "", "", 32 },
		{ "::", "", "", 3 },
		{ "2001:db8::1", "EU", "FR", 33 },
		{ "2001:db8:8000::", "AS", "JP", 33 },
		{ "2001:db9::", "", "", 32 },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "SA", "BR", 16 },
		{ "::ffff:10.0.0.7", "EU", "DE", 96 + 15 },
	};
	struct location_db *db = NULL;
	struct diag d = { 0 };

	(void)state;
	assert_int_equal(open_texts(&db, V4, V6, &d), ERR_OK);
	assert_int_equal(d.n, 0);
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		uint8_t len;
		const struct place *p = at(db, ROWS[i].address, &len);
		if (strcmp(p->continent, ROWS[i].continent) != 0 ||
		    strcmp(p->country, ROWS[i].country) != 0 || len != ROWS[i].len)
			fail_msg("%s: %s %s /%u", ROWS[i].address, p->continent, p->country, len);
	}
	location_unref(db);
}

static void ranges_are_ascending_merged_and_cover_everything(void **state)
{
	const struct location_range *r;
	struct location_db *db = NULL;
	struct diag d = { 0 };

	(void)state;
	assert_int_equal(open_texts(&db, V4, NULL, &d), ERR_OK);
	assert_int_equal(location_ranges(db, IP_V4, &r), 6);
	assert_int_equal(r[0].lo, 0);
	for (size_t i = 1; i < 6; i++) {
		assert_true(r[i - 1].lo < r[i].lo);
		assert_true(r[i - 1].place != r[i].place);
	}
	assert_int_equal(location_ranges(db, IP_V6, &r), 1);
	assert_int_equal(r[0].place, 0);
	assert_int_equal(location_place_n(db), 4);
	assert_string_equal(location_describe(db),
			    "ranges of 25 Jun 2026 04:33:59 GMT, 6+1 ranges, 4 places");
	location_unref(db);
}

static void a_description_has_no_control_characters(void **state)
{
	struct location_db *db = NULL;
	struct diag d = { 0 };

	(void)state;
	assert_int_equal(open_texts(&db, "# Generated: 2026\x1b[31m\xff\n1,2,US\n", NULL, &d),
			 ERR_OK);
	assert_string_equal(location_describe(db), "ranges of 2026?[31m?, 3+1 ranges, 2 places");
	location_unref(db);
}

static const struct {
	const char *says, *text;
	enum err error;
	unsigned line; /* 0: none is named */
	const char *what;
} BROKEN[] = {
	{ "nothing", "", ERR_INVALID, 0, "no ranges" },
	{ "only comments", "# a\n#b\n\n", ERR_INVALID, 0, "no ranges" },
	{ "one field", "1\n", ERR_SYNTAX, 1, "expected first,last,country" },
	{ "two fields", "1,2\n", ERR_SYNTAX, 1, "expected first,last,country" },
	{ "four fields", "1,2,US,x\n", ERR_SYNTAX, 1, "expected first,last,country" },
	{ "no number", "a,2,US\n", ERR_SYNTAX, 1, "expected first,last,country" },
	{ "a sign", "1,+2,US\n", ERR_SYNTAX, 1, "expected first,last,country" },
	{ "a blank", "1, 2,US\n", ERR_SYNTAX, 1, "expected first,last,country" },
	{ "an empty number", ",2,US\n", ERR_SYNTAX, 1, "expected first,last,country" },
	{ "too large a number", "1,4294967296,US\n", ERR_SYNTAX, 1, "expected first,last,country" },
	{ "far too large a number", "1,99999999999999999999999,US\n", ERR_SYNTAX, 1,
	  "expected first,last,country" },
	{ "an address where a number belongs", "10.0.0.0,10.0.0.1,US\n", ERR_SYNTAX, 1,
	  "expected first,last,country" },
	{ "a country in small letters", "1,2,us\n", ERR_SYNTAX, 1, "expected first,last,country" },
	{ "a country of three letters", "1,2,USA\n", ERR_SYNTAX, 1, "expected first,last,country" },
	{ "no country", "1,2,\n", ERR_SYNTAX, 1, "expected first,last,country" },
	{ "an end before its start", "1,2,US\n9,8,US\n", ERR_CORRUPT, 2, "ends before it starts" },
	{ "an overlap", "1,5,US\n5,8,DE\n", ERR_CORRUPT, 2, "overlap or are not in order" },
	{ "another order", "10,15,US\n5,8,DE\n", ERR_CORRUPT, 2, "overlap or are not in order" },
	{ "something behind the last address", "0,4294967295,US\n4294967295,4294967295,DE\n",
	  ERR_CORRUPT, 2, "overlap or are not in order" },
	{ "a long line",
	  "1,2,US\n# "
	  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n",
	  ERR_SYNTAX, 2, "too long" },
};

static void refuses_a_damaged_file_with_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof BROKEN / sizeof *BROKEN; i++) {
		struct location_db *db = NULL;
		struct diag d = { 0 };
		char line[20];
		snprintf(line, sizeof line, ":%u: error: ", BROKEN[i].line);
		if (open_texts(&db, BROKEN[i].text, NULL, &d) != BROKEN[i].error || d.n != 1)
			fail_msg("%s: another error", BROKEN[i].says);
		assert_null(db);
		if (strstr(d.findings[0].text, BROKEN[i].what) == NULL ||
		    (BROKEN[i].line > 0 && strstr(d.findings[0].text, line) == NULL))
			fail_msg("%s: %s", BROKEN[i].says, d.findings[0].text);
		diag_free(&d);
	}
}

static void refuses_when_the_second_file_is_damaged(void **state)
{
	static const char *const BAD[] = { "1,2,US\n", "::1,::,US\n", "::,::5,US\n::5,::6,DE\n",
					   "::,ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,US\n"
					   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,"
					   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,DE\n",
					   "10.0.0.0,10.0.0.1,US\n" };

	(void)state;
	for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
		struct location_db *db = NULL;
		struct diag d = { 0 };
		assert_int_not_equal(open_texts(&db, "1,2,US\n", BAD[i], &d), ERR_OK);
		assert_int_equal(d.n, 1);
		assert_null(db);
		diag_free(&d);
	}
}

static void names_a_file_that_is_not_there(void **state)
{
	struct location_db *db = NULL;
	struct diag d = { 0 };

	(void)state;
	assert_int_equal(location_open_tor(&db, "/nonexistent/geoip", NULL, &d), ERR_IO);
	assert_int_equal(d.n, 1);
	assert_non_null(strstr(d.findings[0].text, "/nonexistent/geoip: error: No such file"));
	diag_free(&d);
}

/* Every byte of a small file changed in turn: it loads, or it is refused with one finding. */
static void any_changed_byte_loads_or_is_refused(void **state)
{
	char text[] = "# x\n1,2,US\n5,9,DE\n";

	(void)state;
	for (size_t i = 0; i + 1 < sizeof text; i++) {
		char kept = text[i];
		for (int c = 0; c < 256; c += 5) {
			struct location_db *db = NULL;
			struct diag d = { 0 };
			text[i] = (char)c;
			char *path = file_with(text, sizeof text - 1);
			enum err e = location_open_tor(&db, path, NULL, &d);
			assert_true(e == ERR_OK ? db != NULL && d.n == 0 : db == NULL && d.n == 1);
			unlink(path);
			free(path);
			location_unref(db);
			diag_free(&d);
		}
		text[i] = kept;
	}
}

/* ---- the size of the real thing ---- */

/* As many ranges as the internet has, when the distribution's own files are not there. */
static void write_many(char *path, char *path6)
{
	FILE *f = fdopen(mkstemp(path), "w"), *f6 = fdopen(mkstemp(path6), "w");
	struct lottery l = { 5 };

	for (uint32_t i = 0; i < 380000; i++)
		fprintf(f, "%u,%u,%s\n", i * 11000u,
			i * 11000u + 10999u - lottery_below(&l, 2) * 100,
			(const char *[]){ "DE", "US", "JP", "BR", "??" }[lottery_below(&l, 5)]);
	for (uint32_t i = 0; i < 270000; i++)
		fprintf(f6, "2001:%x:%x::,2001:%x:%x:ffff:ffff:ffff:ffff:ffff,%s\n", i >> 16,
			i & 0xffff, i >> 16, i & 0xffff,
			(const char *[]){ "DE", "US", "JP", "BR", "??" }[lottery_below(&l, 5)]);
	fclose(f);
	fclose(f6);
}

static void check_ranges(const struct location_db *db, enum ip_family family)
{
	const struct location_range *r;
	size_t n = location_ranges(db, family, &r);

	assert_true(n > 10000);
	assert_true(r[0].hi == 0 && r[0].lo == 0);
	for (size_t i = 1; i < n; i++) {
		assert_true(r[i - 1].hi < r[i].hi ||
			    (r[i - 1].hi == r[i].hi && r[i - 1].lo < r[i].lo));
		assert_true(r[i - 1].place != r[i].place);
		assert_true(r[i].place < location_place_n(db));
	}
}

static void reads_a_database_of_the_whole_internet(void **state)
{
	char made[] = "/tmp/concord-ranges-XXXXXX", made6[] = "/tmp/concord-ranges-XXXXXX";
	const char *file = "/usr/share/tor/geoip", *file6 = "/usr/share/tor/geoip6";
	bool real = access(file, R_OK) == 0 && access(file6, R_OK) == 0;
	struct location_db *db = NULL;
	struct diag d = { 0 };

	(void)state;
	if (!real)
		write_many(made, made6);
	enum err e = location_open_tor(&db, real ? file : made, real ? file6 : made6, &d);
	if (d.n > 0)
		fail_msg("%s", d.findings[0].text);
	assert_int_equal(e, ERR_OK);
	check_ranges(db, IP_V4);
	check_ranges(db, IP_V6);
	if (real) {
		assert_string_equal(at(db, "192.36.148.17", NULL)->continent, "EU");
		assert_string_equal(at(db, "127.0.0.1", NULL)->country, "");
	} else {
		unlink(made);
		unlink(made6);
	}
	location_unref(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_where_each_address_is_and_how_far_that_holds),
		cmocka_unit_test(ranges_are_ascending_merged_and_cover_everything),
		cmocka_unit_test(a_description_has_no_control_characters),
		cmocka_unit_test(refuses_a_damaged_file_with_its_line),
		cmocka_unit_test(refuses_when_the_second_file_is_damaged),
		cmocka_unit_test(names_a_file_that_is_not_there),
		cmocka_unit_test(any_changed_byte_loads_or_is_refused),
		cmocka_unit_test(reads_a_database_of_the_whole_internet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
