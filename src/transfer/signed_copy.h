// SPDX-License-Identifier: Apache-2.0
/*
 * signed_copy.h -- a zone with all of its signatures as a file, for those who transfer it: made
 * from the copy before, of which it keeps what has not changed.
 *
 * Purpose.   One pass over the zone and the old copy, both in canonical order. An RRset that stands
 * in the old copy as it is now keeps its signatures until they are due; others come from the
 * signature cache, and what is not there is signed here. What differs comes out as one change set.
 * Form.      transfer/spool.h: a record of type 0 that says what the signatures were made with, the
 * SOA, the RRsets each with its RRSIG behind it, the NSEC3 in the order of their hashes, and last
 * ZONEMD, which is of all of that.
 * Serial.    The zone's, where that is newer than the old copy's; else the next one by the policy.
 * So a copy that differs from the one before has a newer serial, whatever made it differ.
 * Invariant. Steered RRsets have their default values. Zones with compact denial have no copy: they
 * have no chain (RFC 9824).
 * Threads.   Pure but for the file; runs in any thread while the zone and the cache are there.
 * Errors.    ERR_CORRUPT (the old copy: remove it and begin anew), ERR_IO, ERR_NOMEM, ERR_CRYPTO,
 * ERR_TIMEOUT (stopped).
 */
#ifndef TRANSFER_SIGNED_COPY_H
#define TRANSFER_SIGNED_COPY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dnssec/keyset.h"
#include "dnssec/sigcache.h"
#include "transfer/spool.h"
#include "transfer/zonemd.h"
#include "zone/serial.h"
#include "zone/zone.h"

#define SIGNED_COPY_SOA_MAX (RR_FIXED_LEN + 2 * NAME_MAX_LEN + 20)

struct signed_copy_job {
	const struct zone *zone;
	const struct keyset *keys;   /* NULL: nothing is signed */
	unsigned zonemd;             /* enum zonemd_hash: the copy gets its digest; 0: none */
	const struct sigcache *sigs; /* NULL: all are signed here */
	const char *path;            /* where the copy stands and will stand */
	bool has_old;
	bool next_serial; /* without an old one: not the zone's own serial but the next one */
	enum serial_policy policy;
	int64_t now;
	size_t change_max;          /* octets: more are not kept as a change */
	const atomic_bool *stopped; /* ends early; NULL: never */
};

struct signed_copy {
	struct spool *spool;      /* NULL: the old copy is as good; to be committed by the caller */
	struct change_set change; /* from the old one; empty where there was none, or too much */
	uint32_t from, serial;
	uint8_t soa[SIGNED_COPY_SOA_MAX]; /* TYPE to the end of RDATA */
	size_t soa_len;
	uint8_t zonemd[ZONEMD_RDATA_MAX]; /* RDATA; of length 0: it has none */
	size_t zonemd_len;
	int64_t due_at;                             /* when the first signature is to be renewed */
	size_t record_n, made_n, kept_n, steered_n; /* signatures that were made, taken over */
};

/* Registers the thread with RCU for its duration where `sigs` is given. */
enum err signed_copy_make(const struct signed_copy_job *job, struct signed_copy *out);
/* What is known of a copy that stands there: serial, SOA, due_at, record_n. ERR_NOT_FOUND,
 * ERR_CORRUPT, ERR_IO. */
enum err signed_copy_look(const char *path, const uint8_t *zone, uint32_t refresh_s, int64_t now,
			  struct signed_copy *out);

#endif
