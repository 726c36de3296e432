// SPDX-License-Identifier: Apache-2.0
/* Compiled policies against an interpreter that only knows the text of docs/steering.md, in random
 * worlds of both families; then variants, sharing, limits and scopes by example. */
#include "carried.h"
#include "place.h"
#include "policy_text.h"

#include <math.h>
#include <stdio.h>

#include "geo/address.h"
#include "geo/draw.h"
#include "geo/location_internal.h"
#include "geo/steer.h"
#include "geo/steer_look.h"

/* ---- random worlds: ranges of places in both families ---- */

#define RANGES_MAX 60
#define POLICIES   8
#define BOUNDS_MAX 200

/* AS number 0: unknown; network 0: none, else NETWORKS[network - 1]. */
#define AT(continent_, country_, subdivision_, network_, asn_, latitude_, longitude_)              \
	{                                                                                          \
		.continent = continent_, .country = country_, .subdivision = subdivision_,         \
		.network = network_, .asn = asn_, .latitude = latitude_, .longitude = longitude_   \
	}

static const struct place PLACES[] = {
	PLACE("", "", ""),
	PLACE("EU", "DE", ""),
	PLACE("EU", "FR", ""),
	PLACE("EU", "CY", ""),
	PLACE("NA", "US", "KY"),
	PLACE("NA", "US", "CA"),
	PLACE("NA", "CA", "QC"),
	PLACE("AS", "JP", ""),
	PLACE("AF", "", ""),
	AT("EU", "DE", "BE", 0, 64500, 525200, 134050),
	AT("EU", "DE", "BE", 1, 64501, 525200, 134050),
	AT("", "", "", 2, 0, PLACE_NOWHERE, PLACE_NOWHERE),
	AT("NA", "US", "KY", 2, 64500, 382500, -857500),
	AT("AS", "JP", "13", 0, 64502, 356900, 1396900),
	AT("OC", "NZ", "", 0, 0, -412900, 1747800),
	AT("OC", "FJ", "", 1, 0, -181400, 1784400),
	AT("OC", "TO", "", 0, 0, -211300, -1752000),
};
static const char *const CODES[] = { "EU",       "EU-DE", "EU-FR",    "AS-CY",    "AS",
				     "NA",       "NA-US", "NA-CA",    "NA-US-KY", "NA-US-CA",
				     "NA-CA-QC", "AF",    "EU-DE-BE", "AS-JP-13", "OC" };
static const char *const NETWORKS[] = { "office", "vpn" };

struct world {
	struct {
		struct address first[RANGES_MAX];
		uint32_t place[RANGES_MAX];
		size_t n;
	} family[2]; /* IPv4, IPv6 */
	struct location_db *db;
};

static struct ip_addr ip_of(enum ip_family family, struct address a)
{
	struct ip_addr out = { .family = (uint8_t)family };

	for (unsigned i = 0; family == IP_V6 && i < 16; i++)
		out.bytes[i] = (uint8_t)((i < 8 ? a.hi : a.lo) >> (56 - 8 * (i % 8)));
	for (unsigned i = 0; family == IP_V4 && i < 4; i++)
		out.bytes[i] = (uint8_t)(a.lo >> (24 - 8 * i));
	return out;
}

static struct address random_address(struct lottery *l, enum ip_family family)
{
	struct address a = { lottery_next(l), lottery_next(l) };

	if (family == IP_V4)
		return (struct address){ 0, (a.lo >> 32 & UINT64_MAX << lottery_below(l, 32)) %
						(64ULL << 24) };
	a.hi = (lottery_below(l, 5) ? 0x2001ULL << 48 : 0) | a.hi >> 24;
	a.hi &= UINT64_MAX << lottery_below(l, 64);
	a.lo = lottery_below(l, 3) ? 0 : a.lo & UINT64_MAX << lottery_below(l, 64);
	return a;
}

/* One in three of IPv6 carries an IPv4 address. */
static struct ip_addr random_client(struct lottery *l, enum ip_family family)
{
	struct ip_addr a = ip_of(family, random_address(l, family));

	if (family == IP_V4 || lottery_below(l, 3) > 0)
		return a;
	size_t form = lottery_below(l, FORM_N);
	struct ip_addr v4 = ip_of(IP_V4, random_address(l, IP_V4));
	struct ip_prefix prefix = form_prefix(form);
	for (unsigned i = 0; i < 16; i++)
		a.bytes[i] = i < prefix.len / 8
				 ? prefix.addr.bytes[i]
				 : (uint8_t)lottery_below(l, lottery_below(l, 2) ? 256 : 1);
	return carry(form, &a, &v4);
}

static int ascending(const void *a, const void *b)
{
	return address_compare(*(const struct address *)a, *(const struct address *)b);
}

