// SPDX-License-Identifier: Apache-2.0
/*
 * step.h -- one turn of the group: every signer goes on as far as evidence allows, and our sets
 * follow.
 *
 * Use.       Give the looks (multisigner/observe.h), then ask for a step. Where it says that
 * something has changed, write the whole state to the store, serve g->sets, and say so
 * (group_served()), which may have to be written again. Dying between any two of these is harmless
 * when group_resume() follows group's reading. Threads.   Pure.
 */
#ifndef MULTISIGNER_STEP_H
#define MULTISIGNER_STEP_H

#include "multisigner/group.h"
#include "multisigner/membership.h"

#define GROUP_CHANGES_MAX GROUP_SIGNERS_MAX

struct group_step {
	bool changed; /* states or sets: persist, then serve */
	struct group_sets before;
	struct member_change changes[GROUP_CHANGES_MAX];
	size_t change_n;
};

void group_advance(struct group *g, int64_t now, struct group_step *out);
/* g->sets is what our servers answer with now. True: persist once more. */
bool group_served(struct group *g);

/* What the group knows of an own key, for its rollover (multisigner/rollover.h). */
struct group_evidence {
	int64_t seen_everywhere_at; /* all servers of all signers serve it since; 0: not */
	int64_t ds_seen_at, ds_gone_at;
	const char *hold; /* static text, or NULL */
};
struct group_evidence group_evidence(const struct group *g, unsigned key, int64_t now);

#endif
