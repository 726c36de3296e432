// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <stdio.h>

#include "dns/rrtype.h"
#include "zone/change.h"

static const uint8_t APEX[] = "\7example";

/* The model of a zone: which of a few hundred possible records it has. */
#define NAMES  24
#define VALUES 6
struct model {
	bool has[NAMES][2][VALUES]; /* name, A or TXT, value */
	uint32_t ttl[NAMES][2];
	uint32_t serial;
};

static size_t name_of(unsigned i, uint8_t out[NAME_MAX_LEN])
{
	struct name n;
	char text[40];

	snprintf(text, sizeof text, i % 3 == 0 ? "n%u" : i % 3 == 1 ? "a.n%u" : "*.b.n%u", i / 3);
	assert_int_equal(name_from_text(text, APEX, &n), ERR_OK);
	memcpy(out, n.wire, n.len);
	return n.len;
}

static void add_record(struct zone_builder *b, const uint8_t *owner, uint16_t type, uint32_t ttl,
		       const uint8_t *rdata, size_t n, struct diag *d)
{
	struct zone_record r = { .owner = owner, .type = type, .ttl = ttl, .rdata = { rdata, n } };

	assert_int_equal(zone_build_add(b, &r, d), ERR_OK);
}

static struct zone *build(const struct model *m, struct zone *like, enum zone_denial denial)
{
	struct zone_build_options o = { .denial = denial };
	struct zone_builder *b = NULL;
	struct diag d = { 0 };
	struct zone *z = NULL;
	uint8_t soa[22] = { 0 }, owner[NAME_MAX_LEN];
	static const uint8_t NS[] = "\2ns\7example";

	assert_int_equal(zone_build_start(&b, APEX, like, &o), ERR_OK);
	store_u32(soa + 2, m->serial);
	soa[21] = 60;
	add_record(b, APEX, TYPE_SOA, 300, soa, sizeof soa, &d);
	add_record(b, APEX, TYPE_NS, 300, NS, sizeof NS, &d);
	for (unsigned i = 0; i < NAMES; i++)
		for (unsigned t = 0; t < 2; t++)
			for (unsigned v = 0; v < VALUES; v++) {
				uint8_t a[4] = { 192, 0, 2, (uint8_t)v },
					txt[2] = { 1, (uint8_t)('a' + v) };
				if (!m->has[i][t][v])
					continue;
				name_of(i, owner);
				add_record(b, owner, t == 0 ? TYPE_A : TYPE_TXT, m->ttl[i][t],
					   t == 0 ? a : txt, t == 0 ? 4 : 2, &d);
			}
	assert_int_equal(zone_build_seal(b, &z, &d), ERR_OK);
	diag_free(&d);
	return z;
}

static void vary(struct model *m, struct lottery *l, unsigned steps)
{
	for (unsigned i = 0; i < steps; i++) {
		unsigned n = lottery_below(l, NAMES), t = lottery_below(l, 2);
		if (lottery_below(l, 8) == 0)
			memset(m->has[n][t], 0, sizeof m->has[n][t]);
		else
			m->has[n][t][lottery_below(l, VALUES)] ^= 1;
		if (lottery_below(l, 4) == 0 || m->ttl[n][t] == 0)
			m->ttl[n][t] = 60 + lottery_below(l, 3) * 60;
	}
	m->serial++;
}

static struct zone *changed(struct zone *from, struct span set)
{
	struct zone_builder *b = NULL;
	struct diag d = { 0 };
	struct zone *z = NULL;

	assert_int_equal(zone_build_change(&b, from), ERR_OK);
	assert_int_equal(change_apply(set, b, &d), ERR_OK);
	assert_int_equal(zone_build_seal(b, &z, &d), ERR_OK);
	assert_int_equal(d.error_n, 0);
	diag_free(&d);
	return z;
}

static void assert_same(const struct zone *a, const struct zone *b)
{
	struct change_set between = { 0 };

	assert_int_equal(change_between(a, b, NULL, 0, &between), ERR_OK);
	assert_int_equal(between.n, 0);
	assert_int_equal(zone_rr_n(a), zone_rr_n(b));
	assert_int_equal(zone_name_n(a), zone_name_n(b));
}

static void test_what_lies_between_two_versions_leads_from_one_to_the_other(void **state)
{
	struct lottery l = { 20251125 };

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		struct model m = { .serial = 1 };
		enum zone_denial denial = round % 2 == 0 ? ZONE_NSEC : ZONE_NO_DENIAL;
		vary(&m, &l, 1 + lottery_below(&l, 80));
		struct zone *a = build(&m, NULL, denial);
		vary(&m, &l, 1 + lottery_below(&l, 30));
		struct zone *b = build(&m, NULL, denial);
		struct change_set set = { 0 };
		uint32_t from = 0, to = 0;
		assert_int_equal(change_between(a, b, NULL, 0, &set), ERR_OK);
		assert_true(change_serials(change_span(&set), &from, &to));
		assert_int_equal(from, zone_serial(a));
		assert_int_equal(to, zone_serial(b));
		struct zone *c = changed(a, change_span(&set));
		assert_same(b, c);
		change_free(&set);
		zone_free(a);
		zone_free(b);
		zone_free(c);
	}
}