static void random_family(struct world *w, struct lottery *l, size_t f)
{
	enum ip_family family = f == 0 ? IP_V4 : IP_V6;
	struct address first[RANGES_MAX] = { { 0, 0 } };
	size_t n = 1 + lottery_below(l, RANGES_MAX);

	for (size_t i = 1; i < n; i++)
		first[i] = random_address(l, family);
	qsort(first, n, sizeof *first, ascending);
	w->family[f].n = 0;
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && address_compare(first[i], first[i - 1]) == 0)
			continue;
		uint32_t place = lottery_below(l, sizeof PLACES / sizeof *PLACES), number;
		size_t k = w->family[f].n++;
		w->family[f].first[k] = first[i];
		w->family[f].place[k] = place;
		assert_int_equal(location_intern(w->db, &PLACES[place], &number), ERR_OK);
		assert_int_equal(location_add(w->db, family, first[i].hi, first[i].lo, number),
				 ERR_OK);
	}
}

static void random_world(struct world *w, struct lottery *l)
{
	w->db = location_new();
	for (size_t i = 0; i < 2; i++) {
		uint16_t number;
		assert_int_equal(location_add_network(w->db, NETWORKS[i], &number), ERR_OK);
		assert_int_equal(number, i + 1);
	}
	random_family(w, l, 0);
	random_family(w, l, 1);
	assert_int_equal(location_finish(w->db), ERR_OK);
}

/* ---- random policies, as texts ---- */

/* One pool, or pools by distance. */
static void random_target(FILE *f, struct lottery *l)
{
	uint32_t first = lottery_below(l, 5), n = 2 + lottery_below(l, 4);

	if (lottery_below(l, 3) > 0) {
		fprintf(f, " -> p%u\n", first);
		return;
	}
	fprintf(f, " ~%u ->", 1 + lottery_below(l, 4));
	for (uint32_t i = 0; i < n; i++)
		fprintf(f, " p%u", (first + i) % 5);
	fputs("\n", f);
}

static void random_rule(FILE *f, struct lottery *l)
{
	uint32_t geos = lottery_below(l, 4), subnets = lottery_below(l, 4),
		 asns = lottery_below(l, 3), networks = lottery_below(l, 5) == 0;

	fputs("rule", f);
	for (; geos > 0; geos--)
		fprintf(f, " %s", CODES[lottery_below(l, sizeof CODES / sizeof *CODES)]);
	for (; asns > 1; asns--)
		fprintf(f, " AS%u", 64500 + lottery_below(l, 4));
	for (; networks > 0; networks--)
		fprintf(f, " =%s", NETWORKS[lottery_below(l, 2)]);
	for (subnets += geos + subnets == 0; subnets > 0; subnets--) {
		enum ip_family family = lottery_below(l, 2) ? IP_V4 : IP_V6;
		struct ip_addr a = ip_of(family, random_address(l, family));
		struct ip_prefix p = { .len = (uint8_t)lottery_below(l, ip_bits(family) + 1u) };
		char text[IP_TEXT_MAX];
		p.addr = ip_cut(&a, p.len);
		fprintf(f, " %s", ip_prefix_to_text(&p, text));
	}
	random_target(f, l);
}

static struct policy_text random_policy(struct lottery *l)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	fputs(lottery_below(l, 3) ? "values 192.0.2.1\n" : "values 192.0.2.1 192.0.2.2\n", f);
	for (uint32_t p = 0; p < 5; p++) {
		fprintf(f, "pool p%u", p);
		if (p < 4 && lottery_below(l, 2)) /* only to later ones: no loops */
			fprintf(f, " > p%u", p + 1 + lottery_below(l, 4 - p));
		fprintf(f, " @%d,%d,%d", (int)lottery_below(l, 1800001) - 900000,
			(int)lottery_below(l, 3600001) - 1800000,
			lottery_below(l, 2) ? (int)lottery_below(l, 199) - 99 : 0);
		fputs(" =", f);
		for (uint32_t v = 1 + lottery_below(l, 3); v > 0; v--)
			fprintf(f, " 192.0.2.%u*%u%s", v + lottery_below(l, 3) * 3,
				1 + lottery_below(l, 9),
				(const char *[]){ "", "+", "-" }[lottery_below(l, 3)]);
		fputs("\n", f);
	}
	for (uint32_t r = lottery_below(l, 6); r > 0; r--)
		random_rule(f, l);
	fputs("rule", f);
	random_target(f, l);
	fclose(f);
	struct policy_text t = policy_text(text);
	t.policy.source = NULL;
	free(text);
	return t;
}

/* ---- the interpreter ---- */

static const struct place *place_of(const struct world *w, const struct ip_addr *a)
{
	size_t f = a->family == IP_V4 ? 0 : 1, i = w->family[f].n - 1;

	while (address_compare(w->family[f].first[i], address_of(a)) > 0)
		i--;
	return &PLACES[w->family[f].place[i]];
}

