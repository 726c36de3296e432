// SPDX-License-Identifier: Apache-2.0
/*
 * rollover.h -- when own keys are made, published, used, retired and removed.
 *
 * Purpose.   ZSK by pre-publication (RFC 7583 §3.2.1), KSK and CSK by double signature with the DS
 * exchanged once (§3.3.1), algorithms by the conservative way (RFC 6781 §4.1.4: signatures, then
 * DNSKEY, then DS, back in reverse order), changes between KSK+ZSK and CSK. One machine for a lone
 * zone and for a member of a group: what others must have done is evidence, an input.
 *
 * What a state means for a key:
 *
 *   state      DNSKEY  signs DNSKEY  DS wanted  signs the zone (`signs`)
 *   STANDBY    -       -             -          -
 *   PRESIGN    -       -             -          ZSK, CSK: a new algorithm's signatures come first
 *   PUBLISHED  yes     KSK, CSK      -          not yet, unless it is the only key of its algorithm
 *   READY      yes     KSK, CSK      yes        CSK
 *   ACTIVE     yes     KSK, CSK      yes *      ZSK, CSK
 *   RETIRED    yes     KSK, CSK      -          not any more, unless its algorithm is leaving
 *   POSTSIGN   -       -             -          ZSK, CSK of an algorithm that is leaving
 *   REMOVED    -       -             -          -
 *     * until a newer key is READY
 *
 * Evidence.  Set by the caller, each the time at which it was observed, 0 while it was not:
 *   seen_everywhere_at  the DNSKEY is served by all servers of all signers (facts.group only; a
 *                       lone zone: published_at + propagation)
 *   ds_seen_at          all of the parent's servers showed the DS, since then
 *   ds_gone_at          none of the parent's servers showed the DS any more
 *   insecure_at         none of the parent's servers shows any DS of the zone, since then
 * Hold.      While facts.hold is set no step is taken and no roll is started; what would be done is
 * still told. Time.      All waits count from observed events with the TTLs in force then
 * (ttl_mark.h). Times that lie in the future of `now` (a clock that was set back) must be mended
 * first: rollover_mend(). Threads.   Pure: no I/O, no clock, no memory. Use.       Ask for a plan;
 * make the keys that it wants and persist plan.after, in one transaction; then put it into service;
 * ask again until it changes nothing; sleep until wake_at or until evidence comes. Dying between
 * any two of these and asking again gives the same plan. What a step changes counts from when it is
 * served, not from when it was decided: rollover_served(). RFCs.      6781, 7583, 7344, 8078; 4035
 * §2.2 (all algorithms of the DNSKEY set sign all).
 */
#ifndef MULTISIGNER_ROLLOVER_H
#define MULTISIGNER_ROLLOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnssec/key.h"
#include "dnssec/keyset.h"
#include "multisigner/ttl_mark.h"

#define ROLLOVER_STATE_TABLE(X)                                                                    \
	X(KEY_STANDBY, "standby")                                                                  \
	X(KEY_PRESIGN, "presigning")                                                               \
	X(KEY_PUBLISHED, "published")                                                              \
	X(KEY_READY, "ready")                                                                      \
	X(KEY_ACTIVE, "active")                                                                    \
	X(KEY_RETIRED, "retired")                                                                  \
	X(KEY_POSTSIGN, "postsigning")                                                             \
	X(KEY_REMOVED, "removed")

enum key_state {
#define X(code, text) code,
	ROLLOVER_STATE_TABLE(X)
#undef X
};

#define ROLLOVER_KEYS_MAX KEYSET_KEYS_MAX

struct rollover_key {
	uint16_t tag;
	uint8_t algorithm;
	enum key_role role;
	enum key_state state;
	bool signs;  /* the zone's data */
	bool manual; /* the operator's: named in the configuration, never changed here */
	int64_t since;
	int64_t created_at, published_at;
	int64_t signs_at, unsigned_at; /* when it began and ended signing the zone */
	int64_t retired_at, unpublished_at;
	struct ttl_mark signed_ttl; /* of what it signed, negative answers too */
	int64_t seen_everywhere_at, ds_seen_at, ds_gone_at;
};

struct rollover_policy {
	uint8_t algorithm;
	bool csk;            /* one key for both duties */
	bool no_ksk, no_zsk; /* keys of that duty are somebody else's (RFC 8901, Model 1) */
	bool automatic;      /* rolls start by themselves when they are due */
	/* 0: unlimited */
	uint32_t ksk_lifetime_s, zsk_lifetime_s, csk_lifetime_s;
	uint32_t propagation_s;        /* until a change is on all of our servers */
	uint32_t parent_propagation_s; /* until what one parent's server shows is on all */
	uint32_t safety_s;             /* added to each wait; not in an emergency */
};

