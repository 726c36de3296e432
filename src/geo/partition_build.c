// SPDX-License-Identifier: Apache-2.0
/* From rules and a location database to intervals: at each address the first rule that matches, by
 * any of its subnets or any of its geos. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "geo/codes.h"
#include "geo/steer_internal.h"

#define EMBEDDED UINT32_MAX /* as rule of an event: a form of embedding.h */

/* A subnet begins or has ended. */
struct event {
	struct address at;
	uint32_t rule;
	bool begins;
};

struct cutting {
	const struct policy *p;
	const struct location_db *db;
	enum ip_family family;
	struct event *events;
	size_t event_n;
	uint32_t *open;     /* by rule: its subnets around the present address */
	bool embedded;      /* the present address carries an IPv4 address */
	uint32_t ipv4;      /* the class of those */
	uint32_t *of_place; /* by place: the first rule that matches it */
	uint32_t *nearest;  /* by rule by distance (nearest_n of them) and place: its class + 1; 0:
			       not known yet */
	size_t place_n;
	uint32_t *nearest_at; /* by rule: which of these it is */
	struct steer_partition *made;
	size_t order_cap;
	uint32_t *order_slots; /* numbers + 1 by hash, 0: free */
};

static int by_address(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	return address_compare(x->at, y->at);
}

static void add_events(struct cutting *s, uint32_t rule, const struct ip_prefix *prefix)
{
	struct address end;

	s->events[s->event_n++] = (struct event){ address_of(&prefix->addr), rule, true };
	if (address_after(prefix, &end))
		s->events[s->event_n++] = (struct event){ end, rule, false };
}

/* Where IPv6 addresses carry IPv4 ones, what rules say of IPv6 does not matter. */
static void add_embeddings(struct cutting *s)
{
	for (size_t i = 0; s->family == IP_V6 && i < EMBEDDING_N; i++) {
		const struct embedding *e = &EMBEDDINGS[i];
		s->events[s->event_n++] = (struct event){ e->first, EMBEDDED, true };
		s->events[s->event_n++] =
		    (struct event){ address_add(e->first, 128u - e->len), EMBEDDED, false };
	}
}

static bool collect_events(struct cutting *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->p->rule_n; i++)
		n += s->p->rules[i].subnet_n;
	s->events = malloc(2 * (n + EMBEDDING_N) * sizeof *s->events);
	s->open = calloc(s->p->rule_n, sizeof *s->open);
	if (s->events == NULL || s->open == NULL)
		return false;
	for (uint32_t i = 0; i < s->p->rule_n; i++)
		for (size_t j = 0; j < s->p->rules[i].subnet_n; j++)
			if (s->p->rules[i].subnets[j].prefix.addr.family == s->family)
				add_events(s, i, &s->p->rules[i].subnets[j].prefix);
	add_embeddings(s);
	qsort(s->events, s->event_n, sizeof *s->events, by_address);
	return true;
}

/* Which networks rules name, as the database numbers them; 0: none that it knows. */
static uint16_t network_number(const struct cutting *s, const char *name)
{
	return s->db != NULL ? location_network_named(s->db, name) : 0;
}

/* What rules say of places, by what they look at: the first rule for each. */
struct wanted {
	uint32_t *by_network; /* by number */
	struct asn_rule {
		uint32_t asn, rule;
	} * by_asn; /* ascending */
	size_t asn_n;
};

static int by_number(const void *a, const void *b)
{
	const struct asn_rule *x = a, *y = b;

	if (x->asn != y->asn)
		return x->asn < y->asn ? -1 : 1;
	return (x->rule > y->rule) - (x->rule < y->rule);
}

static bool want(const struct cutting *s, struct wanted *w)
{
	size_t network_n = s->db != NULL ? location_network_n(s->db) + 1 : 1, asn_n = 0;

	for (size_t i = 0; i < s->p->rule_n; i++)
		asn_n += s->p->rules[i].asn_n;
	w->by_network = malloc(network_n * sizeof *w->by_network);
	w->by_asn = malloc((asn_n + 1) * sizeof *w->by_asn);
	if (w->by_network == NULL || w->by_asn == NULL)
		return false;
	for (size_t i = 0; i < network_n; i++)
		w->by_network[i] = UINT32_MAX;
	for (uint32_t i = (uint32_t)s->p->rule_n; i-- > 0;) {
		const struct policy_rule *r = &s->p->rules[i];
		for (size_t j = 0; j < r->network_n; j++)
			w->by_network[network_number(s, r->networks[j].text)] = i;
		for (size_t j = 0; j < r->asn_n; j++)
			w->by_asn[w->asn_n++] = (struct asn_rule){ r->asns[j].number, i };
	}
	w->by_network[0] = UINT32_MAX;
	if (asn_n > 1)
		qsort(w->by_asn, asn_n, sizeof *w->by_asn, by_number);
	return true;
}

