// SPDX-License-Identifier: Apache-2.0
/*
 * zone.h -- the data of one zone: an ordered tree of names, immutable once sealed, and the look-ups
 * of RFC 1034 §4.3.2.
 *
 * Purpose.   Everything an answer from zone data needs: exact names, empty non-terminals, wildcards
 * (RFC 4592), zone cuts, glue, occluded names, and the NSEC that proves what is not there.
 * Invariant. A sealed version never changes. Every name has its ancestors up to the apex as nodes
 * (empty non-terminals are nodes without RRsets). Existence does not depend on steering. In a zone
 * with NSEC, each authoritative name that owns data has an NSEC RRset; nodes below cuts and empty
 * non-terminals have none. With compact denial empty non-terminals have one too. Threads.   Any
 * number of readers. Memory.    zone_free() frees a version with what no newer version has
 * (zone/builder.h). Versions of one zone are freed oldest first, by the control thread. Pointers
 * that look-ups return are borrowed from the version. Data plane: look-ups do not allocate, lock or
 * log.
 */
#ifndef ZONE_ZONE_H
#define ZONE_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "base/trie.h"
#include "dns/name.h"
#include "dns/name_probe.h"
#include "zone/rrset.h"

struct zone;

/* How the absence of names is proved. */
enum zone_denial {
	ZONE_NO_DENIAL, /* unsigned */
	ZONE_NSEC,      /* RFC 4034 §4 */
	ZONE_NSEC3,     /* RFC 5155, SHA-1, no opt-out */
	ZONE_COMPACT, /* RFC 9824: an NSEC at each name that points right behind it; those of names
			 that do not exist are made at query time */
};

#define NSEC3_HASH_LEN 20

enum node_flag {
	NODE_APEX = 1,
	NODE_CUT = 2, /* owns NS and is not the apex: a delegation point */
	NODE_BELOW_CUT =
	    4, /* under a cut, or under a DNAME: glue or occluded, never authoritative */
	NODE_WILDCARD = 8,      /* first label is "*" */
	NODE_HAS_WILDCARD = 16, /* has a child "*" */
	NODE_DNAME = 32,        /* owns DNAME */
	NODE_EMPTY = 64,        /* empty non-terminal */
	NODE_BUILDING = 128,    /* not sealed yet: the builder's own */
};

struct node {
	const uint8_t *name; /* wire, case as first seen; lies behind the array. First, for
				zone/name_index.h */
	uint8_t flags;       /* enum node_flag */
	uint8_t label_n;
	uint16_t rrset_n;
	struct rrset *nsec;    /* NULL: none */
	struct rrset *rrset[]; /* ascending by type */
};

/* What find() saw. */
enum zone_match {
	ZONE_EXACT,    /* node is the name itself (it may be empty) */
	ZONE_WILDCARD, /* node is "*.encloser", which covers the name */
	ZONE_CUT,      /* node is the delegation point at or above the name */
	ZONE_DNAME,    /* node owns the DNAME above the name */
	ZONE_NXDOMAIN, /* neither the name nor a wildcard for it exists; node is NULL */
};

struct zone_find {
	enum zone_match match;
	const struct node *node;
	const struct node
	    *encloser; /* the closest encloser (RFC 4592 §3.3.1); for ZONE_EXACT the node itself */
};

/* Looks `name` up. It must be at or below the apex. At a cut itself the match is ZONE_CUT; the
 * caller asks for DS there with the node that it gets. */
struct zone_find zone_find(const struct zone *z, const struct name *name);
struct zone_find zone_find_probe(const struct zone *z, const struct name_probe *p);

/* The node at exactly that name, or NULL; cuts are not looked at (glue, additional data). */
const struct node *zone_node(const struct zone *z, const uint8_t *name);

/* Many look-ups side by side, so that their waits for memory overlap; at most ZONE_LOOKS_MAX. */
#define ZONE_LOOKS_MAX 32
struct zone_look {
	const struct zone *zone;
	const struct name_probe *probe;
	struct zone_find found;
};
void zone_find_many(struct zone_look *looks, unsigned n);
/* The same for zone_node(): found.node. */
void zone_node_many(struct zone_look *looks, unsigned n);

/* The RRset of a type at a node, or NULL. */
const struct rrset *node_rrset(const struct node *n, uint16_t type);

/* The node whose NSEC matches or covers the name: the greatest one with an NSEC that is not after
 * it. In a zone with denial never NULL for names within the zone. */
const struct node *zone_nsec_for(const struct zone *z, const uint8_t *name);
/* The same for "*" below a closest encloser that has no wildcard; there must be room for it. */
const struct node *zone_nsec_for_wildcard(const struct zone *z, const struct node *encloser);

/* The NSEC3 RRset of a name with that hash, or NULL; and the one that matches or covers it, which
 * in a zone with NSEC3 is never NULL. */
const struct rrset *zone_nsec3_match(const struct zone *z, const uint8_t hash[NSEC3_HASH_LEN]);
const struct rrset *zone_nsec3_cover(const struct zone *z, const uint8_t hash[NSEC3_HASH_LEN]);
/* Wire name that an NSEC3 RRset stands under: the hash in base32hex below the apex (RFC 5155 §3).
 */
const uint8_t *nsec3_owner(const struct rrset *nsec3);

/* ---- zones that came with their signatures and proofs (given.c) ---- */

/* The NSEC of a name, made here or given; NULL: none. */
const struct rrset *node_nsec(const struct node *n);
/* Whether it was signed elsewhere and is served as it is. zone_denial() is then what its records
 * prove by. */
bool zone_is_given(const struct zone *z);
/* The RRSIG records of an owner, of all types: those that cover `of` are its signatures. NULL:
 * none. */
const struct rrset *zone_given_signatures(const struct zone *z, const uint8_t *owner,
					  const struct rrset *of);
/* Parameters of the hash in a zone with NSEC3; all 0 where we make it (RFC 9276 §3.1). */
struct nsec3_params {
	uint16_t iterations;
	struct span salt; /* lies in the version */
};
struct nsec3_params zone_nsec3_params(const struct zone *z);

const struct node *zone_apex(const struct zone *z);
const uint8_t *zone_name(const struct zone *z);
const struct rrset *zone_soa(const struct zone *z);
uint32_t zone_serial(const struct zone *z);
/* min(SOA TTL, SOA MINIMUM): what negative answers carry (RFC 2308 §3, RFC 9077 §3). */
uint32_t zone_negative_ttl(const struct zone *z);
enum zone_denial zone_denial(const struct zone *z);
/* Greatest TTL of any RRset in it. */
uint32_t zone_max_ttl(const struct zone *z);

size_t zone_name_n(const struct zone *z); /* nodes */
size_t zone_rr_n(const struct zone *z);   /* records; variants and NSEC not counted */
size_t zone_bytes(const struct zone *z);  /* memory, about */
/* Ids in use are below this. */
uint32_t zone_sig_id_end(const struct zone *z);
/* Source file by rrset->file, or NULL. */
const char *zone_file(const struct zone *z, uint16_t file);

/* All nodes in canonical order. Stops when `visit` returns false. */
void zone_walk(const struct zone *z, bool (*visit)(const struct node *n, void *context),
	       void *context);

/* All NSEC3 RRsets in the order of their hashes, where they were given all of their signatures too;
 * as zone_walk(). */
void zone_walk_nsec3(const struct zone *z, bool (*visit)(const struct rrset *nsec3, void *context),
		     void *context);

void zone_free(struct zone *z);

#endif
