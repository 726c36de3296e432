// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <stdio.h>
#include <unistd.h>

#include "dns/rrtype.h"
#include "geo/codes.h"
#include "geo/draw.h"
#include "geo/steer.h"

/* ---- a random world: /16s of four /8s, each in some country ---- */

static const char *const COUNTRIES[] = { "DE", "FR", "US", "CA", "JP", "BR", "??" };
static const char *const CODES[] = { "EU",    "EU-DE", "EU-FR", "NA", "NA-US",
				     "NA-CA", "AS-JP", "SA",    "AF" };
static const char *const SUBNETS[] = { "10.0.0.0/8",    "10.1.0.0/16", "10.1.2.0/24", "11.0.0.0/9",
				       "11.128.0.0/12", "12.3.4.5/32", "0.0.0.0/0" };

static struct location_db *random_world(struct lottery *l)
{
	char path[] = "/tmp/concord-ranges-XXXXXX";
	struct location_db *db = NULL;
	struct diag d = { 0 };
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	for (uint32_t i = 0; i < 4 * 16; i++) {
		uint32_t first = (10u << 24) + i * (1u << 20),
			 last = first + (1u << 20) - 1 - lottery_below(l, 3) * 1000;
		fprintf(f, "%u,%u,%s\n", first, last, COUNTRIES[lottery_below(l, 7)]);
	}
	fclose(f);
	enum err e = location_open_tor(&db, path, NULL, &d);
	diag_print(&d, stderr);
	assert_int_equal(e, ERR_OK);
	diag_free(&d);
	unlink(path);
	return db;
}

/* ---- random policies ---- */

struct made {
	struct policy policy;
	struct policy_value defaults[1], values[4][3];
	struct policy_pool pools[4];
	struct policy_rule rules[5];
	struct policy_name targets[5];
	struct policy_geo geos[5][3];
	struct policy_subnet subnets[5][3];
	uint8_t rdata[4][3][4], fallback_rdata[4];
};

static const char *const POOL_NAMES[] = { "p0", "p1", "p2", "p3" };
static const uint8_t OWNER[] = "\3www\7example";

static struct policy_value value_of(uint8_t *rdata, uint8_t last, uint32_t weight,
				    enum policy_status status)
{
	memcpy(rdata, (uint8_t[]){ 192, 0, 2, last }, 4);
	return (struct policy_value){
		.text = "v", .rdata = { rdata, 4 }, .weight = weight, .status = status
	};
}

static void random_rule(struct lottery *l, struct made *m, size_t i)
{
	struct policy_rule *r = &m->rules[i];

	m->targets[i].text = POOL_NAMES[lottery_below(l, 4)];
	*r = (struct policy_rule){
		.pools = &m->targets[i], .pool_n = 1, .geos = m->geos[i], .subnets = m->subnets[i]
	};
	for (uint32_t k = lottery_below(l, 3); k > 0; k--)
		m->geos[i][r->geo_n++].code = CODES[lottery_below(l, 9)];
	uint32_t subnets = lottery_below(l, 3);
	if (r->geo_n + subnets == 0)
		subnets = 1; /* only the last rule is for everyone else */
	for (; subnets > 0; subnets--) {
		struct policy_subnet *s = &m->subnets[i][r->subnet_n++];
		s->text = SUBNETS[lottery_below(l, 7)];
		assert_true(ip_prefix_from_text(s->text, &s->prefix, NULL));
	}
}

static void random_policy(struct lottery *l, struct made *m)
{
	memset(m, 0, sizeof *m);
	m->defaults[0] = value_of(m->fallback_rdata, 200, 1, POLICY_OBEY);
	for (uint32_t p = 0; p < 4; p++) {
		uint32_t n = 1 + lottery_below(l, 3);
		for (uint32_t v = 0; v < n; v++)
			m->values[p][v] =
			    value_of(m->rdata[p][v], (uint8_t)(p * 10 + v),
				     n == 1 ? 1 : 1 + lottery_below(l, 9),
				     lottery_below(l, 3) == 0 ? POLICY_DOWN : POLICY_OBEY);
		m->pools[p] = (struct policy_pool){ .name = POOL_NAMES[p],
						    .values = m->values[p],
						    .value_n = n };
		/* Only to later ones, so that there is no loop. */
		if (p < 3 && lottery_below(l, 2))
			m->pools[p].fallback = POOL_NAMES[p + 1 + lottery_below(l, 3 - p)];
	}
	size_t rules = 1 + lottery_below(l, 5);
	for (size_t i = 0; i + 1 < rules; i++)
		random_rule(l, m, i);
	m->targets[rules - 1].text = POOL_NAMES[lottery_below(l, 4)];
	m->rules[rules - 1] = (struct policy_rule){ .pools = &m->targets[rules - 1], .pool_n = 1 };
	m->policy = (struct policy){ .owner = OWNER,
				     .type = TYPE_A,
				     .ttl = 60,
				     .defaults = m->defaults,
				     .default_n = 1,
				     .pools = m->pools,
				     .pool_n = 4,
				     .rules = m->rules,
				     .rule_n = rules };
}

