// SPDX-License-Identifier: Apache-2.0
/*
 * need.h -- a signature that is missing or due: where it is kept, and how it is made.
 *
 * Purpose.   Most signatures belong to an RRset of the zone and have a slot (dnssec/sigcache.h);
 * those of owner names made at query time (RFC 9824) are kept by key (dnssec/keyed.h). Who waits
 * for one, signs it or renews it needs not know which. Invariant. After need_claim() was true,
 * exactly one of need_sign() and need_release() follows. Threads.   Any registered thread; a signer
 * is its thread's own. Memory.    Borrowed from the view, which a keeper pins; but `owner` may lie
 * in the query that found the need: a keeper copies it.
 */
#ifndef QUERY_NEED_H
#define QUERY_NEED_H

#include <stdbool.h>
#include <stdint.h>

#include "query/view.h"

enum need_made {
	NEED_IN_ZONE,
	NEED_EXPANSION, /* the RRset of a wildcard, signed under the name asked (RFC 9824 §3.3) */
	NEED_NSEC,      /* an NSEC of the name asked (RFC 9824 §3.1) */
};

struct query_need {
	const struct zone_view *zv;
	const struct rrset *rrset; /* lies in the zone; NEED_NSEC: whose types are given, NULL for a
				      name that does not exist */
	const uint8_t *owner;      /* name that is signed */
	enum need_made made;
	bool idly;           /* nobody waits for it: its claim gives way to another's */
	struct keyed *table; /* made names: where they are kept, and as what */
	struct keyed_key key;
};

/* The NSEC of a name that points right behind it (RFC 9824 §3.1), with the types of `like`, an NSEC
 * of the zone, or NXNAME's where that is NULL. */
#define NEED_BITMAP_MAX (256 * 34)
struct need_nsec {
	_Alignas(struct rrset)
	    uint8_t bytes[sizeof(struct rrset) + RR_FIXED_LEN + NAME_MAX_LEN + NEED_BITMAP_MAX];
};
const struct rrset *need_make_nsec(struct need_nsec *room, const struct zone *z,
				   const uint8_t *owner, const struct rrset *like);

/* Whether its signature takes tens of microseconds; others take up to milliseconds. */
bool need_is_quick(const struct query_need *n);
/* The algorithm that signs it; 0: several. */
uint8_t need_algorithm(const struct query_need *n);

/* True: the caller must sign it or release it. */
bool need_claim(const struct query_need *n);
void need_release(const struct query_need *n);
enum sig_state need_state(const struct query_need *n, int64_t now);
/* Signs, publishes and gives the claim back. False: it cannot be signed. *made (may be NULL) gets
 * the signature: in `room` for a made name (which may be NULL where nobody wants it), else borrowed
 * until the next quiescent state. */
bool need_sign(const struct query_need *n, struct signer *s, int64_t now, struct keyed_sig *room,
	       const struct sig **made);

/* Several signed together, which is cheaper (dnssec/signer.h). One thread's own; zeroed but for
 * `signer`. */
#define NEED_BATCH_MAX 32
struct need_batch {
	struct signer *signer;
	unsigned n;
	uint8_t algorithm; /* of all that was added; 0: of several */
	struct query_need need[NEED_BATCH_MAX];
	struct sign_job job[NEED_BATCH_MAX];
	struct keyed_sig made[NEED_BATCH_MAX];
	struct need_nsec nsec;
};

/* Adds one, whose claim the caller has and hands over. Its owner is borrowed until this returns. */
void need_add(struct need_batch *b, const struct query_need *n, int64_t now);
/* Signs what was added, publishes it and gives the claims back. Returns how many were signed. */
unsigned need_finish(struct need_batch *b);

#endif
