// SPDX-License-Identifier: Apache-2.0
/* From rules and a location database to intervals: at each address the first rule that matches, by
 * any of its subnets or any of its geos. */
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

struct sweep {
	const struct policy *p;
	const struct location_db *db;
	enum ip_family family;
	struct event *events;
	size_t event_n;
	uint32_t *open;     /* by rule: its subnets around the present address */
	bool embedded;      /* the present address carries an IPv4 address */
	uint32_t ipv4;      /* the class of those */
	uint32_t *of_place; /* by place: the first rule whose geos match */
};

static int by_address(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	return address_compare(x->at, y->at);
}

static void add_events(struct sweep *s, uint32_t rule, const struct ip_prefix *prefix)
{
	struct address end;

	s->events[s->event_n++] = (struct event){ address_of(&prefix->addr), rule, true };
	if (address_after(prefix, &end))
		s->events[s->event_n++] = (struct event){ end, rule, false };
}

/* Where IPv6 addresses carry IPv4 ones, what rules say of IPv6 does not matter. */
static void add_embeddings(struct sweep *s)
{
	for (size_t i = 0; s->family == IP_V6 && i < EMBEDDING_N; i++) {
		const struct embedding *e = &EMBEDDINGS[i];
		s->events[s->event_n++] = (struct event){ e->first, EMBEDDED, true };
		s->events[s->event_n++] =
		    (struct event){ address_add(e->first, 128u - e->len), EMBEDDED, false };
	}
}

static bool collect_events(struct sweep *s)
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

static uint32_t rule_of_place(const struct policy *p, const struct place *place)
{
	for (uint32_t i = 0; i < p->rule_n; i++)
		for (size_t j = 0; j < p->rules[i].geo_n; j++)
			if (geo_code_matches(p->rules[i].geos[j].code, place))
				return i;
	return (uint32_t)p->rule_n - 1; /* the catch-all */
}

static bool locate_places(struct sweep *s)
{
	size_t n = s->db != NULL ? location_place_n(s->db) : 1;

	s->of_place = malloc(n * sizeof *s->of_place);
	if (s->of_place == NULL)
		return false;
	s->of_place[0] = (uint32_t)s->p->rule_n - 1;
	for (uint32_t i = 0; s->db != NULL && i < n; i++)
		s->of_place[i] = rule_of_place(s->p, location_place(s->db, i));
	return true;
}

static uint32_t first_open(const struct sweep *s)
{
	for (uint32_t i = 0; i < s->p->rule_n; i++)
		if (s->open[i] > 0)
			return i;
	return UINT32_MAX;
}

static void take_event(struct sweep *s, const struct event *e)
{
	if (e->rule == EMBEDDED)
		s->embedded = e->begins;
	else
		s->open[e->rule] += e->begins ? 1u : UINT32_MAX;
}

/* Walks both ascending lists at once. */
static enum err run(struct sweep *s, struct partition *out)
{
	static const struct location_range EVERYWHERE = { 0, 0, 0 };
	const struct location_range *r = &EVERYWHERE;
	size_t n = s->db != NULL ? location_ranges(s->db, s->family, &r) : 1, i = 0, k = 0;
	uint32_t by_geo = s->of_place[0], by_subnet = UINT32_MAX;
	enum err e = ERR_OK;

	while (!e && (i < n || k < s->event_n)) {
		struct address geo =
		    i < n ? (struct address){ r[i].hi, r[i].lo } : (struct address){ 0 };
		bool take_geo =
		    k == s->event_n || (i < n && address_compare(geo, s->events[k].at) <= 0);
		struct address at = take_geo ? geo : s->events[k].at;
		bool changed = false;
		if (i < n && address_compare(geo, at) == 0)
			by_geo = s->of_place[r[i++].place];
		for (; k < s->event_n && address_compare(s->events[k].at, at) == 0; k++) {
			take_event(s, &s->events[k]);
			changed = true;
		}
		if (changed)
			by_subnet = first_open(s);
		uint32_t rule = by_subnet < by_geo ? by_subnet : by_geo;
		e = partition_add(out, s->family, at, s->embedded ? s->ipv4 : rule);
	}
	return e;
}

static enum err sweep(struct partition *out, const struct policy *p, const struct location_db *db,
		      enum ip_family family)
{
	struct sweep s = { .p = p, .db = db, .family = family, .ipv4 = PARTITION_BY_IPV4 };
	enum err e = ERR_NOMEM;

	if (family == IP_V6)
		partition_is_whole(out, IP_V4, &s.ipv4);
	if (collect_events(&s) && locate_places(&s))
		e = run(&s, out);
	free(s.events);
	free(s.open);
	free(s.of_place);
	return e;
}

static bool reads_places(const struct policy *p)
{
	for (size_t i = 0; i < p->rule_n; i++)
		if (p->rules[i].geo_n > 0)
			return true;
	return false;
}

enum err steer_build_partition(struct partition **out, const struct policy *p,
			       const struct location_db *db)
{
	struct partition *made = partition_new();

	if (made == NULL)
		return ERR_NOMEM;
	if (!reads_places(p))
		db = NULL;
	enum err e = sweep(made, p, db, IP_V4);
	if (!e)
		e = sweep(made, p, db, IP_V6);
	if (!e)
		e = partition_seal(made);
	if (e)
		partition_free(made);
	else
		*out = made;
	return e;
}
