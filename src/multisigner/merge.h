// SPDX-License-Identifier: Apache-2.0
/*
 * merge.h -- which DNSKEY, CDS, CDNSKEY, CSYNC and NS records we serve for the group, from where
 * each signer stands and what was seen.
 *
 * Purpose.   The same evidence gives every signer the same sets, without a word between them. A
 * signer alone decides over its own keys: its CDS names those that the parent should have, its
 * withdrawal of a key ends the key for all.
 * Rules.
 *   DNSKEY   the keys of every signer from its first step in to its last step out, as long as it
 *            serves them and until what they signed has expired.
 *   CDS      (multisigner/cds.h) the keys that each signer wants at the parent, from MEMBER_DS to
 *            LEAVE_NS_WAIT. DS records at the parent that belong to nobody we know stay (they are
 *            somebody's), with their algorithm whole. An algorithm is named for all signers or for
 * none (RFC 4035 §2.2); where the group is between two of them, what the parent has stays, until
 * all are ready (multisigner/algorithm.h). Never empty: a delete request (RFC 8078 §4) is not made
 *            here.
 *   NS       the servers of members, and of those who were in the delegation before they joined.
 *   CSYNC    while the parent's NS differ from ours (RFC 7477).
 *
 * Invariant. Without fresh evidence a set may grow and does not shrink.
 * Threads.   Pure.
 */
#ifndef MULTISIGNER_MERGE_H
#define MULTISIGNER_MERGE_H

#include "multisigner/group.h"

/* What we should serve now; compared with g->sets it says what is to be done. */
struct group_sets group_merge(const struct group *g, int64_t now);
/* All keys in the set of a peer that we keep for it: everybody's but its own. */
uint64_t group_set_for(const struct group *g, unsigned signer);

#endif
