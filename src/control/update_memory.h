// SPDX-License-Identifier: Apache-2.0
/*
 * update_memory.h -- signed updates that were taken, so that the same octets sent again change
 * nothing.
 *
 * Purpose.   A TSIG is good for some minutes (RFC 8945 §5.2.3), in which whoever has recorded an
 * update could send it again, after somebody else has undone it. Clients that miss an answer send
 * the same octets again too: so these get the answer of the first.
 * Limits.    The last UPDATE_MEMORY_MAX are known, until the process ends; what failed by a fault
 * of ours may be tried again. Threads.   The control thread.
 */
#ifndef CONTROL_UPDATE_MEMORY_H
#define CONTROL_UPDATE_MEMORY_H

#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

#define UPDATE_MEMORY_MAX 65536u

struct update_memory;

enum update_seen {
	UPDATE_NEW,       /* it is known from now on, as *id */
	UPDATE_UNDER_WAY, /* the first is not answered yet */
	UPDATE_ANSWERED,  /* with *rcode */
};

enum err update_memory_new(struct update_memory **out);
void update_memory_free(struct update_memory *m);

/* `message`: whole, with the TSIG that was found good. *id is never 0. */
enum update_seen update_memory_look(struct update_memory *m, struct span message, uint64_t *id,
				    uint16_t *rcode);
void update_memory_answered(struct update_memory *m, uint64_t id, uint16_t rcode);

#endif
