// SPDX-License-Identifier: Apache-2.0
/*
 * ttl_mark.h -- until when a resolver may hold what was served.
 *
 * Purpose.   Waits are derived from TTLs that really were served, not from today's configuration: a
 * TTL that was lowered yesterday is still in caches today (RFC 7583 §3.1 takes it for constant).
 * Invariant. At each instant at which something with this mark was served, the TTL in force then
 * was told to ttl_mark_serve() before. What was served with an earlier TTL is covered by
 * `held_until`. So nothing served up to `t` is in a cache after ttl_mark_until(m, t). Lasting.
 * Persisted by the caller before a higher TTL is served. Threads.   Pure values.
 */
#ifndef MULTISIGNER_TTL_MARK_H
#define MULTISIGNER_TTL_MARK_H

#include <stdbool.h>
#include <stdint.h>

struct ttl_mark {
	uint32_t ttl;       /* in force now, seconds */
	int64_t held_until; /* copies with earlier TTLs live until then */
};

/* Things are served with `ttl` from now on, by all servers from `everywhere_at` on: until then some
 * may still hand out the TTL before. True: the mark has changed. */
bool ttl_mark_serve(struct ttl_mark *m, uint32_t ttl, int64_t everywhere_at);

/* The end of the last copy that was served at `t` or before. */
static inline int64_t ttl_mark_until(const struct ttl_mark *m, int64_t t)
{
	int64_t end = t + m->ttl;

	return end > m->held_until ? end : m->held_until;
}

#endif
