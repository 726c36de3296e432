// SPDX-License-Identifier: Apache-2.0
/*
 * ring.h -- a bounded queue of signing jobs between workers and signer threads, without locks.
 *
 * Purpose.   A worker that has a job never waits: it is in the queue at once, or the queue is full.
 * Algorithm. Each cell carries a sequence number that says whose turn it is (D. Vyukov's bounded
 * queue for many producers and consumers). Threads.   Any number on both sides. Memory.    All of
 * it is taken in ring_new().
 */
#ifndef NET_RING_H
#define NET_RING_H

#include <stdbool.h>
#include <stddef.h>

#include "query/query.h"

struct ring;

struct ring_job {
	struct view *view; /* pinned: the one who takes the job out unpins it */
	struct query_need need;
	uint8_t owner[NAME_MAX_LEN]; /* need.owner is set to it by the taker */
};

/* `size` must be a power of two. */
struct ring *ring_new(size_t size);
void ring_free(struct ring *r);
/* False: full. */
bool ring_put(struct ring *r, const struct ring_job *job);
/* False: empty. */
bool ring_take(struct ring *r, struct ring_job *out);

#endif
