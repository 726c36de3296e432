// SPDX-License-Identifier: Apache-2.0
/*
 * rrset.h -- one RRset as the data plane sends it and the signer signs it.
 *
 * Purpose.   Records are stored in the form they are sent in, without their owner: TYPE CLASS TTL
 * RDLENGTH RDATA, one after another, so rendering is copying. Invariant. Immutable once its zone
 * version is sealed. Records stand in canonical order (RFC 4034 §6.3), no two are equal, all have
 * the RRset's TTL (RFC 2181 §5.2). Names in RDATA are uncompressed and keep the case they were
 * given. A steered RRset holds its default values itself and points to its variants; variant 0 is
 * always the RRset itself. Signature. sig_id is the RRset's slot in the signature cache of its
 * zone; 0 means that it is never signed (delegation NS, glue, occluded data, unsigned zone). Two
 * RRsets of one zone version never share an id; an RRset that did not change keeps its id in the
 * next version. Memory.    Owned by the zone version that made it.
 */
#ifndef ZONE_RRSET_H
#define ZONE_RRSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RR_FIXED_LEN 10 /* TYPE CLASS TTL RDLENGTH */

struct rrset;

/* How a steered RRset answers. The policy number belongs to the zone's compiled steering
 * (geo/steer.h), or in an alias whose target is steered to one that the view keeps beside it
 * (query/view.h). */
#define RRSET_NO_POLICY UINT32_MAX

struct rrset_steering {
	uint32_t policy;
	uint32_t other, other_n; /* hints: of AAAA (`policy` is of A, either may be
				    RRSET_NO_POLICY), and how many answers: variant = A's * other_n
				    + AAAA's, where none is the one past the last */
	uint16_t set;            /* 0: the zone's own; else 1 + the place of another */
	bool alias;  /* its values are those of another name; it may have no record yet */
	bool hints;  /* address hints of a service that follow two policies */
	bool failed; /* ... which are not known, or for too long: SERVFAIL */
	uint32_t variant_n;
	struct rrset *variant[]; /* [0] is NULL: the RRset itself; the others carry the same type
				    and own ids, each with its TTL */
};

struct rrset {
	uint16_t type;
	uint16_t rr_n;
	uint32_t ttl;
	uint32_t wire_len;
	uint32_t sig_id;
	uint32_t line; /* where its first record stood, 0 if made by us */
	uint16_t file; /* index into the files of the zone's source */
	/* Names in RDATA, one behind the other, that may be compressed (NS, CNAME, SOA, MX, PTR,
	 * ...), and where in RDATA the first of them is. */
	uint8_t compressible : 2, name_at : 2;
	uint8_t additional : 1; /* RDATA has a name whose addresses help (NS, MX, SRV, ...) */
	uint8_t building : 1;   /* not sealed yet: the builder's own */
	struct rrset_steering *steering; /* NULL when everybody gets the same; owned */
	uint8_t wire[];
};

/* Whether another choice than the RRset itself may come up. */
static inline bool rrset_is_steered(const struct rrset *r)
{
	return r->steering != NULL && !(r->steering->alias && r->steering->set == 0);
}

/* Whether it is an alias's that has nothing to answer. */
static inline bool rrset_has_failed(const struct rrset *r)
{
	return r->steering != NULL && r->steering->failed;
}

static inline const struct rrset *rrset_variant(const struct rrset *r, uint32_t variant)
{
	return variant == 0 || r->steering == NULL ? r : r->steering->variant[variant];
}

#endif
