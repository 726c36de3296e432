// SPDX-License-Identifier: Apache-2.0
/*
 * interview.h -- which questions one server of a signer is asked, and what its answers come to.
 *
 * Purpose.   DNSKEY through the parent's DS first; then NS, CDS, CDNSKEY, CSYNC, SOA and the
 * samples under the keys that were believed. What one NSEC or NSEC3 of the apex denies is not asked
 * for. Use.       interview_begin(), then interview_next() and interview_take() in turn. When there
 * is no next question, *seen is whole. After a false of interview_take() there is none: `why` says
 * what was wrong with which answer. Memory.    Borrows zone, DS, samples and tools until the end.
 * Holds copies of nothing else. Threads.   Pure, but for the memo. Time is a value.
 */
#ifndef PEERS_INTERVIEW_H
#define PEERS_INTERVIEW_H

#include "dnssec/proof.h"
#include "dnssec/validate.h"
#include "peers/seen.h"

#define INTERVIEW_SAMPLES_MAX 8

struct interview_sample {
	const uint8_t *name; /* within the zone */
	uint16_t type;
};

/* Working memory that interviews share, one at a time. */
struct interview_tools {
	struct proof proof;
	struct validated validated;
	struct verify_memo *memo; /* NULL: none */
};

struct interview {
	const uint8_t *zone;
	const struct seen_ds *ds;
	size_t ds_n;
	const struct interview_sample *sample;
	size_t sample_n;
	struct interview_tools *tools;
	unsigned step;   /* of the question that is asked now */
	uint32_t denied; /* bits by step: shown already that there is none */
	bool has_soa;
	struct signer_seen *seen; /* the caller's */
	char why[SEEN_WHY_MAX];
};

void interview_begin(struct interview *iv, int64_t now);
/* False: all was asked. */
bool interview_next(struct interview *iv, struct interview_sample *question);
bool interview_take(struct interview *iv, struct span message, int64_t now);

#endif
