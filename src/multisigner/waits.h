// SPDX-License-Identifier: Apache-2.0
/*
 * waits.h -- until when resolvers may go on using what has been replaced in a group (RFC 7583 §3;
 * draft-ietf-dnsop-dnssec-automation §4).
 *
 * Purpose.   Each function gives the end of the last copy of something that was last served at `t`,
 * from the TTLs that were seen before the change (multisigner/ttl_mark.h), the highest over all
 * signers, the leaving one among them.
 * Threads.   Pure.
 */
#ifndef MULTISIGNER_WAITS_H
#define MULTISIGNER_WAITS_H

#include "multisigner/group.h"

/* Old DNSKEY sets, and the way of the new one to the last server. */
int64_t wait_dnskey_until(const struct group *g, int64_t t);
int64_t wait_ds_until(const struct group *g, int64_t t);
/* The delegation, and the apex NS of all signers. */
int64_t wait_ns_until(const struct group *g, int64_t t);
/* Any other RRset, negative answers too. */
int64_t wait_zone_until(const struct group *g, int64_t t);

/* The same as one mark, for the rollovers of own keys. */
struct ttl_mark wait_dnskey_mark(const struct group *g);
struct ttl_mark wait_zone_mark(const struct group *g);

#endif