static bool lies_in(const struct place *p, const char *code)
{
	if (strlen(code) == 2)
		return strcmp(p->continent, code) == 0;
	char country[3] = { code[3], code[4], 0 };
	if (strcmp(p->country, country) != 0)
		return false;
	return strlen(code) == 5 || strcmp(p->subdivision, code + 6) == 0;
}

static uint32_t rule_for(const struct world *w, const struct policy *p, const struct ip_addr *given)
{
	const struct ip_addr located = carried(given), *a = &located;

	for (uint32_t i = 0; i + 1 < p->rule_n; i++) {
		const struct policy_rule *r = &p->rules[i];
		for (size_t k = 0; k < r->subnet_n; k++) {
			struct ip_addr cut = ip_cut(a, r->subnets[k].prefix.len);
			if (ip_equal(&cut, &r->subnets[k].prefix.addr))
				return i;
		}
		for (size_t k = 0; k < r->geo_n; k++)
			if (lies_in(place_of(w, a), r->geos[k].code))
				return i;
		for (size_t k = 0; k < r->asn_n; k++)
			if (place_of(w, a)->asn == r->asns[k].number)
				return i;
		for (size_t k = 0; k < r->network_n; k++)
			if (place_of(w, a)->network > 0 &&
			    strcmp(NETWORKS[place_of(w, a)->network - 1], r->networks[k].text) == 0)
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

/* By the law of cosines; a bias of 50 halves it, one of -50 doubles it. */
static double distance(const struct place *from, const struct policy_pool *to)
{
	double r = acos(-1) / 180 / 1e4, a = from->latitude * r, b = to->latitude * r;
	double c = sin(a) * sin(b) + cos(a) * cos(b) * cos((from->longitude - to->longitude) * r);
	double d = acos(c > 1 ? 1 : c < -1 ? -1 : c);

	return to->bias >= 0 ? d * (100 - to->bias) / 100 : d * 100 / (100 + to->bias);
}

struct chain {
	const struct policy_pool *pool[20];
	size_t n, own_n; /* the rule's own come first */
};

static bool has(const struct chain *c, const struct policy_pool *pool)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->pool[i] == pool)
			return true;
	return false;
}

/* All pools that may come to answer somebody of a rule, in their order. */
static struct chain chain_for(const struct world *w, const struct policy *p, uint32_t rule,
			      const struct ip_addr *given)
{
	const struct ip_addr located = carried(given);
	const struct policy_rule *r = &p->rules[rule];
	const struct place *from = place_of(w, &located);
	bool near = r->nearest > 0 && from->latitude != PLACE_NOWHERE;
	struct chain c = { .n = 0 };

	while (c.n < (near && r->nearest < r->pool_n ? r->nearest : r->pool_n)) {
		const struct policy_pool *best = NULL;
		for (size_t i = 0; i < r->pool_n; i++) {
			const struct policy_pool *pool = pool_named(p, r->pools[i].text);
			if (!has(&c, pool) &&
			    (best == NULL || (near && distance(from, pool) < distance(from, best))))
				best = pool;
		}
		c.pool[c.n++] = best;
	}
	c.own_n = c.n;
	for (const struct policy_pool *pool = c.pool[c.n - 1];
	     (pool = pool_named(p, pool->fallback)) != NULL;)
		if (!has(&c, pool))
			c.pool[c.n++] = pool;
	return c;
}

/* NULL: the default values. */
static const struct policy_value *value_for(const struct chain *chain, const char *seed,
					    const struct ip_addr *given)
{
	const struct policy_pool *pool = NULL;
	const struct ip_addr located = carried(given), *a = &located;
	const struct policy_value *best = NULL;
	struct siphash_key key = draw_key(seed);
	uint64_t best_cost = 0;

	for (size_t i = 0; i < chain->n && (pool == NULL || usable_n(pool) == 0); i++)
		pool = chain->pool[i];
	for (size_t i = 0; i < pool->value_n; i++) {
		const struct policy_value *v = &pool->values[i];
		uint8_t message[64] = "\3www\7example\0\0\1";
		size_t octets = a->family == IP_V4 ? 3 : 7;
		if (v->status == POLICY_DOWN)
			continue;
		message[15] = a->family;
		memcpy(message + 16, a->bytes, octets);
		memcpy(message + 16 + octets, v->rdata.p, 4);
		uint64_t cost = draw_cost(siphash(&key, message, 16 + octets + 4));
		if (best == NULL || cost * best->weight < best_cost * v->weight) {
			best = v;
			best_cost = cost;
		}
	}
	return best;
}

static bool may_draw(const struct chain *chain)
{
	for (size_t i = 0; i < chain->n; i++)
		if (usable_n(chain->pool[i]) > 1)
			return true;
	return false;
}

