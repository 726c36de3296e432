// SPDX-License-Identifier: Apache-2.0
/*
 * sigcache.h -- signatures of the RRsets of one zone, by the RRset's signature id.
 *
 * Purpose.   A hit is one pointer read: no hash, no lock, no reference count. The cache outlives
 * views: an RRset that did not change keeps its id and so its signature. Slots.     Ids are dense;
 * slots stand in pages that are never moved, each twice as large as the one before. Control
 * reserves pages before a view with new ids is published. Invariant. sigcache_get() returns only a
 * signature of the given keyset that is valid at `now`: past its inception and before it expires
 * with at least SIG_MIN_LEFT_S left. Stale means miss. Single flight. sigcache_claim() is won by
 * one thread at a time per slot; the winner signs and publishes (which gives the claim back), or
 * releases. A claim of who works ahead of questions gives way to one of who has a question waiting:
then both sign, and the later one stays. Threads.   get, claim, publish, release: any registered
thread (base/rcu.h). reserve,
 * forget, free: the control thread; forget() may run while others read and publish other ids.
 * Memory.    publish takes the signature; the one it replaces is retired through RCU.
 * sigcache_free() needs all readers gone.
 */
#ifndef DNSSEC_SIGCACHE_H
#define DNSSEC_SIGCACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "dnssec/signer.h"

struct sigcache;

enum sig_state { SIG_FRESH, SIG_DUE /* valid, but renewal is due */, SIG_MISS };

enum err sigcache_new(struct sigcache **out);
void sigcache_free(struct sigcache *c);

/* Makes room for ids below `end`. ERR_NOMEM, ERR_RANGE (above 2^28). */
enum err sigcache_reserve(struct sigcache *c, uint32_t end);
/* Drops the signature of an id that no RRset uses any more. */
void sigcache_forget(struct sigcache *c, uint32_t id);

/* Borrowed until the caller's next quiescent state. NULL with SIG_MISS. */
const struct sig *sigcache_get(const struct sigcache *c, uint32_t id, uint64_t keyset_id,
			       int64_t now, enum sig_state *state);
/* What the slot has, whatever it is worth; borrowed like that. NULL: nothing. */
const struct sig *sigcache_peek(const struct sigcache *c, uint32_t id);
/* Asks for the memory that a get will read; waits for its first part. */
void sigcache_prefetch(const struct sigcache *c, uint32_t id);

/* True: the caller must sign, then publish or release. */
bool sigcache_claim(struct sigcache *c, uint32_t id);
void sigcache_publish(struct sigcache *c, uint32_t id, struct sig *g);
void sigcache_release(struct sigcache *c, uint32_t id);
/* The same for work that nobody waits for, done by a thread that may be slow to come to it. */
bool sigcache_claim_idly(struct sigcache *c, uint32_t id);
void sigcache_publish_idly(struct sigcache *c, uint32_t id, struct sig *g);
void sigcache_release_idly(struct sigcache *c, uint32_t id);

/* For stats: signatures held and their bytes; walks all slots. *earliest gets the earliest expiry,
 * 0 if none. */
struct sigcache_usage {
	size_t slots, signatures, bytes;
	int64_t earliest_expiry;
};
struct sigcache_usage sigcache_usage(const struct sigcache *c);

#endif
