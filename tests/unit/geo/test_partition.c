// SPDX-License-Identifier: Apache-2.0
/* Look-ups with and without index against a list that is gone through, and scopes against their
 * definition. */
#include "check.h"

#include "geo/partition.h"

#define INTERVALS_MAX 3000

struct list {
	enum ip_family family;
	size_t n;
	struct address first[INTERVALS_MAX];
	uint32_t class[INTERVALS_MAX];
};

static struct ip_addr text_of(enum ip_family family, struct address a)
{
	struct ip_addr out = { .family = (uint8_t)family };

	for (unsigned i = 0; family == IP_V6 && i < 16; i++)
		out.bytes[i] = (uint8_t)((i < 8 ? a.hi : a.lo) >> (56 - 8 * (i % 8)));
	for (unsigned i = 0; family == IP_V4 && i < 4; i++)
		out.bytes[i] = (uint8_t)(a.lo >> (24 - 8 * i));
	return out;
}

/* Mostly in 2000::/3, for which there is an index; some at its edges and elsewhere. */
static struct address random_address(struct lottery *l, enum ip_family family)
{
	struct address a = { lottery_next(l), lottery_next(l) };

	/* Every other one lies in one /16, which then has many. */
	if (family == IP_V4 && lottery_below(l, 2))
		return (struct address){ 0, 0x0a010000 + (a.lo >> 48) };
	if (family == IP_V4)
		return (struct address){ 0, a.lo >> 32 & UINT64_MAX << lottery_below(l, 32) };
	uint32_t kind = lottery_below(l, 10);
	if (kind < 7)
		a.hi = 1ULL << 61 | a.hi >> 3;
	else if (kind == 7)
		a.hi = (lottery_below(l, 2) ? 0x1fffffffffffffffULL : 0x2000000000000000ULL) +
		       lottery_below(l, 3);
	else if (kind == 8)
		a.hi = (lottery_below(l, 2) ? 0x3fffffffffffffffULL : 0x4000000000000000ULL) -
		       lottery_below(l, 3);
	a.hi &= UINT64_MAX << lottery_below(l, 64);
	if (lottery_below(l, 2))
		a.lo = 0;
	return a;
}

static int ascending(const void *a, const void *b)
{
	return address_compare(*(const struct address *)a, *(const struct address *)b);
}

static void fill(struct list *list, struct lottery *l, enum ip_family family, size_t n)
{
	list->family = family;
	list->first[0] = (struct address){ 0, 0 };
	for (size_t i = 1; i < n; i++)
		list->first[i] = random_address(l, family);
	qsort(list->first, n, sizeof *list->first, ascending);
	list->n = 0;
	for (size_t i = 0; i < n; i++)
		if (i == 0 || address_compare(list->first[i], list->first[i - 1]) != 0)
			list->first[list->n++] = list->first[i];
	for (size_t i = 0; i < list->n; i++)
		list->class[i] = lottery_below(l, 4);
}

static struct partition *partition_of(const struct list *list)
{
	struct partition *p = partition_new();

	assert_int_equal(
	    partition_add(p, list->family == IP_V4 ? IP_V6 : IP_V4, (struct address){ 0, 0 }, 9),
	    ERR_OK);
	for (size_t i = 0; i < list->n; i++)
		assert_int_equal(partition_add(p, list->family, list->first[i], list->class[i]),
				 ERR_OK);
	assert_int_equal(partition_seal(p), ERR_OK);
	return p;
}

static uint32_t class_in(const struct list *list, struct address a)
{
	size_t i = list->n - 1;

	while (address_compare(list->first[i], a) > 0)
		i--;
	return list->class[i];
}

static bool shares(enum ip_family family, struct address a, struct address b, unsigned len)
{
	struct ip_addr x = text_of(family, a), y = text_of(family, b);

	return ip_common_bits(x.bytes, y.bytes, (uint8_t)len) == len;
}

/* Whether all of the prefix has one class. Classes change at the starts of intervals only. */
static bool is_uniform(const struct list *list, struct address a, unsigned len)
{
	struct ip_addr x = text_of(list->family, a), cut = ip_cut(&x, (uint8_t)len);
	uint32_t class = class_in(list, address_of(&cut));

	for (size_t i = 0; i < list->n; i++)
		if (shares(list->family, a, list->first[i], len) && list->class[i] != class)
			return false;
	return true;
}

