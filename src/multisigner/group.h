// SPDX-License-Identifier: Apache-2.0
/*
 * group.h -- one signer's knowledge of a multi-signer group (RFC 8901): who is in it, which keys
 * there are, what each server of each signer and of the parent was last seen to serve, and where
 * each signer stands on its way in or out.
 *
 * Purpose.   Every signer holds such a state for itself and acts only on what it saw. There is no
 * leader: the same rules over the same evidence bring all signers to the same sets.
 * Invariant. Plain values, no pointers: a copy of the struct is a copy of the state, and what is
 * written to the store before it takes effect is the whole of it. Keys are numbers below
 * GROUP_KEYS_MAX; a set of keys is a bit set, and so is a set of signers. Signer 0 is ourselves.
 * Threads.   Pure: no I/O, no clock; times are Unix seconds that the caller gives.
 * Errors.    A signer, server or key beyond the limits is refused with a negative number.
 */
#ifndef MULTISIGNER_GROUP_H
#define MULTISIGNER_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "multisigner/ttl_mark.h"

#define GROUP_SIGNERS_MAX 8
#define GROUP_SERVERS_MAX 6 /* of one signer, or of the parent */
#define GROUP_KEYS_MAX    64
#define GROUP_SELF        0
#define GROUP_NOBODY      (-1)

/* What one server of a signer answered, all of it at one time. */
struct signer_look {
	int64_t asked_at; /* before the first question was sent */
	int64_t at;       /* after the last answer came */
	uint64_t dnskey, cds;
	uint64_t key_signing;    /* keys that signed the DNSKEY RRset */
	uint64_t zone_signing;   /* keys that signed zone data */
	uint64_t algorithms;     /* of keys that sign both, everywhere: a bit for each below 64 */
	uint16_t ns_all, ns_any; /* signers all of whose, any of whose servers the apex NS names */
	bool has_cds, has_csync;
	uint32_t dnskey_ttl, ns_ttl;
	uint32_t zone_ttl; /* the highest TTL of other RRsets that is known, negative answers too */
};

/* What one server of the parent answered. */
struct parent_look {
	int64_t asked_at, at;
	uint64_t ds;
	uint16_t ns_all, ns_any;
	uint32_t ds_ttl, ns_ttl;
};

/* Where a signer stands (multisigner/membership.h has the table). The names of states are what
 * `group status` shows. */
#define MEMBER_STATE_TABLE(X)                                                                      \
	X(MEMBER_NONE, "none")                                                                     \
	X(MEMBER_KEYS, "join: exchanging keys")                                                    \
	X(MEMBER_KEYS_WAIT, "join: old DNSKEY sets expire")                                        \
	X(MEMBER_DS, "join: DS to the parent")                                                     \
	X(MEMBER_DS_WAIT, "join: old DS sets expire")                                              \
	X(MEMBER_NS, "join: NS to the parent")                                                     \
	X(MEMBER_FULL, "member")                                                                   \
	X(LEAVE_NS, "leave: NS out of all sets")                                                   \
	X(LEAVE_NS_WAIT, "leave: resolvers forget its servers")                                    \
	X(LEAVE_DS, "leave: DS out of the parent")                                                 \
	X(LEAVE_DS_WAIT, "leave: its signatures expire")                                           \
	X(MEMBER_GONE, "gone")

enum member_state {
#define X(code, text) code,
	MEMBER_STATE_TABLE(X)
#undef X
	    MEMBER_STATES
};

struct group_signer {
	bool used;
	uint8_t server_n;
	enum member_state state;
	int64_t state_at;
	bool confirmed; /* what the state adds to our sets is served: it outlives a crash */
	bool ejected;   /* leaves without its own help: nothing is expected of it */
	bool paused;
	uint32_t waived; /* guards that an operator forced, by number */
	struct signer_look last[GROUP_SERVERS_MAX];
	int64_t served_at[GROUP_KEYS_MAX]; /* all its servers serve the key since; 0: they do not */
	int64_t unlisted_at;   /* nobody names its servers since; 0: somebody does, or unknown */
	uint64_t algorithms;   /* with which all its servers sign everything */
	int64_t algorithms_at; /* ... and since when with the last of them */
	struct ttl_mark dnskey_ttl, ns_ttl, zone_ttl;
};

