// SPDX-License-Identifier: Apache-2.0
/*
 * proof.h -- what an answer of a zone's own server proves under a set of its keys (RFC 4035 §5.3,
 * §5.4).
 *
 * Purpose.   RRsets of the zone, and that its apex has none of a type, are believed only with
 * signatures of keys that are trusted already. One message, one zone: no resolver. The same message
 * may be judged under several key sets.
 * Use.       proof_read() takes the message apart; proof_check() judges all RRsets that count:
 * those of the answer section, or, where it has none, those of the authority section. Invariant.
 * After PROOF_SECURE of proof_check() each RRset that proof_find() finds is signed; signed_by has
 * all keys that did. TTLs are the original ones (RFC 4034 §3.1.4): what a resolver keeps at most.
 * Bounds.    PROOF_RRSETS_MAX, PROOF_RECORDS_MAX, PROOF_TRIES_MAX signatures tried
 * (CVE-2023-50387), PROOF_ITERATIONS_MAX of NSEC3 (CVE-2023-50868): what needs more is refused.
 * Memory.    The struct holds copies; nothing is borrowed from the message.
 * Threads.   Pure, but for the memo. Time is a value.
 */
#ifndef DNSSEC_PROOF_H
#define DNSSEC_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "dns/name.h"
#include "dnssec/dnskey.h"
#include "dnssec/verify_memo.h"

#define PROOF_RRSETS_MAX     24
#define PROOF_RECORDS_MAX    160
#define PROOF_SIGNATURES_MAX 64
#define PROOF_TRIES_MAX      48
#define PROOF_ITERATIONS_MAX 150
#define PROOF_ROOM           65536

#define PROOF_TABLE(X)                                                                             \
	X(PROOF_SECURE, "it validates")                                                            \
	X(PROOF_MALFORMED, "it is not a well-formed answer to the question")                       \
	X(PROOF_TRUNCATED, "it is truncated")                                                      \
	X(PROOF_RCODE, "the server answered with an error")                                        \
	X(PROOF_NOT_AUTHORITATIVE, "the server does not speak for the zone")                       \
	X(PROOF_TOO_MANY, "it has more records, or needs more tries, than we allow")               \
	X(PROOF_EMPTY, "it has no records")                                                        \
	X(PROOF_UNSIGNED, "it is not signed by the zone")                                          \
	X(PROOF_NO_KEY, "no key of the DNSKEY RRset has the tag of its signatures")                \
	X(PROOF_TIME, "its signature is not valid now")                                            \
	X(PROOF_BOGUS, "its signature does not fit")                                               \
	X(PROOF_NO_PROOF, "it neither has the records nor proves that there are none")             \
	X(PROOF_NOMEM, "out of memory")

enum proof_verdict {
#define X(code, text) code,
	PROOF_TABLE(X)
#undef X
};

struct proof_rrset {
	uint8_t owner[NAME_MAX_LEN]; /* lower case */
	uint16_t type;
	uint16_t first, n; /* of proof.rdata[], in canonical form and order */
	bool answer;       /* of the answer section */
	bool judged;
	uint32_t ttl;
	uint64_t signed_by; /* bits by key */
	int64_t expires_at; /* the latest end of a good signature */
};

struct proof_signature {
	uint16_t rrset;
	struct span fixed, bytes;
};

struct proof {
	uint8_t zone[NAME_MAX_LEN];
	uint16_t type; /* asked for */
	uint8_t rcode;
	struct proof_rrset rrset[PROOF_RRSETS_MAX];
	size_t rrset_n;
	struct span rdata[PROOF_RECORDS_MAX];
	size_t rdata_n;
	struct proof_signature signature[PROOF_SIGNATURES_MAX];
	size_t signature_n;
	uint8_t room[PROOF_ROOM];
	size_t room_n;
	const struct proof_rrset *fault; /* the RRset that a verdict is about, or NULL */
};

/* `message`: a whole answer to a question for `name` and `type`, from a server of `zone`. */
enum proof_verdict proof_read(struct span message, const uint8_t *zone, const uint8_t *name,
			      uint16_t type, struct proof *out);
/* At most 64 keys. `memo` may be NULL. */
enum proof_verdict proof_check(struct proof *p, const struct dnskey *keys, size_t n, int64_t now,
			       struct verify_memo *memo);

/* NULL: there is none, or it was not judged. */
const struct proof_rrset *proof_find(const struct proof *p, const uint8_t *owner, uint16_t type);
static inline struct span proof_rdata(const struct proof *p, const struct proof_rrset *s, size_t i)
{
	return p->rdata[s->first + i];
}

/* Of a checked proof: whether it shows that the zone's apex has no RRset of `type` (and no CNAME),
 * by an NSEC or NSEC3 of the apex itself. One such record speaks for all types. */
bool proof_denies(const struct proof *p, uint16_t type);
/* The NSEC or NSEC3 RRset of the apex in a checked proof; NULL: none. */
const struct proof_rrset *proof_of_apex(const struct proof *p);

/* Static text; never NULL. */
const char *proof_text(enum proof_verdict v);

#endif
