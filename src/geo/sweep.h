// SPDX-License-Identifier: Apache-2.0
/*
 * sweep.h -- the address space in pieces in which compiled policies decide alike.
 *
 * Purpose.   `policy show` and `policy diff` measure how much of the world a rule, a pool or a
 * change concerns. Each piece is a prefix in which every policy that takes part has one rule, and
 * which lies in one range of the location database. Order.     Ascending; pieces do not overlap and
 * cover all of IPv4, or of IPv6 what is given to networks (2000::/3, RFC 4291 §2.4) but for the
 * addresses that carry an IPv4 address (geo/embedding.h): those decide as that one.
 * Invariant. Decisions are made by steer_choose(): what is measured is what is served. Threads.
 * Pure; not for the data plane.
 */
#ifndef GEO_SWEEP_H
#define GEO_SWEEP_H

#include <stdbool.h>

#include "geo/location.h"
#include "geo/steer.h"

#define SWEEP_SIDES 2

struct sweep_side {
	const struct steer_set *set; /* NULL: takes no part */
	uint32_t policy;
};

struct sweep {
	struct sweep_side side[SWEEP_SIDES];
	const struct location_db *db; /* NULL: no places */
	/* Of the piece that sweep_next() came to. */
	struct ip_prefix prefix;
	struct steer_trace trace[SWEEP_SIDES];
	struct steer_choice choice[SWEEP_SIDES];
	const struct place *place; /* NULL without database */
	/* Where it goes on. */
	struct ip_addr at;
	bool ended;
};

/* Begins at the first address of a family; sides and database are set by the caller. */
void sweep_start(struct sweep *w, enum ip_family family);
/* False after the last piece. */
bool sweep_next(struct sweep *w);
/* The part of its family's addresses (see Order) that a prefix is: 0..1. */
double sweep_share(const struct ip_prefix *p);

#endif
