// SPDX-License-Identifier: Apache-2.0
/* Referrals: the cut's NS, what proves or denies its DS, and glue. */
#include "query/stages.h"

static void add_addresses(struct query *q, const struct zone_view *zv, const struct node *cut,
			  const uint8_t *target)
{
	static const uint16_t TYPES[] = { TYPE_A, TYPE_AAAA };

	if (!name_is_within(target, zone_name(zv->zone)))
		return;
	const struct node *host = zone_node(zv->zone, target);
	if (host == NULL)
		return;
	for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) {
		const struct rrset *r = node_rrset(host, TYPES[i]);
		if (r == NULL)
			continue;
		struct answer_rrset *a = answer_add(q, SECTION_ADDITIONAL, zv, r, host->name);
		/* RFC 9471 §3.1: glue for in-domain servers all or TC; of siblings, as fits. */
		if (a != NULL)
			a->optional = !name_is_within(target, cut->name);
	}
}

void answer_referral(struct query *q, const struct zone_view *zv, const struct node *cut)
{
	const struct rrset *ns = node_rrset(cut, TYPE_NS);

	if (q->answer.rrset_n == 0)
		q->answer.aa = false; /* RFC 1034 §4.3.2 step 3b */
	answer_add(q, SECTION_AUTHORITY, zv, ns, cut->name);
	if (query_wants_dnssec(q, zv)) {
		const struct rrset *ds = node_rrset(cut, TYPE_DS);
		if (ds == NULL)
			ds = cut->nsec;
		if (ds != NULL)
			answer_add(q, SECTION_AUTHORITY, zv, ds, cut->name);
	}
	const uint8_t *rr = ns->wire;
	for (unsigned i = 0; i < ns->rr_n; i++) {
		add_addresses(q, zv, cut, rr + RR_FIXED_LEN);
		rr += RR_FIXED_LEN + load_u16(rr + RR_FIXED_LEN - 2);
	}
}
