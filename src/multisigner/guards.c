// SPDX-License-Identifier: Apache-2.0
#include "multisigner/guards.h"

#include <string.h>

#include "multisigner/observe.h"
#include "multisigner/waits.h"

struct guard_verdict guard_holds(int64_t since)
{
	return (struct guard_verdict){
		.holds = true, .since = since, .signer = -1, .server = -1, .key = -1
	};
}

struct guard_verdict guard_missing(int signer, int server, int key)
{
	return (struct guard_verdict){ .signer = signer, .server = server, .key = key };
}

struct guard_verdict guard_over_at(int64_t until, int64_t now)
{
	struct guard_verdict v = guard_missing(-1, -1, -1);

	v.holds = until <= now;
	v.since = v.holds ? until : 0;
	v.until = v.holds ? 0 : until;
	return v;
}

static bool is_awaited(const struct group *g, unsigned signer)
{
	return (group_awaited(g) >> signer & 1) != 0;
}

static struct guard_verdict fresh(const struct group *g, unsigned j, int64_t now)
{
	int64_t oldest = now - (int64_t)g->policy.fresh_s;
	uint16_t awaited = group_awaited(g);

	(void)j;
	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++)
		for (unsigned v = 0; (awaited >> i & 1) && v < g->signer[i].server_n; v++)
			if (g->signer[i].last[v].asked_at < oldest)
				return guard_missing((int)i, (int)v, -1);
	for (unsigned v = 0; v < g->parent.server_n; v++)
		if (g->parent.last[v].asked_at < oldest)
			return guard_missing(GUARD_PARENT, (int)v, -1);
	return g->parent.server_n > 0 ? guard_holds(now) : guard_missing(GUARD_PARENT, -1, -1);
}

/* RFC 8901 §4. Others may be adding an algorithm: the joining one must have what the parent's DS
 * set asks of everybody. */
static struct guard_verdict algorithms(const struct group *g, unsigned j, int64_t now)
{
	uint64_t asked = group_algorithms_of(g, observed_ds_any(&g->parent));
	uint64_t has =
	    group_algorithms_of(g, group_keys_of(g, (int)j) & observed_by_all(&g->signer[j]));

	(void)now;
	return (asked & ~has) == 0 && has != 0 ? guard_holds(0) : guard_missing((int)j, -1, -1);
}

static bool is_shared(const struct group *g, uint16_t awaited, unsigned k)
{
	const struct group_key *key = &g->key[k];

	if (!key->used || !key->known || key->owner == GROUP_NOBODY || !(awaited >> key->owner & 1))
		return false;
	if (!group_has(observed_by_any(&g->signer[key->owner]), k))
		return false;
	/* A CSK has the SEP flag as well: what signs zone data is shared in any case. */
	if (g->policy.carry_ksk || !key->sep)
		return true;
	for (unsigned v = 0; v < g->signer[key->owner].server_n; v++)
		if (group_has(g->signer[key->owner].last[v].zone_signing, k))
			return true;
	return false;
}

uint64_t guard_shared_keys(const struct group *g)
{
	uint16_t awaited = group_awaited(g);
	uint64_t set = 0;

	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++)
		if (is_shared(g, awaited, k))
			set |= GROUP_BIT(k);
	return set;
}

static struct guard_verdict keys(const struct group *g, unsigned j, int64_t now)
{
	uint64_t shared = guard_shared_keys(g);
	uint16_t answering = group_answering(g);
	int64_t since = 0;

	(void)now;
	if ((shared & group_keys_of(g, (int)j)) == 0)
		return guard_missing((int)j, -1, -1);
	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++) {
		for (unsigned k = 0; (answering >> i & 1) && k < GROUP_KEYS_MAX; k++) {
			int64_t at = g->signer[i].served_at[k];
			if (!group_has(shared, k))
				continue;
			if (at == 0)
				return guard_missing((int)i, -1, (int)k);
			since = at > since ? at : since;
		}
	}
	return guard_holds(since);
}

static struct guard_verdict keys_wait(const struct group *g, unsigned j, int64_t now)
{
	struct guard_verdict v = guard_ask(g, GUARD_KEYS, j, now);

	return v.holds ? guard_over_at(wait_dnskey_until(g, v.since), now) : v;
}

static struct guard_verdict ds(const struct group *g, unsigned j, int64_t now)
{
	uint64_t wanted = observed_wanted_ds(g, j);
	int64_t since = 0;

