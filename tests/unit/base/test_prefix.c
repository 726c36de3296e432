// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include "base/diag.h"
#include "base/prefix.h"
#include "base/siphash.h"

static void prefixes_are_read_and_stray_bits_are_told(void **state)
{
	static const struct {
		const char *in, *out;
		bool ok, stray;
	} ROWS[] = {
		{ "192.0.2.0/24", "192.0.2.0/24", true, false },
		{ "192.0.2.1/24", "192.0.2.0/24", true, true },
		{ "192.0.2.1", "192.0.2.1/32", true, false },
		{ "2001:db8::/33", "2001:db8::/33", true, false },
		{ "0.0.0.0/0", "0.0.0.0/0", true, false },
		{ "192.0.2.0/33", NULL, false, false },
		{ "192.0.2.0/", NULL, false, false },
		{ "192.0.2.0/2x", NULL, false, false },
		{ "nonsense", NULL, false, false },
		{ "1.2.3/8", NULL, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct ip_prefix p;
		bool stray = false;
		char text[IP_TEXT_MAX];
		assert_int_equal(ip_prefix_from_text(ROWS[i].in, &p, &stray), ROWS[i].ok);
		if (!ROWS[i].ok)
			continue;
		assert_int_equal(stray, ROWS[i].stray);
		assert_string_equal(ip_prefix_to_text(&p, text), ROWS[i].out);
	}
}

/* Vectors of the authors' reference: key 00..0f, input 00..n-1. */
static void siphash_gives_the_published_values(void **state)
{
	static const struct {
		size_t n;
		uint64_t want;
	} ROWS[] = { { 0, 0x726fdb47dd0e0e31ULL },
		     { 1, 0x74f839c593dc67fdULL },
		     { 8, 0x93f5f5799a932462ULL },
		     { 15, 0xa129ca6149be45e5ULL } };
	struct siphash_key key = { 0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL };
	uint8_t in[16];

	(void)state;
	for (uint8_t i = 0; i < 16; i++)
		in[i] = i;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
		assert_true(siphash(&key, in, ROWS[i].n) == ROWS[i].want);
}

static void the_nearest_name_is_one_that_may_have_been_meant(void **state)
{
	static const char *const NAMES[] = { "listen", "workers", "state-dir" };

	(void)state;
	assert_string_equal(diag_nearest("lisen", NAMES, 3), "listen");
	assert_string_equal(diag_nearest("worker", NAMES, 3), "workers");
	assert_null(diag_nearest("something", NAMES, 3));
	assert_null(diag_nearest("", NAMES, 3));
}

static void a_finding_names_its_place_and_shows_a_caret(void **state)
{
	struct diag d = { 0 };
	struct diag_place at = { "f.yaml", 3, 5, "\tkey: x" };

	(void)state;
	diag_add(&d, DIAG_ERROR, &at, "do that", "bad %s", "thing");
	assert_int_equal(d.error_n, 1);
	assert_string_equal(d.findings[0].text,
			    "f.yaml:3:5: error: bad thing\n\tkey: x\n\t   ^\nhint: do that");
	assert_string_equal(d.findings[0].line, "f.yaml:3:5: bad thing (do that)");
	for (int i = 0; i < 200; i++)
		diag_add(&d, DIAG_ERROR, NULL, NULL, "more");
	assert_int_equal(d.n, DIAG_MAX);
	assert_int_equal(d.error_n, 201);
	diag_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes_are_read_and_stray_bits_are_told),
		cmocka_unit_test(siphash_gives_the_published_values),
		cmocka_unit_test(the_nearest_name_is_one_that_may_have_been_meant),
		cmocka_unit_test(a_finding_names_its_place_and_shows_a_caret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
