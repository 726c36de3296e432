// SPDX-License-Identifier: Apache-2.0
/*
 * delegation.h -- the NS records of a zone in an answer of its parent's server.
 *
 * Purpose.   A referral has them in its authority section (RFC 1034 §4.3.2); a server that serves
 * the zone too answers with them.
 * Threads.   Pure.
 */
#ifndef PEERS_DELEGATION_H
#define PEERS_DELEGATION_H

#include <stdbool.h>

#include "base/span.h"
#include "peers/seen.h"

/* False with *why set: no answer of the parent, damaged, no delegation, or more names than we
 * allow.
 */
bool delegation_read(struct span message, const uint8_t *zone, struct seen_names *out,
		     uint32_t *ttl, const char **why);

#endif
