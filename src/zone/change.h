// SPDX-License-Identifier: Apache-2.0
/*
 * change.h -- a change set: the records that one version of a zone lost and those that it gained.
 *
 * Purpose.   What a dynamic update made, what an incremental transfer brings or is answered from,
 * what the journal keeps: the same value, as octets. Form. Entries one after another, each an
 * operation (1 octet), the owner (wire, uncompressed), TYPE, TTL, RDLENGTH, RDATA (uncompressed).
 * Removed records stand before added ones, the SOA of each first (RFC 1995 §4), so that a set is
 * also one difference sequence. Invariant. A set with an SOA on either side leads from one serial
 * to a newer one. Reading is bounded: a damaged set ends with ERR_CORRUPT, whatever its octets.
 * Memory.    struct change_set owns its octets; change_free(). struct span borrows them.
 * Threads.   Values of the caller.
 */
#ifndef ZONE_CHANGE_H
#define ZONE_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/span.h"
#include "zone/builder.h"
#include "zone/zone.h"

enum change_op { CHANGE_REMOVE = 1, CHANGE_ADD = 2 };

struct change_record {
	enum change_op op;
	const uint8_t *owner; /* wire */
	uint16_t type;
	uint32_t ttl;
	struct span rdata;
};

struct change_set {
	uint8_t *bytes;
	size_t n, cap;
	size_t removed_n, added_n; /* records, SOA counted */
};

/* ---- writing ---- */

/* Appends. The writer keeps the order: removed ones first, the SOA first on each side. Copies.
 * ERR_NOMEM. */
enum err change_add(struct change_set *c, const struct change_record *r);
void change_free(struct change_set *c);
static inline struct span change_span(const struct change_set *c)
{
	return (struct span){ c->bytes, c->n };
}

/* ---- reading ---- */

/* The next record, cut off the front of *rest. False at the end or where the octets are damaged:
 * then rest->n is not 0. What *out points to lies in the set. */
bool change_next(struct span *rest, struct change_record *out);
/* The serials of the SOA that it removes and adds. False: it has not both. */
bool change_serials(struct span set, uint32_t *from, uint32_t *to);

/* ---- using ---- */

/* Applies to a version that is being built, in the order of the entries; a record removed that is
 * not there, or added that is there already, is no error. Findings as zone_build_add(). The owner
 * and type of each RRset that is steered in the builder is left alone (its values are the steering
 * file's). ERR_CORRUPT, ERR_NOMEM, ERR_TOO_LONG. */
enum err change_apply(struct span set, struct zone_builder *b, struct diag *d);

/* What leads from one version to another, SOA included where it differs; records of the signer
 * (NSEC*, RRSIG) and of types in `skip` are left out, steered RRsets count with their default
 * values. Its cost follows the zone. ERR_NOMEM. */
enum err change_between(const struct zone *from, const struct zone *to, const uint16_t *skip,
			size_t skip_n, struct change_set *out);

/* One set that does what `n` sets in a row do: what comes and goes again is left out. ERR_CORRUPT,
 * ERR_NOMEM. */
enum err change_condense(const struct span *sets, size_t n, struct change_set *out);

#endif
