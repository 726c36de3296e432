// SPDX-License-Identifier: Apache-2.0
#include "multisigner/algorithm.h"

#include "multisigner/observe.h"
#include "multisigner/waits.h"

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

uint64_t algorithm_keys(const struct group *g, uint64_t keys, uint8_t algorithm)
{
	uint64_t set = 0;

	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++)
		if (group_has(keys, k) && g->key[k].algorithm == algorithm)
			set |= GROUP_BIT(k);
	return set;
}

bool algorithm_is_new(const struct group *g, uint8_t algorithm)
{
	uint64_t ds = observed_ds_any(&g->parent);

	return ds != 0 && algorithm_keys(g, ds, algorithm) == 0;
}

uint64_t algorithm_entries(const struct group *g, unsigned signer, uint8_t algorithm)
{
	const struct group_signer *s = &g->signer[signer];
	uint64_t own = group_keys_of(g, (int)signer) & observed_by_all(s);

	return algorithm_keys(g, own & observed_key_signing(s), algorithm);
}

/* Answers and DNSKEY sets of the signer from before it signed with the algorithm. */
static struct guard_verdict signs(const struct group *g, unsigned signer, uint8_t algorithm,
				  int64_t now)
{
	const struct group_signer *s = &g->signer[signer];

	if (!group_has(s->algorithms, algorithm))
		return guard_missing((int)signer, -1, -1);
	return guard_over_at(
	    later(wait_dnskey_until(g, s->algorithms_at), wait_zone_until(g, s->algorithms_at)),
	    now);
}

/* DNSKEY sets of any signer without the keys that sign its answers. */
static struct guard_verdict is_carried(const struct group *g, unsigned signer, uint16_t among,
				       uint8_t algorithm, int64_t now)
{
	uint64_t keys =
	    algorithm_keys(g, guard_shared_keys(g) & group_keys_of(g, (int)signer), algorithm);
	int64_t since = 0;

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++) {
		for (unsigned k = 0; (among >> i & 1) && k < GROUP_KEYS_MAX; k++) {
			if (!group_has(keys, k))
				continue;
			if (g->signer[i].served_at[k] == 0)
				return guard_missing((int)i, -1, (int)k);
			since = later(since, g->signer[i].served_at[k]);
		}
	}
	return guard_over_at(wait_dnskey_until(g, since), now);
}

struct guard_verdict algorithm_ready(const struct group *g, unsigned signer, uint16_t among,
				     uint8_t algorithm, int64_t now)
{
	if (algorithm >= 64 || guard_is_waived(g, GUARD_NEW_ALGORITHM, GROUP_SELF))
		return guard_holds(now);
	struct guard_verdict v = guard_ask(g, GUARD_FRESH, GROUP_SELF, now);
	if (!v.holds)
		return v;
	v = signs(g, signer, algorithm, now);
	if (v.holds)
		v = is_carried(g, signer, among, algorithm, now);
	v.guard = GUARD_NEW_ALGORITHM;
	return v;
}
