// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <stdio.h>
#include <unistd.h>

#include "dns/rrtype.h"
#include "geo/embedding.h"
#include "geo/sweep.h"

static struct location_db *world_of(const char *v4, const char *v6)
{
	char path[2][32] = { "/tmp/concord-sweep-XXXXXX", "/tmp/concord-sweep-XXXXXX" };
	const char *text[2] = { v4, v6 };
	struct location_db *db = NULL;
	struct diag d = { 0 };

	for (int i = 0; i < 2; i++) {
		FILE *f = fdopen(mkstemp(path[i]), "w");
		fputs(text[i], f);
		fclose(f);
	}
	assert_int_equal(location_open_tor(&db, path[0], path[1], &d), ERR_OK);
	diag_free(&d);
	unlink(path[0]);
	unlink(path[1]);
	return db;
}

static const uint8_t OWNER[] = "\3www\7example";
static uint8_t ADDRESS[2][4] = { { 192, 0, 2, 1 }, { 192, 0, 2, 2 } };
static const struct policy_value VALUES[2] = {
	{ .text = "192.0.2.1", .rdata = { ADDRESS[0], 4 }, .weight = 1 },
	{ .text = "192.0.2.2", .rdata = { ADDRESS[1], 4 }, .weight = 1 },
};
static const struct policy_pool POOLS[2] = {
	{ .name = "one", .values = &VALUES[0], .value_n = 1 },
	{ .name = "two", .values = &VALUES[1], .value_n = 1 },
};
static const struct policy_name ONE = { .text = "one" }, TWO = { .text = "two" };

/* The pool `one` for some, `two` for everyone else. */
static struct steer_set *compiled(const struct policy_rule *some, const struct location_db *db)
{
	struct policy_rule rules[2] = { *some, { .pools = &TWO, .pool_n = 1 } };
	struct policy p = { .owner = OWNER,
			    .type = TYPE_A,
			    .defaults = VALUES,
			    .default_n = 1,
			    .pools = POOLS,
			    .pool_n = 2,
			    .rules = rules,
			    .rule_n = 2 };
	const struct policy *all[] = { &p };
	struct steer_options options = { .seed = "s" };
	struct steer_set *s = NULL;

	assert_int_equal(steer_compile(&s, all, 1, db, &options), ERR_OK);
	return s;
}

static struct ip_addr last_of(struct ip_addr a, uint8_t len)
{
	for (unsigned bit = len; bit < ip_bits((enum ip_family)a.family); bit++)
		a.bytes[bit / 8] |= (uint8_t)(0x80 >> (bit % 8));
	return a;
}

static void check_piece(const struct sweep *w)
{
	struct ip_addr end[2] = { w->prefix.addr, last_of(w->prefix.addr, w->prefix.len) };

	for (int e = 0; e < 2; e++) {
		assert_ptr_equal(location_find(w->db, &end[e], NULL), w->place);
		for (int i = 0; i < SWEEP_SIDES; i++) {
			struct steer_trace t;
			steer_choose(w->side[i].set, 0, &end[e], &t);
			assert_int_equal(t.rule, w->trace[i].rule);
		}
	}
}

/* Sweeps a family; returns the sum of shares and by how much side 0 has its first rule. */
static double sweep_all(struct sweep *w, enum ip_family family, double *first_rule, size_t *n)
{
	struct ip_addr before = { .family = (uint8_t)family };
	double sum = 0;

	*first_rule = 0;
	sweep_start(w, family);
	for (*n = 0; sweep_next(w); ++*n) {
		assert_true(*n == 0 || memcmp(before.bytes, w->prefix.addr.bytes, 16) < 0);
		before = last_of(w->prefix.addr, w->prefix.len);
		assert_true(family == IP_V4 || embedding_of(address_of(&w->prefix.addr)) == NULL);
		check_piece(w);
		sum += sweep_share(&w->prefix);
		if (w->trace[0].rule == 0)
			*first_rule += sweep_share(&w->prefix);
	}
	return sum;
}

static void pieces_cover_the_space_and_decide_alike_from_end_to_end(void **state)
{
	struct location_db *db =
	    world_of("167772160,184549375,DE\n184549376,184549383,US\n3758096384,4294967295,JP\n",
		     "2001:db8::,2001:db8:7fff:ffff:ffff:ffff:ffff:ffff,DE\n"
		     "2a00::,2a0f:ffff:ffff:ffff:ffff:ffff:ffff:fffe,FR\n");
	struct policy_geo geo = { .code = "EU" };
	struct policy_subnet subnet = { 0 };
	struct policy_rule by_geo = { .geos = &geo, .geo_n = 1, .pools = &ONE, .pool_n = 1 },
			   by_subnet = {
				   .subnets = &subnet, .subnet_n = 1, .pools = &ONE, .pool_n = 1
			   };
	double first;
	size_t n;

	(void)state;
	assert_true(ip_prefix_from_text("10.1.2.128/25", &subnet.prefix, NULL));
	struct sweep w = {
		.side = { { compiled(&by_geo, db), 0 }, { compiled(&by_subnet, db), 0 } }, .db = db
	};
	double sum = sweep_all(&w, IP_V4, &first, &n);
	assert_true(sum == 1.0);
	assert_true(first == 1.0 / 256);
	assert_true(n > 4);
	/* Without 2001::/32 and 2002::/16, which carry IPv4 addresses. */
	sum = sweep_all(&w, IP_V6, &first, &n);
	assert_true(sum == 1.0 - 1.0 / (1u << 29) - 1.0 / (1u << 13));
	assert_true(first > 1.0 / (1u << 9) && first < 1.0 / (1u << 8));
	steer_free((void *)(uintptr_t)w.side[0].set);
	steer_free((void *)(uintptr_t)w.side[1].set);
	location_unref(db);
}

static void one_rule_for_all_is_one_piece(void **state)
{
	struct location_db *db = world_of("0,4294967295,DE\n", "2001:db8::,2001:db8::1,DE\n");
	struct policy_subnet subnet = { 0 };
	struct policy_rule rule = { .subnets = &subnet, .subnet_n = 1, .pools = &ONE, .pool_n = 1 };
	double first;
	size_t n;

	(void)state;
	assert_true(ip_prefix_from_text("0.0.0.0/0", &subnet.prefix, NULL));
	struct steer_set *s = compiled(&rule, NULL);
	struct sweep w = { .side = { { s, 0 }, { s, 0 } }, .db = db };
	assert_true(sweep_all(&w, IP_V4, &first, &n) == 1.0);
	assert_int_equal(n, 1);
	assert_true(first == 1.0);
	steer_free(s);
	location_unref(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_cover_the_space_and_decide_alike_from_end_to_end),
		cmocka_unit_test(one_rule_for_all_is_one_piece),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
