// SPDX-License-Identifier: Apache-2.0
/*
 * admission.h -- which keys of peers may stand in the merged DNSKEY RRset of a zone (RFC 8901
 * §2.1.2, Model 2).
 *
 * Purpose.   A table of rules, tried in order; the first that a key breaks is the reason why it is
 * refused. Threads.   Pure: no I/O, no clock.
 */
#ifndef MULTISIGNER_ADMISSION_H
#define MULTISIGNER_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnssec/dnskey.h"

/* Foreign keys of one zone: room for several peers in the middle of rollovers, and a bound on what
 * the DNSKEY answer can grow to. */
#define FOREIGN_KEYS_MAX 32

#define ADMISSION_TABLE(X)                                                                         \
	X(ADMISSION_NOT_ZONE_KEY,                                                                  \
	  "it is not a zone key: flag bit 7 is not set (RFC 4034 section 2.1.1)")                  \
	X(ADMISSION_REVOKED, "it carries the REVOKE flag (RFC 5011 section 2.1)")                  \
	X(ADMISSION_PROTOCOL, "its protocol is not 3 (RFC 4034 section 2.1.2)")                    \
	X(ADMISSION_ALGORITHM, "its algorithm is not the zone's: all signers of a zone use the "   \
			       "same (RFC 8901 section 4)")                                        \
	X(ADMISSION_MALFORMED, "its public key is not one of its algorithm")                       \
	X(ADMISSION_DUPLICATE, "the key is there already")                                         \
	X(ADMISSION_TAG, "another key with the same tag and algorithm is there already: ask the "  \
			 "peer to make a new one")                                                 \
	X(ADMISSION_TOO_MANY, "the zone has as many foreign keys as it may have")

enum admission {
	ADMISSION_OK = 0,
#define X(code, text) code,
	ADMISSION_TABLE(X)
#undef X
};

struct key_member {
	const struct dnskey *key;
	bool foreign;
};

/* Judges `k` beside the `n` keys that stand in the set of a zone that signs with `algorithm`. */
enum admission admission_judge(const struct dnskey *k, uint8_t algorithm,
			       const struct key_member *set, size_t n);
/* Static text; never NULL. */
const char *admission_text(enum admission a);

#endif
