// SPDX-License-Identifier: Apache-2.0
#include "multisigner/observe.h"

uint64_t observed_by_all(const struct group_signer *s)
{
	uint64_t all = s->server_n > 0 ? ~UINT64_C(0) : 0;

	for (unsigned i = 0; i < s->server_n; i++)
		all &= s->last[i].at != 0 ? s->last[i].dnskey : 0;
	return all;
}

uint64_t observed_by_any(const struct group_signer *s)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < s->server_n; i++)
		any |= s->last[i].dnskey;
	return any;
}

uint64_t observed_ds_all(const struct group_parent *p)
{
	uint64_t all = p->server_n > 0 ? ~UINT64_C(0) : 0;

	for (unsigned i = 0; i < p->server_n; i++)
		all &= p->last[i].at != 0 ? p->last[i].ds : 0;
	return all;
}

uint64_t observed_ds_any(const struct group_parent *p)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < p->server_n; i++)
		any |= p->last[i].ds;
	return any;
}

uint16_t observed_delegation(const struct group_parent *p)
{
	unsigned any = 0;

	for (unsigned i = 0; i < p->server_n; i++)
		any |= p->last[i].ns_any;
	return (uint16_t)any;
}

uint64_t observed_key_signing(const struct group_signer *s)
{
	uint64_t all = s->server_n > 0 ? ~UINT64_C(0) : 0;

	for (unsigned i = 0; i < s->server_n; i++)
		all &= s->last[i].key_signing;
	return all;
}

uint64_t observed_cds(const struct group_signer *s, bool *has_cds)
{
	uint64_t any = 0;

	*has_cds = false;
	for (unsigned i = 0; i < s->server_n; i++) {
		any |= s->last[i].cds;
		*has_cds = *has_cds || s->last[i].has_cds;
	}
	return any;
}

uint64_t observed_wanted_ds(const struct group *g, unsigned signer)
{
	const struct group_signer *s = &g->signer[signer];
	uint64_t own = group_keys_of(g, (int)signer), at_parent;
	bool has_cds;

	if (signer == GROUP_SELF)
		return g->own_ds;
	uint64_t cds = observed_cds(s, &has_cds) & own;
	if (has_cds && cds != 0)
		return cds;
	at_parent = observed_ds_any(&g->parent) & own;
	return at_parent != 0 ? at_parent : observed_key_signing(s) & own;
}

bool observed_whole(const struct group_signer *s)
{
	for (unsigned i = 0; i < s->server_n; i++)
		if (s->last[i].at == 0)
			return false;
	return s->server_n > 0;
}

bool observed_parent_whole(const struct group_parent *p)
{
	for (unsigned i = 0; i < p->server_n; i++)
		if (p->last[i].at == 0)
			return false;
	return p->server_n > 0;
}

/* ---- taking in ---- */

static bool in_time(const struct group *g, int64_t last_asked_at, int64_t asked_at, int64_t at)
{
	return asked_at > last_asked_at && at - asked_at <= (int64_t)g->policy.fresh_s;
}

/* What nobody looked at for so long may have come and gone in between. */
static bool after_gap(const struct group *g, int64_t last_at, int64_t asked_at)
{
	return last_at != 0 && asked_at - last_at > (int64_t)g->policy.gap_s;
}

static void keep_since(int64_t since[GROUP_KEYS_MAX], uint64_t now_in, bool gap, int64_t at)
{
	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++) {
		if (!group_has(now_in, k))
			since[k] = 0;
		else if (since[k] == 0 || gap)
			since[k] = at;
	}
}

static void keep_withdrawals(struct group *g, unsigned signer, bool gap, int64_t at)
{
	const struct group_signer *s = &g->signer[signer];
	uint64_t any = observed_by_any(s);

	if (!observed_whole(s))
		return;
	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++) {
		struct group_key *key = &g->key[k];
		if (!key->used || key->owner != (int)signer)
			continue;
		if (group_has(any, k)) {
			key->seen = true;
			key->withdrawn_at = 0;
		} else if (key->seen && (key->withdrawn_at == 0 || gap)) {
			key->withdrawn_at = at;
		}
	}
}

