// SPDX-License-Identifier: Apache-2.0
/*
 * secondary_queue.h -- whose turn it is to ask a primary, where many zones want to.
 *
 * Purpose.   Zones that are due wait in line at their primary: so many checks and so many transfers
 * are under way at one primary, and in all. Primaries take turns, so that one that does not answer
 * holds up its own zones alone until the total is used up by such ones.
 * Use.       secondary_queue_ask(): `start` is called when it is the zone's turn, at once where
 * there is room; secondary_queue_leave() when that is over, or no longer wanted.
 * Threads.   The control thread.
 */
#ifndef CONTROL_SECONDARY_QUEUE_H
#define CONTROL_SECONDARY_QUEUE_H

#include <stdbool.h>

#include "base/err.h"
#include "transfer/remote.h"

struct secondary_lane;
struct secondary_queue;

enum secondary_job { SECONDARY_CHECK, SECONDARY_FETCH, SECONDARY_JOBS };

/* Questions about an SOA, and transfers, under way in all. At one primary: CHECKS_MAX_EACH, and
 * what its remote says (`transfers`). */
#define SECONDARY_CHECKS_MAX      256u
#define SECONDARY_CHECKS_MAX_EACH 64u
#define SECONDARY_FETCHES_MAX     64u

/* A zone's place in line; all zero: it is nowhere. */
struct secondary_turn {
	struct secondary_turn *next, *before; /* while it waits */
	struct secondary_lane *lane;          /* NULL: neither waits nor runs */
	enum secondary_job job;
	bool running;
	void (*start)(struct secondary_turn *t);
};

enum err secondary_queue_new(struct secondary_queue **out);
/* Nobody gets a turn any more. */
void secondary_queue_stop(struct secondary_queue *q);
/* Nobody waits or runs any more. Accepts NULL. */
void secondary_queue_free(struct secondary_queue *q);

/* `limit`: transfers at a time from this primary. ERR_NOMEM: `start` is not called. */
enum err secondary_queue_ask(struct secondary_queue *q, struct secondary_turn *t,
			     enum secondary_job job, const struct remote *at, unsigned limit);
void secondary_queue_leave(struct secondary_queue *q, struct secondary_turn *t);

#endif
