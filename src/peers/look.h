// SPDX-License-Identifier: Apache-2.0
/*
 * look.h -- from what was seen to the looks that the group counts with (multisigner/observe.h).
 *
 * Purpose.   Keys and signers are numbers in a group: who keeps the numbers gives them here as a
 * book, and learns which keys have none yet.
 * Memory.    Books borrow what they point to.
 * Threads.   Pure.
 */
#ifndef PEERS_LOOK_H
#define PEERS_LOOK_H

#include "multisigner/group.h"
#include "peers/seen.h"

struct look_book {
	const uint8_t *zone;
	/* By the group's numbers. A key of which only a DS is known has `ds` alone. */
	const struct dnskey *key[GROUP_KEYS_MAX];
	const struct seen_ds *ds[GROUP_KEYS_MAX];
	/* The host names of each signer's servers, as they stand in NS records. */
	const uint8_t *const *host[GROUP_SIGNERS_MAX];
	size_t host_n[GROUP_SIGNERS_MAX];
};

/* What the book has no number for: bits by key[], cds[] or ds[], and NS names that are nobody's. */
struct look_unknown {
	uint64_t keys;
	uint32_t ds; /* of parent: ds[]; of a signer: cds[] */
	uint32_t ns; /* by ns.name[] */
};

void look_of_signer(const struct look_book *b, const struct signer_seen *s, struct signer_look *out,
		    struct look_unknown *unknown);
void look_of_parent(const struct look_book *b, const struct parent_seen *s, struct parent_look *out,
		    struct look_unknown *unknown);

/* Whether DS RDATA (of CDS too) names that key; digests that we do not make: by tag and algorithm.
 */
bool look_ds_is_of(const struct seen_ds *ds, const struct dnskey *key, const uint8_t *zone);

#endif
