// SPDX-License-Identifier: Apache-2.0
/*
 * internal.h -- what a zone version is made of; private to this folder.
 *
 * Ownership. A node or RRset belongs to the version that made it and to every newer one that still
 * has it. When a newer version drops it, it goes to the `dropped` list of the version before, which
 * frees it when it is freed itself. Versions are freed oldest first, so nobody reads what goes.
 */
#ifndef ZONE_INTERNAL_H
#define ZONE_INTERNAL_H

#include "base/trie.h"
#include "zone/builder.h"
#include "zone/name_index.h"
#include "zone/zone.h"

/* Signature ids of one zone through all of its versions. */
struct zone_ids {
	unsigned refs; /* versions and builders */
	uint32_t end;  /* all ids given out so far are below */
	uint32_t *free_ids;
	size_t free_n, free_cap;
};

struct zone_list {
	void **item;
	size_t n, cap;
};

/* Of keys in a trie of NSEC3 that came as records: kind, iterations, length of the salt, salt. */
#define GIVEN_PREFIX_MAX     (1 + 2 + 1 + 255)
#define GIVEN_ITERATIONS_MAX 150u

struct zone {
	struct trie *names; /* name_key() -> struct node */
	struct trie
	    *hashes; /* NSEC3 hash -> struct rrset, the NSEC3 (nsec3.c; given.c has others) */
	struct name_index *index; /* name -> struct node; NULL where there was no memory for it */
	const struct node *apex;
	const struct rrset *soa;
	enum zone_denial given; /* what the records given prove by (given.c) */
	struct zone_ids *ids;
	struct zone_build_options options;
	char **files;
	uint16_t file_n;
	uint32_t max_ttl;
	size_t rr_n, data_bytes;
	struct zone *newer; /* the version made from this one */
	bool newer_shares;  /* ... by change: it has all that is not in `dropped` */
	struct zone_list dropped_nodes, dropped_rrsets;
	uint32_t *dead_ids; /* ids that no newer version uses */
	size_t dead_id_n;
	uint16_t chain_len; /* given NSEC3: the prefix of the chain's keys */
	uint8_t chain[GIVEN_PREFIX_MAX];
	uint8_t name[NAME_MAX_LEN]; /* lower case */
};

struct zone_builder {
	struct zone *made;                 /* the version being built; its trie is an edit */
	struct trie *start, *start_hashes; /* from nothing: the empty tries that `names` and
					      `hashes` are edits of */
	struct zone *base;                 /* change: the version changed; else `like` */
	bool change;
	struct zone_list
	    touched; /* change: names (struct node copies' keys), malloc'd wire names */
	struct zone_list touched_hashes; /* change: malloc'd hashes whose NSEC3 changed */
	struct zone_list touched_given;  /* change: malloc'd keys, each behind its length */
	struct zone_list aliases;        /* malloc'd struct zone_alias, as they were given */
	struct node *last; /* put in last: records of one owner mostly follow one another */
	bool has_apex;
	struct rrset *growing; /* the RRset that was appended to last, and its room */
	size_t growing_cap;
	size_t faults;    /* findings of severity error */
	unsigned added_n; /* records: when to ask whether to go on */
};

/* node.c */
struct node *node_new(const uint8_t *name, unsigned room);
/* A copy with room for `room` RRsets, marked as being built. */
struct node *node_copy(const struct node *n, unsigned room);
/* RRsets that it has room for. */
unsigned node_room(const struct node *n);
void node_put(struct node *n, struct rrset *r);
void node_take(struct node *n, uint16_t type);
/* Where the RRset of a type that is there stands. */
struct rrset **node_place(struct node *n, uint16_t type);
struct rrset *node_find(const struct node *n, uint16_t type);
size_t node_bytes(const struct node *n);
void rrset_free(struct rrset *r);
/* Frees a node and the RRsets it has. */
void node_free_all(struct node *n);
bool rrset_same(const struct rrset *a, const struct rrset *b);
size_t rrset_bytes(const struct rrset *r);