/* Whether two clients have one rule and one order of pools. */
static bool decide_alike(const struct world *w, const struct policy *p, const struct ip_addr *a,
			 const struct ip_addr *b)
{
	uint32_t rule = rule_for(w, p, a);

	if (rule != rule_for(w, p, b))
		return false;
	if (p->rules[rule].nearest == 0)
		return true;
	struct chain x = chain_for(w, p, rule, a), y = chain_for(w, p, rule, b);
	return x.own_n == y.own_n && memcmp(x.pool, y.pool, x.own_n * sizeof *x.pool) == 0;
}

/* ---- the property ---- */

/* Where the rule of an address can change: starts of ranges, starts of subnets and ends. */
struct bounds {
	struct ip_addr at[BOUNDS_MAX];
	size_t n;
};

static void add_bounds_of_subnet(struct bounds *b, const struct ip_prefix *s)
{
	struct ip_addr after = s->addr;
	int bit = s->len - 1;

	b->at[b->n++] = s->addr;
	/* One more than the last: add a one at the prefix's last bit. */
	for (; bit >= 0 && (after.bytes[bit / 8] >> (7 - bit % 8) & 1); bit--)
		after.bytes[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
	if (bit < 0)
		return;
	after.bytes[bit / 8] |= (uint8_t)(0x80u >> (bit % 8));
	b->at[b->n++] = after;
}

static void bounds_of(struct bounds *b, const struct world *w, const struct policy *p,
		      enum ip_family family)
{
	size_t f = family == IP_V4 ? 0 : 1;

	b->n = 0;
	for (size_t i = 0; i < w->family[f].n; i++)
		b->at[b->n++] = ip_of(family, w->family[f].first[i]);
	for (size_t i = 0; i < p->rule_n; i++)
		for (size_t k = 0; k < p->rules[i].subnet_n; k++)
			if (p->rules[i].subnets[k].prefix.addr.family == family)
				add_bounds_of_subnet(b, &p->rules[i].subnets[k].prefix);
	for (size_t i = 0; family == IP_V6 && i < FORM_N; i++) {
		struct ip_prefix form = form_prefix(i);
		add_bounds_of_subnet(b, &form);
	}
	assert_true(b->n < BOUNDS_MAX);
}

/* Addresses of a prefix of which one has another rule than the rest, if any has. */
struct sample {
	struct ip_addr at[2 + BOUNDS_MAX * (1 + FORM_N)];
	size_t n;
};

static void add_carried(struct sample *s, const struct ip_prefix *prefix, const struct bounds *v4)
{
	for (size_t form = 0; form < FORM_N; form++) {
		struct ip_prefix of = form_prefix(form);
		bool within = of.len <= prefix->len && ip_prefix_contains(&of, &prefix->addr);
		for (size_t i = 0; i < v4->n; i++) {
			struct ip_addr a =
			    carry(form, within ? &prefix->addr : &of.addr, &v4->at[i]);
			if (ip_prefix_contains(prefix, &a))
				s->at[s->n++] = a;
		}
	}
}

static void sample_prefix(struct sample *s, const struct ip_addr *a, uint8_t len,
			  const struct bounds b[2])
{
	struct ip_prefix prefix = { ip_cut(a, len), len };
	struct ip_addr last = prefix.addr;
	const struct bounds *own = &b[a->family == IP_V4 ? 0 : 1];

	for (unsigned bit = len; bit < ip_bits(a->family); bit++)
		last.bytes[bit / 8] |= (uint8_t)(0x80u >> (bit % 8));
	s->n = 2;
	s->at[0] = prefix.addr;
	s->at[1] = last;
	for (size_t i = 0; i < own->n; i++)
		if (ip_prefix_contains(&prefix, &own->at[i]))
			s->at[s->n++] = own->at[i];
	if (a->family == IP_V6)
		add_carried(s, &prefix, &b[0]);
}

/* Whether one rule holds for the whole prefix around an address. */
static bool is_uniform(const struct world *w, const struct policy *p, const struct bounds b[2],
		       const struct ip_addr *a, uint8_t len)
{
	static struct sample s;

	sample_prefix(&s, a, len, b);
	for (size_t i = 1; i < s.n; i++)
		if (!decide_alike(w, p, &s.at[i], &s.at[0]))
			return false;
	return true;
}

/* The length of the largest prefix in which all draw with one key. */
static uint8_t key_scope(const struct ip_addr *a)
{
	size_t form = form_of(a);
	struct ip_prefix prefix = { .len = a->family == IP_V4 ? 24 : 56 };

	if (form < FORM_N)
		return (uint8_t)(8 * FORMS[form].octet + 24);
	for (size_t i = 0; i < FORM_N && a->family == IP_V6; i++) {
		struct ip_prefix of = form_prefix(i);
		while (prefix.addr = ip_cut(a, prefix.len), ip_prefix_contains(&prefix, &of.addr))
			prefix.len++;
	}
	return prefix.len;
}

static void check_answer(const struct steer_set *s, uint32_t number, const struct policy *p,
			 const struct policy_value *v, uint32_t variant)
{
	const struct span *rdata;

	assert_true(variant < steer_variant_n(s, number));
	size_t n = steer_variant(s, number, variant, &rdata);
	if (v == NULL) {
		assert_int_equal(variant, 0);
		assert_int_equal(n, p->default_n);
		for (size_t i = 0; i < n; i++)
			assert_true(span_equal(rdata[i], p->defaults[i].rdata));
		return;
	}
	assert_int_equal(n, 1);
	assert_true(span_equal(rdata[0], v->rdata));
	/* One answer has one number. */
	bool is_default = p->default_n == 1 && span_equal(v->rdata, p->defaults[0].rdata);
	assert_int_equal(variant == 0, is_default);
}

static void check_client(const struct world *w, const struct steer_set *s, uint32_t number,
			 const struct policy *p, const struct bounds b[2], const struct ip_addr *a)
{
	static struct sample sharing;
	struct steer_trace t;
	struct steer_choice c = steer_choose(s, number, a, &t),
			    quiet = steer_choose(s, number, a, NULL);
	uint8_t key = key_scope(a);

	assert_true(c.variant == quiet.variant && c.scope == quiet.scope);
	assert_int_equal(t.rule, rule_for(w, p, a));
	assert_true(is_uniform(w, p, b, a, t.leaf_len));
	assert_true(t.leaf_len == 0 || !is_uniform(w, p, b, a, (uint8_t)(t.leaf_len - 1)));
	struct chain chain = chain_for(w, p, t.rule, a);
	assert_int_equal(c.scope, may_draw(&chain) && t.leaf_len < key ? key : t.leaf_len);
	const struct policy_value *v = value_for(&chain, "seed", a);
	check_answer(s, number, p, v, c.variant);
	assert_int_equal(t.defaulted, v == NULL);
	/* All that share the answer would get the same. */
	sample_prefix(&sharing, a, c.scope, b);
	for (size_t i = 0; i < sharing.n; i++) {
		struct steer_choice other = steer_choose(s, number, &sharing.at[i], NULL);
		assert_int_equal(other.variant, c.variant);
		assert_int_equal(other.scope, c.scope);
	}
}

/* Clients that are looked at side by side are found where each is found alone. */
static void check_looks(const struct steer_set *s, uint32_t number, struct lottery *l)
{
	struct steer_found found[STEER_LOOKS_MAX];
	struct steer_look looks[STEER_LOOKS_MAX];
	unsigned n = 1 + lottery_below(l, STEER_LOOKS_MAX);

	for (unsigned i = 0; i < n; i++) {
		found[i] = (struct steer_found){ .set = s, .policy = number };
		found[i].client = random_client(l, lottery_below(l, 2) == 0 ? IP_V4 : IP_V6);
		looks[i].found = &found[i];
	}
	steer_look_many(looks, n);
	for (unsigned i = 0; i < n; i++) {
		const struct ip_addr *a = &found[i].client, *other = &found[(i + 1) % n].client;
		struct steer_choice alone = steer_choose(s, number, a, NULL);
		struct steer_choice c = steer_choose_at(s, number, a, NULL, &found[i], NULL);
		assert_true(c.variant == alone.variant && c.scope == alone.scope);
		/* One of another client is of no use. */
		alone = steer_choose(s, number, other, NULL);
		c = steer_choose_at(s, number, other, NULL, &found[i], NULL);
		assert_true(c.variant == alone.variant && c.scope == alone.scope);
	}
}

static void check_policy(const struct world *w, const struct steer_set *s, uint32_t number,
			 const struct policy *p, struct lottery *l)
{
	struct bounds b[2];

	bounds_of(&b[0], w, p, IP_V4);
	bounds_of(&b[1], w, p, IP_V6);
	for (size_t f = 0; f < 2; f++) {
		for (int i = 0; i < 8; i++) {
			struct ip_addr a = random_client(l, f == 0 ? IP_V4 : IP_V6);
			check_client(w, s, number, p, b, &a);
			check_client(w, s, number, p, b,
				     &b[f].at[lottery_below(l, (uint32_t)b[f].n)]);
		}
	}
	check_looks(s, number, l);
}

static void check_world(uint64_t seed)
{
	struct lottery l = { seed * 2654435761u + 1 };
	struct steer_options options = { .seed = "seed" };
	struct policy_text texts[POLICIES];
	const struct policy *policies[POLICIES];
	struct steer_set *s = NULL;
	struct world *w = calloc(1, sizeof *w);

	random_world(w, &l);
	for (size_t i = 0; i < POLICIES; i++) {
		texts[i] = random_policy(&l);
		policies[i] = &texts[i].policy;
	}
	assert_int_equal(steer_compile(&s, policies, POLICIES, w->db, &options), ERR_OK);
	location_unref(w->db);
	assert_int_equal(steer_policy_n(s), POLICIES);
	for (uint32_t i = 0; i < POLICIES; i++)
		check_policy(w, s, i, policies[i], &l);
	steer_free(s);
	for (size_t i = 0; i < POLICIES; i++)
		policy_text_free(&texts[i]);
	free(w);
}

static void thousands_of_policies_decide_as_the_document_says_with_exact_scopes(void **state)
{
	(void)state;
	const char *asked = getenv("CONCORD_WORLDS"); /* eight policies each */
	uint64_t n = asked != NULL ? strtoull(asked, NULL, 10) : 200;

	for (uint64_t seed = 1; seed <= n; seed++)
		check_world(seed);
}

/* ---- by example ---- */

static struct steer_set *compile_texts(const char *const *texts, size_t n,
				       const struct location_db *db, size_t max_bytes,
				       enum err expected)
{
	struct steer_options options = { .seed = "seed", .max_bytes = max_bytes };
	struct policy_text made[8];
	const struct policy *policies[8] = { NULL };
	struct steer_set *s = NULL;

	for (size_t i = 0; i < n; i++) {
		made[i] = policy_text(texts[i]);
		policies[i] = &made[i].policy;
	}
	assert_int_equal(steer_compile(&s, policies, n, db, &options), expected);
	/* Nothing of the policies is needed any more. */
	for (size_t i = 0; i < n; i++)
		policy_text_free(&made[i]);
	return s;
}

static void variants_are_the_defaults_and_each_different_value(void **state)
{
	static const char *const TEXTS[] = {
		("values 192.0.2.1\npool a = 192.0.2.2 192.0.2.3\npool b = 192.0.2.3 "
		 "192.0.2.1\nrule EU -> a\nrule -> b\n"),
		"values 192.0.2.1 192.0.2.2\npool a = 192.0.2.1 192.0.2.2\nrule -> a\n",
		"type CNAME\nvalues a.example.\npool a = A.example. b.example.\nrule -> a\n",
	};
	static const size_t N[] = { 3, 3, 3 };
	struct steer_set *s = compile_texts(TEXTS, 3, NULL, 0, ERR_OK);
	const struct span *rdata;

	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(steer_variant_n(s, i), N[i]);
	assert_int_equal(steer_variant(s, 0, 0, &rdata), 1);
	assert_int_equal(rdata[0].p[3], 1);
	assert_int_equal(steer_variant(s, 0, 1, &rdata), 1);
	assert_int_equal(rdata[0].p[3], 2);
	assert_int_equal(steer_variant(s, 1, 0, &rdata), 2);
	assert_int_equal(steer_variant(s, 1, 2, &rdata), 1);
	assert_int_equal(rdata[0].p[3], 2);
	steer_free(s);
}

static void policies_that_match_alike_share_a_partition(void **state)
{
	static const char *const TEXTS[] = {
		("values 192.0.2.1\npool a = 192.0.2.2\npool b = 192.0.2.3\nrule EU 10.0.0.0/8 -> "
		 "a\nrule -> b\n"),
		"values 192.0.2.9\npool x = 192.0.2.8\nrule EU 10.0.0.0/8 -> x\nrule -> x\n",
		("values 192.0.2.1\npool a = 192.0.2.2\npool b = 192.0.2.3\nrule EU 10.0.0.0/9 -> "
		 "a\nrule -> b\n"),
		"values 192.0.2.1\npool a = 192.0.2.2\nrule -> a\n",
		"values 192.0.2.1\npool z = 192.0.2.2 192.0.2.7\nrule -> z\n",
		("values 192.0.2.1\npool a = 192.0.2.2\npool b = 192.0.2.3\nrule 10.0.0.0/8 -> "
		 "a\nrule EU -> b\nrule -> b\n"),
	};
	struct steer_set *s = compile_texts(TEXTS, 6, NULL, 0, ERR_OK);

	(void)state;
	assert_int_equal(steer_partition_n(s), 4);
	assert_true(steer_bytes(s) > 0);
	steer_free(s);
}

static void partitions_larger_than_allowed_are_refused(void **state)
{
	static const char *const TEXT[] = {
		"values 192.0.2.1\npool a = 192.0.2.2\nrule 10.0.0.0/8 -> a\nrule -> a\n"
	};

	(void)state;
	assert_null(compile_texts(TEXT, 1, NULL, 100, ERR_REFUSED));
	struct steer_set *s = compile_texts(TEXT, 1, NULL, 100000, ERR_OK);
	steer_free(s);
}

static void nothing_to_steer_is_a_set_too(void **state)
{
	struct steer_set *s = compile_texts(NULL, 0, NULL, 0, ERR_OK);

	(void)state;
	assert_int_equal(steer_policy_n(s), 0);
	assert_int_equal(steer_partition_n(s), 0);
	steer_free(s);
}

static void rules_are_described_in_words(void **state)
{
	static const char *const TEXT[] = {
		"values 192.0.2.1\npool a = 192.0.2.2\npool b = 192.0.2.3\nrule 10.0.0.0/8 "
		"2001:db8::/32 -> a\n"
		"rule EU NA-US 11.0.0.0/8 -> b\nrule AS -> a\nrule -> b\n"
	};
	static const struct steer_rule_info EXPECTED[] = {
		{ "a", "subnets 10.0.0.0/8, 2001:db8::/32" },
		{ "b", "geos EU, NA-US; subnets 11.0.0.0/8" },
		{ "a", "geos AS" },
		{ "b", "everyone else" },
	};
	struct steer_set *s = compile_texts(TEXT, 1, NULL, 0, ERR_OK);

	(void)state;
	assert_int_equal(steer_rule_n(s, 0), 4);
	for (uint32_t i = 0; i < 4; i++) {
		assert_string_equal(steer_rule(s, 0, i).pool, EXPECTED[i].pool);
		assert_string_equal(steer_rule(s, 0, i).match, EXPECTED[i].match);
	}
	steer_free(s);
}

#define D "values 192.0.2.1\n"

static const struct {
	const char *says, *policy, *client;
	uint8_t scope;
} SCOPES[] = {
	{ "one value for everyone", D "pool a = 192.0.2.2\nrule -> a\n", "10.1.2.3", 0 },
	{ "one value for everyone, IPv6", D "pool a = 192.0.2.2\nrule -> a\n", "2001:db8::1", 0 },
	{ "a draw: the /24 of the client", D "pool a = 192.0.2.2 192.0.2.3\nrule -> a\n",
	  "10.1.2.3", 24 },
	{ "a draw: the /56 of the client", D "pool a = 192.0.2.2 192.0.2.3\nrule -> a\n",
	  "2001:db8::1", 56 },
	{ "two values, of which one is down", D "pool a = 192.0.2.2 192.0.2.3-\nrule -> a\n",
	  "10.1.2.3", 0 },
	{ "a fallback that could draw",
	  D "pool a > b = 192.0.2.2\npool b = 192.0.2.3 192.0.2.4\nrule -> a\n", "10.1.2.3", 24 },
	{ "a fallback of a fallback that could draw",
	  D "pool a > b = 192.0.2.2\npool b > c = 192.0.2.5\npool c = 192.0.2.3 192.0.2.4\nrule -> "
	    "a\n",
	  "10.1.2.3", 24 },
	{ "a fallback of which one value is down",
	  D "pool a > b = 192.0.2.2\npool b = 192.0.2.3 192.0.2.4-\nrule -> a\n", "10.1.2.3", 0 },
	{ "all down: the default values", D "pool a = 192.0.2.2- 192.0.2.3-\nrule -> a\n",
	  "10.1.2.3", 0 },
	{ "another pool draws, this one does not",
	  D "pool a = 192.0.2.2\npool b = 192.0.2.3 192.0.2.4\nrule 10.0.0.0/8 -> a\nrule -> b\n",
	  "10.1.2.3", 8 },
	{ "this pool draws in a larger leaf",
	  D "pool a = 192.0.2.2\npool b = 192.0.2.3 192.0.2.4\nrule 10.0.0.0/8 -> b\nrule -> a\n",
	  "10.1.2.3", 24 },
	{ "this pool draws in a smaller leaf",
	  D "pool a = 192.0.2.2\npool b = 192.0.2.3 192.0.2.4\nrule 10.1.2.0/28 -> b\nrule -> a\n",
	  "10.1.2.3", 28 },
	{ "beside a single address",
	  D "pool a = 192.0.2.2\npool b = 192.0.2.3\nrule 10.1.2.3/32 -> b\nrule -> a\n",
	  "10.1.2.2", 32 },
	{ "rules that part IPv4 part IPv6 where it carries IPv4",
	  D "pool a = 192.0.2.2\npool b = 192.0.2.3\nrule 10.0.0.0/8 -> b\nrule -> a\n",
	  "2001:db8::", 21 },
	{ "elsewhere they leave it whole",
	  D "pool a = 192.0.2.2\npool b = 192.0.2.3\nrule 10.0.0.0/8 -> b\nrule -> a\n",
	  "8000::", 1 },
	{ "a mapped client",
	  D "pool a = 192.0.2.2\npool b = 192.0.2.3\nrule 10.0.0.0/8 -> b\nrule -> a\n",
	  "::ffff:10.1.2.3", 104 },
	{ "a mapped client where all is whole", D "pool a = 192.0.2.2\nrule -> a\n",
	  "::ffff:10.1.2.3", 0 },
	{ "a mapped client and a draw", D "pool a = 192.0.2.2 192.0.2.3\nrule -> a\n",
	  "::ffff:10.1.2.3", 120 },
	{ "6to4: the IPv4 leaf behind /16",
	  D "pool a = 192.0.2.2\npool b = 192.0.2.3\nrule 10.0.0.0/8 -> b\nrule -> a\n",
	  "2002:a01:203::1", 24 },
	{ "Teredo: the client's bits are inverted",
	  D "pool a = 192.0.2.2\npool b = 192.0.2.3\nrule 10.0.0.0/8 -> b\nrule -> a\n",
	  "2001:0:4136:e378:8000:63bf:f5fe:fdfc", 104 },
	{ "NAT64 and a draw", D "pool a = 192.0.2.2 192.0.2.3\nrule -> a\n", "64:ff9b::a01:203",
	  120 },
	{ "beside the mapped addresses a draw has a key of its own",
	  D "pool a = 192.0.2.2 192.0.2.3\nrule -> a\n", "::1", 81 },
	{ "beside 6to4, where IPv4 is parted",
	  D "pool a = 192.0.2.2\npool b = 192.0.2.3\nrule 10.0.0.0/8 -> b\nrule -> a\n", "2003::1",
	  16 },
	{ "neighbours with one rule are one leaf",
	  D "pool a = 192.0.2.2\npool b = 192.0.2.3\nrule 10.0.0.0/9 10.128.0.0/9 11.0.0.0/8 -> "
	    "b\nrule -> a\n",
	  "10.1.2.3", 7 },
	{ "two rules stay two leaves, though their pools answer alike",
	  D "pool a = 192.0.2.2\npool b = 192.0.2.2\nrule 10.0.0.0/8 -> b\nrule -> a\n", "10.1.2.3",
	  8 },
};

static void scopes_are_what_the_document_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof SCOPES / sizeof *SCOPES; i++) {
		struct steer_set *s = compile_texts(&SCOPES[i].policy, 1, NULL, 0, ERR_OK);
		struct ip_addr a;
		assert_true(ip_from_text(SCOPES[i].client, &a));
		uint8_t scope = steer_choose(s, 0, &a, NULL).scope;
		if (scope != SCOPES[i].scope)
			fail_msg("%s: /%u instead of /%u", SCOPES[i].says, scope, SCOPES[i].scope);
		steer_free(s);
	}
}

