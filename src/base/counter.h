// SPDX-License-Identifier: Apache-2.0
/*
 * counter.h -- numbers with one writer and any readers.
 *
 * Purpose.   Each worker counts for itself; control adds up what it reads. No lock, no locked
 * instruction. Threads.   One writer thread per counter. Relaxed atomics, so a reader sees each
 * value whole, maybe a little late.
 */
#ifndef BASE_COUNTER_H
#define BASE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

struct counter {
	_Atomic uint64_t value;
};

static inline void counter_add(struct counter *c, uint64_t n)
{
	uint64_t v = atomic_load_explicit(&c->value, memory_order_relaxed);
	atomic_store_explicit(&c->value, v + n, memory_order_relaxed);
}

static inline uint64_t counter_read(const struct counter *c)
{
	return atomic_load_explicit(&c->value, memory_order_relaxed);
}

#endif
