// SPDX-License-Identifier: Apache-2.0
/*
 * handoff.h -- a request that the data plane does not answer itself, on its way to control and
 * back.
 *
 * Purpose.   Transfers, updates, notifications, and all that is signed with TSIG: net has the
 * client, control has the answer, and neither knows the other. net makes a struct handoff and gives
 * it to the hook that main wired; control answers it with any number of messages.
 * Life.      From the hook's taking it until handoff_reply() with `last`: then the pointer is gone.
 * Exactly one call has `last`.
 * Back-pressure. `queued` is how many octets of answers the client has not taken yet. Who streams
 * looks at it before each message, and hears through `drained` that it fell.
 * Threads.   The hook runs in a worker. handoff_reply() may be called by any one thread at a time.
 */
#ifndef QUERY_HANDOFF_H
#define QUERY_HANDOFF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "query/query.h"

#define HANDOFF_CERTIFICATE_LEN 32

/* More than this queued: wait. */
#define HANDOFF_QUEUED_MAX (256u << 10)

struct handoff {
	/* Of net, constant. */
	struct span message; /* whole; lives as long as this */
	struct query_client client;
	bool has_certificate;
	uint8_t certificate[HANDOFF_CERTIFICATE_LEN]; /* SHA-256 of the client's public key */
	void (*reply)(struct handoff *h, const uint8_t *bytes, size_t n, bool last);
	/* Of net, changing. */
	_Atomic bool gone; /* so is the client: what is still sent is thrown away */
	_Atomic size_t queued;
	/* Of the one who answers. `drained` is called in the worker's thread, when `queued` falls
	 * below half of HANDOFF_QUEUED_MAX or the client is gone; set it before the first message.
	 */
	void (*drained)(struct handoff *h);
	void *context;
	struct handoff *next;
};

/* Sends a message (copied; none where n is 0), the last one or not. What does not fit a UDP answer
 * is the caller's matter. */
static inline void handoff_reply(struct handoff *h, const uint8_t *bytes, size_t n, bool last)
{
	h->reply(h, bytes, n, last);
}

#endif
