// SPDX-License-Identifier: Apache-2.0
/*
 * zonemd.h -- digests of whole zones (RFC 8976): scheme SIMPLE, SHA-384 and SHA-512.
 *
 * Purpose.   Verifies what a zone says its digest is, and says what it is. The records may stand in
 * any order: an index of eight octets a record is sorted (in one pass where they stand in canonical
 * order, as most transfers have them), and the records are read where they lie, so that a zone in a
 * file takes next to no memory.
 * Form.      Records one behind another as a spool has them (transfer/spool.h): owner, TYPE, TTL,
 * RDLENGTH, RDATA; an octet of 255 where an owner would begin ends them. Type 0 is no record.
 * Threads.   Pure; cost follows the zone: not for the control thread, but for small ones.
 * Errors.    ERR_CORRUPT (not records), ERR_NOMEM, ERR_CRYPTO, ERR_IO.
 */
#ifndef TRANSFER_ZONEMD_H
#define TRANSFER_ZONEMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "zone/change.h"

enum zonemd_scheme { ZONEMD_SIMPLE = 1 };                  /* RFC 8976 §5.2 */
enum zonemd_hash { ZONEMD_SHA384 = 1, ZONEMD_SHA512 = 2 }; /* RFC 8976 §5.3 */
#define ZONEMD_DIGEST_MAX 64
#define ZONEMD_RDATA_MAX  (6 + ZONEMD_DIGEST_MAX)
#define ZONEMD_WHY_MAX    160

enum zonemd_verdict {
	ZONEMD_NONE,    /* the zone has none */
	ZONEMD_GOOD,    /* one of them is the zone's digest */
	ZONEMD_UNKNOWN, /* it has some, of schemes or algorithms that we do not know */
	ZONEMD_BAD,
};

/* RFC 8976 §4, without the validation of signatures. `why`: a sentence where it is not good. */
enum err zonemd_verify(struct span records, const uint8_t *zone, enum zonemd_verdict *out,
		       char why[ZONEMD_WHY_MAX]);
/* The RDATA that the zone's ZONEMD has to have, by the serial of its SOA. Returns its length in *n.
 */
enum err zonemd_make(struct span records, const uint8_t *zone, enum zonemd_hash hash,
		     uint8_t out[ZONEMD_RDATA_MAX], size_t *n);

/* Of the zone that stands in a spool file, with these changes on it, oldest first. */
enum err zonemd_verify_spool(const char *path, const uint8_t *zone,
			     const struct change_set *changes, size_t change_n,
			     enum zonemd_verdict *out, char why[ZONEMD_WHY_MAX]);

/* ---- records that come one by one ---- */

/* Kept in a file without a name. ERR_IO (with errno), ERR_NOMEM. */
struct zonemd_heap;
enum err zonemd_heap_new(struct zonemd_heap **out);
enum err zonemd_heap_add(struct zonemd_heap *h, const uint8_t *owner, uint16_t type, uint32_t ttl,
			 struct span rdata);
enum err zonemd_heap_verify(struct zonemd_heap *h, const uint8_t *zone, enum zonemd_verdict *out,
			    char why[ZONEMD_WHY_MAX]);
/* Accepts NULL. */
void zonemd_heap_free(struct zonemd_heap *h);

#endif