static uint32_t rule_of_asn(const struct wanted *w, uint32_t asn)
{
	size_t lo = 0, hi = w->asn_n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (w->by_asn[mid].asn < asn)
			lo = mid + 1;
		else
			hi = mid;
	}
	return asn != 0 && lo < w->asn_n && w->by_asn[lo].asn == asn ? w->by_asn[lo].rule
								     : UINT32_MAX;
}

static uint32_t rule_of_codes(const struct policy *p, const struct place *place)
{
	for (uint32_t i = 0; i < p->rule_n; i++)
		for (size_t j = 0; j < p->rules[i].geo_n; j++)
			if (geo_code_matches(p->rules[i].geos[j].code, place))
				return i;
	return (uint32_t)p->rule_n - 1; /* the catch-all */
}

static bool same_codes(const struct place *a, const struct place *b)
{
	return memcmp(a, b, offsetof(struct place, network)) == 0;
}

/* Many places differ in AS number or coordinates only: those with codes seen before have its rule.
 */
#define CODES_MEMO 4096u

static bool locate_places(struct cutting *s)
{
	static const struct siphash_key KEY = { 5, 0 };
	struct wanted w = { 0 };
	uint32_t *memo = calloc(CODES_MEMO, sizeof *memo); /* places by codes, + 1 */
	bool ok = memo != NULL && want(s, &w);

	s->place_n = s->db != NULL ? location_place_n(s->db) : 1;
	s->of_place = malloc(s->place_n * sizeof *s->of_place);
	uint32_t *codes = malloc(s->place_n * sizeof *codes);
	ok = ok && s->of_place != NULL && codes != NULL;
	if (ok)
		s->of_place[0] = (uint32_t)s->p->rule_n - 1;
	for (uint32_t i = 0; ok && s->db != NULL && i < s->place_n; i++) {
		const struct place *p = location_place(s->db, i);
		uint32_t *seen =
		    &memo[siphash(&KEY, p, offsetof(struct place, network)) % CODES_MEMO];
		bool known = *seen != 0 && same_codes(p, location_place(s->db, *seen - 1));
		codes[i] = known ? codes[*seen - 1] : rule_of_codes(s->p, p);
		*seen = i + 1;
		uint32_t rule = codes[i], asn = rule_of_asn(&w, p->asn),
			 network = w.by_network[p->network];
		rule = asn < rule ? asn : rule;
		s->of_place[i] = network < rule ? network : rule;
	}
	free(codes);
	free(memo);
	free(w.by_network);
	free(w.by_asn);
	return ok;
}

/* ---- distance ---- */

#define ORDER_SLOTS (2u * POLICY_ORDERS_MAX)

static bool prepare_nearest(struct cutting *s)
{
	uint32_t n = 0;

	s->nearest_at = calloc(s->p->rule_n, sizeof *s->nearest_at);
	for (size_t i = 0; s->nearest_at != NULL && i < s->p->rule_n; i++)
		if (s->p->rules[i].nearest > 0)
			s->nearest_at[i] = n++;
	if (n == 0)
		return s->nearest_at != NULL;
	s->nearest = calloc(n * s->place_n, sizeof *s->nearest);
	s->order_slots = calloc(ORDER_SLOTS, sizeof *s->order_slots);
	return s->nearest != NULL && s->order_slots != NULL;
}

/* The class of an order, which is added if new. */
static enum err class_of_order(struct cutting *s, const struct steer_order *order, uint32_t *class)
{
	static const struct siphash_key KEY = { 4, 0 };
	struct steer_partition *m = s->made;
	size_t i = siphash(&KEY, order, sizeof *order) & (ORDER_SLOTS - 1);

	while (s->order_slots[i] != 0 &&
	       memcmp(&m->orders[s->order_slots[i] - 1], order, sizeof *order) != 0)
		i = (i + 1) & (ORDER_SLOTS - 1);
	if (s->order_slots[i] == 0) {
		if (m->order_n == POLICY_ORDERS_MAX)
			return ERR_TOO_LONG;
		if (m->order_n == s->order_cap) {
			size_t cap = s->order_cap == 0 ? 16 : s->order_cap * 2;
			struct steer_order *more = realloc(m->orders, cap * sizeof *more);
			if (more == NULL)
				return ERR_NOMEM;
			m->orders = more;
			s->order_cap = cap;
		}
		m->orders[m->order_n++] = *order;
		s->order_slots[i] = (uint32_t)m->order_n;
	}
	*class = (uint32_t)s->p->rule_n + s->order_slots[i] - 1;
	return ERR_OK;
}

/* Orders of the family before keep their classes. */
static void keep_orders(struct cutting *s)
{
	static const struct siphash_key KEY = { 4, 0 };

	for (uint32_t k = 0; k < s->made->order_n; k++) {
		size_t i = siphash(&KEY, &s->made->orders[k], sizeof s->made->orders[k]) &
			   (ORDER_SLOTS - 1);
		while (s->order_slots[i] != 0)
			i = (i + 1) & (ORDER_SLOTS - 1);
		s->order_slots[i] = k + 1;
	}
}

