// SPDX-License-Identifier: Apache-2.0
#include "multisigner/overlap.h"

#include <string.h>

#include "multisigner/observe.h"

/* A row runs, a column wants to start. Joins and leaves of different signers and rolls of different
 * keys are merged. An algorithm must be the same for everybody: while it changes nobody comes or
 * goes, and while somebody comes or goes it does not start. */
/* clang-format off */
static const enum overlap OVERLAP[GROUP_PROCESSES][GROUP_PROCESSES] = {
/*                        join            leave           zsk             ksk             csk             algorithm */
[PROCESS_JOIN]      = { OVERLAP_MERGED, OVERLAP_MERGED, OVERLAP_MERGED, OVERLAP_MERGED, OVERLAP_MERGED, OVERLAP_WAITS  },
[PROCESS_LEAVE]     = { OVERLAP_MERGED, OVERLAP_MERGED, OVERLAP_MERGED, OVERLAP_MERGED, OVERLAP_MERGED, OVERLAP_WAITS  },
[PROCESS_ZSK]       = { OVERLAP_MERGED, OVERLAP_MERGED, OVERLAP_WAITS,  OVERLAP_MERGED, OVERLAP_WAITS,  OVERLAP_WAITS  },
[PROCESS_KSK]       = { OVERLAP_MERGED, OVERLAP_MERGED, OVERLAP_MERGED, OVERLAP_WAITS,  OVERLAP_WAITS,  OVERLAP_WAITS  },
[PROCESS_CSK]       = { OVERLAP_MERGED, OVERLAP_MERGED, OVERLAP_WAITS,  OVERLAP_WAITS,  OVERLAP_WAITS,  OVERLAP_WAITS  },
[PROCESS_ALGORITHM] = { OVERLAP_REFUSED, OVERLAP_REFUSED, OVERLAP_WAITS, OVERLAP_WAITS, OVERLAP_WAITS,  OVERLAP_WAITS  },
};
/* clang-format on */

enum overlap overlap_of(enum group_process first, enum group_process second)
{
	return OVERLAP[first][second];
}

static uint64_t algorithms_at(const struct group *g, unsigned signer)
{
	uint64_t set = 0,
		 keys = group_keys_of(g, (int)signer) & observed_by_any(&g->signer[signer]);

	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++)
		if (group_has(keys, k) && g->key[k].algorithm < 64)
			set |= GROUP_BIT(g->key[k].algorithm);
	return set;
}

/* Several algorithms at one signer alone may be how it always signs; a change shows where members
 * differ. */
bool overlap_algorithm_roll_runs(const struct group *g)
{
	uint64_t first = 0;

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++) {
		if (!g->signer[i].used || g->signer[i].state != MEMBER_FULL)
			continue;
		uint64_t has = algorithms_at(g, i);
		if (first != 0 && has != first)
			return true;
		first = has;
	}
	return false;
}

/* The way in or out that some signer is on now. */
static bool runs(const struct group *g, enum group_process p)
{
	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++) {
		enum member_state s = g->signer[i].state;
		if (!g->signer[i].used)
			continue;
		if (p == PROCESS_JOIN && s >= MEMBER_KEYS && s < MEMBER_FULL)
			return true;
		if (p == PROCESS_LEAVE && s >= LEAVE_NS && s <= LEAVE_DS_WAIT)
			return true;
	}
	return p == PROCESS_ALGORITHM && overlap_algorithm_roll_runs(g);
}

/* No set of ours is ever emptied, but nobody would be left to end the process. */
static bool is_last(const struct group *g, unsigned signer)
{
	if (g->signer[signer].state != MEMBER_FULL)
		return false;
	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++)
		if (i != signer && g->signer[i].used && g->signer[i].state == MEMBER_FULL)
			return false;
	return true;
}

const char *overlap_refuses(const struct group *g, unsigned signer, enum member_event event)
{
	enum group_process p = event == EVENT_JOIN ? PROCESS_JOIN : PROCESS_LEAVE;

	if ((event == EVENT_LEAVE || event == EVENT_EJECT) && is_last(g, signer))
		return "it is the last member: no other would remain to answer";
	if (event == EVENT_EJECT || event == EVENT_CANCEL)
		return NULL;
	if (runs(g, PROCESS_ALGORITHM) && overlap_of(PROCESS_ALGORITHM, p) == OVERLAP_REFUSED)
		return "the group changes its algorithm: nobody comes or goes until that is over";
	return NULL;
}

const char *overlap_holds_roll(const struct group *g, enum group_process roll)
{
	enum member_state self = g->signer[GROUP_SELF].state;

	if (self >= LEAVE_NS)
		return "we are leaving the group";
	if (runs(g, PROCESS_JOIN) && overlap_of(PROCESS_JOIN, roll) != OVERLAP_MERGED)
		return "a signer is joining";
	if (runs(g, PROCESS_LEAVE) && overlap_of(PROCESS_LEAVE, roll) != OVERLAP_MERGED)
		return "a signer is leaving";
	return NULL;
}

const char *group_process_text(enum group_process p)
{
	static const char *const TEXT[GROUP_PROCESSES] = {
#define X(code, text) [code] = text,
		GROUP_PROCESS_TABLE(X)
#undef X
	};

	return TEXT[p];
}

bool group_process_from_text(const char *text, enum group_process *out)
{
	for (int i = 0; i < GROUP_PROCESSES; i++) {
		if (strcmp(group_process_text((enum group_process)i), text) == 0) {
			*out = (enum group_process)i;
			return true;
		}
	}
	return false;
}
