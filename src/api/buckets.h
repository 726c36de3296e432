// SPDX-License-Identifier: Apache-2.0
/*
 * buckets.h -- how often a caller may ask: token buckets in a table of fixed size.
 *
 * Purpose.   A bucket by address (IPv4 whole, IPv6 by /64) and by caller. A bucket that is pushed
 * out by another is full again: that costs us requests of the one who has very many addresses, not
 * memory.
 * Threads.   The control thread. Time is a value.
 */
#ifndef API_BUCKETS_H
#define API_BUCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/siphash.h"

#define BUCKETS_N 4096 /* a power of two */

struct bucket {
	uint64_t key;
	int64_t full_at_us; /* when it will be full again */
};

struct buckets {
	struct siphash_key key;
	struct bucket *slots;
};

bool buckets_init(struct buckets *t);
void buckets_free(struct buckets *t);

/* Takes one from the bucket of `id` (n octets) of `kind`, which holds `per_minute` and is filled
 * at that rate. 0: taken; else the seconds until one is there. */
unsigned bucket_take(struct buckets *t, char kind, const void *id, size_t n, uint32_t per_minute,
		     int64_t now_ms);
/* Whether one is there, without taking it: as bucket_take(). */
unsigned bucket_peek(const struct buckets *t, char kind, const void *id, size_t n,
		     uint32_t per_minute, int64_t now_ms);

#endif
