// SPDX-License-Identifier: Apache-2.0
/*
 * overlap.h -- which processes may run on one zone at the same time.
 *
 * Purpose.   The one table that says for each pair: they are merged (the guards of each are asked
 * over all keys and signers that the other brings), or the second waits, or it is refused. A peer
 * that we cannot hold back is always merged: that is why the guards of a join are asked again until
 * its last step. Threads.   Pure.
 */
#ifndef MULTISIGNER_OVERLAP_H
#define MULTISIGNER_OVERLAP_H

#include "multisigner/group.h"
#include "multisigner/membership.h"

#define GROUP_PROCESS_TABLE(X)                                                                     \
	X(PROCESS_JOIN, "join")                                                                    \
	X(PROCESS_LEAVE, "leave")                                                                  \
	X(PROCESS_ZSK, "zsk-roll")                                                                 \
	X(PROCESS_KSK, "ksk-roll")                                                                 \
	X(PROCESS_CSK, "csk-roll")                                                                 \
	X(PROCESS_ALGORITHM, "algorithm-roll")

enum group_process {
#define X(code, text) code,
	GROUP_PROCESS_TABLE(X)
#undef X
	    GROUP_PROCESSES
};

enum overlap { OVERLAP_MERGED, OVERLAP_WAITS, OVERLAP_REFUSED };

/* What becomes of `second` while `first` runs. */
enum overlap overlap_of(enum group_process first, enum group_process second);
/* The DS set or the keys show two sets of algorithms. */
bool overlap_algorithm_roll_runs(const struct group *g);
/* Static text, or NULL: the command may start. */
const char *overlap_refuses(const struct group *g, unsigned signer, enum member_event event);
/* Whether a roll of our own keys may start now: NULL, or what it waits for. */
const char *overlap_holds_roll(const struct group *g, enum group_process roll);
const char *group_process_text(enum group_process p);
bool group_process_from_text(const char *text, enum group_process *out);

#endif
