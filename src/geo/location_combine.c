// SPDX-License-Identifier: Apache-2.0
/* Several databases walked side by side, in address order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "geo/address.h"
#include "geo/location_internal.h"

/* One part: where it is, and what its names of networks are called in the whole. */
struct part {
	const struct location_db *db;
	const struct location_range *at;
	size_t n, i; /* at[i] holds at the present address */
	uint16_t *network;
};

struct combine {
	struct location_db *db;
	struct part *part;
	size_t n;
};

static bool knows_where(const struct place *p)
{
	return p->country[0] != 0 || p->continent[0] != 0 || p->latitude != PLACE_NOWHERE;
}

static void take(struct place *p, const struct place *from, uint16_t network)
{
	if (!knows_where(p) && knows_where(from)) {
		memcpy(p->continent, from->continent, sizeof p->continent);
		memcpy(p->country, from->country, sizeof p->country);
		memcpy(p->subdivision, from->subdivision, sizeof p->subdivision);
		p->latitude = from->latitude;
		p->longitude = from->longitude;
	}
	if (p->asn == 0)
		p->asn = from->asn;
	if (p->network == 0)
		p->network = network;
}

static enum err add_here(struct combine *c, enum ip_family family, struct address at)
{
	struct place p = place_unknown();
	uint32_t number;

	for (size_t i = 0; i < c->n; i++) {
		const struct part *part = &c->part[i];
		const struct place *from = location_place(part->db, part->at[part->i].place);
		take(&p, from, from->network != 0 ? part->network[from->network] : 0);
	}
	enum err e = location_intern(c->db, &p, &number);
	return e ? e : location_add(c->db, family, at.hi, at.lo, number);
}

/* The next address at which a part changes; false at the end. */
static bool next_change(const struct combine *c, struct address *out)
{
	bool any = false;

	for (size_t i = 0; i < c->n; i++) {
		const struct part *p = &c->part[i];
		if (p->i + 1 == p->n)
			continue;
		struct address a = { p->at[p->i + 1].hi, p->at[p->i + 1].lo };
		if (!any || address_compare(a, *out) < 0)
			*out = a;
		any = true;
	}
	return any;
}

static enum err combine_family(struct combine *c, enum ip_family family)
{
	struct address at = { 0, 0 };

	for (size_t i = 0; i < c->n; i++) {
		c->part[i].n = location_ranges(c->part[i].db, family, &c->part[i].at);
		c->part[i].i = 0;
	}
	do {
		for (size_t i = 0; i < c->n; i++) {
			struct part *p = &c->part[i];
			if (p->i + 1 < p->n && p->at[p->i + 1].hi == at.hi &&
			    p->at[p->i + 1].lo == at.lo)
				p->i++;
		}
		enum err e = add_here(c, family, at);
		if (e)
			return e;
	} while (next_change(c, &at));
	return ERR_OK;
}

static enum err join_networks(struct combine *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct location_db *db = c->part[i].db;
		c->part[i].network = calloc(location_network_n(db) + 1, sizeof *c->part[i].network);
		if (c->part[i].network == NULL)
			return ERR_NOMEM;
		for (uint16_t k = 1; k <= location_network_n(db); k++) {
			enum err e = location_add_network(c->db, location_network(db, k),
							  &c->part[i].network[k]);
			if (e)
				return e;
		}
	}
	return ERR_OK;
}

enum err location_combine(struct location_db **out, struct location_db *const *parts, size_t n)
{
	struct combine c = { .db = location_new(), .part = calloc(n, sizeof *c.part), .n = n };
	enum err e = c.db != NULL && c.part != NULL ? ERR_OK : ERR_NOMEM;

	for (size_t i = 0; !e && i < n; i++)
		c.part[i].db = parts[i];
	if (!e)
		e = join_networks(&c);
	if (!e)
		e = combine_family(&c, IP_V4);
	if (!e)
		e = combine_family(&c, IP_V6);
	if (!e)
		e = location_finish(c.db);
	for (size_t i = 0; c.part != NULL && i < n; i++)
		free(c.part[i].network);
	free(c.part);
	if (e) {
		location_unref(c.db);
		return e;
	}
	snprintf(c.db->description, sizeof c.db->description,
		 "%zu databases, %zu+%zu ranges, %zu places", n, c.db->v4.n, c.db->v6.n,
		 c.db->place_n);
	*out = c.db;
	return ERR_OK;
}
