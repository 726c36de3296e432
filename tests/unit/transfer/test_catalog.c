// SPDX-License-Identifier: Apache-2.0
/* Which catalogs are good, and what they list (RFC 9432 §4). */
#include "transfer/catalog.h"

#include "check.h"
#include "dns/rrtype.h"
#include "zone/builder.h"

static const uint8_t APEX[] = "\3cat";

struct row {
	const char *owner;
	uint16_t type;
	const char *rdata; /* PTR: a name; TXT: its one string */
};

static void put(struct zone_builder *b, const char *owner, uint16_t type, const void *rdata,
		size_t n)
{
	struct diag d = { 0 };
	struct name name;
	struct zone_record r = { .type = type, .ttl = 0, .rdata = { rdata, n } };

	assert_int_equal(name_from_text(owner, APEX, &name), ERR_OK);
	r.owner = name.wire;
	assert_int_equal(zone_build_add(b, &r, &d), ERR_OK);
	assert_int_equal(d.error_n, 0);
	diag_free(&d);
}

static struct zone *zone_of(const struct row *rows, size_t n)
{
	static const struct zone_build_options OPTIONS = { 0 };
	struct zone_builder *b;
	struct zone *z = NULL;
	struct diag d = { 0 };
	uint8_t soa[22] = { 0 };

	assert_int_equal(zone_build_start(&b, APEX, NULL, &OPTIONS), ERR_OK);
	put(b, "cat.", TYPE_SOA, soa, sizeof soa);
	put(b, "cat.", TYPE_NS, "\7invalid", 9);
	for (size_t i = 0; i < n; i++) {
		struct name name;
		uint8_t text[64];
		if (rows[i].type == TYPE_PTR) {
			assert_int_equal(name_from_text(rows[i].rdata, NULL, &name), ERR_OK);
			put(b, rows[i].owner, TYPE_PTR, name.wire, name.len);
			continue;
		}
		text[0] = (uint8_t)strlen(rows[i].rdata);
		memcpy(text + 1, rows[i].rdata, text[0]);
		put(b, rows[i].owner, TYPE_TXT, text, 1u + text[0]);
	}
	assert_int_equal(zone_build_seal(b, &z, &d), ERR_OK);
	diag_free(&d);
	return z;
}

#define VERSION                                                                                    \
	{                                                                                          \
		"version", TYPE_TXT, "2"                                                           \
	}

static void a_good_one_lists_its_members_by_name_with_what_it_says_of_them(void **state)
{
	static const struct row ROWS[] = {
		VERSION,
		{ "b.zones", TYPE_PTR, "zz.test." },
		{ "a.zones", TYPE_PTR, "Aa.test." },
		{ "group.a.zones", TYPE_TXT, "gold" },
		{ "group.a.zones", TYPE_TXT, "red" },
		{ "coo.a.zones", TYPE_PTR, "other.cat." },
		{ "coo.nobody.zones", TYPE_PTR, "other.cat." },
		{ "group.x.b.zones", TYPE_TXT, "gold" },
		{ "x.ext", TYPE_TXT, "not known" },
		{ "c.zones.zones", TYPE_PTR, "not-a-member.test." },
	};
	struct zone *z = zone_of(ROWS, sizeof ROWS / sizeof *ROWS);
	struct catalog c;

	(void)state;
	assert_int_equal(catalog_read(&c, z), ERR_OK);
	assert_int_equal(c.n, 2);
	assert_true(name_equal(c.members[0].zone, (const uint8_t *)"\2aa\4test"));
	assert_true(catalog_has_group(&c.members[0], "gold"));
	assert_true(catalog_has_group(&c.members[0], "red"));
	assert_false(catalog_has_group(&c.members[0], "gol"));
	assert_false(catalog_has_group(&c.members[0], "golden"));
	assert_true(name_equal(c.members[0].coo, (const uint8_t *)"\5other\3cat"));
	assert_true(name_equal(c.members[1].zone, (const uint8_t *)"\2zz\4test"));
	assert_null(c.members[1].coo);
	assert_null(c.members[1].groups);
	assert_memory_equal(c.members[1].id, "\1b", 2);
	catalog_free(&c);
	zone_free(z);
}

static void what_the_rfc_calls_broken_is_broken_as_a_whole(void **state)
{
	static const struct {
		const char *says;
		struct row rows[4];
		size_t n;
	} CASES[] = {
		{ "no version (section 4.2.1)", { { "a.zones", TYPE_PTR, "a.test." } }, 1 },
		{ "version 1", { { "version", TYPE_TXT, "1" } }, 1 },
		{ "version 22", { { "version", TYPE_TXT, "22" } }, 1 },
		{ "two versions", { VERSION, { "version", TYPE_TXT, "3" } }, 2 },
		{ "two PTR of one label (section 4.1)",
		  { VERSION,
		    { "a.zones", TYPE_PTR, "a.test." },
		    { "a.zones", TYPE_PTR, "b.test." } },
		  3 },
		{ "one zone under two labels (section 4.1)",
		  { VERSION,
		    { "a.zones", TYPE_PTR, "a.test." },
		    { "b.zones", TYPE_PTR, "A.TEST." } },
		  3 },
		{ "two PTR of coo (section 4.3.1)",
		  { VERSION,
		    { "a.zones", TYPE_PTR, "a.test." },
		    { "coo.a.zones", TYPE_PTR, "x." },
		    { "coo.a.zones", TYPE_PTR, "y." } },
		  4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
		struct zone *z = zone_of(CASES[i].rows, CASES[i].n);
		struct catalog c;
		if (catalog_read(&c, z) != ERR_INVALID || c.why[0] == 0)
			fail_msg("%s is taken", CASES[i].says);
		catalog_free(&c);
		zone_free(z);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_one_lists_its_members_by_name_with_what_it_says_of_them),
		cmocka_unit_test(what_the_rfc_calls_broken_is_broken_as_a_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