/* ids.c */
struct zone_ids *ids_new(void);
struct zone_ids *ids_ref(struct zone_ids *i);
void ids_unref(struct zone_ids *i);
enum err ids_take(struct zone_ids *i, uint32_t *out);
void ids_give_back(struct zone_ids *i, uint32_t id);

bool list_add(struct zone_list *l, void *item);
void list_free(struct zone_list *l);

/* builder.c: the node of a name as one that may be changed, made with its ancestors where missing.
 * ERR_NOMEM. */
enum err builder_node(struct zone_builder *b, const uint8_t *name, unsigned room,
		      struct node **out);
/* Puts a changed copy in the place of a node. */
enum err builder_replace(struct zone_builder *b, struct node *old, struct node *with);

/* This version has the RRset (NULL: none) no longer. ERR_NOMEM. */
enum err builder_drop(struct zone_builder *b, struct rrset *r);

/* A finding about an RRset (NULL: about the zone), counted as a fault where it is an error. */
void builder_finding(struct zone_builder *b, struct diag *d, enum diag_severity severity,
		     const struct rrset *at, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

void builder_record_finding(struct zone_builder *b, struct diag *d, enum diag_severity severity,
			    const struct zone_record *r, const char *what);
/* Whether a record may stand in the zone; a finding where not. */
bool builder_accepts(struct zone_builder *b, const struct zone_record *r, struct diag *d);
/* builder_steered.c: takes a new RRset of a type that the owner has not. ERR_NOMEM. */
enum err builder_put_rrset(struct zone_builder *b, const uint8_t *owner, struct rrset *s);
/* One with its variants; NULL without memory. */
struct rrset *rrset_of_variants(const struct zone_record *at, uint32_t policy,
				const struct zone_variant *variants, size_t n);

/* alias.c: keeps an alias that is given. */
enum err alias_add(struct zone_builder *b, const struct zone_record *r, struct diag *d);

/* nsec.c */
bool node_wants_nsec(const struct zone *z, const struct node *n);
/* The NSEC of a node as it should be now (RFC 4034 §4). ERR_NOMEM. */
enum err nsec_make(const struct zone *z, const struct node *n, struct rrset **out);

/* Types of a node for a bitmap, ascending, without NSEC and RRSIG of the denial itself; room for
 * rrset_n + 2. */
size_t node_types(const struct zone *z, const struct node *n, uint16_t *types);

/* The bitmap of these (RFC 4034 §4.1.2). At most each type stands in a window of its own: window,
 * length, up to 32 octets. ERR_NOMEM. */
#define BITMAP_MAX (34u * 256u)
enum err node_bitmap(const struct zone *z, const struct node *n, uint8_t out[BITMAP_MAX],
		     size_t *len);

/* nsec3.c: the same for RFC 5155. */
enum err nsec3_add_param(struct zone_builder *b);
enum err nsec3_make_all(struct zone_builder *b);
/* Change: makes the NSEC3 of a name, and of the one before it, what they should be now. */
enum err nsec3_renew(struct zone_builder *b, const uint8_t *name);
const uint8_t *nsec3_hash_of(const struct rrset *nsec3);

/* builder.c */
struct rrset *rrset_of_one(const struct zone_record *r);
struct rrset *rrset_of_values(const struct zone_record *at, const struct zone_variant *v);

/* Where the record with that RDATA starts in an RRset; its length: it is not there. ERR_NOMEM. */
enum err rrset_find(const struct rrset *there, struct span rdata, size_t *out);

/* given.c: NSEC3 and their signatures, which stand beside the names. */
bool given_stands_beside(uint16_t type, struct span rdata);
enum err given_add(struct zone_builder *b, const struct zone_record *r, struct diag *d);
enum err given_remove(struct zone_builder *b, const struct zone_record *r);
enum err given_has(const struct zone_builder *b, const struct zone_record *r, bool *out);
/* How the records given prove what is not there; after the apex was found. */
void given_settle(struct zone_builder *b, struct diag *d);
const struct rrset *given_cover(const struct zone *z, const uint8_t hash[NSEC3_HASH_LEN]);

/* check.c */
void check_zone(const struct zone *z, struct zone_builder *b, struct diag *d);
void check_node(const struct zone *z, const struct node *n, struct zone_builder *b, struct diag *d);

#endif
