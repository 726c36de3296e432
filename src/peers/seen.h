// SPDX-License-Identifier: Apache-2.0
/*
 * seen.h -- what one server of a signer, or of the parent, was seen to serve for one zone.
 *
 * Purpose.   Evidence, as plain values. All answers of one server at one time, or nothing.
 * Invariant. What stands in a struct signer_seen validated through the parent's DS: the DNSKEY
 * RRset through the chain (dnssec/validate.h), everything else, that something is not there too,
 * with keys of that RRset. What stands in a struct parent_seen came from a server that
 * speaks for the parent, over a way on which nobody beside it can put in answers (peers/asker.h).
 * Memory.    Plain values, no pointers. They are large: borrowed during a call, copied where kept.
 * Threads.   None of its own.
 */
#ifndef PEERS_SEEN_H
#define PEERS_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/name.h"
#include "dnssec/validate.h"

#define SEEN_KEYS_MAX     VALIDATE_KEYS_MAX
#define SEEN_DS_MAX       32
#define SEEN_DS_RDATA_MAX 68 /* SHA-512, were there one */
#define SEEN_NS_MAX       32
#define SEEN_WHY_MAX      200

struct seen_ds {
	uint8_t len;
	uint8_t rdata[SEEN_DS_RDATA_MAX];
};

struct seen_names {
	size_t n;
	uint8_t name[SEEN_NS_MAX][NAME_MAX_LEN]; /* lower case */
};

#define SEEN_DENIAL_TABLE(X)                                                                       \
	X(SEEN_NSEC, "nsec")                                                                       \
	X(SEEN_NSEC3, "nsec3")                                                                     \
	X(SEEN_COMPACT, "compact")

enum seen_denial {
	SEEN_DENIAL_UNKNOWN = 0,
#define X(code, text) code,
	SEEN_DENIAL_TABLE(X)
#undef X
};

struct signer_seen {
	int64_t asked_at; /* before the first question */
	int64_t at;       /* after the last answer */

	size_t key_n;
	uint64_t key_signing;  /* bits by key[]: signed the DNSKEY RRset */
	uint64_t zone_signing; /* ... signed SOA, NS or a sampled RRset */
	uint64_t algorithms;   /* bits below 64: of the keys that signed the DNSKEY RRset, and all
				  that was seen */
	uint32_t dnskey_ttl;
	int64_t expires_at; /* the earliest end of a signature that was believed */

	size_t cds_n, cdnskey_n;
	bool has_cds, has_cdnskey; /* there are such records */
	bool wants_delete;         /* one of them asks for an insecure delegation */

	bool has_csync;
	uint32_t csync_serial;
	uint16_t csync_flags;

	uint32_t ns_ttl;
	uint32_t zone_ttl; /* the highest of all other TTLs, negative answers (RFC 2308 §5) too */
	uint32_t serial;
	enum seen_denial denial;
	uint16_t nsec3_iterations;
	uint64_t sample; /* digest of the sampled RRsets, without TTLs; 0: none was asked for */

	struct dnskey key[SEEN_KEYS_MAX]; /* the DNSKEY RRset, in canonical order */
	struct seen_ds cds[SEEN_DS_MAX];  /* a delete request (RFC 8078 §4) is not among them */
	struct dnskey cdnskey[SEEN_DS_MAX];
	struct seen_names ns;
};

struct parent_seen {
	int64_t asked_at, at;
	size_t ds_n;
	uint32_t ds_ttl, ns_ttl;
	struct seen_ds ds[SEEN_DS_MAX];
	struct seen_names ns; /* the delegation */
};

/* Static text; never NULL. */
const char *seen_denial_text(enum seen_denial d);

#endif
