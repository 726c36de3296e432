// SPDX-License-Identifier: Apache-2.0
/* The choice for this client: ECS address where given and allowed (RFC 7871 §7.1), else the source
 * address. */
#include "query/stages.h"

/* Hints of a service: as A and AAAA of its target are answered, and none where one has no answer.
 */
static __attribute__((noinline)) struct steer_choice choose_hints(const struct steer_set *set,
								  const struct rrset_steering *st,
								  const struct ip_addr *client,
								  const struct steer_moment *moment,
								  struct steer_trace *trace)
{
	struct steer_choice v4 = { 0 }, v6 = { 0 };

	if (st->other != RRSET_NO_POLICY)
		v6 = steer_choose_at(set, st->other, client, moment, NULL, trace);
	if (st->policy != RRSET_NO_POLICY)
		v4 = steer_choose_at(set, st->policy, client, moment, NULL, trace);
	if (v6.variant == STEER_SERVFAIL)
		v6.variant = st->other_n - 1;
	if (v4.variant == STEER_SERVFAIL)
		v4.variant = st->variant_n / st->other_n - 1;
	return (struct steer_choice){
		.variant = v4.variant * st->other_n + v6.variant,
		.scope = v4.scope > v6.scope ? v4.scope : v6.scope,
	};
}

struct steer_choice query_choose(const struct steer_set *set, const struct rrset_steering *st,
				 const struct ip_addr *client, const struct steer_moment *moment,
				 const struct steer_found *found, struct steer_trace *trace)
{
	return st->hints ? choose_hints(set, st, client, moment, trace)
			 : steer_choose_at(set, st->policy, client, moment, found, trace);
}

const struct rrset *query_steer(struct query *q, const struct zone_view *zv,
				const struct rrset *rrset)
{
	const struct rrset_steering *st = rrset->steering;

	if (st == NULL)
		return rrset;

	const struct steer_set *set = zone_view_steer(zv, st);
	q->answer.alias_failed = q->answer.alias_failed || st->failed;
	if (set == NULL || st->failed)
		return rrset;
	const struct edns *e = &q->msg.edns;
	/* A source length of 0 asks not to be located: then the resolver is the client, and the
	 * answer is for everyone behind it (RFC 7871 §7.1.2). */
	bool by_subnet = zv->ecs && e->ecs && e->ecs_prefix.len > 0;
	const struct ip_addr *client = by_subnet ? &e->ecs_prefix.addr : &q->client.addr;
	struct steer_moment moment = { q->now, (uint64_t)q->worker << 48 | q->steer_n };
	const struct steer_found *found = q->look != NULL ? &q->look->steered : NULL;
	struct steer_choice c = query_choose(set, st, client, &moment, found, q->trace);

	q->steer_n++;
	if (q->trace != NULL) {
		q->traced = rrset;
		q->traced_zv = zv;
	}
	q->answer.steered = true;
	/* The longest scope of any RRset in the answer (RFC 7871 §7.2.1). */
	if (by_subnet && c.scope > q->answer.edns.ecs_scope)
		q->answer.edns.ecs_scope = c.scope;
	if (c.variant == STEER_SERVFAIL) {
		q->answer.steer_failed = true;
		return rrset;
	}
	return rrset_variant(rrset, c.variant);
}
