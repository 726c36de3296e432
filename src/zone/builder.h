// SPDX-License-Identifier: Apache-2.0
/*
 * builder.h -- makes zone versions: from nothing, or from an older version by changing a few
 * RRsets.
 *
 * Purpose.   Zone files, transfers and updates stream records in; sealing checks the whole, derives
 * cuts, wildcards, empty non-terminals and the NSEC chain, and gives signature ids. Invariant.
 * zone_build_start() without a base starts empty. zone_build_change() starts from a sealed version
 * and copies only what it touches; its cost follows the change, not the zone. The version it starts
 * from stays valid and unchanged. Only the newest version may be changed, once at a time. Ids.
 * Signature ids run through all versions of one zone. An RRset (or variant, or NSEC) whose owner,
 * type, TTL and records are those of the `like` version keeps its id; ids that nobody uses any more
 * are given out again only after the version that used them last was freed; zone_build_seal()
 * reports nothing about them, the signature cache hears of a freed id through `id_freed`. Threads.
 * Control thread. Memory.    zone_build_seal() takes the builder in any case; zone_build_abort()
 * gives it up with all that it made. Errors.    Findings go to the diag with file:line; every error
 * makes sealing fail with ERR_INVALID.
 */
#ifndef ZONE_BUILDER_H
#define ZONE_BUILDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/span.h"
#include "zone/zone.h"

struct zone_builder;

struct zone_build_options {
	enum zone_denial denial; /* other than none: make the chain and give signature ids */
	bool given; /* denial none: RRSIG, NSEC and NSEC3 are records like others, and served */
	/* ZONE_NSEC3: the hash of RFC 5155 §5, with no salt and no further iterations (RFC 9276
	 * §3.1), of a name in wire form, any case. */
	void (*nsec3_hash)(const uint8_t *name, uint8_t out[NSEC3_HASH_LEN], void *context);
	void *nsec3_context;
	uint64_t max_records; /* 0: none */
	/* Asked now and then while records are added: false ends it, with ERR_CANCELED. Who builds
	 * beside other work rests in it. May be NULL. */
	bool (*go_on)(void *context);
	void *go_on_context;
	/* Called from zone_free(): no version uses this id any more. May be NULL. */
	void (*id_freed)(uint32_t id, void *context);
	void *id_context;
};

/* Starts an empty zone. `like` (may be NULL) is the newest version of the same zone: ids are taken
 * over from it and their numbering goes on, and it must not be freed before this one is sealed or
 * aborted. ERR_NOMEM. */
enum err zone_build_start(struct zone_builder **out, const uint8_t *apex, struct zone *like,
			  const struct zone_build_options *options);
/* Starts a change of `base` (its options hold on). ERR_NOMEM, ERR_CONFLICT when a newer version of
 * it exists. */
enum err zone_build_change(struct zone_builder **out, struct zone *base);

/* Moves what `from` was given into `b`, which has been given nothing; takes `from`. Neither may be
 * a change. `from` may have been filled by any thread. */
void zone_build_take(struct zone_builder *b, struct zone_builder *from);

/* The source that following records come from; index for rrset->file. Copies the path. */
uint16_t zone_build_file(struct zone_builder *b, const char *path);

const char *zone_build_file_path(const struct zone_builder *b, uint16_t file);

struct zone_record {
	const uint8_t *owner; /* wire */
	uint16_t type;
	uint32_t ttl;
	struct span rdata; /* uncompressed; checked by rdata_is_valid() here */
	uint16_t file;
	uint32_t line; /* 0: not from a file */
};

/* Adds one record; an equal one is dropped silently. A record outside the zone, of a type that is
 * never zone data, or with RDATA that is not its type's is a finding and is not added; a TTL other
 * than the RRset's is a warning and the lower one wins (RFC 2181 §5.2). ERR_NOMEM, ERR_TOO_LONG
 * (max_records); findings are not errors here. */
