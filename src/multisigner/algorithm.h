// SPDX-License-Identifier: Apache-2.0
/*
 * algorithm.h -- when a group may go over to another algorithm.
 *
 * Order.     A validator may ask each algorithm of the DS set of every DNSKEY set and of every
 * answer (RFC 4035 §2.2, RFC 6840 §5.11). So an algorithm comes into the DS set last: when every
 * signer signs everything with it, each one carries the keys of all, and no cache holds anything
 * from before. It goes in the reverse order, and stays whole while a DS of it is there that is
 * nobody's whom we know.
 * Consent.   CDS names an algorithm for all signers or for none, so nobody could announce its own
 * key there first: a parent that asks one server only would break the others. What shows that a
 * signer has come so far is what it serves.
 * Threads.   Pure.
 */
#ifndef MULTISIGNER_ALGORITHM_H
#define MULTISIGNER_ALGORITHM_H

#include "multisigner/group.h"
#include "multisigner/guards.h"

/* Those of `keys` that have this algorithm. */
uint64_t algorithm_keys(const struct group *g, uint64_t keys, uint8_t algorithm);
/* Whether the parent has DS records, and none of this algorithm. */
bool algorithm_is_new(const struct group *g, uint8_t algorithm);
/* Its keys of this algorithm that sign the DNSKEY set on all its servers. */
uint64_t algorithm_entries(const struct group *g, unsigned signer, uint8_t algorithm);
/* Whether the parent may have DS of this algorithm for `signer`: all of `among` carry its keys. */
struct guard_verdict algorithm_ready(const struct group *g, unsigned signer, uint16_t among,
				     uint8_t algorithm, int64_t now);

#endif