enum roll_kind { ROLL_NONE, ROLL_ZSK, ROLL_KSK, ROLL_CSK, ROLL_ALGORITHM };

/* What the operator asked for; cleared by the step that starts it. */
struct roll_request {
	bool ksk, zsk; /* a CSK answers to either */
	bool algorithm;
	bool emergency; /* no safety margins until the roll has ended */
};

struct rollover_facts {
	struct rollover_key keys[ROLLOVER_KEYS_MAX];
	size_t n;
	struct ttl_mark dnskey_ttl; /* of the DNSKEY RRset as served */
	struct ttl_mark zone_ttl;   /* greatest TTL in the zone, negative answers too */
	struct ttl_mark ds_ttl;     /* as the parent serves it */
	int64_t insecure_at;
	/* Steps were taken then or later that are not yet known to be served; 0: all are. The
	 * caller takes no further step at a later time until it has said rollover_served(). */
	int64_t unserved_since;
	struct roll_request request;
	bool emergency;   /* a roll that was asked for as an emergency is not over */
	bool group;       /* seen_everywhere_at is evidence */
	const char *hold; /* NULL, or who holds and why: "by hand since ..." */
};

/* Who has to act next. */
enum rollover_actor { ACTOR_NOBODY, ACTOR_TIME, ACTOR_SIGNERS, ACTOR_PARENT, ACTOR_OPERATOR };

#define ROLLOVER_NEVER INT64_MAX

/* Of one key: what happens next, when, and what it waits for. */
struct rollover_outlook {
	const char *next; /* "starts to sign"; "" where nothing is planned */
	enum rollover_actor who;
	int64_t at;         /* ROLLOVER_NEVER: not known */
	const char *waits;  /* "until every cache knows it"; "" */
	enum roll_kind due; /* of an active key: the roll that is planned */
};

struct rollover_wanted {
	enum key_role role;
	uint8_t algorithm;
	enum key_state state;
	bool signs;
};
#define ROLLOVER_WANTED_MAX 2

struct rollover_step {
	size_t key; /* index in facts.keys */
	enum key_state from, to;
	bool signed_before, signs;
	const char *why;
};

struct rollover_plan {
	struct rollover_facts after; /* same keys at the same places */
	bool changed;
	struct rollover_step steps[ROLLOVER_KEYS_MAX];
	size_t step_n;
	struct rollover_wanted wanted[ROLLOVER_WANTED_MAX]; /* keys to be made */
	size_t wanted_n;
	enum roll_kind starts; /* the roll for which they are wanted */
	struct rollover_outlook outlook[ROLLOVER_KEYS_MAX];
	int64_t wake_at; /* when time alone may change the plan */
};

void rollover_plan(const struct rollover_facts *facts, const struct rollover_policy *policy,
		   int64_t now, struct rollover_plan *out);

/* The facts of a key that was made as wanted. */
struct rollover_key rollover_made(const struct rollover_wanted *w, uint16_t tag,
				  const struct rollover_facts *facts, int64_t now);

/* Times after `now` become `now`: the event was before now, so every wait stays long enough. True:
 * something has changed and must be persisted. */
bool rollover_mend(struct rollover_facts *facts, int64_t now);

/* The clock was set by so much: all times move with it, so that each wait stays as long as it was.
 */
void rollover_shift(struct rollover_facts *facts, int64_t by);

/* All steps so far are served, since `now` at the latest: waits count from then. Persist it. */
void rollover_served(struct rollover_facts *facts, int64_t now);

/* The zone is served with these TTLs, and what signs it signs with them, on all servers from
 * `everywhere_at` (now + propagation) on. True: something has changed and must be persisted before
 * they are served. */
bool rollover_serve_ttls(struct rollover_facts *facts, uint32_t zone_ttl, uint32_t dnskey_ttl,
			 int64_t everywhere_at);

/* ---- what a state means ---- */

bool rollover_is_published(const struct rollover_key *k);
bool rollover_signs_dnskey(const struct rollover_key *k);
/* Whether the parent should have its DS; for CDS and CDNSKEY. */
bool rollover_wants_ds(const struct rollover_facts *facts, const struct rollover_key *k);
/* Whether the parent still has to do something: to add a DS or to drop one. */
bool rollover_awaits_parent(const struct rollover_facts *facts);

const char *key_state_text(enum key_state s);
bool key_state_from_text(const char *text, enum key_state *out);
const char *roll_kind_text(enum roll_kind k);
const char *rollover_actor_text(enum rollover_actor a);

/* One sentence for an operator: "starts to sign on 2026-01-02 03:04:05 UTC; waits until every cache
 * knows it; nobody has to act". */
#define ROLLOVER_SENTENCE_MAX 400
char *rollover_sentence(const struct rollover_facts *facts, const struct rollover_outlook *o,
			char *out);

#endif