/* ---- the interpreter that knows nothing of partitions ---- */

static uint32_t naive_rule(const struct policy *p, const struct location_db *db,
			   const struct ip_addr *a)
{
	const struct place *place = location_find(db, a, NULL);

	for (uint32_t i = 0; i < p->rule_n; i++) {
		const struct policy_rule *r = &p->rules[i];
		if (r->geo_n + r->subnet_n == 0)
			return i;
		for (size_t k = 0; k < r->subnet_n; k++)
			if (ip_prefix_contains(&r->subnets[k].prefix, a))
				return i;
		for (size_t k = 0; k < r->geo_n; k++)
			if (geo_code_matches(r->geos[k].code, place))
				return i;
	}
	return (uint32_t)p->rule_n - 1;
}

static const struct policy_pool *pool_named(const struct policy *p, const char *name)
{
	for (size_t i = 0; name != NULL && i < p->pool_n; i++)
		if (strcmp(p->pools[i].name, name) == 0)
			return &p->pools[i];
	return NULL;
}

static size_t usable_n(const struct policy_pool *pool)
{
	size_t n = 0;

	for (size_t i = 0; i < pool->value_n; i++)
		n += pool->values[i].status != POLICY_DOWN;
	return n;
}

/* Whether the answer to a rule may be a draw: some pool of its chain has several usable values. */
static bool naive_keyed(const struct policy *p, uint32_t rule)
{
	for (const struct policy_pool *pool = pool_named(p, p->rules[rule].pools[0].text);
	     pool != NULL; pool = pool_named(p, pool->fallback))
		if (usable_n(pool) > 1)
			return true;
	return false;
}

/* The octets that may answer: the usable values of the first pool that has any, else the defaults.
 */
static bool naive_allows(const struct policy *p, uint32_t rule, struct span rdata)
{
	const struct policy_pool *pool = pool_named(p, p->rules[rule].pools[0].text);

	while (pool != NULL && usable_n(pool) == 0)
		pool = pool_named(p, pool->fallback);
	if (pool == NULL)
		return span_equal(rdata, p->defaults[0].rdata);
	for (size_t i = 0; i < pool->value_n; i++)
		if (pool->values[i].status != POLICY_DOWN &&
		    span_equal(rdata, pool->values[i].rdata))
			return true;
	return false;
}

static struct ip_addr random_address(struct lottery *l)
{
	struct ip_addr a = { .family = IP_V4 };
	uint64_t v = lottery_next(l);

	memcpy(a.bytes, &v, 4);
	a.bytes[0] = (uint8_t)(9 + lottery_below(l, 6));
	return a;
}

static struct ip_addr last_of(struct ip_addr a, uint8_t len)
{
	for (unsigned bit = len; bit < 32; bit++)
		a.bytes[bit / 8] |= (uint8_t)(0x80 >> (bit % 8));
	return a;
}