/* One that comes counts from when it was seen, and so do those that were there before: too late is
 * safe. */
static void keep_algorithms(struct group_signer *s, bool gap, int64_t at)
{
	uint64_t all = s->server_n > 0 ? ~UINT64_C(0) : 0;

	for (unsigned v = 0; v < s->server_n; v++)
		all &= s->last[v].at != 0 ? s->last[v].algorithms : 0;
	if (gap || (all & ~s->algorithms) != 0)
		s->algorithms_at = at;
	s->algorithms = all;
}

/* Whose servers are named: by the parent, and by everybody whose own NS set a resolver may follow.
 * What was never seen may name anybody. */
static unsigned listed(const struct group *g)
{
	unsigned set = observed_delegation(&g->parent);
	uint16_t awaited = group_awaited(g);

	if (!observed_parent_whole(&g->parent))
		return ~0u;
	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++) {
		const struct group_signer *s = &g->signer[i];
		for (unsigned v = 0; (awaited >> i & 1) && v < s->server_n; v++)
			set |= s->last[v].at == 0 ? ~0u : s->last[v].ns_any;
	}
	return set;
}

static void keep_listings(struct group *g, bool gap, int64_t at)
{
	unsigned set = listed(g);

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++) {
		struct group_signer *s = &g->signer[i];
		if (!s->used || (set >> i & 1) != 0)
			s->unlisted_at = 0;
		else if (s->unlisted_at == 0 || gap)
			s->unlisted_at = at;
	}
}

/* What somebody's CDS names may come back to the parent at any time. */
static void keep_names(struct group *g, bool gap, int64_t at)
{
	uint16_t awaited = group_awaited(g);
	uint64_t named = 0;

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++)
		for (unsigned v = 0; (awaited >> i & 1) && v < g->signer[i].server_n; v++)
			named |= g->signer[i].last[v].cds;
	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++) {
		struct group_key *key = &g->key[k];
		if (group_has(named, k))
			key->unnamed_at = 0;
		else if (key->used && (key->unnamed_at == 0 || gap))
			key->unnamed_at = at;
	}
}

bool observe_signer(struct group *g, unsigned signer, unsigned server,
		    const struct signer_look *look)
{
	struct group_signer *s = &g->signer[signer];
	struct signer_look *last = &s->last[server];

	if (!s->used || server >= s->server_n ||
	    !in_time(g, last->asked_at, look->asked_at, look->at))
		return false;
	bool gap = after_gap(g, last->at, look->asked_at);
	*last = *look;
	ttl_mark_serve(&s->dnskey_ttl, look->dnskey_ttl, look->at);
	ttl_mark_serve(&s->ns_ttl, look->ns_ttl, look->at);
	ttl_mark_serve(&s->zone_ttl, look->zone_ttl, look->at);
	keep_since(s->served_at, observed_by_all(s), gap, look->at);
	keep_algorithms(s, gap, look->at);
	keep_withdrawals(g, signer, gap, look->at);
	keep_names(g, gap, look->at);
	keep_listings(g, gap, look->at);
	return true;
}

bool observe_parent(struct group *g, unsigned server, const struct parent_look *look)
{
	struct group_parent *p = &g->parent;

	if (server >= p->server_n ||
	    !in_time(g, p->last[server].asked_at, look->asked_at, look->at))
		return false;
	bool gap = after_gap(g, p->last[server].at, look->asked_at);
	p->last[server] = *look;
	ttl_mark_serve(&p->ds_ttl, look->ds_ttl, look->at);
	ttl_mark_serve(&p->ns_ttl, look->ns_ttl, look->at);
	keep_since(p->ds_at, observed_ds_all(p), gap, look->at);
	keep_since(p->ds_gone_at, observed_parent_whole(p) ? ~observed_ds_any(p) : 0, gap,
		   look->at);
	keep_listings(g, gap, look->at);
	return true;
}
