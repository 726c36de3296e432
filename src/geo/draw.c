// SPDX-License-Identifier: Apache-2.0
#include "geo/draw.h"

#include <string.h>

#define FRACTION_BITS 24

struct siphash_key draw_key(const char *seed)
{
	static const struct siphash_key FIRST = { 0, 0 }, SECOND = { 1, 0 };
	size_t n = strlen(seed);

	return (struct siphash_key){ siphash(&FIRST, seed, n), siphash(&SECOND, seed, n) };
}

uint32_t draw_cost(uint64_t h)
{
	if (h == 0)
		h = 1;
	unsigned whole = 63u - (unsigned)__builtin_clzll(h);
	uint64_t m = h << (63 - whole) >> 32; /* 1 <= m / 2^31 < 2 */
	uint32_t fraction = 0;

	for (int i = 0; i < FRACTION_BITS; i++) {
		m = m * m >> 31;
		uint32_t bit = (uint32_t)(m >> 32);
		fraction = fraction << 1 | bit;
		m >>= bit;
	}
	return (64u << FRACTION_BITS) - (whole << FRACTION_BITS | fraction);
}
