// SPDX-License-Identifier: Apache-2.0
/*
 * partition_store.h -- partitions that compiled sets share, between zones and over reloads.
 *
 * Purpose.   Rules that match alike, by the same location database, cut the address space alike:
 * that is one partition, built once and kept as long as any set goes by it. So a reload builds what
 * has changed, and memory is bounded for the server as a whole. Key.       All that matters to a
 * partition: the rules' matchers as text, and the database's number, which no other one ever has.
 * Invariant. What is held never exceeds the limit that stood when it was added.
 * Threads.   Any; not for the data plane. A partition is built without holding a lock.
 */
#ifndef GEO_PARTITION_STORE_H
#define GEO_PARTITION_STORE_H

#include <stddef.h>
#include <stdint.h>

struct partition_store;

/* `max_bytes` 0: no limit. NULL without memory. */
struct partition_store *partition_store_new(size_t max_bytes);
/* When no set is left that was compiled with it. Accepts NULL. */
void partition_store_free(struct partition_store *s);
/* From now on; what is there stays. */
void partition_store_limit(struct partition_store *s, size_t max_bytes);

struct partition_usage {
	size_t bytes, max_bytes, partitions;
	uint64_t built, reused; /* since the store was made */
};
struct partition_usage partition_store_usage(struct partition_store *s);

#endif
