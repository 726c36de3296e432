// SPDX-License-Identifier: Apache-2.0
/*
 * partition.h -- the address space cut into intervals, each with a class.
 *
 * Purpose.   One look-up gives the class of an address and the largest prefix around it that has
 * the same class throughout. Invariant. Intervals of a family are ascending from 0, cover it whole,
 * and neighbours differ in class. So the scope that follows from an interval's bounds is exact:
 * every address in it has the class, and in the next shorter prefix one has another. An IPv6
 * address that carries an IPv4 address has the class of that. Cost.      IPv4:
 * an index over the leading bits leaves a few steps of binary search; IPv6: a tree of cache lines
 * (key_tree.h). The scope is arithmetic.
 * Threads.   Immutable once built.
 */
#ifndef GEO_PARTITION_H
#define GEO_PARTITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "geo/embedding.h"

struct partition;

/* Intervals are added ascending by their first address, the first one at 0. */
struct partition *partition_new(void);
void partition_free(struct partition *p);
enum err partition_add(struct partition *p, enum ip_family family, struct address first,
		       uint32_t class);
/* Builds the index. ERR_NOMEM. */
enum err partition_seal(struct partition *p);

/* The class of IPv6 intervals whose addresses carry an IPv4 address and have its class: the
 * prefixes of embedding.h, where IPv4 has more than one class. */
#define PARTITION_BY_IPV4 UINT32_MAX

/* Whether all of a family has one class (of a partition to which intervals are still added). */
bool partition_is_whole(const struct partition *p, enum ip_family family, uint32_t *class);

struct partition_hit {
	uint32_t class;
	uint8_t scope; /* bits of the address as given */
};
/* `located` is embedding_locate(a). */
struct partition_hit partition_find(const struct partition *p, const struct ip_addr *a,
				    const struct located *located);
/* A partition_find() in steps, for several side by side: each step asks for memory that the next
 * one reads. `partition` and `at` are given. */
struct partition_look {
	const struct partition *partition;
	struct located at; /* embedding_locate() of the client */
	size_t lo, hi;     /* what is left of the search; hi 0: not begun */
};
void partition_look_start(struct partition_look *l);
/* False: the next step is the last one, partition_look_end(). */
bool partition_look_on(struct partition_look *l);
struct partition_hit partition_look_end(const struct partition_look *l, const struct ip_addr *a);
/* Whether any address has the class; not for the data plane. */
bool partition_has_class(const struct partition *p, uint32_t class);
size_t partition_intervals(const struct partition *p);
size_t partition_bytes(const struct partition *p);

#endif
