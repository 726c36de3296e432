// SPDX-License-Identifier: Apache-2.0
/*
 * rdata.h -- checks and canonical form of uncompressed RDATA, driven by the type table.
 *
 * Purpose.   RDATA comes from zone files, stores, peers; before it enters a zone it is checked
 * against the shape of its type. Threads.   Pure. No allocation.
 */
#ifndef DNS_RDATA_H
#define DNS_RDATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "dns/wire.h"

#define RDATA_MAX 65535

/* Whether the bytes are RDATA of that type, whole, with nothing after. Unknown types: always. */
bool rdata_is_valid(uint16_t type, struct span rdata);

/* Copies the next n octets of a message (the reader spans it whole: pointers are offsets from
 * r->start) as RDATA of that type, names decompressed where senders may have compressed them (RFC
 * 3597 §4). What does not have the type's shape up to its last name turns the reader bad. */
void rdata_expand(uint16_t type, struct reader *r, size_t n, struct writer *out);
/* Whether RDATA of that type can hold names that came compressed. */
bool rdata_may_be_compressed(uint16_t type);

/* Writes the canonical form (RFC 4034 §6.2: names lower-cased where the type asks for it; the
 * length stays) into out, which has rdata.n bytes; out may be rdata.p. */
void rdata_canonicalize(uint16_t type, struct span rdata, uint8_t *out);

/* Canonical order of two RDATA in canonical form (RFC 4034 §6.3). */
int rdata_compare(struct span a, struct span b);

/* The names inside: where they start in the RDATA and whether they may be compressed. Returns how
 * many (at most RDATA_NAMES_MAX). */
#define RDATA_NAMES_MAX 4
struct rdata_name {
	uint16_t at;
	uint8_t compressible;
};
size_t rdata_names(uint16_t type, struct span rdata, struct rdata_name out[RDATA_NAMES_MAX]);

/* The name that draws addresses into the additional section (RR_ADDITIONAL types: NS, MX, SRV,
 * SVCB/HTTPS with target other than the root, ...), or NULL. */
const uint8_t *rdata_additional_name(uint16_t type, struct span rdata);

/* Text of our own for types that the zone-file library does not know by mnemonic, and RFC 3597 form
 * for the rest. Reading: presentation text of one RDATA. Errors: ERR_SYNTAX, ERR_UNSUPPORTED (not
 * one of ours), ERR_TOO_LONG. Ours: DSYNC (RFC 9859 §2.1), RESINFO, WALLET, HHIT, BRID, and `\# n
 * hex` for all types. */
enum err rdata_from_own_text(uint16_t type, const char *text, const uint8_t *origin, uint8_t *out,
			     size_t cap, size_t *len);

/* Appends type bitmap windows (RFC 4034 §4.1.2) for ascending types; returns the length, 0 when out
 * of room. */
size_t rdata_write_bitmap(const uint16_t *types, size_t n, uint8_t *out, size_t cap);

#endif
