// SPDX-License-Identifier: Apache-2.0
/*
 * view.h -- everything the data plane reads, immutable, swapped whole.
 *
 * Purpose.   The one door through which control gives the data plane its input. One pointer, so
 * zone, steering and keys can never disagree. Invariant. A published view never changes. Signature
 * caches are the one mutable thing it points to; they outlive views, since unchanged RRsets keep
 * their ids. Threads.   Control publishes; workers and signer threads load the pointer while
 * registered and online (base/rcu.h) and may use it until their next quiescent state. A signing job
 * that outlives that takes a pin; control frees a view only when, after a grace period, nobody pins
 * it. Memory.    Control owns views and all that they point to. view_pin/view_unpin never allocate
 * or free.
 */
#ifndef QUERY_VIEW_H
#define QUERY_VIEW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/counter.h"
#include "base/rcu.h"
#include "base/span.h"
#include "base/trie.h"
#include "dnssec/keyed.h"
#include "dnssec/keyset.h"
#include "dnssec/sigcache.h"
#include "geo/steer.h"
#include "query/cookie.h"
#include "query/rate_limit.h"
#include "zone/name_index.h"
#include "zone/zone.h"

/* Answers of a zone are counted by these: NOERROR, NXDOMAIN, SERVFAIL, other. */
#define ZONE_RCODES 4

struct upkeep;

struct zone_view {
	const uint8_t *name;           /* the zone's; first, for zone/name_index.h */
	const struct zone *zone;       /* NULL: it is ours, but there are no data to answer from */
	uint16_t unavailable;          /* enum ede: why then */
	const struct steer_set *steer; /* NULL: nothing is steered */
	const struct steer_set *const *borrowed; /* ... by which aliases are: set 1 is the first */
	const struct keyset *keys;               /* NULL: unsigned */
	struct sigcache *sigs;                   /* NULL: unsigned */
	struct upkeep *upkeep;    /* query/upkeep.h; NULL: unsigned, or nobody keeps it */
	bool prewarm;             /* all of it is signed ahead */
	bool ecs;                 /* ECS is read and scoped for this zone */
	bool rate_limited;        /* response rate limiting applies, where it is on */
	struct span report_agent; /* wire name (RFC 9567); empty: none */
	struct counter *rcode_n;  /* ZONE_RCODES of each worker; NULL: not counted */
};

/* By whose policies an RRset of the zone is steered; NULL: it answers everybody. */
static inline const struct steer_set *zone_view_steer(const struct zone_view *zv,
						      const struct rrset_steering *st)
{
	return st->set > 0 ? zv->borrowed[st->set - 1] : st->alias ? NULL : zv->steer;
}

struct view {
	struct rcu_node rcu;
	uint64_t id;                   /* rises by one with each view */
	int64_t made_at;               /* seconds since 1970 */
	struct trie *zones;            /* name_key() of the zone -> struct zone_view */
	struct name_index *zone_index; /* the same by hash; NULL: only the trie */
	uint16_t udp_size;             /* largest UDP answer, and what our OPT says */
	struct span nsid;              /* empty: none */
	const struct rrset
	    *version; /* CHAOS TXT of version.bind and version.server; NULL: hidden */
	const struct rrset *identity; /* ... of hostname.bind and id.server; NULL: hidden */
	struct keyed *made; /* signatures of names made at query time; NULL: no zone has such */
	struct cookie_secrets cookies;
	struct rate_limit rate_limit;
	uint16_t keepalive_100ms; /* what TCP clients that ask are told (RFC 7828) */
	_Atomic uint32_t pins;
};

struct view_slot {
	_Atomic(struct view *) current;
};

/* Borrowed until the thread's next quiescent state. NULL before the first view. */
static inline struct view *view_load(struct view_slot *s)
{
	return atomic_load_explicit(&s->current, memory_order_acquire);
}

/* Control thread. Returns the view that was current. */
static inline struct view *view_exchange(struct view_slot *s, struct view *v)
{
	return atomic_exchange_explicit(&s->current, v, memory_order_acq_rel);
}

static inline void view_pin(struct view *v)
{
	atomic_fetch_add_explicit(&v->pins, 1, memory_order_relaxed);
}

static inline void view_unpin(struct view *v)
{
	atomic_fetch_sub_explicit(&v->pins, 1, memory_order_release);
}

/* Seen by control after a grace period. */
static inline bool view_is_pinned(const struct view *v)
{
	return atomic_load_explicit(&v->pins, memory_order_acquire) != 0;
}

#endif
