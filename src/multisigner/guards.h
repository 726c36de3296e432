// SPDX-License-Identifier: Apache-2.0
/*
 * guards.h -- what must hold before a group takes a step that resolvers could notice.
 *
 * Purpose.   Each guard is one question to the evidence about one signer on its way in or out. It
 * answers with who or what is missing and, where only time is missing, until when. A step that
 * removes a key, a DS or an NS, or adds what others must know first, is taken only when its guards
 * hold.
 * Force.     A guard can be waived, for one signer by an operator (written to the audit log by the
 * caller); waits that build on it then count from the moment at which the signer came to where it
 * stands. The simulation waives each in turn to show that it is needed. Two questions are no guards
 * but milestones, which nothing waives: without them a process would end before its time, or go on
 * to where it is held for ever, and no resolver would notice.
 * Threads.   Pure.
 */
#ifndef MULTISIGNER_GUARDS_H
#define MULTISIGNER_GUARDS_H

#include "multisigner/group.h"

#define GROUP_GUARD_TABLE(X)                                                                       \
	X(GUARD_FRESH, "fresh", "all servers of all signers and of the parent were seen lately")   \
	X(GUARD_ALGORITHMS, "algorithms",                                                          \
	  "it signs with the algorithms of the group (RFC 8901 section 4)")                        \
	X(GUARD_KEYS, "keys", "all servers of all signers serve every key")                        \
	X(GUARD_KEYS_WAIT, "keys-wait", "no resolver holds an older DNSKEY set")                   \
	X(GUARD_DS, "ds", "all servers of the parent show its DS")                                 \
	X(GUARD_DS_WAIT, "ds-wait", "no resolver holds an older DS set")                           \
	X(GUARD_CONSENT, "consent", "every signer's CDS names its keys")                           \
	X(GUARD_DELEGATED, "delegated", "the parent delegates to ourselves")                       \
	X(GUARD_NAMES, "names", "its own NS set names nobody whom ours does not name")             \
	X(GUARD_NS, "ns", "all servers of the parent delegate to it")                              \
	X(GUARD_UNLISTED, "unlisted", "neither the parent nor any signer names its servers")       \
	X(GUARD_UNLISTED_WAIT, "unlisted-wait",                                                    \
	  "no resolver holds its servers' names nor a DNSKEY set from them")                       \
	X(GUARD_DS_GONE, "ds-gone", "no server of the parent shows its DS")                        \
	X(GUARD_SIGNATURES, "signatures", "no resolver holds an answer that it signed")            \
	X(GUARD_REACTION, "reaction", "everybody had time to see that its keys will go")           \
	X(GUARD_WITHDRAWN, "withdrawn", "its owner does not serve the key any more")               \
	X(GUARD_WHOLE, "whole", "the DS set has every algorithm for all signers or for none")      \
	X(GUARD_NEW_ALGORITHM, "new-algorithm",                                                    \
	  "every signer signs with the new algorithm, carries all keys of it, and no resolver "    \
	  "holds anything from before")                                                            \
	X(GUARD_UNSERVED, "unserved", "a decision that a crash left unserved is taken anew")       \
	X(GUARD_AWAY, "away", "after a long absence every signer is seen before we answer")        \
	X(GUARD_ROLL, "roll", "a new key of ours signs when all signers serve it")

enum group_guard {
#define X(code, name, text) code,
	GROUP_GUARD_TABLE(X)
#undef X
	    GROUP_GUARDS
};

struct guard_verdict {
	enum group_guard guard;
	bool holds;
	int64_t since; /* where it holds: at least since then */
	int64_t until; /* where only time is missing; else 0 */
	/* whose doing is missing; -1: nobody's in particular. A signer of GROUP_SIGNERS_MAX is the
	 * parent. */
	int signer, server, key;
};

#define GUARD_PARENT GROUP_SIGNERS_MAX

struct guard_verdict guard_holds(int64_t since);
struct guard_verdict guard_missing(int signer, int server, int key);
struct guard_verdict guard_over_at(int64_t until, int64_t now);

struct guard_verdict guard_ask(const struct group *g, enum group_guard guard, unsigned signer,
			       int64_t now);
/* `algorithms`: a signer that lacks one is held by `whole` and `ds` in any case, this says so at
 * once. `ns`: nothing but the name of the state depends on it. */
bool guard_is_milestone(enum group_guard guard);
bool guard_is_waived(const struct group *g, enum group_guard guard, unsigned signer);
/* The keys that each awaited signer must serve. */
uint64_t guard_shared_keys(const struct group *g);
const char *guard_name(enum group_guard guard);
const char *guard_text(enum group_guard guard);
bool guard_from_name(const char *name, enum group_guard *out);

#endif