static void check_scope(struct lottery *l, const struct made *m, const struct steer_set *s,
			const struct location_db *db, const struct ip_addr *a)
{
	const struct policy *p = &m->policy;
	struct steer_trace t;
	struct steer_choice c = steer_choose(s, 0, a, &t);
	uint32_t rule = naive_rule(p, db, a);
	const struct span *rdata;

	assert_int_equal(t.rule, rule);
	assert_int_equal(steer_variant(s, 0, c.variant, &rdata), 1);
	assert_true(naive_allows(p, rule, rdata[0]));
	/* Every address in the scope gets the same rule: both ends, and some between. */
	struct ip_addr first = ip_cut(a, t.leaf_len), last = last_of(first, t.leaf_len);
	assert_int_equal(naive_rule(p, db, &first), rule);
	assert_int_equal(naive_rule(p, db, &last), rule);
	for (int i = 0; i < 6; i++) {
		struct ip_addr other = random_address(l);
		memcpy(other.bytes, a->bytes, t.leaf_len / 8);
		struct ip_prefix leaf = { first, t.leaf_len };
		if (ip_prefix_contains(&leaf, &other))
			assert_int_equal(naive_rule(p, db, &other), rule);
	}
	assert_int_equal(c.scope, naive_keyed(p, rule) && t.leaf_len < STEER_KEY_V4 ? STEER_KEY_V4
										    : t.leaf_len);
	/* And the whole answer is the same for all that share it. */
	struct ip_addr cut = ip_cut(a, c.scope), end = last_of(cut, c.scope);
	assert_int_equal(steer_choose(s, 0, &cut, NULL).variant, c.variant);
	assert_int_equal(steer_choose(s, 0, &end, NULL).variant, c.variant);
	/* Minimal: the next larger prefix has an address with another rule, at one of the places
	 * where rules can change. */
	if (t.leaf_len == 0)
		return;
	uint8_t len = (uint8_t)(t.leaf_len - 1);
	struct ip_addr from = ip_cut(a, len);
	bool differs = false;
	for (uint32_t step = 0; step < 4096 && !differs; step++) {
		struct ip_addr other = from;
		uint64_t span = 1ULL << (32 - len), at = span * step / 4096;
		uint32_t v = (uint32_t)other.bytes[0] << 24 | (uint32_t)other.bytes[1] << 16 |
			     (uint32_t)other.bytes[2] << 8 | other.bytes[3];
		v += (uint32_t)at;
		memcpy(other.bytes,
		       (uint8_t[]){ (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8),
				    (uint8_t)v },
		       4);
		differs = naive_rule(p, db, &other) != rule;
	}
	struct ip_addr end_of_parent = last_of(from, len);
	differs = differs || naive_rule(p, db, &end_of_parent) != rule;
	/* Ranges end up to 2,000 addresses before the next one: gaps that the 4,096 steps may jump
	 * over. */
	for (uint32_t i = 0; i < 64 && !differs; i++) {
		uint32_t edge = (10u << 24) + i * (1u << 20);
		for (uint32_t gap = 0; gap <= 2000 && !differs; gap += 1000) {
			uint32_t v = edge - 1 - (gap > 0 ? gap - 1 : 0);
			struct ip_addr other = { .family = IP_V4,
						 .bytes = { (uint8_t)(v >> 24), (uint8_t)(v >> 16),
							    (uint8_t)(v >> 8), (uint8_t)v } };
			struct ip_prefix parent = { from, len };
			differs = ip_prefix_contains(&parent, &other) &&
				  naive_rule(p, db, &other) != rule;
		}
	}
	for (size_t i = 0; i < sizeof SUBNETS / sizeof *SUBNETS && !differs; i++) {
		struct ip_prefix subnet, parent = { from, len };
		assert_true(ip_prefix_from_text(SUBNETS[i], &subnet, NULL));
		struct ip_addr inside = subnet.addr, end_inside = last_of(subnet.addr, subnet.len);
		differs =
		    (ip_prefix_contains(&parent, &inside) && naive_rule(p, db, &inside) != rule) ||
		    (ip_prefix_contains(&parent, &end_inside) &&
		     naive_rule(p, db, &end_inside) != rule);
	}
	assert_true(differs);
}

static void compiled_policies_equal_a_naive_interpreter_and_their_scopes_are_exact(void **state)
{
	struct steer_options options = { .seed = "example." };

	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct lottery l = { seed * 15485863 };
		struct location_db *db = random_world(&l);
		struct made m;
		random_policy(&l, &m);
		const struct policy *policies[] = { &m.policy };
		struct steer_set *s = NULL;
		assert_int_equal(steer_compile(&s, policies, 1, db, &options), ERR_OK);
		for (int i = 0; i < 25; i++) {
			struct ip_addr a = random_address(&l);
			check_scope(&l, &m, s, db, &a);
		}
		steer_free(s);
		location_unref(db);
	}
}

/* ---- the draw ---- */

static void weighted(struct made *m, const uint32_t *weights, size_t n)
{
	memset(m, 0, sizeof *m);
	m->defaults[0] = value_of(m->fallback_rdata, 200, 1, POLICY_OBEY);
	for (size_t v = 0; v < n; v++)
		m->values[0][v] =
		    value_of(m->rdata[0][v], (uint8_t)(v + 1), weights[v], POLICY_OBEY);
	m->pools[0] = (struct policy_pool){ .name = "p0", .values = m->values[0], .value_n = n };
	m->targets[0].text = "p0";
	m->rules[0] = (struct policy_rule){ .pools = m->targets, .pool_n = 1 };
	m->policy = (struct policy){ .owner = OWNER,
				     .type = TYPE_A,
				     .defaults = m->defaults,
				     .default_n = 1,
				     .pools = m->pools,
				     .pool_n = 1,
				     .rules = m->rules,
				     .rule_n = 1 };
}

static struct steer_set *compile_one(const struct made *m)
{
	const struct policy *policies[] = { &m->policy };
	struct steer_options options = { .seed = "example." };
	struct steer_set *s = NULL;

	assert_int_equal(steer_compile(&s, policies, 1, NULL, &options), ERR_OK);
	return s;
}

