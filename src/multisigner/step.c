// SPDX-License-Identifier: Apache-2.0
#include "multisigner/step.h"

#include "multisigner/merge.h"
#include "multisigner/overlap.h"

static bool same_sets(const struct group_sets *a, const struct group_sets *b)
{
	return a->decided == b->decided && a->dnskey == b->dnskey && a->cds == b->cds &&
	       a->ns == b->ns && a->csync == b->csync;
}

void group_advance(struct group *g, int64_t now, struct group_step *out)
{
	*out = (struct group_step){ .before = g->sets };
	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++)
		if (membership_advance(g, i, now, &out->changes[out->change_n]))
			out->change_n++;
	g->sets = group_merge(g, now);
	out->changed = out->change_n > 0 || !same_sets(&g->sets, &out->before);
}

bool group_served(struct group *g)
{
	return membership_confirm(g);
}

static int64_t seen_everywhere_at(const struct group *g, unsigned key)
{
	uint16_t answering = group_answering(g);
	int64_t since = 0;

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++) {
		int64_t at = g->signer[i].served_at[key];
		if (!(answering >> i & 1))
			continue;
		if (at == 0)
			return 0;
		since = at > since ? at : since;
	}
	return since;
}

struct group_evidence group_evidence(const struct group *g, unsigned key, int64_t now)
{
	bool shared = g->policy.carry_ksk || !g->key[key].sep;
	struct group_evidence e = { .ds_seen_at = g->parent.ds_at[key],
				    .ds_gone_at = g->parent.ds_gone_at[key] };

	/* A signer that lags behind may bring the DS back. */
	if (g->key[key].unnamed_at == 0)
		e.ds_gone_at = 0;
	else if (e.ds_gone_at != 0 && e.ds_gone_at < g->key[key].unnamed_at)
		e.ds_gone_at = g->key[key].unnamed_at;
	if (guard_is_waived(g, GUARD_ROLL, GROUP_SELF))
		shared = false;
	e.seen_everywhere_at =
	    shared ? seen_everywhere_at(g, key) : g->signer[GROUP_SELF].served_at[key];
	if (!guard_ask(g, GUARD_FRESH, GROUP_SELF, now).holds)
		e.hold = "not all servers of the group and of the parent answer";
	return e;
}
