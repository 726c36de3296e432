// SPDX-License-Identifier: Apache-2.0
/*
 * overlay.h -- the change sets that lie on top of a zone's source (store/journal.h), in memory.
 *
 * Memory.    Copies what the journal has; overlay_free().
 * Threads.   The journal's.
 */
#ifndef CONTROL_OVERLAY_H
#define CONTROL_OVERLAY_H

#include "store/journal.h"
#include "zone/change.h"

struct overlay {
	struct change_set *sets; /* oldest first */
	uint32_t *from_of, *to_of;
	size_t n, cap;
	uint32_t from, to; /* of the whole */
	bool failed;
};

/* `source`: the zone, or journal_source(). Empty where there is none. ERR_STORE, ERR_NOMEM; what
 * was read is to be freed in any case. */
enum err overlay_read(struct overlay *out, struct journal *j, const char *source);
void overlay_free(struct overlay *x);

/* What its sets come to, as one. ERR_CORRUPT, ERR_NOMEM. */
enum err overlay_condense(const struct overlay *x, struct change_set *net);

/* Makes one set of many, so that a start has less to do. Without memory all stays as it is. */
void overlay_shorten(struct journal *j, const char *source, int64_t now);

#endif
