// SPDX-License-Identifier: Apache-2.0
/*
 * partition.h -- the address space cut into intervals, each with a class.
 *
 * Purpose.   One look-up gives the class of an address and the largest prefix around it that has
 * the same class throughout. Invariant. Intervals of a family are ascending from 0, cover it whole,
 * and neighbours differ in class. So the scope that follows from an interval's bounds is exact:
 * every address in it has the class, and in the next shorter prefix one has another. Cost.      An
 * index over the leading bits leaves a few steps of binary search; the scope is arithmetic.
 * Threads.   Immutable once built.
 */
#ifndef GEO_PARTITION_H
#define GEO_PARTITION_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
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

/* A client as it is located: an IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2) is its IPv4, and
 * *shift says by how many bits prefixes are longer in what was given. */
static inline struct ip_addr address_located(const struct ip_addr *client, uint8_t *shift)
{
	static const uint8_t MAPPED[12] = { [10] = 0xff, [11] = 0xff };
	struct ip_addr a = *client;

	*shift = 0;
	if (client->family == IP_V6 && memcmp(client->bytes, MAPPED, sizeof MAPPED) == 0) {
		a = (struct ip_addr){ .family = IP_V4 };
		memcpy(a.bytes, client->bytes + 12, 4);
		*shift = 96;
	}
	return a;
}

static inline int address_compare(struct address a, struct address b)
{
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	return (a.lo > b.lo) - (a.lo < b.lo);
}

/* The length of the largest prefix around `a` that lies within first..next-1; `next` is NULL where
 * the interval reaches the end. */
uint8_t address_scope(enum ip_family family, struct address a, struct address first,
		      const struct address *next);

struct partition;

/* Intervals are added ascending by their first address, the first one at 0. */
struct partition *partition_new(void);
void partition_free(struct partition *p);
enum err partition_add(struct partition *p, enum ip_family family, struct address first,
		       uint32_t class);
/* Builds the index. ERR_NOMEM. */
enum err partition_seal(struct partition *p);

struct partition_hit {
	uint32_t class;
	uint8_t scope;
};
struct partition_hit partition_find(const struct partition *p, const struct ip_addr *a);
size_t partition_intervals(const struct partition *p);
size_t partition_bytes(const struct partition *p);

#endif
