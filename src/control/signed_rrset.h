// SPDX-License-Identifier: Apache-2.0
/*
 * signed_rrset.h -- the RRsets at a zone's apex that are about its keys, with signatures, as
 * records.
 *
 * Purpose.   What the key-signing keys sign (DNSKEY, CDS, CDNSKEY), for a signer that serves it as
 * it is (RFC 8901 §2.1.1) and for controllers that compare signers. Made when asked for: the
 * signatures begin and end now, and validate under the set that they come with.
 * Threads.   The control thread.
 */
#ifndef CONTROL_SIGNED_RRSET_H
#define CONTROL_SIGNED_RRSET_H

#include "control/control.h"

/* {"zone", "type", "ttl", "records": [...], "signatures": [...], "inception", "expiration"}
 * (seconds since 1970). ERR_NOT_FOUND: no such zone, type or RRset. */
json_t *control_signed_rrset(struct control *c, const char *zone, const char *type,
			     struct control_result *r);

#endif
