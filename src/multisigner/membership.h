// SPDX-License-Identifier: Apache-2.0
/*
 * membership.h -- how a signer comes into a group and goes out of it: a table of states and events
 * (draft-ietf-dnsop-dnssec-automation §5 and §6, with its gaps closed).
 *
 * Purpose.   One table for joining, leaving, cancelling and ejecting; each signer of the group runs
 * it for every signer, itself included. States in which something is awaited have a condition; it
 * is met or lost. States in which time must pass have gates too. What a state means for the sets
 * that we serve is in multisigner/merge.h.
 *
 * Stricter than the draft: a key goes only when nothing that it signed can be in a cache; the DS of
 * the leaving signer goes only when no DNSKEY set from it can be; the NS of the joining one is
 * named only when every signer's CDS consents, and the last look at all of them is fresh. Overlap.
 * Several signers may be on their way at once, and members may roll keys meanwhile: the conditions
 * are asked anew at each step, over all keys that there are then (multisigner/overlap.h has what
 * must not overlap). Threads.   Pure.
 */
#ifndef MULTISIGNER_MEMBERSHIP_H
#define MULTISIGNER_MEMBERSHIP_H

#include "multisigner/group.h"
#include "multisigner/guards.h"

#define MEMBER_EVENT_TABLE(X)                                                                      \
	X(EVENT_MET, "met")                                                                        \
	X(EVENT_LOST, "lost")                                                                      \
	X(EVENT_PASSED, "passed")                                                                  \
	X(EVENT_JOIN, "join")                                                                      \
	X(EVENT_LEAVE, "leave")                                                                    \
	X(EVENT_EJECT, "eject")                                                                    \
	X(EVENT_CANCEL, "cancel")

enum member_event {
#define X(code, text) code,
	MEMBER_EVENT_TABLE(X)
#undef X
	    MEMBER_EVENTS
};

#define MEMBER_EFFECT_TABLE(X)                                                                     \
	X(DO_NOTHING, "")                                                                          \
	X(DO_SHARE_KEYS, "takes its keys into our DNSKEY set")                                     \
	X(DO_NAME_DS, "names its keys in our CDS set")                                             \
	X(DO_NAME_NS, "names its servers in our NS set")                                           \
	X(DO_COMPLETE, "is a member")                                                              \
	X(DO_DROP_NS, "takes its servers out of our NS set")                                       \
	X(DO_DROP_DS, "takes its keys out of our CDS set")                                         \
	X(DO_DROP_KEYS, "takes its keys out of our DNSKEY set")                                    \
	X(DO_EXPECT_NOTHING, "is expected to do nothing itself")

enum member_effect {
#define X(code, text) code,
	MEMBER_EFFECT_TABLE(X)
#undef X
};

struct member_step {
	enum member_state next;
	enum member_effect effect;
};

/* The table's cell. */
struct member_step member_step(enum member_state s, enum member_event e);

/* What happened in a step: for the history. */
struct member_change {
	uint8_t signer;
	enum member_event event;
	enum member_state from, to;
	enum member_effect effect;
};

/* An operator's wish. False with *why set (static text) where it is refused. */
bool membership_command(struct group *g, unsigned signer, enum member_event event, int64_t now,
			struct member_change *change, const char **why);
/* One step of one signer, if evidence or time allow one. */
bool membership_advance(struct group *g, unsigned signer, int64_t now,
			struct member_change *change);
/* What was decided is served now. */
bool membership_confirm(struct group *g);

/* The first guard that does not hold where the signer stands; `holds` when there is none to wait
 * for. */
struct guard_verdict membership_blocked(const struct group *g, unsigned signer, int64_t now);

/* All that a state waits for: its condition, then its gates. Returns how many. */
#define MEMBERSHIP_GUARDS_MAX 10
size_t membership_guards(enum member_state s, enum group_guard out[MEMBERSHIP_GUARDS_MAX]);

const char *member_event_text(enum member_event e);
const char *member_effect_text(enum member_effect e);

#endif
