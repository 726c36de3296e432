// SPDX-License-Identifier: Apache-2.0
/*
 * bundle.h -- DNSKEY, CDS and CDNSKEY RRsets signed ahead of time by who holds the key-signing key
 * (RFC 8901 §2.1.1, Model 1), each in force from a given time until the next one is.
 *
 * Purpose.   What a key holder plans and signs, and what a signer without a key-signing key serves
 * as it is. A bundle without signatures is a request: the keys that one signer wants in the set.
 * Invariant. After bundles_settle(): ascending by `from`, records in canonical order (RFC 4034
 * §6.3), none twice.
 * Judged.    Before they are served: the chain from the DS or from keys that are known, times,
 * gaps, and that our own answers validate under each set. Nothing here trusts its input. Bounds.
 * BUNDLES_MAX, BUNDLE_RECORDS_MAX and BUNDLE_SIGNATURES_MAX; each signature is tried with each key
 * of its tag, BUNDLE_TRIES_MAX in all for a set (CVE-2023-50387). Memory.    struct bundles owns
 * all octets in its arena. Threads.   Pure. Time is a value.
 */
#ifndef MULTISIGNER_BUNDLE_H
#define MULTISIGNER_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "dnssec/dnskey.h"
#include "dnssec/signer.h"

#define BUNDLES_MAX           400
#define BUNDLE_RECORDS_MAX    64
#define BUNDLE_SIGNATURES_MAX 16
#define BUNDLE_TRIES_MAX      16

/* In the order of keyset_new_given(). */
enum bundle_type { BUNDLE_DNSKEY, BUNDLE_CDS, BUNDLE_CDNSKEY };
#define BUNDLE_TYPES KEYSET_GIVEN

struct bundle_set {
	uint32_t ttl;
	size_t rr_n, signature_n;
	struct span rr[BUNDLE_RECORDS_MAX];           /* RDATA */
	struct span signature[BUNDLE_SIGNATURES_MAX]; /* RDATA of RRSIG */
};

struct bundle {
	int64_t from, expires_at; /* when the first of its signatures ends; 0: it has none */
	struct bundle_set set[BUNDLE_TYPES];
};

struct bundles {
	struct arena *arena;
	struct bundle *all[BUNDLES_MAX];
	size_t n;
};

/* NULL without memory. */
struct bundles *bundles_new(void);
void bundles_free(struct bundles *b);
/* NULL: too many, or no memory. */
struct bundle *bundles_add(struct bundles *b, int64_t from);
/* Takes a DNSKEY, CDS, CDNSKEY or RRSIG over one of them; copies it. ERR_UNSUPPORTED: another type;
 * ERR_SYNTAX: not RDATA of it; ERR_TOO_LONG: too many; ERR_INVALID: its TTL is not that of its set.
 */
enum err bundle_add_record(struct bundles *b, struct bundle *into, uint16_t type, uint32_t ttl,
			   struct span rdata);
void bundles_settle(struct bundles *b);

uint16_t bundle_rr_type(enum bundle_type t);
bool bundle_has_key(const struct bundle *b, const struct dnskey *k);
/* The one in force at a time; NULL: the first begins later. */
const struct bundle *bundles_at(const struct bundles *b, int64_t now);
/* Until when there is one without a gap, from `now` on; 0: there is none now. */
int64_t bundles_end(const struct bundles *b, int64_t now);
/* Octets of an answer with the DNSKEY RRset and its signatures. */
size_t bundle_answer_len(const struct bundle *b, const uint8_t *zone);
/* The signatures of a set as they are sent (sig_free()); *out NULL where there are none. */
enum err bundle_signature(const struct bundle *b, enum bundle_type t, struct sig **out);

/* ---- judging ---- */

#define BUNDLE_FAULT_TABLE(X)                                                                      \
	X(BUNDLE_GOOD, "it is good")                                                               \
	X(BUNDLE_NO_KEYS, "it has no DNSKEY records")                                              \
	X(BUNDLE_BAD_KEY, "it has a key that is malformed, revoked, or no zone key")               \
	X(BUNDLE_ALGORITHM, "it has a key of another algorithm than the zone is signed with: its " \
			    "answers would lack signatures (RFC 4035 section 2.2)")                \
	X(BUNDLE_UNSIGNED, "an RRset has no signature, or signatures cover none")                  \
	X(BUNDLE_TTL, "the TTL of an RRset is not the one that was signed")                        \
	X(BUNDLE_TIME, "a signature is not valid when the bundle begins")                          \
	X(BUNDLE_NO_ENTRY, "no key of the DNSKEY RRset is named by the DS, or known from before")  \
	X(BUNDLE_BOGUS, "a signature does not fit, or was not made by a key that is trusted")      \
	X(BUNDLE_DELETES, "it asks the parent to delete the DS (RFC 8078 section 4)")              \
	X(BUNDLE_STRANGE_CDS,                                                                      \
	  "CDS or CDNSKEY name a key that is not in the set, or not the same keys")                \
	X(BUNDLE_TOO_BIG, "its DNSKEY answer would not fit into a message")                        \
	X(BUNDLE_OVER, "it has expired")                                                           \
	X(BUNDLE_NO_MEMORY, "there is no memory to look at it")                                    \
	X(BUNDLE_GAP, "the bundle before it expires before it begins")                             \
	X(BUNDLE_LACKS_OWN, "it lacks a key of ours whose signatures resolvers hold")              \
	X(BUNDLE_LACKS_ALL, "it has no key of ours that the bundle before it has as well: there "  \
			    "would be a time in which none of our answers validates")

enum bundle_fault {
#define X(code, text) code,
	BUNDLE_FAULT_TABLE(X)
#undef X
};

struct bundle_judge {
	const uint8_t *zone;
	uint8_t algorithm;
	int64_t now;
	/* RDATA of DS that are believed; none: `known`. */
	const struct span *ds;
	size_t ds_n;
	/* RDATA of key-signing keys that were accepted before; none: the first bundle is believed.
	 */
	const struct span *known;
	size_t known_n;
	/* Own zone-signing keys; bit i of `needed`: own[i] signs, or what it signed may be cached.
	 */
	const struct dnskey *const *own;
	size_t own_n;
	uint32_t needed;
	/* An operator overrules BUNDLE_NO_ENTRY, BUNDLE_GAP, BUNDLE_LACKS_OWN and BUNDLE_LACKS_ALL.
	 */
	bool forced;
};

struct bundle_verdict {
	enum bundle_fault fault;
	size_t at; /* which bundle */
};

/* All of them, as a row; what lies before the one in force is not looked at. */
struct bundle_verdict bundles_judge(const struct bundles *b, const struct bundle_judge *j);
/* Whether what a signer made is a request that may be signed: keys of the algorithm, none that is a
 * key-signing key's business. */
struct bundle_verdict bundles_judge_request(const struct bundles *b, uint8_t algorithm);
/* Static text; never NULL. */
const char *bundle_fault_text(enum bundle_fault f);

#endif