static struct ip_addr client(uint32_t i)
{
	return (struct ip_addr){
		.family = IP_V4, .bytes = { 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i }
	};
}

#define CLIENTS 200000u

static void the_share_of_each_value_is_its_weight_within_a_percent(void **state)
{
	struct made m;
	uint32_t counts[4] = { 0 };

	(void)state;
	weighted(&m, (uint32_t[]){ 1, 3, 6 }, 3);
	struct steer_set *s = compile_one(&m);
	for (uint32_t i = 0; i < CLIENTS; i++) {
		struct ip_addr a = client(i << 8);
		counts[steer_choose(s, 0, &a, NULL).variant]++;
	}
	/* 65,536 /24s: the client key repeats, the shares are over keys. */
	assert_in_range(counts[1], CLIENTS * 9 / 100, CLIENTS * 11 / 100);
	assert_in_range(counts[2], CLIENTS * 29 / 100, CLIENTS * 31 / 100);
	assert_in_range(counts[3], CLIENTS * 59 / 100, CLIENTS * 61 / 100);
	steer_free(s);
}

static void a_change_of_weight_moves_only_its_share(void **state)
{
	struct made before, after;
	uint32_t moved = 0, wrong = 0, n = 60000;

	(void)state;
	weighted(&before, (uint32_t[]){ 1, 1, 2 }, 3);
	weighted(&after, (uint32_t[]){ 1, 1, 3 }, 3);
	struct steer_set *s = compile_one(&before), *t = compile_one(&after);
	for (uint32_t i = 0; i < n; i++) {
		struct ip_addr a = client(i << 8);
		uint32_t x = steer_choose(s, 0, &a, NULL).variant,
			 y = steer_choose(t, 0, &a, NULL).variant;
		moved += x != y;
		wrong += x != y && y != 3;
	}
	/* The third value goes from 2/4 to 3/5: a tenth of all clients move, all of them to it. */
	assert_int_equal(wrong, 0);
	assert_in_range(moved, n * 9 / 100, n * 11 / 100);
	steer_free(s);
	steer_free(t);
}

/* Golden values: what any other implementation of docs/steering.md must give. */
static void the_draw_is_what_the_document_says(void **state)
{
	static const uint8_t MESSAGE[] = { 3, 'w', 'w', 'w', 7,  'e', 'x', 'a', 'm', 'p', 'l', 'e',
					   0, 0,   1,   4,   10, 1,   2,   192, 0,   2,   1 };
	struct siphash_key key = draw_key("example.");

	(void)state;
	assert_true(draw_cost(UINT64_MAX) <= 1);
	assert_int_equal(draw_cost(1ULL << 63), 1u << 24);
	assert_int_equal(draw_cost(1ULL << 62), 2u << 24);
	assert_int_equal(draw_cost(3ULL << 62), (1u << 24) - 9814042u); /* 2^24 * (1 - log2 1.5) */
	assert_int_equal(draw_cost(0), draw_cost(1));
	assert_true(siphash(&key, MESSAGE, sizeof MESSAGE) != 0);
	assert_true(draw_less(10, 2, 6, 1) && !draw_less(12, 2, 6, 1));
}

static void an_ipv4_mapped_client_is_located_as_its_ipv4(void **state)
{
	struct lottery l = { 99 };
	struct location_db *db = random_world(&l);
	struct made m;
	struct steer_set *s = NULL;
	struct steer_options options = { .seed = "x" };

	(void)state;
	random_policy(&l, &m);
	const struct policy *policies[] = { &m.policy };
	assert_int_equal(steer_compile(&s, policies, 1, db, &options), ERR_OK);
	for (int i = 0; i < 200; i++) {
		struct ip_addr v4 = random_address(&l),
			       v6 = { .family = IP_V6, .bytes = { [10] = 0xff, [11] = 0xff } };
		memcpy(v6.bytes + 12, v4.bytes, 4);
		struct steer_choice a = steer_choose(s, 0, &v4, NULL),
				    b = steer_choose(s, 0, &v6, NULL);
		assert_int_equal(a.variant, b.variant);
		/* Where all of IPv4 is alike, what is around it may be so too. */
		assert_int_equal(a.scope > 0 ? a.scope + 96 : 0, b.scope);
	}
	steer_free(s);
	location_unref(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    compiled_policies_equal_a_naive_interpreter_and_their_scopes_are_exact),
		cmocka_unit_test(the_share_of_each_value_is_its_weight_within_a_percent),
		cmocka_unit_test(a_change_of_weight_moves_only_its_share),
		cmocka_unit_test(the_draw_is_what_the_document_says),
		cmocka_unit_test(an_ipv4_mapped_client_is_located_as_its_ipv4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