static void check(const struct list *list, const struct partition *p, struct address a)
{
	struct ip_addr x = text_of(list->family, a);
	struct located as_it_is = { .addr = x };
	struct partition_hit hit = partition_find(p, &x, &as_it_is);

	struct partition_look look = { .partition = p, .at = as_it_is };
	partition_look_start(&look);
	while (partition_look_on(&look))
		;
	struct partition_hit stepwise = partition_look_end(&look, &x);
	assert_true(stepwise.class == hit.class && stepwise.scope == hit.scope);
	assert_int_equal(hit.class, class_in(list, a));
	assert_true(is_uniform(list, a, hit.scope));
	assert_true(hit.scope == 0 || !is_uniform(list, a, hit.scope - 1u));
}

static void finds_what_a_list_finds_with_the_exact_scope(void **state)
{
	static const size_t SIZES[] = { 1, 2, 3, 10, 60, 64, 65, 70, 200, 1000, INTERVALS_MAX };
	struct list *list = calloc(1, sizeof *list);

	(void)state;
	for (uint64_t seed = 1; seed <= 66; seed++) {
		struct lottery l = { seed * 7919 };
		fill(list, &l, seed % 2 ? IP_V4 : IP_V6, SIZES[seed % 11]);
		struct partition *p = partition_of(list);
		for (int i = 0; i < 60; i++) {
			struct address at = list->first[lottery_below(&l, (uint32_t)list->n)];
			check(list, p, random_address(&l, list->family));
			check(list, p, at);
			/* The last address of the interval before. */
			if (at.lo > 0)
				check(list, p, (struct address){ at.hi, at.lo - 1 });
			else if (at.hi > 0)
				check(list, p, (struct address){ at.hi - 1, UINT64_MAX });
		}
		partition_free(p);
	}
	free(list);
}

static void the_first_and_the_last_address_are_found(void **state)
{
	static const enum ip_family FAMILIES[] = { IP_V4, IP_V6 };
	struct list *list = calloc(1, sizeof *list);

	(void)state;
	for (size_t f = 0; f < 2; f++) {
		struct lottery l = { 3 + f };
		struct address last = f == 0 ? (struct address){ 0, UINT32_MAX }
					     : (struct address){ UINT64_MAX, UINT64_MAX };
		fill(list, &l, FAMILIES[f], 500);
		struct partition *p = partition_of(list);
		check(list, p, (struct address){ 0, 0 });
		check(list, p, last);
		partition_free(p);
	}
	free(list);
}

static void equal_neighbours_are_one_interval(void **state)
{
	struct partition *p = partition_new();

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(
		    partition_add(p, IP_V4, (struct address){ 0, i << 20 }, i < 500 ? 1 : 2),
		    ERR_OK);
	assert_int_equal(partition_add(p, IP_V6, (struct address){ 0, 0 }, 1), ERR_OK);
	assert_int_equal(partition_add(p, IP_V6, (struct address){ 5, 0 }, 1), ERR_OK);
	assert_int_equal(partition_seal(p), ERR_OK);
	assert_int_equal(partition_intervals(p), 3);
	assert_true(partition_bytes(p) >= 3 * 8);
	partition_free(p);
}

static void scopes_at_the_bounds_of_intervals(void **state)
{
	static const struct {
		uint32_t first, next, address;
		uint8_t scope;
	} ROWS[] = {
		{ 0, 0, 0x0a000000, 0 }, /* next 0: to the end */
		{ 0, 0x80000000, 0x7fffffff, 1 },
		{ 0x80000000, 0, 0x80000000, 1 },
		{ 0x0a000000, 0x0b000000, 0x0a010203, 8 },
		{ 0x0a000000, 0x0a000001, 0x0a000000, 32 },
		{ 0x0a000000, 0x0a000003, 0x0a000000, 31 },
		{ 0x0a000000, 0x0a000003, 0x0a000002, 32 },
		{ 0x0a000001, 0x0c000000, 0x0b000000, 8 },
		{ 0x0a000001, 0x0c000000, 0x0a000001, 32 },
		{ 0x0a000001, 0x0c000000, 0x0a000002, 31 },
		{ 0xffffffff, 0, 0xffffffff, 32 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct address first = { 0, ROWS[i].first }, next = { 0, ROWS[i].next },
			       a = { 0, ROWS[i].address };
		uint8_t scope = address_scope(IP_V4, a, first, ROWS[i].next != 0 ? &next : NULL);
		if (scope != ROWS[i].scope)
			fail_msg("row %zu: /%u", i, scope);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_a_list_finds_with_the_exact_scope),
		cmocka_unit_test(the_first_and_the_last_address_are_found),
		cmocka_unit_test(equal_neighbours_are_one_interval),
		cmocka_unit_test(scopes_at_the_bounds_of_intervals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
