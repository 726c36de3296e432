// SPDX-License-Identifier: Apache-2.0
/*
 * outgoing.h -- a zone, or what lies between two of its serials, as the messages of a transfer
 * (RFC 5936, RFC 1995).
 *
 * Purpose.   Rendering takes the whole of a transfer down into memory at once, so that no version
 * of a zone is held while a slow client reads.
 * Form.      Messages one after another, each behind its length (two octets), without TSIG, for
 * which each leaves room. Every message has the header; the first has the question too.
 * Invariant. Steered names go out with their default values; what the signer makes does not go out.
 * Threads.   Pure; reads an immutable version of a zone. Memory.    outgoing_free().
 * Errors.    ERR_NOMEM, ERR_TOO_LONG (a record that fits no message), ERR_CORRUPT (a change set).
 */
#ifndef TRANSFER_OUTGOING_H
#define TRANSFER_OUTGOING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "zone/change.h"
#include "zone/zone.h"

struct outgoing {
	uint8_t *bytes;
	size_t n, cap;
	size_t record_n;
	size_t steered_n; /* RRsets that went out with their defaults */
};

/* Of a zone that is signed here: what its signer makes, which does not go out unsigned. */
bool outgoing_is_made_here(const struct node *n, uint16_t type);

/* `request`: the client's message, whose id and question are taken. `signed_here`: key records at
 * the apex and NSEC3PARAM are left out. */
enum err outgoing_axfr(struct outgoing *out, struct span request, size_t question_end,
		       const struct zone *z, bool signed_here);
/* A zone that stands in a file (transfer/spool.h) whose first record is its SOA; records of type 0
 * are left out. Errors as spool_read() too. */
enum err outgoing_axfr_file(struct outgoing *out, struct span request, size_t question_end,
			    const uint8_t *zone, const char *path);
/* One difference sequence between two SOA (RFC 1995 §4); `soa`: the newer one, TYPE to the end of
 * RDATA. */
enum err outgoing_ixfr(struct outgoing *out, struct span request, size_t question_end,
		       const uint8_t *zone, struct span soa, struct span change);
/* The present SOA alone: nothing is newer, or the client should come over TCP. */
enum err outgoing_soa(struct outgoing *out, struct span request, size_t question_end,
		      const uint8_t *zone, struct span soa);
void outgoing_free(struct outgoing *o);

#endif