#define CHAIN 12

static void test_condensed_changes_do_what_they_do_one_after_another(void **state)
{
	struct lottery l = { 7 };

	(void)state;
	for (unsigned round = 0; round < 100; round++) {
		struct model m = { .serial = 4294967290u }; /* through the end of the circle */
		struct change_set sets[CHAIN] = { 0 }, all = { 0 };
		struct span spans[CHAIN];
		size_t separate = 0;
		vary(&m, &l, 40);
		struct zone *first = build(&m, NULL, ZONE_NSEC), *a = build(&m, NULL, ZONE_NSEC);
		for (unsigned i = 0; i < CHAIN; i++) {
			vary(&m, &l, lottery_below(&l, 10));
			struct zone *b = build(&m, NULL, ZONE_NSEC);
			assert_int_equal(change_between(a, b, NULL, 0, &sets[i]), ERR_OK);
			spans[i] = change_span(&sets[i]);
			separate += sets[i].removed_n + sets[i].added_n;
			zone_free(a);
			a = b;
		}
		assert_int_equal(change_condense(spans, CHAIN, &all), ERR_OK);
		assert_true(all.removed_n + all.added_n <= separate);
		struct zone *z = changed(first, change_span(&all));
		assert_same(a, z);
		/* As a difference sequence it starts with the old SOA, and the new one starts what
		 * is added (RFC 1995 §4). */
		struct span rest = change_span(&all);
		struct change_record r;
		assert_true(change_next(&rest, &r));
		assert_int_equal(r.type, TYPE_SOA);
		for (size_t i = 0; i < all.removed_n; i++)
			assert_true(change_next(&rest, &r));
		assert_int_equal(r.op, CHANGE_ADD);
		assert_int_equal(r.type, TYPE_SOA);
		for (unsigned i = 0; i < CHAIN; i++)
			change_free(&sets[i]);
		change_free(&all);
		zone_free(first);
		zone_free(z);
		zone_free(a);
	}
}

static void test_applying_twice_or_to_what_is_there_already_changes_nothing(void **state)
{
	struct lottery l = { 3 };
	struct model m = { .serial = 1 };
	struct change_set set = { 0 };

	(void)state;
	vary(&m, &l, 60);
	struct zone *a = build(&m, NULL, ZONE_NSEC);
	vary(&m, &l, 20);
	struct zone *b = build(&m, NULL, ZONE_NSEC);
	assert_int_equal(change_between(a, b, NULL, 0, &set), ERR_OK);
	struct zone *c = changed(b, change_span(&set));
	struct zone *again = changed(c, change_span(&set));
	assert_same(b, c);
	assert_same(b, again);
	change_free(&set);
	zone_free(a);
	zone_free(b);
	zone_free(c);
	zone_free(again);
}

static void test_case_of_names_does_not_tell_records_apart(void **state)
{
	static const uint8_t LOW[] = "\1a\7example", UP[] = "\1A\7EXAMPLE";
	struct change_set one = { 0 }, two = { 0 }, all = { 0 };
	struct change_record r = { CHANGE_ADD, LOW, TYPE_NS, 60, { LOW, sizeof LOW } };

	(void)state;
	assert_int_equal(change_add(&one, &r), ERR_OK);
	r = (struct change_record){ CHANGE_REMOVE, UP, TYPE_NS, 60, { UP, sizeof UP } };
	assert_int_equal(change_add(&two, &r), ERR_OK);
	struct span spans[2] = { change_span(&one), change_span(&two) };
	assert_int_equal(change_condense(spans, 2, &all), ERR_OK);
	assert_int_equal(all.n, 0);
	change_free(&one);
	change_free(&two);
	change_free(&all);
}

static void test_damaged_sets_are_refused_whole_or_at_their_damage(void **state)
{
	static const uint8_t LOW[] = "\1a\7example", IP[] = { 192, 0, 2, 1 };
	struct change_set one = { 0 }, out = { 0 };
	struct change_record r = { CHANGE_ADD, LOW, TYPE_A, 60, { IP, 4 } };

	(void)state;
	assert_int_equal(change_add(&one, &r), ERR_OK);
	for (size_t n = 1; n < one.n; n++) {
		uint8_t *cut = exact_copy(one.bytes, n);
		struct span s = { cut, n };
		assert_int_equal(change_condense(&s, 1, &out), ERR_CORRUPT);
		free(cut);
	}
	one.bytes[0] = 3;
	struct span s = change_span(&one);
	assert_false(change_next(&s, &r));
	assert_int_not_equal(s.n, 0);
	change_free(&one);
	change_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_lies_between_two_versions_leads_from_one_to_the_other),
		cmocka_unit_test(test_condensed_changes_do_what_they_do_one_after_another),
		cmocka_unit_test(test_applying_twice_or_to_what_is_there_already_changes_nothing),
		cmocka_unit_test(test_case_of_names_does_not_tell_records_apart),
		cmocka_unit_test(test_damaged_sets_are_refused_whole_or_at_their_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
