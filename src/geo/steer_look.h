// SPDX-License-Identifier: Apache-2.0
/*
 * steer_look.h -- choices that are about to be made, looked at side by side.
 *
 * Purpose.   A choice among hundreds of rules of thousands of policies reads half a dozen places
 * that are not in the processor's caches, each found in the one before. Those of a batch do not
 * depend on one another: here they take each step together, so that the waits overlap. What comes
 * of it spares steer_choose_at() the search. Threads.   As steer_choose_at(): no allocation, lock
 * or clock.
 */
#ifndef GEO_STEER_LOOK_H
#define GEO_STEER_LOOK_H

#include "geo/partition.h"
#include "geo/steer.h"

#define STEER_LOOKS_MAX 32

struct steer_look {
	struct steer_found *found; /* set, policy and client are given; the rest is found */
	/* The variant that the choice will most likely be; STEER_SERVFAIL where it is drawn. */
	uint32_t variant;
	/* On the way. */
	struct partition_look look;
	const struct steer_outcome *outcome;
};

/* At most STEER_LOOKS_MAX. */
void steer_look_many(struct steer_look *looks, unsigned n);

#endif
