// SPDX-License-Identifier: Apache-2.0
/*
 * failpoint.h -- places at which a test may kill the process.
 *
 * Purpose.   State must survive death at any instruction; these are the borders between what is
 * kept and what is served. Only in builds with CONCORD_FAILPOINTS (preset dev); elsewhere nothing
 * is left of them. Use.       CONCORD_FAILPOINT=name or name:n in the environment: the n-th pass
 * (default 1) is the end, as by kill -9.
 * Threads.   The control thread.
 */
#ifndef BASE_FAILPOINT_H
#define BASE_FAILPOINT_H

#ifdef CONCORD_FAILPOINTS
void failpoint(const char *name);
#else
static inline void failpoint(const char *name)
{
	(void)name;
}
#endif

#endif
