// SPDX-License-Identifier: Apache-2.0
#include "multisigner/merge.h"

#include "multisigner/cds.h"
#include "multisigner/guards.h"
#include "multisigner/observe.h"
#include "multisigner/waits.h"

/* ---- DNSKEY ---- */

static bool is_in(enum member_state s)
{
	return s != MEMBER_NONE && s != MEMBER_GONE;
}

static bool signs(const struct group_signer *s, unsigned k)
{
	for (unsigned v = 0; v < s->server_n; v++)
		if (group_has(s->last[v].zone_signing | s->last[v].key_signing, k))
			return true;
	return false;
}

static bool is_withdrawn(const struct group *g, unsigned k, int64_t now)
{
	const struct group_key *key = &g->key[k];

	if (guard_is_waived(g, GUARD_WITHDRAWN, (unsigned)key->owner))
		return !signs(&g->signer[key->owner], k);
	return key->withdrawn_at != 0 && now >= wait_zone_until(g, key->withdrawn_at);
}

static uint64_t merge_dnskey(const struct group *g, int64_t now)
{
	uint64_t set = 0;

	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++) {
		const struct group_key *key = &g->key[k];
		if (!key->used || !key->known || key->owner <= GROUP_SELF)
			continue;
		if (!is_in(g->signer[key->owner].state) || !key->seen)
			continue;
		if (!g->policy.carry_ksk && !group_has(guard_shared_keys(g), k) &&
		    !group_has(g->sets.dnskey, k))
			continue;
		if (!is_withdrawn(g, k, now))
			set |= GROUP_BIT(k);
	}
	return set;
}

uint64_t group_set_for(const struct group *g, unsigned signer)
{
	uint64_t own = group_keys_of(g, GROUP_SELF) & observed_by_any(&g->signer[GROUP_SELF]);

	return (g->sets.dnskey | own) & ~group_keys_of(g, (int)signer);
}

/* ---- NS ---- */

static bool is_delegated(const struct group *g, unsigned signer)
{
	return (observed_delegation(&g->parent) >> signer & 1) != 0;
}

static uint16_t merge_ns(const struct group *g)
{
	unsigned set = 0;

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++) {
		enum member_state s = g->signer[i].state;
		if (!g->signer[i].used)
			continue;
		if (s == MEMBER_NS || s == MEMBER_FULL ||
		    (s >= MEMBER_KEYS && s <= MEMBER_DS_WAIT && is_delegated(g, i)))
			set |= 1u << i;
	}
	return (uint16_t)set;
}

static bool delegation_differs(const struct group *g, uint16_t ns)
{
	for (unsigned v = 0; v < g->parent.server_n; v++)
		if (g->parent.last[v].ns_any != ns || g->parent.last[v].ns_all != ns)
			return true;
	return false;
}

/* They go on evidence that was fresh when it was taken. */
static uint64_t keys_of_gone(const struct group *g)
{
	uint64_t set = 0;

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++)
		if (!is_in(g->signer[i].state))
			set |= group_keys_of(g, (int)i);
	return set;
}

struct group_sets group_merge(const struct group *g, int64_t now)
{
	struct group_sets s = { .decided = true,
				.dnskey = merge_dnskey(g, now),
				.cds = cds_merge(g, now),
				.ns = merge_ns(g) };

	if (!guard_ask(g, GUARD_FRESH, GROUP_SELF, now).holds)
		s.dnskey |= g->sets.dnskey & ~keys_of_gone(g);
	if (s.cds == 0)
		s.cds = g->sets.cds & ~keys_of_gone(g);
	if (s.ns == 0)
		s.ns = g->sets.ns;
	s.csync = s.ns != 0 && observed_parent_whole(&g->parent) && delegation_differs(g, s.ns);
	return s;
}
