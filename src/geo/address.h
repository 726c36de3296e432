// SPDX-License-Identifier: Apache-2.0
/*
 * address.h -- addresses as numbers, and the arithmetic of prefixes around them.
 */
#ifndef GEO_ADDRESS_H
#define GEO_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/prefix.h"

/* An address as a number: IPv4 in `lo`. */
struct address {
	uint64_t hi, lo;
};

static inline struct address address_of(const struct ip_addr *a)
{
	struct address n = { 0, 0 };

	if (a->family == IP_V4) {
		n.lo = (uint64_t)a->bytes[0] << 24 | (uint64_t)a->bytes[1] << 16 |
		       (uint64_t)a->bytes[2] << 8 | a->bytes[3];
		return n;
	}
	for (int i = 0; i < 8; i++) {
		n.hi = n.hi << 8 | a->bytes[i];
		n.lo = n.lo << 8 | a->bytes[8 + i];
	}
	return n;
}

static inline int address_compare(struct address a, struct address b)
{
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	return (a.lo > b.lo) - (a.lo < b.lo);
}

/* How many leading bits two addresses of a family share. */
uint8_t address_common(enum ip_family family, struct address a, struct address b);

/* a + 2^bit, without regard to the family's end. */
struct address address_add(struct address a, unsigned bit);
/* The address after a prefix; false where the family ends with it. */
bool address_after(const struct ip_prefix *p, struct address *out);

/* The length of the largest prefix around `a` that lies within first..next-1; `next` is NULL where
 * the interval reaches the end. */
uint8_t address_scope(enum ip_family family, struct address a, struct address first,
		      const struct address *next);

#endif