struct group_parent {
	uint8_t server_n;
	struct parent_look last[GROUP_SERVERS_MAX];
	int64_t ds_at[GROUP_KEYS_MAX];      /* on all its servers since; 0: not */
	int64_t ds_gone_at[GROUP_KEYS_MAX]; /* on none of them since; 0: it is, or unknown */
	struct ttl_mark ds_ttl, ns_ttl;
};

struct group_key {
	bool used;
	bool known;   /* the DNSKEY is known; else only a DS record of it */
	int8_t owner; /* signer, or GROUP_NOBODY */
	uint8_t algorithm;
	uint16_t tag;
	bool sep;
	bool seen;            /* its owner was seen to serve it */
	int64_t withdrawn_at; /* its owner serves it nowhere any more since; 0: it does */
	int64_t unnamed_at;   /* no CDS of a signer names it since; 0: one does, or unknown */
};

struct group_policy {
	uint32_t propagation_s; /* from a change to the last server of a signer */
	uint32_t fresh_s;       /* a look older than that is no evidence */
	uint32_t gap_s;         /* what was not looked at for so long is taken as new */
	uint32_t away_s;        /* who did not look for so long looks before it answers */
	bool carry_ksk; /* every key stands in every set; else only those that sign zone data */
};

/* What we serve by decision of the group; persisted before it is served. */
struct group_sets {
	bool decided;
	uint64_t dnskey; /* foreign keys beside our own */
	uint64_t cds;    /* of all signers; empty: no CDS */
	uint16_t ns;     /* signers whose servers stand in the apex NS */
	bool csync;
};

struct group {
	struct group_policy policy;
	struct group_signer signer[GROUP_SIGNERS_MAX];
	struct group_parent parent;
	struct group_key key[GROUP_KEYS_MAX];
	uint64_t own_ds;          /* own keys that the parent should have, as our rollovers say */
	struct ttl_mark zone_ttl; /* of all our zone; a look sees a few RRsets of it */
	struct group_sets sets;
	uint32_t waived; /* for all signers */
};

void group_init(struct group *g, const struct group_policy *policy, int64_t now);
/* Returns the signer's number, or -1. The first one is ourselves. Starts in MEMBER_NONE. */
int group_add_signer(struct group *g, unsigned server_n, int64_t now);
/* Returns the key's number, or -1: there is no room. */
int group_add_key(struct group *g, const struct group_key *key);
/* Frees numbers of keys that nobody serves, nobody's DS names, and no set holds. Returns them. */
uint64_t group_forget_keys(struct group *g, int64_t now);
/* After a restart: what was decided and may never have been served is decided anew. */
void group_resume(struct group *g, int64_t now);

/* Who did not look around for so long may have old keys of others in its sets: it answers nothing
 * until it has seen a server of every signer. A shorter time is like looks that are lost. */
bool group_was_away(const struct group *g, int64_t looked_at, int64_t now);
/* A signer that was not seen since then; GROUP_NOBODY: all were. */
int group_unseen_since(const struct group *g, int64_t started_at);

/* Signers that the group waits for: in it, on the way in or on the way out with its own help. */
uint16_t group_awaited(const struct group *g);
/* Those, and ejected ones whose DNSKEY sets resolvers may still hold or get: what signs must stand
 * in them, or wait until they are forgotten. */
uint16_t group_answering(const struct group *g);
uint64_t group_keys_of(const struct group *g, int signer);
/* The algorithms of these keys: a bit for each number below 64. */
uint64_t group_algorithms_of(const struct group *g, uint64_t keys);
const char *member_state_text(enum member_state s);

#define GROUP_BIT(k) (UINT64_C(1) << (k))
static inline bool group_has(uint64_t set, unsigned k)
{
	return set >> k & 1;
}

#endif
