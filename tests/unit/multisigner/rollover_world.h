// SPDX-License-Identifier: Apache-2.0
/*
 * rollover_world.h -- a zone, its parent and all that resolvers may hold, on a virtual clock.
 *
 * The world records what each server served in each span of time. The oracle knows nothing of the
 * machine under test: for any DNSKEY set, any answer and any DS set that one resolver may hold at
 * the same instant, it asks whether a strict validator takes the answer. Things change only at the
 * ends of spans, so looking at all spans whose lives in caches overlap is looking at each instant.
 * Spans are in milliseconds: the machine's clock, and resolvers', show whole seconds of them.
 */
#ifndef TESTS_ROLLOVER_WORLD_H
#define TESTS_ROLLOVER_WORLD_H

#include "check.h"

#include "multisigner/rollover.h"

#define DAY            86400
#define SPANS_MAX      4096
#define PARENT_SERVERS 2
#define WORLD_KEYS_MAX 16
#define FOREIGN_DS_TAG 9
#define WORLD_START    INT64_C(1800000000)

struct world_key {
	uint16_t tag;
	uint8_t algorithm;
};

/* Keys by tag: tags are unique in a world. */
struct world_set {
	struct world_key key[WORLD_KEYS_MAX];
	size_t n;
};

struct served_span {
	int64_t from, to; /* ms */
	struct world_set dnskey, dnskey_signers, zone_signers;
	uint32_t dnskey_ttl, zone_ttl;
};

struct parent_span {
	int64_t from, to; /* ms */
	struct world_set ds;
	uint32_t ttl;
};

struct world {
	struct served_span served[SPANS_MAX];
	size_t served_n;
	struct parent_span parent[PARENT_SERVERS][SPANS_MAX];
	size_t parent_n[PARENT_SERVERS];
	uint32_t propagation_s; /* how long an old state may still be served somewhere */
};

static inline bool set_has(const struct world_set *s, uint16_t tag)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->key[i].tag == tag)
			return true;
	return false;
}

static inline void set_add(struct world_set *s, uint16_t tag, uint8_t algorithm)
{
	assert_true(s->n < WORLD_KEYS_MAX);
	s->key[s->n++] = (struct world_key){ tag, algorithm };
}

static inline bool has_algorithm(const struct world_set *a, const struct world_set *b,
				 const struct world_set *c, uint8_t algorithm)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->key[i].algorithm == algorithm && set_has(b, a->key[i].tag) &&
		    set_has(c, a->key[i].tag))
			return true;
	return false;
}

/* RFC 4035 §5.2, §5.3 and §2.2, as Unbound does it with harden-algo-downgrade: every algorithm of
 * the DS set leads to a DNSKEY that signs its set, and signs the answer; every algorithm of the
 * DNSKEY set signs the answer. */
static inline bool takes(const struct parent_span *p, const struct served_span *keys,
			 const struct served_span *answer)
{
	const struct world_set *d = &keys->dnskey;

	for (size_t i = 0; i < p->ds.n; i++) {
		uint8_t a = p->ds.key[i].algorithm;
		if (p->ds.key[i].tag == FOREIGN_DS_TAG)
			continue; /* another signer's */
		if (!has_algorithm(&p->ds, d, &keys->dnskey_signers, a) ||
		    !has_algorithm(d, &answer->zone_signers, d, a))
			return false;
	}
	for (size_t i = 0; i < d->n; i++)
		if (p->ds.n > 0 && !has_algorithm(d, &answer->zone_signers, d, d->key[i].algorithm))
			return false;
	return true;
}

static inline int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static inline int64_t most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* How long a resolver keeps what it gets, ms: it adds the TTL to the second in which it got it, and
 * lets it go when that second has passed (Unbound, BIND). */
static inline int64_t world_hold_ms(uint32_t ttl)
{
	return ((int64_t)ttl + 1) * 1000;
}

/* The first instant, in ms, at which a resolver may hold what does not validate, or 0. */
static inline int64_t first_bogus(const struct world *w)
{
	for (size_t s = 0; s < PARENT_SERVERS; s++) {
		for (size_t z = 0; z < w->parent_n[s]; z++) {
			const struct parent_span *p = &w->parent[s][z];
			int64_t p_end = p->to + world_hold_ms(p->ttl);
			if (p->ds.n == 0)
				continue;
			for (size_t x = 0; x < w->served_n; x++) {
				const struct served_span *k = &w->served[x];
				int64_t from = most(p->from, k->from);
				int64_t to = least(p_end, k->to + w->propagation_s * INT64_C(1000) +
							      world_hold_ms(k->dnskey_ttl));
				if (from >= to)
					continue;
				for (size_t y = 0; y < w->served_n; y++) {
					const struct served_span *a = &w->served[y];
					int64_t a_from = most(from, a->from);
					int64_t a_to =
					    least(to, a->to + w->propagation_s * INT64_C(1000) +
							  world_hold_ms(a->zone_ttl));
					if (a_from < a_to && !takes(p, k, a))
						return a_from;
				}
			}
		}
	}
	return 0;
}

static inline bool same_set(const struct world_set *a, const struct world_set *b)
{
	return a->n == b->n && memcmp(a->key, b->key, a->n * sizeof *a->key) == 0;
}

/* From `now_ms` on the servers serve this. */
static inline void world_serve(struct world *w, const struct served_span *s, int64_t now_ms)
{
	struct served_span *last = w->served_n > 0 ? &w->served[w->served_n - 1] : NULL;

	if (last != NULL && same_set(&last->dnskey, &s->dnskey) &&
	    same_set(&last->dnskey_signers, &s->dnskey_signers) &&
	    same_set(&last->zone_signers, &s->zone_signers) && last->dnskey_ttl == s->dnskey_ttl &&
	    last->zone_ttl == s->zone_ttl)
		return;
	assert_true(w->served_n < SPANS_MAX);
	if (last != NULL)
		last->to = now_ms;
	w->served[w->served_n] = *s;
	w->served[w->served_n].from = now_ms;
	w->served[w->served_n++].to = INT64_MAX / 2;
}

static inline struct parent_span *world_parent(struct world *w, size_t server)
{
	return &w->parent[server][w->parent_n[server] - 1];
}

static inline void world_delegate(struct world *w, size_t server, const struct world_set *ds,
				  uint32_t ttl, int64_t now_ms)
{
	if (w->parent_n[server] > 0) {
		if (same_set(&world_parent(w, server)->ds, ds) &&
		    world_parent(w, server)->ttl == ttl)
			return;
		world_parent(w, server)->to = now_ms;
	}
	assert_true(w->parent_n[server] < SPANS_MAX);
	w->parent[server][w->parent_n[server]++] =
	    (struct parent_span){ now_ms, INT64_MAX / 2, *ds, ttl };
}

#endif
