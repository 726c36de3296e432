// SPDX-License-Identifier: Apache-2.0
/* What must hold of the rules of a policy, as octoDNS has it: their kinds in order, a catch-all at
 * the end, no target twice, nothing that an earlier rule already took. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "geo/codes.h"
#include "geo/embedding.h"
#include "geo/policy_internal.h"

/* In the order in which they must stand; networks and AS numbers count as subnets. */
enum kind { SUBNETS_ONLY, SUBNETS_AND_GEOS, GEOS_ONLY, CATCH_ALL };

static enum kind kind_of(const struct policy_rule *r)
{
	if (r->subnet_n + r->network_n + r->asn_n > 0)
		return r->geo_n > 0 ? SUBNETS_AND_GEOS : SUBNETS_ONLY;
	return r->geo_n > 0 ? GEOS_ONLY : CATCH_ALL;
}

static void check_order(const struct policy_check *c)
{
	static const char *const KINDS[] = { "subnets only", "subnets and geos", "geos only",
					     "neither (the catch-all)" };
	const struct policy *p = c->p;
	enum kind before = SUBNETS_ONLY; /* the last one that has its place */

	for (size_t i = 0; i < p->rule_n; i++) {
		enum kind kind = kind_of(&p->rules[i]);
		if (kind == CATCH_ALL && i + 1 < p->rule_n)
			policy_finding(
			    c, p->rules[i].at, "move it to the end",
			    "rule %zu has neither geos nor subnets, but is not the last one",
			    i + 1);
		else if (kind < before && before != CATCH_ALL)
			policy_finding(
			    c, p->rules[i].at,
			    "order: subnets only, subnets and geos, geos only, catch-all",
			    "rule %zu has %s and must stand before those with %s", i + 1,
			    KINDS[kind], KINDS[before]);
		before = kind;
	}
	if (p->rule_n == 0 || kind_of(&p->rules[p->rule_n - 1]) != CATCH_ALL)
		policy_finding(c, p->rule_n > 0 ? p->rules[p->rule_n - 1].at : p->at,
			       "add `- pool: NAME` as the last rule",
			       "the last rule must be a catch-all, without geos and subnets");
}

/* octoDNS: a pool is the target of one rule; the catch-all may reuse one, and so may lists. */
static void check_reuse(const struct policy_check *c, size_t rule)
{
	const struct policy *p = c->p;
	const struct policy_rule *r = &p->rules[rule];

	for (size_t j = 0; j < rule && kind_of(r) != CATCH_ALL && !r->listed; j++) {
		const struct policy_rule *other = &p->rules[j];
		if (other->listed || other->pool_n == 0 ||
		    strcmp(other->pools[0].text, r->pools[0].text) != 0)
			continue;
		policy_finding(c, r->pool_at, "join the two rules, or add a pool",
			       "pool '%.80s' is the target of rule %zu already", r->pools[0].text,
			       j + 1);
		return;
	}
}

static void check_list(const struct policy_check *c, const struct policy_rule *r)
{
	for (size_t i = 0; i < r->pool_n; i++) {
		if (policy_pool_named(c->p, r->pools[i].text) == NULL) {
			policy_unknown_pool(c, r->pools[i].at, r->pools[i].text);
			continue;
		}
		for (size_t j = 0; j < i; j++)
			if (strcmp(r->pools[j].text, r->pools[i].text) == 0)
				policy_finding(c, r->pools[i].at, "name each pool once",
					       "pool '%.80s' stands twice in the list",
					       r->pools[i].text);
	}
}

static void check_targets(const struct policy_check *c)
{
	const struct policy *p = c->p;

	for (size_t i = 0; i < p->rule_n; i++) {
		const struct policy_rule *r = &p->rules[i];
		if (r->pool_n == 0) {
			policy_finding(c, r->at, NULL, "rule %zu is missing its pool", i + 1);
			continue;
		}
		check_list(c, r);
		if (policy_pool_named(p, r->pools[0].text) != NULL)
			check_reuse(c, i);
	}
}