	(void)now;
	if (wanted == 0)
		return guard_missing((int)j, -1, -1);
	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++) {
		if (!group_has(wanted, k))
			continue;
		if (g->parent.ds_at[k] == 0)
			return guard_missing(GUARD_PARENT, -1, (int)k);
		if (g->parent.ds_at[k] > since)
			since = g->parent.ds_at[k];
	}
	return guard_holds(since);
}

static struct guard_verdict ds_wait(const struct group *g, unsigned j, int64_t now)
{
	struct guard_verdict v = guard_ask(g, GUARD_DS, j, now);

	return v.holds ? guard_over_at(wait_ds_until(g, v.since), now) : v;
}

/* A signer that publishes CDS says with it whom it will carry. */
static struct guard_verdict consent(const struct group *g, unsigned j, int64_t now)
{
	uint64_t wanted = observed_wanted_ds(g, j);

	(void)now;
	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++) {
		const struct group_signer *s = &g->signer[i];
		for (unsigned v = 0; is_awaited(g, i) && v < s->server_n; v++)
			if (s->last[v].has_cds && (wanted & ~s->last[v].cds) != 0)
				return guard_missing((int)i, (int)v, -1);
	}
	return guard_holds(0);
}

/* Who is not in the delegation itself is not asked by the parent before a DS goes: it could name a
 * signer that the others have just let go. It follows the parent instead (multisigner/merge.c). */
static struct guard_verdict delegated(const struct group *g, unsigned j, int64_t now)
{
	(void)now;
	if (j == GROUP_SELF)
		return guard_holds(0);
	for (unsigned v = 0; v < g->parent.server_n; v++)
		if (!(g->parent.last[v].ns_all >> GROUP_SELF & 1))
			return guard_missing(GUARD_PARENT, (int)v, -1);
	return guard_holds(0);
}

/* Who follows us to it follows its NS set to others: to a leaving one as well. */
static struct guard_verdict names(const struct group *g, unsigned j, int64_t now)
{
	unsigned ours = g->sets.ns | 1u << j;

	(void)now;
	for (unsigned v = 0; v < g->signer[j].server_n; v++)
		if ((g->signer[j].last[v].ns_any & ~ours) != 0)
			return guard_missing((int)j, (int)v, -1);
	return guard_holds(0);
}

static struct guard_verdict ns(const struct group *g, unsigned j, int64_t now)
{
	(void)now;
	for (unsigned v = 0; v < g->parent.server_n; v++)
		if (!(g->parent.last[v].ns_all >> j & 1))
			return guard_missing(GUARD_PARENT, (int)v, -1);
	return g->parent.server_n > 0 ? guard_holds(0) : guard_missing(GUARD_PARENT, -1, -1);
}

static struct guard_verdict unlisted(const struct group *g, unsigned j, int64_t now)
{
	(void)now;
	if (g->signer[j].unlisted_at != 0)
		return guard_holds(g->signer[j].unlisted_at);
	if (!observed_parent_whole(&g->parent) || (observed_delegation(&g->parent) >> j & 1) != 0)
		return guard_missing(GUARD_PARENT, -1, -1);
	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++)
		for (unsigned v = 0; is_awaited(g, i) && v < g->signer[i].server_n; v++)
			if ((g->signer[i].last[v].ns_any >> j & 1) != 0 ||
			    g->signer[i].last[v].at == 0)
				return guard_missing((int)i, (int)v, -1);
	return guard_missing(-1, -1, -1);
}

/* A name of its servers may be used until its TTL has passed, and what was got from them then is
 * kept for its own TTL. */
static struct guard_verdict unlisted_wait(const struct group *g, unsigned j, int64_t now)
{
	struct guard_verdict v = guard_ask(g, GUARD_UNLISTED, j, now);

	if (!v.holds)
		return v;
	return guard_over_at(wait_dnskey_until(g, wait_ns_until(g, v.since)), now);
}

static struct guard_verdict signatures(const struct group *g, unsigned j, int64_t now)
{
	struct guard_verdict v = guard_ask(g, GUARD_UNLISTED, j, now);

	if (!v.holds)
		return v;
	return guard_over_at(wait_zone_until(g, wait_ns_until(g, v.since)), now);
}

static struct guard_verdict ds_gone(const struct group *g, unsigned j, int64_t now)
{
	uint64_t own = group_keys_of(g, (int)j) & observed_ds_any(&g->parent);

