// SPDX-License-Identifier: Apache-2.0
/*
 * validate.h -- whether the DNSKEY RRset in an answer is that of the zone whose DS the parent has.
 *
 * Purpose.   What other signers serve is believed only through the chain from the parent (RFC 8901
 * §9, RFC 4035 §5.2, §5.3). One RRset, one link: no resolver.
 * Invariant. With VALIDATION_SECURE, and only then, *out holds the keys. Every other verdict means
 * that nothing was learned.
 * Bounds.    At most VALIDATE_KEYS_MAX keys, and VALIDATE_TRIES_MAX signatures are tried
 * (CVE-2023-50387): what needs more is refused.
 * Threads.   Pure. Time is a value.
 */
#ifndef DNSSEC_VALIDATE_H
#define DNSSEC_VALIDATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "dnssec/dnskey.h"
#include "dnssec/verify_memo.h"

#define VALIDATE_KEYS_MAX  64
#define VALIDATE_TRIES_MAX 16

#define VALIDATION_TABLE(X)                                                                        \
	X(VALIDATION_SECURE, "it validates through the parent's DS")                               \
	X(VALIDATION_MALFORMED, "it is not a well-formed answer to the question")                  \
	X(VALIDATION_RCODE, "the server answered with an error")                                   \
	X(VALIDATION_TRUNCATED, "it is truncated")                                                 \
	X(VALIDATION_EMPTY, "it has no DNSKEY records")                                            \
	X(VALIDATION_TOO_MANY, "it has more keys, or needs more tries, than we allow")             \
	X(VALIDATION_UNSIGNED, "it has no signature over the DNSKEY RRset")                        \
	X(VALIDATION_NO_DS, "there is no DS of a kind that we can check")                          \
	X(VALIDATION_NO_ENTRY, "no key of the RRset is one that the parent's DS names")            \
	X(VALIDATION_NO_SIGNATURE, "no key that the parent's DS names has signed it")              \
	X(VALIDATION_TIME, "the signature is not valid now")                                       \
	X(VALIDATION_BOGUS, "the signature does not fit")

enum validation {
#define X(code, text) code,
	VALIDATION_TABLE(X)
#undef X
};

struct validated {
	struct dnskey keys[VALIDATE_KEYS_MAX]; /* in canonical order */
	size_t n;
	uint32_t ttl;       /* the smaller of the received and the original one */
	int64_t expires_at; /* of the signature that was believed */
	uint16_t entry_tag; /* of the key that signed it */
};

/* `message`: a whole answer to a question for the zone's DNSKEY; `ds`: RDATA of the parent's DS
 * RRset, which the caller has from where it trusts. `memo` may be NULL. */
enum validation validate_dnskeys(struct span message, const uint8_t *zone, const struct span *ds,
				 size_t ds_n, int64_t now, struct verify_memo *memo,
				 struct validated *out);
/* Static text; never NULL. */
const char *validation_text(enum validation v);

#endif