/* ---- distance ---- */

static void check_nearest(const struct policy_check *c, const struct policy_rule *r)
{
	for (size_t i = 0; r->nearest > 0 && i < r->pool_n; i++) {
		const struct policy_pool *pool = policy_pool_named(c->p, r->pools[i].text);
		if (pool != NULL && !pool->has_point)
			policy_finding(c, r->pools[i].at, "give it `latitude` and `longitude`",
				       "pool '%.80s' has no place to be near to", pool->name);
	}
}

/* ---- AS numbers and networks ---- */

/* One that an earlier rule took, or this one already has. */
static void check_asns_again(const struct policy_check *c, size_t rule)
{
	const struct policy_rule *r = &c->p->rules[rule];

	for (size_t k = 0; k < r->asn_n; k++)
		for (size_t i = 0; i <= rule; i++) {
			const struct policy_rule *other = &c->p->rules[i];
			size_t n = i < rule ? other->asn_n : k;
			for (size_t j = 0; j < n; j++)
				if (other->asns[j].number == r->asns[k].number)
					policy_finding(c, r->asns[k].at, NULL,
						       "AS%u is in rule %zu already",
						       r->asns[k].number, i + 1);
		}
}

static void check_networks_again(const struct policy_check *c, size_t rule)
{
	const struct policy_rule *r = &c->p->rules[rule];

	for (size_t k = 0; k < r->network_n; k++)
		for (size_t i = 0; i <= rule; i++) {
			const struct policy_rule *other = &c->p->rules[i];
			size_t n = i < rule ? other->network_n : k;
			for (size_t j = 0; j < n; j++)
				if (strcmp(other->networks[j].text, r->networks[k].text) == 0)
					policy_finding(c, r->networks[k].at, NULL,
						       "network '%.63s' is in rule %zu already",
						       r->networks[k].text, i + 1);
		}
}

/* ---- geos ---- */

static void check_geo_codes(const struct policy_check *c, const struct policy_rule *r)
{
	for (size_t i = 0; i < r->geo_n; i++) {
		char meant[GEO_HINT_MAX], hint[60];
		if (geo_code_is_valid(r->geos[i].code, meant))
			continue;
		snprintf(hint, sizeof hint, "did you mean '%s'?", meant);
		policy_finding(c, r->geos[i].at, meant[0] != 0 ? hint : NULL,
			       "unknown geo code '%.40s'", r->geos[i].code);
	}
}

/* A geo that an earlier rule has, or that lies in one it has; in its own rule that is so in any
 * order. */
static void check_geo_again(const struct policy_check *c, size_t rule, size_t geo)
{
	const struct policy *p = c->p;
	const struct policy_geo *g = &p->rules[rule].geos[geo];

	for (size_t i = 0; i <= rule; i++) {
		for (size_t j = 0; j < p->rules[i].geo_n; j++) {
			const char *seen = p->rules[i].geos[j].code;
			bool same = strcmp(g->code, seen) == 0;
			if (!geo_code_is_within(g->code, seen) || (i == rule && same && j >= geo))
				continue;
			if (i == rule)
				policy_finding(c, g->at, NULL,
					       "geo '%.40s' is in '%.40s' of the same rule",
					       g->code, seen);
			else
				policy_finding(
				    c, g->at, same ? NULL : "put the more specific rule first",
				    "geo '%.40s' is in '%.40s' of rule %zu, which comes before",
				    g->code, seen, i + 1);
			return;
		}
	}
}

/* ---- subnets ---- */

struct seen_subnet {
	const struct policy_subnet *subnet;
	size_t rule, order;
};