/* All pools, in the order of the rule: that has a class already. */
static bool is_as_listed(const struct steer_order *o, size_t pool_n)
{
	uint16_t i = 0;

	while (i < o->pool_n && o->pool[i] == i)
		i++;
	return i == pool_n;
}

/* A rule's class for who is at a place: the rule itself, unless it goes by distance and the place
 * has coordinates. */
static enum err class_at(struct cutting *s, uint32_t rule, uint32_t place, uint32_t *class)
{
	*class = rule;
	if (s->p->rules[rule].nearest == 0 || s->db == NULL ||
	    location_place(s->db, place)->latitude == PLACE_NOWHERE)
		return ERR_OK;
	uint32_t *known = &s->nearest[s->nearest_at[rule] * s->place_n + place];
	if (*known == 0) {
		struct steer_order order;
		nearest_order(s->p, rule, location_place(s->db, place), &order);
		enum err e = is_as_listed(&order, s->p->rules[rule].pool_n)
				 ? ERR_OK
				 : class_of_order(s, &order, class);
		if (e)
			return e;
		*known = *class + 1;
	}
	*class = *known - 1;
	return ERR_OK;
}

static uint32_t first_open(const struct cutting *s)
{
	for (uint32_t i = 0; i < s->p->rule_n; i++)
		if (s->open[i] > 0)
			return i;
	return UINT32_MAX;
}

static void take_event(struct cutting *s, const struct event *e)
{
	if (e->rule == EMBEDDED)
		s->embedded = e->begins;
	else
		s->open[e->rule] += e->begins ? 1u : UINT32_MAX;
}

/* Walks both ascending lists at once. */
static enum err run(struct cutting *s, struct partition *out)
{
	static const struct location_range EVERYWHERE = { 0, 0, 0 };
	const struct location_range *r = &EVERYWHERE;
	size_t n = s->db != NULL ? location_ranges(s->db, s->family, &r) : 1, i = 0, k = 0;
	uint32_t place = 0, by_subnet = UINT32_MAX;
	enum err e = ERR_OK;

	while (!e && (i < n || k < s->event_n)) {
		struct address geo =
		    i < n ? (struct address){ r[i].hi, r[i].lo } : (struct address){ 0 };
		bool take_geo =
		    k == s->event_n || (i < n && address_compare(geo, s->events[k].at) <= 0);
		struct address at = take_geo ? geo : s->events[k].at;
		bool changed = false;
		if (i < n && address_compare(geo, at) == 0)
			place = r[i++].place;
		for (; k < s->event_n && address_compare(s->events[k].at, at) == 0; k++) {
			take_event(s, &s->events[k]);
			changed = true;
		}
		if (changed)
			by_subnet = first_open(s);
		uint32_t rule = s->of_place[place], class = s->ipv4;
		rule = by_subnet < rule ? by_subnet : rule;
		if (!s->embedded)
			e = class_at(s, rule, place, &class);
		if (!e)
			e = partition_add(out, s->family, at, class);
	}
	return e;
}

static enum err cut(struct steer_partition *made, const struct policy *p,
		    const struct location_db *db, enum ip_family family, size_t *order_cap)
{
	struct cutting s = { .p = p,
			     .db = db,
			     .family = family,
			     .ipv4 = PARTITION_BY_IPV4,
			     .made = made,
			     .order_cap = *order_cap };
	enum err e = ERR_NOMEM;

	if (family == IP_V6)
		partition_is_whole(made->partition, IP_V4, &s.ipv4);
	if (collect_events(&s) && locate_places(&s) && prepare_nearest(&s)) {
		keep_orders(&s);
		e = run(&s, made->partition);
	}
	*order_cap = s.order_cap;
	free(s.events);
	free(s.open);
	free(s.of_place);
	free(s.nearest);
	free(s.nearest_at);
	free(s.order_slots);
	return e;
}

bool steer_reads_places(const struct policy *p)
{
	for (size_t i = 0; i < p->rule_n; i++) {
		const struct policy_rule *r = &p->rules[i];
		if (r->geo_n + r->asn_n + r->network_n > 0 || r->nearest > 0)
			return true;
	}
	return false;
}

enum err steer_build_partition(struct steer_partition *out, const struct policy *p,
			       const struct location_db *db)
{
	struct steer_partition made = { .partition = partition_new() };
	size_t order_cap = 0;

	if (made.partition == NULL)
		return ERR_NOMEM;
	if (!steer_reads_places(p))
		db = NULL;
	enum err e = cut(&made, p, db, IP_V4, &order_cap); /* which IPv6 needs to know */
	if (!e)
		e = cut(&made, p, db, IP_V6, &order_cap);
	if (!e)
		e = partition_seal(made.partition);
	if (e)
		steer_partition_end(&made);
	else
		*out = made;
	return e;
}

void steer_partition_end(struct steer_partition *p)
{
	partition_free(p->partition);
	free(p->orders);
}
