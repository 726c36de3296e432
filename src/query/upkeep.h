// SPDX-License-Identifier: Apache-2.0
/*
 * upkeep.h -- signatures that are made without anybody asking: renewals, and whole zones ahead.
 *
 * Purpose.   What has been asked for once has a signature, and that is renewed as soon as it is
 * due, replaced when the keys change, and made anew when it was found stale (after a suspend, or
 * when the clock was set), RRset by RRset, for as long as the RRset is in the zone. What was never
 * asked for has none, unless its zone is to be signed ahead. Signatures of names made at query time
 * are renewed when they are asked for only. Threads.   A run belongs to one thread, which keeps the
 * view pinned meanwhile. struct upkeep has one writer, the thread that runs, and any readers.
 */
#ifndef QUERY_UPKEEP_H
#define QUERY_UPKEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/counter.h"
#include "query/need.h"

/* What is known of a zone's signatures since the last run over it. */
struct upkeep {
	struct counter runs;
	struct counter held;            /* signatures */
	struct counter wanted;          /* RRsets and variants that can be signed */
	struct counter made;            /* since the start: by upkeep alone */
	struct counter lag_s;           /* the most that one was overdue in the last run */
	struct counter earliest_expiry; /* seconds since 1970; 0: none held */
	struct counter ahead;           /* 1 while signatures are made that nobody asked for yet */
};

/* Whether a slot's signature (NULL: none) is to be made now. Pure; time is a value. */
bool upkeep_is_wanted(const struct sig *held, uint64_t keyset_id, int64_t now, bool ahead);

struct upkeep_run {
	struct need_batch *batch;
	int64_t now;
	/* Told before the first signature of a batch is made; may be NULL. */
	void (*begin)(void *context);
	/* Asked after each batch: true ends the run. */
	bool (*stop)(void *context);
	void *context;
	unsigned made; /* by the last batch */
};
/* One zone. False: stopped. */
bool upkeep_zone(struct upkeep_run *r, const struct zone_view *zv);

#endif
