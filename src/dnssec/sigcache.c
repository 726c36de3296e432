// SPDX-License-Identifier: Apache-2.0
#include "dnssec/sigcache.h"

#include <stdatomic.h>
#include <stdlib.h>

#define PAGE_SLOTS 4096u
#define ID_END     (1u << 28)
#define PAGES_MAX  (ID_END / PAGE_SLOTS)

/* Split, so that a slot costs 9 octets and not 16. */
struct page {
	_Atomic(struct sig *) sig[PAGE_SLOTS];
	_Atomic unsigned char claimed[PAGE_SLOTS];
};

/* The directory never moves: a reader's two loads need no lock. 512 KiB of address space, touched
 * as far as it is used. */
struct sigcache {
	_Atomic(struct page *) pages[PAGES_MAX];
	uint32_t page_n; /* control's */
};

enum err sigcache_new(struct sigcache **out)
{
	*out = calloc(1, sizeof **out);
	return *out != NULL ? ERR_OK : ERR_NOMEM;
}

static struct page *page_of(const struct sigcache *c, uint32_t id)
{
	return id < ID_END ? atomic_load_explicit(&c->pages[id / PAGE_SLOTS], memory_order_acquire)
			   : NULL;
}

void sigcache_free(struct sigcache *c)
{
	if (c == NULL)
		return;
	for (uint32_t i = 0; i < c->page_n; i++) {
		struct page *p = atomic_load_explicit(&c->pages[i], memory_order_relaxed);
		for (uint32_t k = 0; k < PAGE_SLOTS; k++)
			sig_free(atomic_load_explicit(&p->sig[k], memory_order_relaxed));
		free(p);
	}
	free(c);
}

enum err sigcache_reserve(struct sigcache *c, uint32_t end)
{
	if (end > ID_END)
		return ERR_RANGE;
	while (c->page_n * PAGE_SLOTS < end) {
		struct page *p = calloc(1, sizeof *p);
		if (p == NULL)
			return ERR_NOMEM;
		atomic_store_explicit(&c->pages[c->page_n++], p, memory_order_release);
	}
	return ERR_OK;
}

static void destroy(struct rcu_node *node)
{
	sig_free((struct sig *)(void *)node); /* struct sig starts with its node */
}

static void replace(struct page *p, uint32_t slot, struct sig *with)
{
	struct sig *old = atomic_exchange_explicit(&p->sig[slot], with, memory_order_acq_rel);

	if (old != NULL)
		rcu_retire(&old->rcu, destroy);
}

void sigcache_forget(struct sigcache *c, uint32_t id)
{
	struct page *p = page_of(c, id);

	if (p != NULL)
		replace(p, id % PAGE_SLOTS, NULL);
}

const struct sig *sigcache_get(const struct sigcache *c, uint32_t id, uint64_t keyset_id,
			       int64_t now, enum sig_state *state)
{
	struct page *p = page_of(c, id);
	const struct sig *g =
	    p != NULL ? atomic_load_explicit(&p->sig[id % PAGE_SLOTS], memory_order_acquire) : NULL;

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
	struct page *p = page_of(c, id);

	return p != NULL ? atomic_load_explicit(&p->sig[id % PAGE_SLOTS], memory_order_acquire)
			 : NULL;
}

void sigcache_prefetch(const struct sigcache *c, uint32_t id)
{
	struct page *p = page_of(c, id);

	if (p == NULL)
		return;
	const uint8_t *g =
	    (const uint8_t *)atomic_load_explicit(&p->sig[id % PAGE_SLOTS], memory_order_relaxed);
	if (g == NULL)
		return;
	__builtin_prefetch(g);
	__builtin_prefetch(g + 64);
	__builtin_prefetch(g + 128);
}

enum claim { UNCLAIMED, CLAIMED_IDLY, CLAIMED };

bool sigcache_claim(struct sigcache *c, uint32_t id)
{
	struct page *p = page_of(c, id);

	return p != NULL && atomic_exchange_explicit(&p->claimed[id % PAGE_SLOTS], CLAIMED,
						     memory_order_acquire) != CLAIMED;
}

void sigcache_release(struct sigcache *c, uint32_t id)
{
	struct page *p = page_of(c, id);

	if (p != NULL)
		atomic_store_explicit(&p->claimed[id % PAGE_SLOTS], UNCLAIMED,
				      memory_order_release);
}

bool sigcache_claim_idly(struct sigcache *c, uint32_t id)
{
	struct page *p = page_of(c, id);
	unsigned char free = UNCLAIMED;

	return p != NULL && atomic_compare_exchange_strong_explicit(
				&p->claimed[id % PAGE_SLOTS], &free, CLAIMED_IDLY,
				memory_order_acquire, memory_order_relaxed);
}

void sigcache_release_idly(struct sigcache *c, uint32_t id)
{
	struct page *p = page_of(c, id);
	unsigned char own = CLAIMED_IDLY;

	/* Who has taken it over gives it back. */
	if (p != NULL)
		(void)atomic_compare_exchange_strong_explicit(&p->claimed[id % PAGE_SLOTS], &own,
							      UNCLAIMED, memory_order_release,
							      memory_order_relaxed);
}

static void put(struct sigcache *c, uint32_t id, struct sig *g)
{
	struct page *p = page_of(c, id);

	if (p != NULL)
		replace(p, id % PAGE_SLOTS, g);
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
	struct sigcache_usage u = { .slots = (size_t)c->page_n * PAGE_SLOTS };

	for (uint32_t i = 0; i < c->page_n; i++) {
		struct page *p = atomic_load_explicit(&c->pages[i], memory_order_relaxed);
		for (uint32_t k = 0; k < PAGE_SLOTS; k++) {
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
