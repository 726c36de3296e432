// SPDX-License-Identifier: Apache-2.0
#include "multisigner/merge.h"

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

/* ---- CDS ---- */

static bool is_delegated(const struct group *g, unsigned signer)
{
	return (observed_delegation(&g->parent) >> signer & 1) != 0;
}

/* Whether the parent should have a signer's keys now. */
static bool has_ds_phase(const struct group *g, unsigned signer)
{
	const struct group_signer *s = &g->signer[signer];

	switch (s->state) {
	case MEMBER_DS:
	case MEMBER_DS_WAIT:
	case MEMBER_NS:
	case MEMBER_FULL:
	case LEAVE_NS:
	case LEAVE_NS_WAIT:
		return true;
	case MEMBER_KEYS:
	case MEMBER_KEYS_WAIT:
		return is_delegated(g, signer) ||
		       (group_keys_of(g, (int)signer) & observed_ds_any(&g->parent)) != 0;
	case MEMBER_NONE:
	case LEAVE_DS:
	case LEAVE_DS_WAIT:
	case MEMBER_GONE:
	case MEMBER_STATES:
		break;
	}
	return false;
}

static uint64_t of_algorithm(const struct group *g, uint64_t keys, uint8_t algorithm)
{
	uint64_t set = 0;

	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++)
		if (group_has(keys, k) && g->key[k].algorithm == algorithm)
			set |= GROUP_BIT(k);
	return set;
}

struct wishes {
	unsigned n;
	uint64_t algorithms; /* that may be asked of answers which are still in caches */
	uint64_t wanted[GROUP_SIGNERS_MAX];
	uint64_t present[GROUP_SIGNERS_MAX]; /* at the parent now */
};

static struct wishes wishes_of(const struct group *g)
{
	struct wishes w = { .algorithms = ~UINT64_C(0) };
	uint64_t ds = observed_ds_any(&g->parent);

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++) {
		uint64_t wanted = g->signer[i].used ? observed_wanted_ds(g, i) : 0;
		if (g->signer[i].state == LEAVE_DS || g->signer[i].state == LEAVE_DS_WAIT)
			w.algorithms = group_algorithms_of(g, ds); /* none is added meanwhile */
		if (wanted == 0 || !has_ds_phase(g, i))
			continue;
		w.wanted[w.n] = wanted;
		w.present[w.n++] = ds & group_keys_of(g, (int)i);
	}
	return w;
}

/* The keys of one algorithm, or nothing where some signer has none. With `keep`, a signer that does
 * not want any is asked for what the parent has. */
static uint64_t whole_algorithm(const struct group *g, const struct wishes *w, uint8_t algorithm,
				bool keep)
{
	uint64_t set = 0;

	for (unsigned i = 0; i < w->n; i++) {
		uint64_t keys = of_algorithm(g, w->wanted[i], algorithm);
		if (keys == 0 && keep)
			keys = of_algorithm(g, w->present[i], algorithm);
		if (keys == 0)
			return 0;
		set |= keys;
	}
	return set;
}

static uint64_t whole_algorithms(const struct group *g, const struct wishes *w, bool keep)
{
	uint64_t set = 0, seen = 0;

	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++) {
		uint8_t algorithm = g->key[k].algorithm;
		if (!g->key[k].used || algorithm >= 64 || group_has(seen, algorithm) ||
		    !group_has(w->algorithms, algorithm))
			continue;
		seen |= GROUP_BIT(algorithm);
		set |= whole_algorithm(g, w, algorithm, keep);
	}
	return set;
}

static uint64_t merge_cds(const struct group *g)
{
	struct wishes w = wishes_of(g);
	uint64_t set = 0, strangers;

	if (guard_is_waived(g, GUARD_WHOLE, GROUP_SELF)) {
		for (unsigned i = 0; i < w.n; i++)
			set |= w.wanted[i];
	} else {
		set = whole_algorithms(g, &w, false);
		if (set == 0)
			set = whole_algorithms(g, &w, true);
	}
	strangers = group_keys_of(g, GROUP_NOBODY) & observed_ds_any(&g->parent);
	return set != 0 ? set | strangers : 0;
}

/* ---- NS ---- */

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
				.cds = merge_cds(g),
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
