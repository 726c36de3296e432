// SPDX-License-Identifier: Apache-2.0
/*
 * ttl_mark.h -- until when a resolver may hold what was served.
 *
 * Purpose.   Waits are derived from TTLs that really were served, not from today's configuration: a
 * TTL that was lowered yesterday is still in caches today (RFC 7583 §3.1 takes it for constant).
 * Invariant. At each instant at which something with this mark was served, the TTL in force then
 * was told to ttl_mark_serve() before. What was served with an earlier TTL is covered by
 * `held_until`. So nothing served up to `t` is in a cache at ttl_mark_until(m, t).
 * Seconds.   Times are whole seconds, cut off: TTL_MARK_ROUNDING_S makes up for it. Lasting.
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

/* One second that `t` lost when it was cut off, one that a resolver's clock loses likewise (it
 * keeps what it got in the second s while its clock shows s + TTL), and one for answers that were
 * under way at `t`. */
#define TTL_MARK_ROUNDING_S 3

/* Things are served with `ttl` from now on, by all servers from `everywhere_at` on: until then some
 * may still hand out the TTL before. True: the mark has changed. */
bool ttl_mark_serve(struct ttl_mark *m, uint32_t ttl, int64_t everywhere_at);

/* When the last copy that was served in the second `t` or before has left every cache. */
static inline int64_t ttl_mark_until(const struct ttl_mark *m, int64_t t)
{
	int64_t end = t + m->ttl + TTL_MARK_ROUNDING_S;

	return end > m->held_until ? end : m->held_until;
}

#endif
