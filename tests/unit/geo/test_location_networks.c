// SPDX-License-Identifier: Apache-2.0
/* Lists of named networks, and what several databases are as one. */
#include "check.h"
#include "place.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "geo/address.h"
#include "geo/location_internal.h"

static enum err open_text(struct location_db **out, const char *text, struct diag *d)
{
	char path[64];
	int fd = memfd_create("networks", MFD_CLOEXEC);

	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	enum err e = location_open_networks(out, path, d);
	close(fd);
	return e;
}

static struct location_db *networks(const char *text)
{
	struct location_db *db = NULL;
	struct diag d = { 0 };

	if (open_text(&db, text, &d))
		fail_msg("%s", d.findings[0].text);
	return db;
}

static void check(const struct location_db *db, const char *address, const char *expected)
{
	struct ip_addr a;
	char got[120];
	uint8_t len;

	assert_true(ip_from_text(address, &a));
	const struct place *p = location_find(db, &a, &len);
	snprintf(got, sizeof got, "%s %s %s AS%u %s /%u", p->continent, p->country, p->subdivision,
		 p->asn, p->network != 0 ? location_network(db, p->network) : "-", len);
	if (strcmp(got, expected) != 0)
		fail_msg("%s: '%s' instead of '%s'", address, got, expected);
}

static void the_most_specific_line_holds(void **state)
{
	struct location_db *db = networks("# ours\n"
					  "10.0.0.0/8 office\n"
					  "10.1.0.0/16\tlab EU-DE-BE # in it\r\n"
					  "10.1.2.0/24 - NA-US\n"
					  "10.1.2.128/32 office\n"
					  "\n"
					  "192.0.2.0/24 vpn EU\n"
					  "240.0.0.0/4 end\n"
					  "248.0.0.0/5 end-too\n"
					  "2001:db8::/32 office\n"
					  "2001:db8:1::/48 lab AS-JP");

	(void)state;
	assert_int_equal(location_network_n(db), 5);
	check(db, "9.255.255.255", "   AS0 - /7");
	check(db, "10.0.0.1", "   AS0 office /16");
	check(db, "10.1.1.1", "EU DE BE AS0 lab /23");
	check(db, "10.1.2.1", "NA US  AS0 - /25");
	check(db, "10.1.2.128", "   AS0 office /32");
	check(db, "10.1.2.129", "NA US  AS0 - /32");
	check(db, "10.255.0.0", "   AS0 office /9");
	check(db, "11.0.0.0", "   AS0 - /8");
	check(db, "192.0.2.7", "EU   AS0 vpn /24");
	check(db, "240.0.0.0", "   AS0 end /5");
	check(db, "255.255.255.255", "   AS0 end-too /5");
	check(db, "2001:db8::1", "   AS0 office /48");
	check(db, "2001:db8:1::1", "AS JP  AS0 lab /48");
	check(db, "::ffff:192.0.2.7", "EU   AS0 vpn /120");
	check(db, "2002:a01:203::", "NA US  AS0 - /41");
	assert_int_equal(location_network_named(db, "lab"), 2);
	assert_int_equal(location_network_named(db, "attic"), 0);
	location_unref(db);
}

static void an_empty_list_is_a_list(void **state)
{
	struct location_db *db = networks("# nothing yet\n");

	(void)state;
	check(db, "10.0.0.1", "   AS0 - /0");
	location_unref(db);
}