/* By address, then the larger first, then as they stand in the file. */
static int by_prefix(const void *a, const void *b)
{
	const struct seen_subnet *x = a, *y = b;
	const struct ip_prefix *p = &x->subnet->prefix, *q = &y->subnet->prefix;

	if (p->addr.family != q->addr.family)
		return p->addr.family - q->addr.family;
	int c = memcmp(p->addr.bytes, q->addr.bytes, sizeof p->addr.bytes);
	if (c == 0)
		c = p->len - q->len;
	return c != 0 ? c : (x->order > y->order) - (x->order < y->order);
}

static void check_nested(const struct policy_check *c, const struct seen_subnet *outer,
			 const struct seen_subnet *inner)
{
	bool same = outer->subnet->prefix.len == inner->subnet->prefix.len;

	/* An inner subnet in an earlier rule is what one wants; in the same rule it says nothing
	 * new. */
	if (!ip_prefix_contains(&outer->subnet->prefix, &inner->subnet->prefix.addr) ||
	    (!same && inner->rule < outer->rule))
		return;
	if (inner->rule == outer->rule)
		policy_finding(c, inner->subnet->at, NULL,
			       "subnet '%.50s' is in '%.50s' of the same rule", inner->subnet->text,
			       outer->subnet->text);
	else
		policy_finding(c, inner->subnet->at,
			       same ? NULL : "put the more specific rule first",
			       "subnet '%.50s' is in '%.50s' of rule %zu, which comes before",
			       inner->subnet->text, outer->subnet->text, outer->rule + 1);
}

/* Clients whose IPv6 addresses carry an IPv4 address are located as that, so such a subnet would
 * never match. */
static void check_embedded(const struct policy_check *c, const struct policy_subnet *s)
{
	const struct ip_prefix *p = &s->prefix;
	const struct embedding *e =
	    p->addr.family == IP_V6 ? embedding_of(address_of(&p->addr)) : NULL;

	if (e != NULL && p->len >= e->len)
		policy_finding(c, s->at, "write it as an IPv4 subnet",
			       "subnet '%.50s' is of %s addresses, which are located as their IPv4",
			       s->text, e->name);
}

static void check_subnets(const struct policy_check *c)
{
	const struct policy *p = c->p;
	size_t n = 0, depth = 0;

	for (size_t i = 0; i < p->rule_n; i++)
		n += p->rules[i].subnet_n;
	if (n < 2)
		return;
	struct seen_subnet *all = malloc(n * sizeof *all);
	const struct seen_subnet
	    *open[130]; /* nested prefixes around the present one: at most one a length */
	if (all == NULL)
		return;
	n = 0;
	for (size_t i = 0; i < p->rule_n; i++)
		for (size_t j = 0; j < p->rules[i].subnet_n; j++, n++)
			all[n] = (struct seen_subnet){ &p->rules[i].subnets[j], i, n };
	qsort(all, n, sizeof *all, by_prefix);
	for (size_t i = 0; i < n; i++) {
		while (depth > 0 && !ip_prefix_contains(&open[depth - 1]->subnet->prefix,
							&all[i].subnet->prefix.addr))
			depth--;
		for (size_t k = 0; k < depth; k++)
			check_nested(c, open[k], &all[i]);
		bool same =
		    depth > 0 && open[depth - 1]->subnet->prefix.len == all[i].subnet->prefix.len;
		if (!same && depth < sizeof open / sizeof *open)
			open[depth++] = &all[i];
	}
	free(all);
}

void policy_check_rules(const struct policy_check *c)
{
	const struct policy *p = c->p;

	check_order(c);
	check_targets(c);
	for (size_t i = 0; i < p->rule_n; i++) {
		check_geo_codes(c, &p->rules[i]);
		check_nearest(c, &p->rules[i]);
		check_asns_again(c, i);
		check_networks_again(c, i);
		for (size_t j = 0; j < p->rules[i].geo_n; j++)
			check_geo_again(c, i, j);
		for (size_t j = 0; j < p->rules[i].subnet_n; j++)
			check_embedded(c, &p->rules[i].subnets[j]);
	}
	check_subnets(c);
}
