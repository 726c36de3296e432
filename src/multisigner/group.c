// SPDX-License-Identifier: Apache-2.0
#include "multisigner/group.h"

#include <string.h>

#include "multisigner/guards.h"
#include "multisigner/observe.h"
#include "multisigner/waits.h"

void group_init(struct group *g, const struct group_policy *policy, int64_t now)
{
	(void)now;
	memset(g, 0, sizeof *g);
	g->policy = *policy;
}

int group_add_signer(struct group *g, unsigned server_n, int64_t now)
{
	for (int i = 0; i < GROUP_SIGNERS_MAX; i++) {
		struct group_signer *s = &g->signer[i];
		if (s->used)
			continue;
		if (server_n > GROUP_SERVERS_MAX)
			return -1;
		*s = (struct group_signer){ .used = true,
					    .server_n = (uint8_t)server_n,
					    .state_at = now };
		return i;
	}
	return -1;
}

int group_add_key(struct group *g, const struct group_key *key)
{
	for (int k = 0; k < GROUP_KEYS_MAX; k++) {
		if (g->key[k].used)
			continue;
		g->key[k] = *key;
		g->key[k].used = true;
		return k;
	}
	return -1;
}

static uint64_t in_use(const struct group *g)
{
	uint64_t use = g->own_ds | g->sets.dnskey | g->sets.cds | observed_ds_any(&g->parent);

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++) {
		const struct group_signer *s = &g->signer[i];
		for (unsigned v = 0; s->used && v < s->server_n; v++)
			use |= s->last[v].dnskey | s->last[v].cds | s->last[v].key_signing |
			       s->last[v].zone_signing;
	}
	return use;
}

uint64_t group_forget_keys(struct group *g, int64_t now)
{
	uint64_t use = in_use(g), forgotten = 0;

	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++) {
		struct group_key *key = &g->key[k];
		/* A key that was just registered has not been seen yet. */
		bool over = key->withdrawn_at != 0 ? now > wait_zone_until(g, key->withdrawn_at)
						   : !key->known && !key->seen;
		if (!key->used || group_has(use, k) || !over || key->owner == GROUP_SELF)
			continue;
		*key = (struct group_key){ .used = false };
		g->parent.ds_at[k] = g->parent.ds_gone_at[k] = 0;
		forgotten |= GROUP_BIT(k);
	}
	return forgotten;
}

/* A decision to name a signer's servers that may never have been served. As long as its evidence
 * counts it is served: it may have been for a moment, and nobody could have seen that. Later it is
 * taken back to its guards. */
void group_resume(struct group *g, int64_t now)
{
	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++) {
		struct group_signer *s = &g->signer[i];
		if (!s->used || s->confirmed || s->state != MEMBER_NS ||
		    now - s->state_at <= (int64_t)g->policy.fresh_s)
			continue;
		s->state = MEMBER_DS_WAIT;
		s->state_at = now;
		if (!(observed_delegation(&g->parent) >> i & 1))
			g->sets.ns &= (uint16_t) ~(1u << i);
	}
}

bool group_was_away(const struct group *g, int64_t looked_at, int64_t now)
{
	bool alone = (group_awaited(g) & ~1u) == 0;

	return !alone && g->signer[GROUP_SELF].state != MEMBER_NONE &&
	       !guard_is_waived(g, GUARD_AWAY, GROUP_SELF) &&
	       (looked_at > now || now - looked_at > (int64_t)g->policy.away_s);
}

int group_unseen_since(const struct group *g, int64_t started_at)
{
	uint16_t awaited = group_awaited(g);

	for (int i = 1; i < GROUP_SIGNERS_MAX; i++) {
		const struct group_signer *s = &g->signer[i];
		bool seen = false;
		for (unsigned v = 0; v < s->server_n; v++)
			seen = seen || s->last[v].asked_at > started_at;
		if ((awaited >> i & 1) && !seen)
			return i;
	}
	return GROUP_NOBODY;
}

uint16_t group_awaited(const struct group *g)
{
	unsigned set = 0;

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++) {
		const struct group_signer *s = &g->signer[i];
		if (s->used && !s->ejected && s->state != MEMBER_NONE && s->state != MEMBER_GONE)
			set |= 1u << i;
	}
	return (uint16_t)set;
}

uint16_t group_answering(const struct group *g)
{
	unsigned set = group_awaited(g);

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++) {
		const struct group_signer *s = &g->signer[i];
		if (s->used && s->ejected && (s->state == LEAVE_NS || s->state == LEAVE_NS_WAIT))
			set |= 1u << i;
	}
	return (uint16_t)set;
}

uint64_t group_keys_of(const struct group *g, int signer)
{
	uint64_t set = 0;

	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++)
		if (g->key[k].used && g->key[k].owner == signer)
			set |= GROUP_BIT(k);
	return set;
}

const char *member_state_text(enum member_state s)
{
	static const char *const TEXT[MEMBER_STATES] = {
#define X(code, text) [code] = text,
		MEMBER_STATE_TABLE(X)
#undef X
	};

	return TEXT[s];
}

uint64_t group_algorithms_of(const struct group *g, uint64_t keys)
{
	uint64_t set = 0;

	for (unsigned k = 0; k < GROUP_KEYS_MAX; k++)
		if (group_has(keys, k) && g->key[k].algorithm < 64)
			set |= GROUP_BIT(g->key[k].algorithm);
	return set;
}