static void bad_lines_are_named(void **state)
{
	static const struct {
		const char *text, *says;
	} ROWS[] = {
		{ "10.0.0.0/8\n", ":1: error: expected: prefix name [code]" },
		{ "10.0.0.0/8 a EU b\n", ":1: error: expected: prefix name [code]" },
		{ "10.0.0.0/8 a EU b c d\n", ":1: error: expected: prefix name [code]" },
		{ "10.0.0.0/33 a\n", ":1: error: expected a prefix" },
		{ "\nten a\n", ":2: error: expected a prefix" },
		{ "10.0.0.1/8 a\n", ":1: error: bits are set past the prefix's length" },
		{ "10.0.0.0/8 a/b\n", ":1: error: a name has letters" },
		{ "10.0.0.0/8 \"a\"\n", ":1: error: a name has letters" },
		{ "10.0.0.0/8 a DE\n", ":1: error: unknown geo code" },
		{ "10.0.0.0/8 a DE\n", "did you mean 'EU-DE'?" },
		{ "10.0.0.0/8 a\n# b\n10.0.0.0/8 b\n", ":3: error: the prefix is given twice" },
		{ "10.0.0.0/8 a\n# b\n10.0.0.0/8 b\n", "it stands first in line 1" },
		{ "2002::/16 a\n", ":1: error: such addresses are located as the IPv4 address" },
		{ "::ffff:10.0.0.0/104 a\n", "write it as an IPv4 prefix" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct location_db *db = NULL;
		struct diag d = { 0 };
		assert_int_equal(open_text(&db, ROWS[i].text, &d), ERR_SYNTAX);
		assert_null(db);
		if (strstr(d.findings[0].text, ROWS[i].says) == NULL)
			fail_msg("%zu: %s", i, d.findings[0].text);
		diag_free(&d);
	}
}

static void random_nests_are_what_the_longest_match_says(void **state)
{
	struct lottery l = { 4632 };
	struct ip_prefix prefixes[40];
	char text[IP_TEXT_MAX];

	(void)state;
	for (int round = 0; round < 300; round++) {
		char *list = NULL;
		size_t size = 0, n = 0;
		FILE *f = open_memstream(&list, &size);
		for (size_t want = lottery_below(&l, 40); n < want; n++) {
			enum ip_family family = lottery_below(&l, 2) ? IP_V4 : IP_V6;
			struct ip_addr a = { .family = (uint8_t)family };
			for (unsigned k = 0; k < ip_bits(family) / 8; k++)
				a.bytes[k] = (uint8_t)(0xf0 + lottery_below(&l, 16));
			prefixes[n].len = (uint8_t)lottery_below(&l, ip_bits(family) + 1u);
			prefixes[n].addr = ip_cut(&a, prefixes[n].len);
			size_t k = 0;
			while (prefixes[k].len != prefixes[n].len ||
			       !ip_equal(&prefixes[k].addr, &prefixes[n].addr))
				k++;
			if (k < n)
				break;
			fprintf(f, "%s n%zu\n", ip_prefix_to_text(&prefixes[n], text), n);
		}
		fclose(f);
		struct location_db *db = networks(list);
		for (int i = 0; i < 200 && n > 0; i++) {
			struct ip_addr a = prefixes[lottery_below(&l, (uint32_t)n)].addr;
			size_t best = n;
			for (unsigned k = lottery_below(&l, 16);
			     k < 16u * (a.family == IP_V6) + 4u * (a.family == IP_V4); k++)
				a.bytes[k] = (uint8_t)(0xf0 + lottery_below(&l, 16));
			for (size_t k = 0; k < n; k++)
				if (ip_prefix_contains(&prefixes[k], &a) &&
				    (best == n || prefixes[k].len > prefixes[best].len))
					best = k;
			const struct place *p = location_find(db, &a, NULL);
			snprintf(text, sizeof text, "n%zu", best);
			assert_string_equal(p->network != 0 ? location_network(db, p->network)
							    : "none",
					    best < n ? text : "none");
		}
		location_unref(db);
		free(list);
	}
}

/* ---- several as one ---- */

static struct location_db *single(struct place p, uint64_t first, uint64_t next)
{
	struct location_db *db = location_new();
	uint32_t number;

	assert_int_equal(location_intern(db, &p, &number), ERR_OK);
	assert_int_equal(location_add(db, IP_V4, 0, 0, 0), ERR_OK);
	assert_int_equal(location_add(db, IP_V4, 0, first, number), ERR_OK);
	assert_int_equal(location_add(db, IP_V4, 0, next, 0), ERR_OK);
	assert_int_equal(location_finish(db), ERR_OK);
	return db;
}

static void the_first_database_that_knows_something_is_believed(void **state)
{
	struct place germany = PLACE("EU", "DE", "BE"), america = PLACE("NA", "US", ""),
		     asn = PLACE("", "", "");
	germany.latitude = 525200;
	germany.longitude = 134050;
	asn.asn = 64500;
	struct location_db *parts[] = {
		networks("10.0.0.0/10 office\n10.64.0.0/10 - AS-JP\n"),
		single(germany, 10ULL << 24, 11ULL << 24),
		single(america, 10ULL << 24, 12ULL << 24),
		single(asn, (10ULL << 24) + (1 << 16), 13ULL << 24),
	};
	struct location_db *db = NULL;
	struct ip_addr a;

	(void)state;
	assert_int_equal(location_combine(&db, parts, 4), ERR_OK);
	for (size_t i = 0; i < 4; i++)
		location_unref(parts[i]);
	check(db, "10.0.0.1", "EU DE BE AS0 office /16");
	check(db, "10.1.0.1", "EU DE BE AS64500 office /16");
	check(db, "10.64.0.1", "AS JP  AS64500 - /10");
	check(db, "10.128.0.1", "EU DE BE AS64500 - /9");
	check(db, "11.0.0.1", "NA US  AS64500 - /8");
	check(db, "12.0.0.1", "   AS64500 - /8");
	check(db, "13.0.0.1", "   AS0 - /8");
	check(db, "2001:db8::", "   AS0 - /0");
	/* Coordinates are of the place that was believed. */
	assert_true(ip_from_text("10.0.0.1", &a));
	assert_int_equal(location_find(db, &a, NULL)->latitude, 525200);
	assert_true(ip_from_text("10.64.0.1", &a));
	assert_int_equal(location_find(db, &a, NULL)->latitude, PLACE_NOWHERE);
	assert_true(location_has_coordinates(db) && location_has_asns(db));
	location_unref(db);
}

static void names_of_several_lists_stay_apart(void **state)
{
	struct location_db *parts[] = { networks("10.0.0.0/8 a\n11.0.0.0/8 b\n"),
					networks("11.0.0.0/8 c\n12.0.0.0/8 b\n13.0.0.0/8 a\n") };
	struct location_db *db = NULL;

	(void)state;
	assert_int_equal(location_combine(&db, parts, 2), ERR_OK);
	assert_int_equal(location_network_n(db), 3);
	check(db, "10.0.0.1", "   AS0 a /8");
	check(db, "11.0.0.1", "   AS0 b /8");
	check(db, "12.0.0.1", "   AS0 b /8");
	check(db, "13.0.0.1", "   AS0 a /8");
	assert_true(location_id(db) != location_id(parts[0]));
	location_unref(db);
	location_unref(parts[0]);
	location_unref(parts[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_most_specific_line_holds),
		cmocka_unit_test(an_empty_list_is_a_list),
		cmocka_unit_test(bad_lines_are_named),
		cmocka_unit_test(random_nests_are_what_the_longest_match_says),
		cmocka_unit_test(the_first_database_that_knows_something_is_believed),
		cmocka_unit_test(names_of_several_lists_stay_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