	(void)now;
	if (!observed_parent_whole(&g->parent))
		return guard_missing(GUARD_PARENT, -1, -1);
	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++)
		if (group_has(own, k))
			return guard_missing(GUARD_PARENT, -1, (int)k);
	return guard_holds(0);
}

/* Somebody who has not seen the withdrawal may still act on what was before it: for as long as a
 * look counts as evidence. Then nobody can newly name the leaving signer, and that nobody does is
 * asked once more. */
static struct guard_verdict reaction(const struct group *g, unsigned j, int64_t now)
{
	const struct group_signer *s = &g->signer[j];
	int64_t settled =
	    s->state_at + 2 * (int64_t)g->policy.fresh_s + (int64_t)g->policy.propagation_s;

	if (now < settled)
		return guard_over_at(settled, now);
	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++)
		for (unsigned v = 0; is_awaited(g, i) && v < g->signer[i].server_n; v++)
			if (g->signer[i].last[v].asked_at < settled)
				return guard_missing((int)i, (int)v, -1);
	return guard_holds(settled);
}

/* Guards on one key or on the whole set are asked where the sets are merged. */
static struct guard_verdict elsewhere(const struct group *g, unsigned j, int64_t now)
{
	(void)g;
	(void)j;
	(void)now;
	return guard_holds(0);
}

static const struct {
	struct guard_verdict (*ask)(const struct group *g, unsigned j, int64_t now);
} GUARDS[GROUP_GUARDS] = {
	[GUARD_FRESH] = { .ask = fresh },
	[GUARD_ALGORITHMS] = { .ask = algorithms },
	[GUARD_KEYS] = { .ask = keys },
	[GUARD_KEYS_WAIT] = { .ask = keys_wait },
	[GUARD_DS] = { .ask = ds },
	[GUARD_DS_WAIT] = { .ask = ds_wait },
	[GUARD_CONSENT] = { .ask = consent },
	[GUARD_DELEGATED] = { .ask = delegated },
	[GUARD_NAMES] = { .ask = names },
	[GUARD_NS] = { .ask = ns },
	[GUARD_UNLISTED] = { .ask = unlisted },
	[GUARD_UNLISTED_WAIT] = { .ask = unlisted_wait },
	[GUARD_DS_GONE] = { .ask = ds_gone },
	[GUARD_SIGNATURES] = { .ask = signatures },
	[GUARD_REACTION] = { .ask = reaction },
	[GUARD_WITHDRAWN] = { .ask = elsewhere },
	[GUARD_WHOLE] = { .ask = elsewhere },
	[GUARD_NEW_ALGORITHM] = { .ask = elsewhere },
	[GUARD_UNSERVED] = { .ask = elsewhere },
	[GUARD_AWAY] = { .ask = elsewhere },
	[GUARD_ROLL] = { .ask = elsewhere },
};

bool guard_is_milestone(enum group_guard guard)
{
	return guard == GUARD_ALGORITHMS || guard == GUARD_NS;
}

bool guard_is_waived(const struct group *g, enum group_guard guard, unsigned signer)
{
	return !guard_is_milestone(guard) &&
	       ((g->waived | g->signer[signer].waived) >> guard & 1) != 0;
}

struct guard_verdict guard_ask(const struct group *g, enum group_guard guard, unsigned signer,
			       int64_t now)
{
	struct guard_verdict v = guard_is_waived(g, guard, signer)
				     ? guard_holds(g->signer[signer].state_at)
				     : GUARDS[guard].ask(g, signer, now);

	v.guard = guard;
	return v;
}

const char *guard_name(enum group_guard guard)
{
	static const char *const NAME[GROUP_GUARDS] = {
#define X(code, name, text) [code] = name,
		GROUP_GUARD_TABLE(X)
#undef X
	};

	return NAME[guard];
}

const char *guard_text(enum group_guard guard)
{
	static const char *const TEXT[GROUP_GUARDS] = {
#define X(code, name, text) [code] = text,
		GROUP_GUARD_TABLE(X)
#undef X
	};

	return TEXT[guard];
}

bool guard_from_name(const char *name, enum group_guard *out)
{
	for (int i = 0; i < GROUP_GUARDS; i++) {
		if (strcmp(guard_name((enum group_guard)i), name) == 0) {
			*out = (enum group_guard)i;
			return true;
		}
	}
	return false;
}
