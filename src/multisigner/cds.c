// SPDX-License-Identifier: Apache-2.0
#include "multisigner/cds.h"

#include "multisigner/algorithm.h"
#include "multisigner/observe.h"

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

struct wishes {
	unsigned n;
	uint16_t signers;
	uint64_t algorithms; /* that may be asked of answers which are still in caches */
	uint8_t signer[GROUP_SIGNERS_MAX];
	uint64_t wanted[GROUP_SIGNERS_MAX];
	uint64_t present[GROUP_SIGNERS_MAX]; /* at the parent now */
};

static struct wishes wishes_of(const struct group *g)
{
	struct wishes w = { .algorithms = ~UINT64_C(0), .signers = cds_signers(g) };
	uint64_t ds = observed_ds_any(&g->parent);

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++) {
		uint64_t wanted = g->signer[i].used ? observed_wanted_ds(g, i) : 0;
		if (g->signer[i].state == LEAVE_DS || g->signer[i].state == LEAVE_DS_WAIT)
			w.algorithms = group_algorithms_of(g, ds); /* none is added meanwhile */
		if (wanted == 0 || !(w.signers >> i & 1))
			continue;
		w.signer[w.n] = (uint8_t)i;
		w.wanted[w.n] = wanted;
		w.present[w.n++] = ds & group_keys_of(g, (int)i);
	}
	return w;
}

/* One that the parent does not have yet. A signer's own CDS cannot name it before ours does: that
 * it signs its DNSKEY set with a key says as much. */
static uint64_t keys_of_new(const struct group *g, const struct wishes *w, unsigned i,
			    uint8_t algorithm, int64_t now)
{
	uint64_t keys = algorithm_keys(g, w->wanted[i], algorithm);

	if (keys == 0 && w->signer[i] != GROUP_SELF)
		keys = algorithm_entries(g, w->signer[i], algorithm);
	if (keys != 0 && !algorithm_ready(g, w->signer[i], w->signers, algorithm, now).holds)
		keys = 0;
	return keys;
}

/* The keys of one algorithm, or nothing where some signer has none. With `keep`, a signer that does
 * not want any is asked for what the parent has. */
static uint64_t whole_algorithm(const struct group *g, const struct wishes *w, uint8_t algorithm,
				bool keep, int64_t now)
{
	bool new = algorithm_is_new(g, algorithm);
	uint64_t set = 0;

	for (unsigned i = 0; i < w->n; i++) {
		uint64_t keys = new ? keys_of_new(g, w, i, algorithm, now)
				    : algorithm_keys(g, w->wanted[i], algorithm);
		if (keys == 0 && keep)
			keys = algorithm_keys(g, w->present[i], algorithm);
		if (keys == 0)
			return 0;
		set |= keys;
	}
	return set;
}

static uint64_t whole_algorithms(const struct group *g, const struct wishes *w, bool keep,
				 int64_t now)
{
	uint64_t set = 0, seen = 0;

	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++) {
		uint8_t algorithm = g->key[k].algorithm;
		if (!g->key[k].used || algorithm >= 64 || group_has(seen, algorithm) ||
		    !group_has(w->algorithms, algorithm))
			continue;
		seen |= GROUP_BIT(algorithm);
		set |= whole_algorithm(g, w, algorithm, keep, now);
	}
	return set;
}

/* Nobody of us can answer for a stranger's DS: its algorithm is asked for all the same, and another
 * key of it must be there for each signer: one that signs, if none else. False: somebody has none.
 */
static bool add_beside(const struct group *g, const struct wishes *w, uint64_t strangers,
		       uint64_t *set)
{
	uint64_t algorithms = group_algorithms_of(g, strangers) & ~group_algorithms_of(g, *set);

	for (uint8_t a = 0; a < 64; a++) {
		for (unsigned i = 0; group_has(algorithms, a) && i < w->n; i++) {
			uint64_t keys = algorithm_keys(g, w->wanted[i] | w->present[i], a);
			if (keys == 0)
				keys = algorithm_entries(g, w->signer[i], a);
			if (keys == 0)
				return false;
			*set |= keys;
		}
	}
	return true;
}

uint16_t cds_signers(const struct group *g)
{
	unsigned set = 0;

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++)
		if (g->signer[i].used && has_ds_phase(g, i))
			set |= 1u << i;
	return (uint16_t)set;
}

uint64_t cds_merge(const struct group *g, int64_t now)
{
	struct wishes w = wishes_of(g);
	uint64_t set = 0, strangers = group_keys_of(g, GROUP_NOBODY) & observed_ds_any(&g->parent);

	if (guard_is_waived(g, GUARD_WHOLE, GROUP_SELF)) {
		for (unsigned i = 0; i < w.n; i++)
			set |= w.wanted[i];
	} else {
		set = whole_algorithms(g, &w, false, now);
		if (set == 0)
			set = whole_algorithms(g, &w, true, now);
	}
	if (set == 0 || !add_beside(g, &w, strangers, &set))
		return 0;
	return set | strangers;
}

/* What somebody has to do comes before what takes time, and the longest time before others. */
static bool is_told_before(const struct guard_verdict *a, const struct guard_verdict *b)
{
	if (a->holds || b->holds)
		return !a->holds;
	return a->until == 0 ? b->until != 0 : b->until != 0 && a->until > b->until;
}

bool cds_awaits_algorithm(const struct group *g, int64_t now, uint8_t *algorithm,
			  struct guard_verdict *v)
{
	uint16_t signers = cds_signers(g);

	*v = guard_holds(now);
	for (unsigned k = 0; k < GROUP_KEYS_MAX && v->holds; k++) {
		*algorithm = g->key[k].algorithm;
		if (!group_has(g->own_ds & ~g->sets.cds, k) || !algorithm_is_new(g, *algorithm))
			continue;
		for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++) {
			if (!(signers >> i & 1))
				continue;
			struct guard_verdict of = algorithm_ready(g, i, signers, *algorithm, now);
			if (is_told_before(&of, v))
				*v = of;
		}
	}
	return !v->holds;
}
