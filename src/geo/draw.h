// SPDX-License-Identifier: Apache-2.0
/*
 * draw.h -- the weighted draw: rendezvous hashing with integers only.
 *
 * Purpose.   The same client gets the same value on every node and in every release; a weight
 * change moves only its share. Definition. For each value: h = SipHash-2-4(key, message || RDATA).
 * The value with the least draw_cost(h) / weight wins; of equals the first in the pool.
 *            docs/steering.md has it with an example; a change of anything here changes who gets
 * what.
 */
#ifndef GEO_DRAW_H
#define GEO_DRAW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/siphash.h"

/* The key of a zone: k0 = SipHash-2-4 of the seed under (0, 0), k1 the same under (1, 0). */
struct siphash_key draw_key(const char *seed);

/* -log2(h / 2^64) in units of 2^-24, by repeated squaring; 0 counts as 1. From 1 to 64 * 2^24. */
uint32_t draw_cost(uint64_t h);

/* Whether cost a for weight wa is less than cost b for weight wb. */
static inline bool draw_less(uint32_t a, uint32_t wa, uint32_t b, uint32_t wb)
{
	return (uint64_t)a * wb < (uint64_t)b * wa;
}

#endif
