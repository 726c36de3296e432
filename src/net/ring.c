// SPDX-License-Identifier: Apache-2.0
#include "net/ring.h"

#include <stdatomic.h>
#include <stdlib.h>

#define CACHE_LINE 64

struct cell {
	_Atomic size_t sequence;
	struct ring_job job;
};

struct ring {
	size_t mask;
	_Alignas(CACHE_LINE) _Atomic size_t put_at;
	_Alignas(CACHE_LINE) _Atomic size_t take_at;
	_Alignas(CACHE_LINE) struct cell cells[];
};

struct ring *ring_new(size_t size)
{
	size_t bytes = sizeof(struct ring) + size * sizeof(struct cell);
	struct ring *r =
	    aligned_alloc(CACHE_LINE, (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);

	if (r == NULL)
		return NULL;
	r->mask = size - 1;
	atomic_init(&r->put_at, 0);
	atomic_init(&r->take_at, 0);
	for (size_t i = 0; i < size; i++)
		atomic_init(&r->cells[i].sequence, i);
	return r;
}

void ring_free(struct ring *r)
{
	free(r);
}

/* Wins the next place whose cell is `ahead` of it; NULL where there is none. */
static struct cell *win(struct ring *r, _Atomic size_t *at, size_t ahead, size_t *place)
{
	size_t p = atomic_load_explicit(at, memory_order_relaxed);

	for (;;) {
		struct cell *c = &r->cells[p & r->mask];
		size_t sequence = atomic_load_explicit(&c->sequence, memory_order_acquire);
		ptrdiff_t lag = (ptrdiff_t)(sequence - (p + ahead));
		if (lag < 0)
			return NULL;
		if (lag > 0) {
			p = atomic_load_explicit(at, memory_order_relaxed);
		} else if (atomic_compare_exchange_weak_explicit(
			       at, &p, p + 1, memory_order_relaxed, memory_order_relaxed)) {
			*place = p;
			return c;
		}
	}
}

bool ring_put(struct ring *r, const struct ring_job *job)
{
	size_t place;
	struct cell *c = win(r, &r->put_at, 0, &place);

	if (c == NULL)
		return false;
	c->job = *job;
	atomic_store_explicit(&c->sequence, place + 1, memory_order_release);
	return true;
}

bool ring_take(struct ring *r, struct ring_job *out)
{
	size_t place;
	struct cell *c = win(r, &r->take_at, 1, &place);

	if (c == NULL)
		return false;
	*out = c->job;
	atomic_store_explicit(&c->sequence, place + r->mask + 1, memory_order_release);
	return true;
}