enum err zone_build_add(struct zone_builder *b, const struct zone_record *r, struct diag *d);
/* Removes a whole RRset (no error if there is none). */
enum err zone_build_remove(struct zone_builder *b, const uint8_t *owner, uint16_t type);
/* Removes the record with this owner, type and RDATA, whatever its TTL (no error if there is none).
 * A steered RRset is left alone. ERR_NOMEM. */
enum err zone_build_remove_record(struct zone_builder *b, const struct zone_record *r);

/* What stands in the version as built so far; NULL: nothing. Borrowed until the next change. Flags
 * of nodes are derived when sealing. */
const struct node *zone_build_node(const struct zone_builder *b, const uint8_t *owner);
const struct rrset *zone_build_rrset(const struct zone_builder *b, const uint8_t *owner,
				     uint16_t type);

/* Whether the record with this owner, type and RDATA stands there, whatever its TTL. ERR_NOMEM. */
enum err zone_build_has(const struct zone_builder *b, const struct zone_record *r, bool *out);

/* Steers an RRset: makes `values` (all records of variant 0) the RRset and each of `variants` one
 * variant. No RRset of that owner and type may stand there; a finding otherwise. */
struct zone_variant {
	const struct span *rdata;
	size_t rdata_n;
	uint32_t ttl; /* a variant may have another one than the RRset */
};
enum err zone_build_steer(struct zone_builder *b, const struct zone_record *at, uint32_t policy,
			  const struct zone_variant *variants, size_t variant_n, struct diag *d);

/* A service (SVCB, HTTPS) whose hints follow the policies of A and AAAA: `variants` as rrset.h
 * numbers them. Otherwise as zone_build_steer(). */
struct zone_followed {
	uint32_t policy[2]; /* of A, AAAA; RRSET_NO_POLICY */
	uint32_t other_n;
};
enum err zone_build_hints(struct zone_builder *b, const struct zone_record *at,
			  const struct zone_followed *how, const struct zone_variant *variants,
			  size_t variant_n, struct diag *d);

/* Aliases of addresses (ALIAS, ANAME). A record of TYPE_ALIAS that is added is no data: it is kept
 * beside the records until the builder ends, and whoever builds makes of it what the name answers
 * for each of A and AAAA. RRsets of aliases are not changed by zone_build_add() and the like. */
struct zone_alias {
	const uint8_t *owner, *target; /* wire */
	uint32_t ttl;
	uint16_t file;
	uint32_t line;
};
size_t zone_build_alias_n(const struct zone_builder *b);
const struct zone_alias *zone_build_alias_at(const struct zone_builder *b, size_t i);
/* Gives the type at that owner to an alias: it exists and answers SERVFAIL until more is known. A
 * finding where something stands there. ERR_NOMEM. */
enum err zone_build_alias(struct zone_builder *b, const struct zone_record *at, struct diag *d);
/* What the type of an alias answers from now on. */
struct zone_alias_answer {
	bool failed;     /* SERVFAIL, whatever `variants` has, which secondaries still get */
	uint16_t set;    /* by whose policies it is steered (query/view.h); 0: it is not */
	uint32_t policy; /* of that set */
	const struct zone_variant *variants;
	size_t variant_n; /* 1 where it is not steered; 0: there are no records of this type */
};
enum err zone_build_alias_answer(struct zone_builder *b, const struct zone_record *at,
				 const struct zone_alias_answer *a);

/* Checks and seals. Checks (zone/check.c), each with file:line: exactly one SOA, at the apex; NS at
 * the apex; CNAME alone (RFC 2181 §10.1) and single; DNAME single and nothing below it (RFC 6672
 * §2.4, a warning and occlusion); SOA elsewhere; apex-only types elsewhere; NS/MX/SRV targets that
 * are CNAMEs or do not exist in the zone (warnings); missing glue (warning); DS without NS (error);
 * data occluded below a cut (warning for other than glue addresses); wildcard NS (warning), records
 * of RR_DENIAL types (error: given to zone_build_add). */
enum err zone_build_seal(struct zone_builder *b, struct zone **out, struct diag *d);
void zone_build_abort(struct zone_builder *b);

#endif
