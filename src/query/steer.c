// SPDX-License-Identifier: Apache-2.0
/* The choice for this client: ECS address where given and allowed (RFC 7871 §7.1), else the source
 * address. */
#include "query/stages.h"

const struct rrset *query_steer(struct query *q, const struct zone_view *zv,
				const struct rrset *rrset)
{
	if (rrset->steering == NULL)
		return rrset;

	const struct steer_set *set = zone_view_steer(zv, rrset->steering);
	q->answer.alias_failed = q->answer.alias_failed || rrset->steering->failed;
	if (set == NULL || rrset->steering->failed)
		return rrset;
	const struct edns *e = &q->msg.edns;
	/* A source length of 0 asks not to be located: then the resolver is the client, and the
	 * answer is for everyone behind it (RFC 7871 §7.1.2). */
	bool by_subnet = zv->ecs && e->ecs && e->ecs_prefix.len > 0;
	const struct ip_addr *client = by_subnet ? &e->ecs_prefix.addr : &q->client.addr;
	struct steer_moment moment = { q->now, (uint64_t)q->worker << 48 | q->steer_n };
	const struct steer_found *found = q->look != NULL ? &q->look->steered : NULL;
	struct steer_choice c =
	    steer_choose_at(set, rrset->steering->policy, client, &moment, found, q->trace);

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
