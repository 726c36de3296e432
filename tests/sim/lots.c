// SPDX-License-Identifier: Apache-2.0
#include "world.h"

/* splitmix64: every seed is a good one. */
uint64_t lots_next(struct lots *l)
{
	uint64_t z = l->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint32_t lots_below(struct lots *l, uint32_t n)
{
	return (uint32_t)(lots_next(l) >> 33) % n;
}

bool lots_hit(struct lots *l, uint32_t of_1000)
{
	return lots_below(l, 1000) < of_1000;
}
