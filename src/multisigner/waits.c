// SPDX-License-Identifier: Apache-2.0
#include "multisigner/waits.h"

static void raise(struct ttl_mark *to, const struct ttl_mark *m)
{
	if (m->ttl > to->ttl)
		to->ttl = m->ttl;
	if (m->held_until > to->held_until)
		to->held_until = m->held_until;
}

/* Of one that is gone: what it gave away to its last moment. Ejected ones too: what they have given
 * away is cached all the same. */
static void raise_by(struct ttl_mark *to, const struct group_signer *s, const struct ttl_mark *m)
{
	struct ttl_mark last = { 0, ttl_mark_until(m, s->state_at) };

	if (s->used && s->state != MEMBER_NONE)
		raise(to, s->state != MEMBER_GONE ? m : &last);
}

struct ttl_mark wait_dnskey_mark(const struct group *g)
{
	struct ttl_mark m = { 0, 0 };

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++)
		raise_by(&m, &g->signer[i], &g->signer[i].dnskey_ttl);
	return m;
}

/* Every signer has the same zone. */
struct ttl_mark wait_zone_mark(const struct group *g)
{
	struct ttl_mark m = g->zone_ttl;

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++)
		raise_by(&m, &g->signer[i], &g->signer[i].zone_ttl);
	return m;
}

int64_t wait_dnskey_until(const struct group *g, int64_t t)
{
	struct ttl_mark m = wait_dnskey_mark(g);

	return ttl_mark_until(&m, t + (int64_t)g->policy.propagation_s);
}

int64_t wait_ds_until(const struct group *g, int64_t t)
{
	return ttl_mark_until(&g->parent.ds_ttl, t);
}

int64_t wait_ns_until(const struct group *g, int64_t t)
{
	struct ttl_mark m = g->parent.ns_ttl;

	for (unsigned i = 0; i < GROUP_SIGNERS_MAX; i++)
		raise_by(&m, &g->signer[i], &g->signer[i].ns_ttl);
	return ttl_mark_until(&m, t + (int64_t)g->policy.propagation_s);
}

int64_t wait_zone_until(const struct group *g, int64_t t)
{
	struct ttl_mark m = wait_zone_mark(g);

	return ttl_mark_until(&m, t + (int64_t)g->policy.propagation_s);
}
