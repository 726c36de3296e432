// SPDX-License-Identifier: Apache-2.0
/*
 * health_word.h -- one word for each (address, check): what the health checker says to the data
 * plane.
 *
 * Purpose.   Compiled policies point to words that lie outside of the view, so a change of health
 * reaches answers at once and no view is rebuilt. Bits.      Bit 0: the state is known. Bit 1: up
 * (only with bit 0). Bits 16 to 31: the load that was fed for the value, in units of whoever feeds
 * it; 0 where nobody does. A word of 0 is what every check starts with: unknown counts as up, so
 * that a start never takes everything down. Threads.   Control stores, workers load, both relaxed:
 * an answer goes by one value of each word or by the next. Memory.    Whoever gives a word out
 * keeps it readable until it is given back (struct steer_health).
 */
#ifndef GEO_HEALTH_WORD_H
#define GEO_HEALTH_WORD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef _Atomic uint32_t health_word;

#define HEALTH_WORD_KNOWN      1u
#define HEALTH_WORD_UP         2u
#define HEALTH_WORD_LOAD_SHIFT 16
#define HEALTH_WORD_LOAD_MAX   65535u

static inline uint32_t health_word_make(bool known, bool up, uint32_t load)
{
	if (load > HEALTH_WORD_LOAD_MAX)
		load = HEALTH_WORD_LOAD_MAX;
	return (known ? HEALTH_WORD_KNOWN : 0) | (known && up ? HEALTH_WORD_UP : 0) |
	       load << HEALTH_WORD_LOAD_SHIFT;
}

static inline uint32_t health_word_load(const health_word *w)
{
	return atomic_load_explicit(w, memory_order_relaxed);
}

static inline void health_word_store(health_word *w, uint32_t value)
{
	atomic_store_explicit(w, value, memory_order_relaxed);
}

/* Whether a value with this word may answer. */
static inline bool health_word_is_up(uint32_t word)
{
	return (word & (HEALTH_WORD_KNOWN | HEALTH_WORD_UP)) != HEALTH_WORD_KNOWN;
}

static inline uint32_t health_word_fed(uint32_t word)
{
	return word >> HEALTH_WORD_LOAD_SHIFT;
}

#endif
