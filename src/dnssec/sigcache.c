// SPDX-License-Identifier: Apache-2.0
#include "dnssec/sigcache.h"

#include <stdatomic.h>
#include <stdlib.h>

#define ID_END     (1u << 28)
#define PAGE_FIRST 16u /* slots of page 0; each page has twice as many as the one before */
#define PAGES_MAX  25u /* which make 16 * (2^25 - 1) slots: more than ID_END */

/* Split, so that a slot costs 9 octets and not 16. */
struct page {
	uint32_t slot_n;
	_Atomic(struct sig *) sig[]; /* behind them slot_n octets: claimed */
};

/* The directory never moves: a reader's two loads need no lock. Pages grow with the zone, so a zone
 * of a few names costs next to nothing. */
struct sigcache {
	_Atomic(struct page *) pages[PAGES_MAX];
	uint32_t page_n; /* control's */
};

/* Where an id has its signature and its claim; NULL: nowhere. */
struct slot {
	_Atomic(struct sig *) *sig;
	_Atomic unsigned char *claimed;
};

static uint32_t page_slots(uint32_t page)
{
	return PAGE_FIRST << page;
}

static uint32_t page_start(uint32_t page)
{
	return PAGE_FIRST * ((1u << page) - 1);
}

static _Atomic unsigned char *claims_of(struct page *p)
{
	return (_Atomic unsigned char *)(p->sig + p->slot_n);
}

enum err sigcache_new(struct sigcache **out)
{
	*out = calloc(1, sizeof **out);
	return *out != NULL ? ERR_OK : ERR_NOMEM;
}

static struct slot slot_of(const struct sigcache *c, uint32_t id)
{
	if (id >= ID_END)
		return (struct slot){ NULL, NULL };
	uint32_t page = 31u - (uint32_t)__builtin_clz(id / PAGE_FIRST + 1);
	struct page *p = atomic_load_explicit(&c->pages[page], memory_order_acquire);
	if (p == NULL)
		return (struct slot){ NULL, NULL };
	uint32_t i = id - page_start(page);
	return (struct slot){ &p->sig[i], &claims_of(p)[i] };
}

void sigcache_free(struct sigcache *c)
{
	if (c == NULL)
		return;
	for (uint32_t i = 0; i < c->page_n; i++) {
		struct page *p = atomic_load_explicit(&c->pages[i], memory_order_relaxed);
		for (uint32_t k = 0; k < p->slot_n; k++)
			sig_free(atomic_load_explicit(&p->sig[k], memory_order_relaxed));
		free(p);
	}
	free(c);
}

enum err sigcache_reserve(struct sigcache *c, uint32_t end)
{
	if (end > ID_END)
		return ERR_RANGE;
	while (page_start(c->page_n) < end) {
		uint32_t n = page_slots(c->page_n);
		struct page *p = calloc(1, sizeof *p + n * (sizeof p->sig[0] + 1));
		if (p == NULL)
			return ERR_NOMEM;
		p->slot_n = n;
		atomic_store_explicit(&c->pages[c->page_n++], p, memory_order_release);
	}
	return ERR_OK;
}

static void destroy(struct rcu_node *node)
{
	sig_free((struct sig *)(void *)node); /* struct sig starts with its node */
}

static void replace(struct slot at, struct sig *with)
{
	struct sig *old = atomic_exchange_explicit(at.sig, with, memory_order_acq_rel);

	if (old != NULL)
		rcu_retire(&old->rcu, destroy);
}

void sigcache_forget(struct sigcache *c, uint32_t id)
{
	struct slot at = slot_of(c, id);

	if (at.sig != NULL)
		replace(at, NULL);
}

const struct sig *sigcache_get(const struct sigcache *c, uint32_t id, uint64_t keyset_id,
			       int64_t now, enum sig_state *state)
{
	const struct sig *g = sigcache_peek(c, id);

	if (g == NULL || g->keyset_id != keyset_id || now < g->inception ||
	    now >= g->expire_at - SIG_MIN_LEFT_S) {
		*state = SIG_MISS;
		return NULL;
	}
	*state = now < g->refresh_at ? SIG_FRESH : SIG_DUE;
	return g;
}

const struct sig *sigcache_peek(const struct sigcache *c, uint32_t id)
{
	struct slot at = slot_of(c, id);

	return at.sig != NULL ? atomic_load_explicit(at.sig, memory_order_acquire) : NULL;
}

void sigcache_prefetch(const struct sigcache *c, uint32_t id)
{
	struct slot at = slot_of(c, id);

	if (at.sig == NULL)
		return;
	const uint8_t *g = (const uint8_t *)atomic_load_explicit(at.sig, memory_order_relaxed);
	if (g == NULL)
		return;
	__builtin_prefetch(g);
	__builtin_prefetch(g + 64);
	__builtin_prefetch(g + 128);
}

enum claim { UNCLAIMED, CLAIMED_IDLY, CLAIMED };

bool sigcache_claim(struct sigcache *c, uint32_t id)
{
	struct slot at = slot_of(c, id);

	return at.claimed != NULL &&
	       atomic_exchange_explicit(at.claimed, CLAIMED, memory_order_acquire) != CLAIMED;
}

void sigcache_release(struct sigcache *c, uint32_t id)
{
	struct slot at = slot_of(c, id);

	if (at.claimed != NULL)
		atomic_store_explicit(at.claimed, UNCLAIMED, memory_order_release);
}

bool sigcache_claim_idly(struct sigcache *c, uint32_t id)
{
	struct slot at = slot_of(c, id);
	unsigned char free = UNCLAIMED;

	return at.claimed != NULL &&
	       atomic_compare_exchange_strong_explicit(at.claimed, &free, CLAIMED_IDLY,
						       memory_order_acquire, memory_order_relaxed);
}

void sigcache_release_idly(struct sigcache *c, uint32_t id)
{
	struct slot at = slot_of(c, id);
	unsigned char own = CLAIMED_IDLY;

	/* Who has taken it over gives it back. */
	if (at.claimed != NULL)
		(void)atomic_compare_exchange_strong_explicit(
		    at.claimed, &own, UNCLAIMED, memory_order_release, memory_order_relaxed);
}

static void put(struct sigcache *c, uint32_t id, struct sig *g)
{
	struct slot at = slot_of(c, id);

	if (at.sig != NULL)
		replace(at, g);
	else
		sig_free(g);
}

void sigcache_publish(struct sigcache *c, uint32_t id, struct sig *g)
{
	put(c, id, g);
	sigcache_release(c, id);
}

void sigcache_publish_idly(struct sigcache *c, uint32_t id, struct sig *g)
{
	put(c, id, g);
	sigcache_release_idly(c, id);
}

struct sigcache_usage sigcache_usage(const struct sigcache *c)
{
	struct sigcache_usage u = { .slots = page_start(c->page_n) };

	for (uint32_t i = 0; i < c->page_n; i++) {
		struct page *p = atomic_load_explicit(&c->pages[i], memory_order_relaxed);
		for (uint32_t k = 0; k < p->slot_n; k++) {
			const struct sig *g =
			    atomic_load_explicit(&p->sig[k], memory_order_acquire);
			if (g == NULL)
				continue;
			u.signatures++;
			u.bytes += sizeof *g + g->wire_len;
			if (u.earliest_expiry == 0 || g->expire_at < u.earliest_expiry)
				u.earliest_expiry = g->expire_at;
		}
	}
	return u;
}