static void a_trace_tells_the_chain_and_the_draw(void **state)
{
	static const char *const TEXT[] = {
		D "pool a > b = 192.0.2.2- 192.0.2.3-\npool b > c = 192.0.2.4*2 192.0.2.5*5 "
		  "192.0.2.6-\npool c = 192.0.2.7\n"
		  "rule 10.0.0.0/8 -> a\nrule -> c\n"
	};
	struct steer_set *s = compile_texts(TEXT, 1, NULL, 0, ERR_OK);
	struct steer_trace t;
	struct ip_addr a;
	char text[IP_TEXT_MAX];

	(void)state;
	assert_true(ip_from_text("10.1.2.3", &a));
	steer_choose(s, 0, &a, &t);
	assert_int_equal(t.rule, 0);
	assert_int_equal(t.leaf_len, 8);
	assert_int_equal(t.chain_n, 2);
	assert_string_equal(t.chain[0].pool, "a");
	assert_int_equal(t.chain[0].usable_n, 0);
	assert_int_equal(t.chain[0].value_n, 2);
	assert_string_equal(t.chain[1].pool, "b");
	assert_int_equal(t.chain[1].usable_n, 2);
	assert_int_equal(t.chain[1].value_n, 3);
	assert_true(t.drawn && !t.defaulted);
	assert_int_equal(t.weight_sum, 7);
	assert_true((t.weight == 2 && strcmp(t.value, "192.0.2.4") == 0) ||
		    (t.weight == 5 && strcmp(t.value, "192.0.2.5") == 0));
	assert_string_equal(ip_prefix_to_text(&t.client_key, text), "10.1.2.0/24");
	assert_true(ip_from_text("11.1.2.3", &a));
	steer_choose(s, 0, &a, &t);
	assert_int_equal(t.rule, 1);
	assert_false(t.drawn);
	assert_string_equal(t.value, "192.0.2.7");
	steer_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    thousands_of_policies_decide_as_the_document_says_with_exact_scopes),
		cmocka_unit_test(variants_are_the_defaults_and_each_different_value),
		cmocka_unit_test(policies_that_match_alike_share_a_partition),
		cmocka_unit_test(partitions_larger_than_allowed_are_refused),
		cmocka_unit_test(nothing_to_steer_is_a_set_too),
		cmocka_unit_test(rules_are_described_in_words),
		cmocka_unit_test(scopes_are_what_the_document_says),
		cmocka_unit_test(a_trace_tells_the_chain_and_the_draw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
